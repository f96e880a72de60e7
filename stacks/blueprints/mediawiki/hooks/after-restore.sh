#!/bin/sh
# The database may come from an older MediaWiki: bring its tables up to this
# one's. update.php also empties the cache kept in the database.
set -eu

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Compiled messages and the like belong to the version that wrote them.
find /var/cache/mediawiki -mindepth 1 -delete

runuser -u www-data -- php /usr/share/mediawiki/maintenance/update.php --quick >"$log" 2>&1 || {
    cat "$log" >&2
    exit 1
}
