#!/bin/sh
# First installation: WordPress' own installer fills the empty database.
set -eu
. "$1"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 0755 "$work"

# Themes, plugins and languages of the packages, linked beside what people add.
wp-setup --sync-wp-content >/dev/null

cat >"$work/install.php" <<'END'
<?php
// The administrator's password comes on standard input: arguments are for everybody to read.
[ $host, $title, $admin, $password ] = array_map( fn ( $line ) => rtrim( $line, "\n" ), file( 'php://stdin' ) );
$_SERVER['HTTP_HOST'] = $host;
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['REQUEST_URI'] = '/';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
define( 'WP_INSTALLING', true );
// Nothing on the machine sends mail.
function wp_new_blog_notification() {}
require '/usr/share/wordpress/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
if ( ! is_blog_installed() ) {
	$language = [ 'de' => 'de_DE' ][ HOLDFAST_LANGUAGE ] ?? '';
	wp_install( $title, $admin, "$admin@$host", true, '', wp_slash( $password ), $language );
	if ( $language !== '' ) {
		update_option( 'WPLANG', $language );
	}
	// Robots would fill them within days.
	update_option( 'default_comment_status', 'closed' );
	update_option( 'default_pingback_flag', '' );
}
if ( ! is_blog_installed() ) {
	fwrite( STDERR, "the installer left no site behind\n" );
	exit( 1 );
}
END
printf '%s\n' "$HF_HOST" "$HF_SETTING_TITLE" "$HF_SETTING_ADMIN" "$HF_SECRET_ADMIN_PASSWORD" |
    runuser -u www-data -- php "$work/install.php" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
