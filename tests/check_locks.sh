#!/usr/bin/env bash
# Locks must hold hashes and no addresses: no registry, no index, no machine.
set -euo pipefail
cd "$(dirname "$0")/.."
if git grep -nE '"resolved": *"|--(extra-)?index-url|--find-links|https?://[^ ]*/simple' -- \
    'requirements*.txt' '*package-lock.json'; then
  echo "a lock file records an address"
  exit 1
fi
