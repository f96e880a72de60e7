# Cuts the machine of a drill off: it answers the reconciler's SSH and begins nothing itself. No
# mail, no calls, no names, no backup machine; nothing runs by the clock. Then it tries to get
# out, and says what it reached.
#
# Kept by this machine's own kernel: who is root here could undo it. The keys to the repository
# are taken away, so that it would be of no use there.
lock
role=$(sed -n "s/^ROLE='\(.*\)'$/\1/p" "$etc/identity")
[ "$role" = drill ] || fail not-a-drill "this machine is of role $role, and not of a drill"
case $(stage) in
building | loaded | proven) ;;
*) fail not-building "this machine is $(stage)" ;;
esac

# Where to try: what it needed until now, and what everybody uses.
: >"$work/try"
repository=$(sed -n "s#^RESTIC_REPOSITORY=.*@\([^/]*\)/.*#\1#p" "$etc/backup.env" 2>/dev/null || true)
[ -z "$repository" ] || echo "tcp ${repository%:*} ${repository##*:}" >>"$work/try"
for server in $(sed -n 's/^nameserver[[:space:]]*//p' /etc/resolv.conf 2>/dev/null); do
    printf 'tcp %s 53\nudp %s 53\n' "$server" "$server" >>"$work/try"
done
gateway=$(ip route show default 2>/dev/null | sed -n 's/^default via \([^ ]*\).*/\1/p' | head -n 1)
[ -z "$gateway" ] || printf 'tcp %s 25\ntcp %s 443\nudp %s 123\n' "$gateway" "$gateway" "$gateway" >>"$work/try"

progress clock "timers and cron"
systemctl list-units --type=timer --state=active --no-legend --plain 2>/dev/null | cut -d ' ' -f 1 >"$work/clock" || true
for daemon in cron anacron atd; do
    ! systemctl is-active -q "$daemon.service" || echo "$daemon.service"
done >>"$work/clock"
if [ -s "$work/clock" ]; then
    xargs systemctl stop <"$work/clock" || fail units "$(tail_of "$work/stderr")"
    # What is wiped afterwards goes on as it was.
    cat "$work/clock" >>"$etc/stopped"
    xargs systemctl mask -q --runtime <"$work/clock" || true
fi

progress network "nothing goes out"
port=$(printf '%s' "${SSH_CONNECTION:-}" | cut -d ' ' -f 4)
case $port in
'' | *[!0-9]*) port=22 ;;
esac
# Without connection tracking: a session that stands would be taken for one that begins here.
cat >"$etc/isolated.nft" <<END
table inet holdfast_isolated
delete table inet holdfast_isolated
table inet holdfast_isolated {
    chain output {
        type filter hook output priority 300; policy drop;
        oifname "lo" accept
        tcp sport $port tcp flags & (syn | ack) != syn accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept
        meta l4proto tcp reject with tcp reset
        reject with icmpx admin-prohibited
    }
    chain input {
        type filter hook input priority 300; policy drop;
        iifname "lo" accept
        tcp dport $port accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
    }
    chain forward {
        type filter hook forward priority 300; policy drop;
    }
}
END
nft -f "$etc/isolated.nft" 2>"$work/nft" || fail not-isolated "nft: $(tail_of "$work/nft")"
cat >/etc/systemd/system/holdfast-isolated.service <<END
[Unit]
Description=Nothing goes out of a drill's machine, after a boot neither
DefaultDependencies=no
Before=network-pre.target
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f $etc/isolated.nft
[Install]
WantedBy=sysinit.target
END
systemctl daemon-reload
systemctl enable -q holdfast-isolated.service

rm -f "$etc/backup.env" "$etc/repository-password" "$etc/backup-ca.pem"
rm -rf /var/cache/holdfast/restic /var/cache/holdfast-restic

progress trying "$(wc -l <"$work/try") ways out"
tried=
reached=
while read -r kind host number; do
    tried=$tried,$(json "$kind $host $number")
    if timeout 4 bash -c 'exec 3<>"/dev/$0/$1/$2" && printf x >&3' "$kind" "$host" "$number" </dev/null 2>/dev/null; then
        reached="$reached $kind $host $number;"
    fi
done <"$work/try"
[ -z "$reached" ] || fail not-isolated "this machine still reaches$reached"
printf '{"isolated":{"tried":[%s]}}\n' "${tried#,}"
