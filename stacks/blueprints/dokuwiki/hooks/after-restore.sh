#!/bin/sh
# The search index is not part of the backup: make it again from the pages.
set -eu

data=/var/lib/dokuwiki/data
for dir in cache index locks tmp; do
    find "$data/$dir" -mindepth 1 ! -name .htaccess ! -name _dummy -delete
done
runuser -u www-data -- php /usr/share/dokuwiki/bin/indexer.php --clear --quiet
