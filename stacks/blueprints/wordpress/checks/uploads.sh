#!/bin/sh
# The web server's account must be able to add uploads.
set -eu

if ! runuser -u www-data -- test -w /var/lib/wordpress/wp-content/uploads; then
    echo "www-data cannot write /var/lib/wordpress/wp-content/uploads" >&2
    exit 1
fi
