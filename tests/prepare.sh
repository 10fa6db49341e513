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

# A command that tells whether a Debian package is there, the package, and what needs it.
while read -r command package needed_by; do
  if ! PATH="$PATH:/usr/sbin:$(echo /usr/lib/postgresql/*/bin)" command -v "$command" > /dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
      echo "Installing $package"
      apt-get update -qq > /dev/null && apt-get install -qq -y "$package" > /dev/null
    else
      missing "no $command: $needed_by will be skipped (install the package $package)"
    fi
  fi
done << 'END'
chromium chromium tests in a browser
initdb postgresql tests on PostgreSQL
redis-server redis-server tests with several processes
curl curl the examples of docs/examples.md
jq jq the examples of docs/examples.md
nginx nginx-light tests of the shipped proxy configuration
gcc gcc tests of the load generator
END
