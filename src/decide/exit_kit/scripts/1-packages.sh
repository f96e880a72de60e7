#!/bin/sh
# Installs everything that the stack needs. What serves users is not started yet:
# it would start empty.
. "$(dirname "$0")/kit.sh"
is_opened
apt update
apt install $TOOLS
write_files before-packages
policy=/usr/sbin/policy-rc.d
ours='# Of the exit kit, while it installs packages.'
# A run that was killed may have left ours.
if [ -e "$policy" ] && ! grep -qxF "$ours" "$policy"; then mv "$policy" "$policy.before-exit-kit"; fi
trap 'rm -f "$policy"; [ ! -e "$policy.before-exit-kit" ] || mv "$policy.before-exit-kit" "$policy"; rm -rf -- "$scratch"' EXIT
# Asked by every package before it starts a service (Debian Policy, 9.3.3).
printf '%s\n' '#!/bin/sh' "$ours" 'case $1 in postgresql*|mariadb*) exit 0 ;; esac' 'exit 101' >"$policy"
chmod 755 "$policy"
apt install $(cat "$(from packages)")
# Nor at a boot in between.
is started || xargs -r -a "$(from units)" -n 1 systemctl disable -q 2>/dev/null || true
progress packages "installed"
