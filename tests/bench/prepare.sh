#!/usr/bin/env bash
# Installs what the benchmark needs beside the tests' own: a C compiler, and the peers, each
# in a place of its own. Says what it could not get; what needs it is then left out, by name.
set -euo pipefail
cd "$(dirname "$0")/../.."
peers=tests/bench/peers

if ! command -v gcc > /dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    echo "Installing gcc"
    apt-get update -qq > /dev/null && apt-get install -qq -y gcc libc6-dev > /dev/null
  else
    echo "bench: no gcc: the load generator cannot be built (install the packages gcc and libc6-dev)"
    exit 1
  fi
fi

if command -v npm > /dev/null; then
  for folder in "$peers/node" "$peers/ywebsocket"; do
    if [ ! -e "$folder/node_modules/.package-lock.json" ] ||
       [ "$folder/package-lock.json" -nt "$folder/node_modules/.package-lock.json" ]; then
      echo "Installing $folder"
      (cd "$folder" && npm ci --silent --no-audit --no-fund && touch node_modules/.package-lock.json) ||
        echo "bench: npm could not install $folder"
    fi
  done
else
  echo "bench: no npm: no edits can be made, and Hocuspocus and y-websocket are left out"
fi

install() {  # a virtual environment in var/bench for the packages of a folder
  local venv=var/bench/$1 locked=$peers/$2/requirements.txt
  if [ -e "$venv/.installed" ] && [ ! "$locked" -nt "$venv/.installed" ]; then return; fi
  echo "Installing $peers/$2"
  mkdir -p var/bench
  if command -v uv > /dev/null; then
    uv venv --quiet --clear --python "${PYTHON:-python3}" "$venv" &&
      VIRTUAL_ENV="$venv" uv pip install --quiet --require-hashes -r "$locked" &&
      touch "$venv/.installed" || echo "bench: uv could not install $peers/$2"
  else
    "${PYTHON:-python3}" -m venv --clear "$venv" &&
      "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$locked" &&
      touch "$venv/.installed" || echo "bench: pip could not install $peers/$2"
  fi
}
install venv python
install asgi asgi
