#!/usr/bin/env bash
# Checks that the report has as many lines as it is told to.

wanted=$1
if [ ! -f made/report.txt ]; then
  echo "FAIL: there is no report"
  echo "HINT: write one with the block above"
  exit 1
fi
lines=$(wc -l < made/report.txt)
if [ "$lines" -ne "$wanted" ]; then
  echo "FAIL: the report has $((lines)) lines, not $wanted"
  exit 1
fi
