#!/bin/sh
# Asks as the application does: its role, its password, over TCP.
set -eu
. "$1"
pass=$(mktemp)
trap 'rm -f "$pass"' EXIT
printf '127.0.0.1:5432:notes:notes:%s\n' "$HF_SECRET_DB_PASSWORD" >"$pass"
PGPASSFILE="$pass" psql -XqAt -v ON_ERROR_STOP=1 -h 127.0.0.1 -U notes -d notes \
    -c 'select count(*) from note' >/dev/null
