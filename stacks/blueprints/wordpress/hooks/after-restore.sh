#!/bin/sh
# The database may come from an older WordPress: bring its tables up to this one's.
# Themes and plugins of the packages are links: those of this release, not of the old.
set -eu
. "$1"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 0755 "$work"
wp-setup --sync-wp-content >/dev/null

cat >"$work/upgrade.php" <<'END'
<?php
$_SERVER['HTTP_HOST'] = rtrim( fgets( STDIN ), "\n" );
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['REQUEST_URI'] = '/';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
define( 'WP_INSTALLING', true );
require '/usr/share/wordpress/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
if ( ! is_blog_installed() ) {
	fwrite( STDERR, "there is no site in the restored database\n" );
	exit( 1 );
}
wp_upgrade();
if ( ! wp_get_theme()->exists() ) {
	fwrite( STDERR, 'the theme ' . get_stylesheet() . " is not there\n" );
	exit( 1 );
}
END
printf '%s\n' "$HF_HOST" | runuser -u www-data -- php "$work/upgrade.php" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
