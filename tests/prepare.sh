#!/usr/bin/env bash
# Installs what the tests need beyond Python packages: npm packages and a Chromium.
# Says what it could not get; the tests that need it then say so too, and fail in CI.
set -euo pipefail
cd "$(dirname "$0")/.."

missing() { echo "tests: $1"; if [ -n "${CI:-}" ]; then exit 1; fi; }

if command -v npm > /dev/null; then
  for folder in tests/node static; do
    if [ ! -e "$folder/node_modules/.package-lock.json" ] ||
       [ "$folder/package-lock.json" -nt "$folder/node_modules/.package-lock.json" ]; then
      echo "Installing $folder"
      (cd "$folder" && npm ci --silent --no-audit --no-fund)
    fi
  done
else
  missing "no npm: tests with real Yjs clients will be skipped"
fi

if ! command -v chromium > /dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    echo "Installing chromium"
    apt-get update -qq > /dev/null && apt-get install -qq -y chromium > /dev/null
  else
    missing "no chromium: tests in a browser will be skipped (install the package chromium)"
  fi
fi
