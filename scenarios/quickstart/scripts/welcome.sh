#!/usr/bin/env bash
# Greets the learner. The lab runs this once, when its first page is loaded. What an earlier tour made goes.

rm -rf made
printf '\n  Welcome. This shell is yours: type in it whenever you like.\n'
printf '  It runs in %s\n\n' "$PWD"
