#!/bin/sh
# First installation: access rules, the administrator's account, a start page.
set -eu
. "$1"

acl=/var/lib/dokuwiki/acl
wiki=/usr/share/dokuwiki/bin
umask 077

put() {
    cat >"$acl/$1.new"
    chown www-data:www-data "$acl/$1.new"
    mv "$acl/$1.new" "$acl/$1"
}

# What the package left here is its own default: an administrator with a well
# known password and an old kind of hash. Once the account is ours, run again or
# not, accounts and rules belong to the wiki's people.
if ! grep -q "^$HF_SETTING_ADMIN:\\\$2y\\\$" "$acl/users.auth.php" 2>/dev/null; then
    put acl.auth.php <<'END'
# acl.auth.php
# <?php exit()?>
# Don't modify the lines above
#
# Access Control Lists

*               @ALL          1
*               @user         8
END
    # The password travels on standard input, never as an argument.
    hash=$(printf '%s' "$HF_SECRET_ADMIN_PASSWORD" |
        php -r 'echo password_hash(stream_get_contents(STDIN), PASSWORD_BCRYPT);')
    put users.auth.php <<END
# users.auth.php
# <?php exit()?>
# Don't modify the lines above
#
# login:passwordhash:Real Name:email:groups,comma,separated

$HF_SETTING_ADMIN:$hash:$HF_SETTING_ADMIN:$HF_SETTING_ADMIN@$HF_HOST:admin,user
END
fi

if [ ! -e /var/lib/dokuwiki/data/pages/start.txt ]; then
    page=$(mktemp)
    trap 'rm -f "$page"' EXIT
    printf '====== %s ======\n' "$HF_SETTING_TITLE" >"$page"
    chown www-data:www-data "$page"
    runuser -u www-data -- php "$wiki/dwpage.php" \
        commit --message 'first page' "$page" start >/dev/null
fi
runuser -u www-data -- php "$wiki/indexer.php" --quiet
