#!/usr/bin/env bash
# Makes the lab's two databases anew, in data/ beside this file. Everything there is thrown away.

cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

if ! command -v python3 >/dev/null; then
  echo "error: this lab needs Python 3, and there is no python3 here" >&2
  echo "hint: install it, then run: bash setup.sh" >&2
  exit 1
fi
exec python3 app/setup.py
