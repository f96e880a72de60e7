# Takes from the machine of a drill all that was not there when it was taken: packages, files,
# databases, accounts, keys. Its identity goes last, and with it the machine is free.
export LC_ALL=C DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
etc=/etc/holdfast
before=/var/lib/holdfast-before
cd /
ours
grep -q "^ROLE='drill'" "$etc/identity" || fail not_a_drill "the machine is of no drill"
case $(cat "$etc/stage" 2>/dev/null || echo blank) in
opened | retired) fail not_a_drill "the machine has let users in" ;;
esac
# Only where the machine itself is meant, and it is known how it was.
top=/etc/hold
[ "$etc" = "${top}fast" ] || fail input "this is no whole machine"
[ -e "$before/complete" ] || fail no-memory "nobody wrote down how this machine was before it was taken; install it afresh"

# A script of the run that was broken off may still be at work.
exec 8>/run/holdfast.lock
flock -w 300 8 || fail busy "another script is still at work on this machine"
mkdir -p -m 0711 /run/holdfast
exec 9>/run/holdfast/state.lock
flock -w 300 9 || fail busy "another script is still at work on this machine"

log=/run/holdfast-wipe.log
: >"$log"
chmod 0600 "$log"
if [ -e "$etc/units" ]; then xargs -r systemctl stop <"$etc/units" >>"$log" 2>&1 || true; fi

added() {
    dpkg-query -W -f '${Package} ${db:Status-Status}\n' | grep -v ' not-installed$' | cut -d ' ' -f 1 | sort -u |
        comm -13 "$before/packages" -
}
purge() {
    [ -n "$1" ] || return 0
    # Package names have no blanks.
    apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-unsafe-io \
        purge $1 </dev/null >>"$log" 2>&1 || fail packages "apt-get purge: $(tail -n 5 "$log")"
}
dpkg --force-confdef --force-confold --configure -a </dev/null >>"$log" 2>&1 || true
# What keeps it from talking goes only when there is nothing left to tell.
apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks \
    --no-replaces --no-enhances nftables 2>/dev/null | sed -n 's/^\([a-z0-9][^ ]*\)$/\1/p' | sort -u >"$log.kept"
purge "$(added | comm -23 - "$log.kept")"

# Paths of ours or of the customer's: new, in places where packages keep no programs, and not
# what the system keeps of itself.
strange() {
    find /etc /home /media /mnt /opt /root /srv /tmp /usr/local /var -xdev -print0 2>/dev/null | sort -z |
        comm -z -13 "$before/paths" - |
        grep -zvE '^(/etc/holdfast(/|$)|/var/lib/holdfast-before(/|$)|/var/lib/(dpkg|apt|systemd|ucf)(/|$)|/var/cache/(apt|debconf|ldconfig|man)(/|$)|/var/log/(apt|journal)(/|$)|/var/backups(/|$)|/(var/)?tmp/systemd-private-|/etc/(resolv.conf|hosts|hostname|mtab|\.pwd\.lock)$)' || true
}
strange | sort -zr | xargs -0 -r rm -rf --
tar -C / --numeric-owner -xpf "$before/etc.tar" >>"$log" 2>&1 || fail files "/etc could not be put back: $(tail -n 3 "$log")"
journalctl -q --rotate >>"$log" 2>&1 || true
journalctl -q --vacuum-time=1s >>"$log" 2>&1 || true
rm -rf /run/holdfast/scratch.* /run/holdfast.?????? /run/holdfast-gate.??????

if command -v nft >/dev/null; then
    for table in holdfast_isolated holdfast_gate; do
        nft delete table inet "$table" 2>/dev/null || true
    done
elif [ -e "$etc/isolated.nft" ]; then
    fail network "nft is gone, and the machine still talks to nobody; restart it"
fi
purge "$(added)"
strange | sort -zr | xargs -0 -r rm -rf --
if [ -s "$etc/stopped" ]; then
    xargs systemctl unmask -q --runtime <"$etc/stopped" >>"$log" 2>&1 || true
fi
systemctl daemon-reload
systemctl reset-failed >>"$log" 2>&1 || true
if [ -s "$etc/stopped" ]; then
    sort -u "$etc/stopped" | while read -r unit; do systemctl start "$unit" >>"$log" 2>&1 8>&- 9>&- || true; done
fi

left=$(added | tr '\n' ' ')
[ -z "$left" ] || fail left "packages are still there: $left"
left=$(strange | tr '\0' ' ' | cut -c1-600)
[ -z "$left" ] || fail left "files are still there: $left"
rm -f "$log" "$log.kept"
find "$etc" -mindepth 1 -maxdepth 1 ! -name identity -exec rm -rf -- {} +
sync
rm -f "$etc/identity"
rmdir "$etc"
rm -rf "$before"
sync /etc /var/lib
printf '{"wiped":true}\n'
