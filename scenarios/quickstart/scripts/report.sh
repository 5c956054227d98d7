#!/usr/bin/env bash
# Writes a report of as many lines as it is told to.
set -eu

mkdir -p work
seq "$1" | sed 's/^/line /' > work/report.txt
echo "$1 lines written to work/report.txt"
