#!/bin/sh
# Runs a management command; what is secret comes from files, so that `docker inspect` has none.
set -eu
secrets=${SECRETS_DIR:-/run/secrets}

# from_file VARIABLE FILE: unless the variable is set already
from_file() {
  eval "is_set=\${$1:+yes}"
  if [ -z "$is_set" ] && [ -r "$secrets/$2" ]; then
    value=$(cat "$secrets/$2")
    export "$1=$value"
  fi
}

from_file SECRET_KEY secret_key
from_file PGPASSWORD postgres_password # libpq adds it to DATABASE_URL
exec python manage.py "$@"
