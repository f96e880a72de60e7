#!/bin/sh
# Asks as the application does: its role, its password, over TCP.
set -eu
. "$1"

pass=$(mktemp)
trap 'rm -f "$pass"' EXIT
printf '127.0.0.1:5432:mediawiki:mediawiki:%s\n' "$HF_SECRET_DB_PASSWORD" >"$pass"

pages=$(PGPASSFILE="$pass" PGCONNECT_TIMEOUT=10 psql -X -q -A -t -v ON_ERROR_STOP=1 \
    -h 127.0.0.1 -U mediawiki -d mediawiki -c 'select count(*) from mediawiki.page')
if [ "$pages" -eq 0 ]; then
    echo "the database answers but holds no page" >&2
    exit 1
fi
