#!/bin/sh
# The web server's account must be able to write content and accounts.
set -eu
. "$1"

for dir in data/pages data/attic data/meta data/media data/media_attic data/media_meta \
    data/cache data/index data/locks data/tmp acl; do
    if ! runuser -u www-data -- test -w "/var/lib/dokuwiki/$dir"; then
        echo "www-data cannot write /var/lib/dokuwiki/$dir" >&2
        exit 1
    fi
done
if ! grep -q "^$HF_SETTING_ADMIN:\\\$2y\\\$" /var/lib/dokuwiki/acl/users.auth.php; then
    echo "the administrator's account is missing in users.auth.php" >&2
    exit 1
fi
