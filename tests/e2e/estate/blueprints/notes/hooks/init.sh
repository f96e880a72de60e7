#!/bin/sh
# First installation: the front page and the empty table.
set -eu
. "$1"
printf '%s\n' "$HF_SETTING_TITLE" >/var/lib/notes/index.html
chown www-data:www-data /var/lib/notes/index.html
cd /
runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -d notes \
    -c 'set role notes' -c 'create table if not exists note (id serial primary key, body text not null)'
