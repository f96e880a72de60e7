#!/bin/sh
# First installation: MediaWiki's own installer fills the empty database.
set -eu
. "$1"

mw=/usr/share/mediawiki/maintenance
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 077

# Passwords travel in files, never as arguments that every user could read.
printf '127.0.0.1:5432:mediawiki:mediawiki:%s\n' "$HF_SECRET_DB_PASSWORD" >"$work/pgpass"
printf '%s\n' "$HF_SECRET_DB_PASSWORD" >"$work/db"
printf '%s\n' "$HF_SECRET_ADMIN_PASSWORD" >"$work/admin"
chown -R www-data:www-data "$work"

as_role() {
    PGPASSFILE="$work/pgpass" psql -X -q -A -t -v ON_ERROR_STOP=1 \
        -h 127.0.0.1 -U mediawiki -d mediawiki "$@"
}
as_web() {
    runuser -u www-data -- "$@"
}

# An interrupted run leaves tables but not yet the main page, which is the
# installer's last step. Only such a state, without a single page, is cleared.
if [ "$(as_role -c "select to_regclass('mediawiki.page') is not null and to_regclass('mediawiki.revision') is not null")" = t ]; then
    pages=$(as_role -c 'select count(*) from mediawiki.page')
else
    pages=0
fi
if [ "$pages" -eq 0 ]; then
    as_role -c 'set client_min_messages = warning; drop schema if exists mediawiki cascade'
    # The language is the one LocalSettings.php was written with.
    language=$(sed -n "s/^\$wgLanguageCode = '\(.*\)';$/\1/p" /etc/mediawiki/LocalSettings.php)
    # The installer refuses to run beside a LocalSettings.php, so it is shown a
    # path where none is; the one it writes is thrown away for ours.
    MW_CONFIG_FILE="$work/none.php" as_web php "$mw/install.php" \
        --confpath "$work" --dbtype postgres --dbserver 127.0.0.1 --dbport 5432 \
        --dbname mediawiki --dbschema mediawiki --dbuser mediawiki \
        --dbpassfile "$work/db" --passfile "$work/admin" \
        --lang "${language:-en}" --server "http://$HF_HOST" --scriptpath '' \
        "$HF_SETTING_TITLE" "$HF_SETTING_ADMIN" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        exit 1
    }
fi

# Tables of the extensions that our LocalSettings.php loads.
as_web php "$mw/update.php" --quick >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
