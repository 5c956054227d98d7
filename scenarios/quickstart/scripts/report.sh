#!/usr/bin/env bash
# Writes a report of as many lines as it is told to.
set -eu

mkdir -p made
seq "$1" | sed 's/^/line /' > made/report.txt
echo "$1 lines written to made/report.txt"
