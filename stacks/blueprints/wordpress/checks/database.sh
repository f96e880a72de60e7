#!/bin/sh
# Asks as the application does: its user and its password.
set -eu
. "$1"

file=$(mktemp)
trap 'rm -f "$file"' EXIT
printf '[client]\nuser=wordpress\npassword=%s\nconnect_timeout=10\n' "$HF_SECRET_DB_PASSWORD" >"$file"

posts=$(mariadb --defaults-file="$file" -N wordpress -e 'select count(*) from wp_posts')
if [ "$posts" -eq 0 ]; then
    echo "the database answers but holds no post" >&2
    exit 1
fi
administrators=$(mariadb --defaults-file="$file" -N wordpress -e "select count(*) from wp_usermeta
    where meta_key = 'wp_capabilities' and meta_value like '%\"administrator\"%'")
if [ "$administrators" -eq 0 ]; then
    echo "nobody can administer the site" >&2
    exit 1
fi
