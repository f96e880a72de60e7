# holds: sets $held to a path on this machine that looks like somebody's data or service; empty
# where it is as a hoster installs it: a user with keys, empty homes and the page of a fresh web
# server are nothing. What cannot be looked at counts: to refuse costs a machine, to take a customer.
at=
holds() {
    held=
    # Marks of its past: as a machine of Holdfast's, or rebuilt by hand from an exit kit.
    first /etc/holdfast -mindepth 1 ! -name '.*' ! -name identity
    first "$at/var/lib/holdfast" -mindepth 1
    first "$at/var/lib/exit-kit" -mindepth 1
    for place in postgresql mysql mariadb mongodb redis docker/volumes dokuwiki mediawiki wordpress; do
        first "$at/var/lib/$place" -name '.?*' -prune -o ! -type d
    done
    for place in /srv /mnt /var/vmail; do
        first "$at$place" ! -type d
    done
    first "$at/home" -name '.?*' -prune -o ! -type d
    first "$at/var/www" ! -type d ! '(' -name 'index*.html' \
        -exec grep -q -e 'Debian Default Page' -e 'Welcome to nginx' '{}' ';' ')'
    for place in nginx apache2; do
        first "$at/etc/$place/sites-enabled" -mindepth 1 ! -name 'default*' ! -name '000-default*'
    done
}
# first PLACE TEST..: the first path there that passes, unless one was found before.
first() {
    [ -z "$held" ] && [ -e "$1" ] || return 0
    held=$(find -H "$@" -print -quit 2>/dev/null) || held="$1, which cannot be looked at"
    held=$(printf %s "${held#"$at"}" | LC_ALL=C tr -cd ' -~' | tr -d '\\"' | cut -c1-200)
}
