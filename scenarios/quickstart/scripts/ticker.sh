#!/usr/bin/env bash
# Counts until it is interrupted, as a server or a log would go on for ever.

count=0
trap 'printf "\nStopped at %s.\n" "$count"; exit 0' INT
while true; do
  count=$((count + 1))
  printf 'tick %s\n' "$count"
  sleep 1
done
