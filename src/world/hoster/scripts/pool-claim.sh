# Takes an ordered machine, if nobody has, and nothing of anybody's is on it.
# Of one that is taken for a drill it is written down how it was, so that it can be given back.
umask 022
IFS=$tab read -r kind boot until || fail input "until when is not said"
[ "$kind" = until ] || fail input "until expected"
if ! [ -e /etc/holdfast/identity ]; then
    holds
    [ -z "$held" ] ||
        fail occupied "it holds $held, and taking it would overwrite that; install its operating system anew, or take it out of hosters.toml"
fi
mkdir -p /etc/holdfast
new=$(mktemp /etc/holdfast/.identity.XXXXXX)
trap 'rm -f "$new"' EXIT
printf '%s' "$content" | base64 -d >"$new" || fail input "not base64"
chmod 0644 "$new"
sync "$new"
# A hard link is made for one of several at once, and the file is whole from the start.
before=/var/lib/holdfast-before
# Nobody waits for one that was held up on its way: another may have been taken in its place.
if [ "$boot" != "$(cat /proc/sys/kernel/random/boot_id)" ] || [ "$(cut -d . -f 1 /proc/uptime)" -gt "$until" ]; then
    fail late "the claim came too late to count"
fi
if ln "$new" /etc/holdfast/identity 2>/dev/null; then
    rm -rf "$before"
else
    cmp -s "$new" /etc/holdfast/identity || fail claimed "the machine belongs to somebody else"
fi
sync /etc/holdfast
if grep -q "^ROLE='drill'" "$new" && ! [ -e "$before/complete" ]; then
    [ ! -e /etc/holdfast/stage ] || fail no-memory "nobody wrote down how this machine was before it was taken"
    rm -rf "$before"
    mkdir -m 0700 "$before"
    rm -f "$new"
    # The places that pool-wipe.sh goes through, in the same way: what is missing here is deleted there.
    set --
    for place in /etc /home /media /mnt /opt /root /srv /tmp /usr/local /var; do
        if [ -d "$place" ]; then set -- "$@" "$place"; fi
    done
    listed=
    for again in 1 2 3; do
        # 1: a file went while it was looked at.
        if find "$@" -xdev -print0 >"$before/found" 2>/dev/null; then
            listed=yes
            break
        fi
        sleep 1
    done
    [ -n "$listed" ] || fail no-memory "its files cannot all be listed, so nobody could give it back as it was"
    LC_ALL=C sort -z -o "$before/paths" "$before/found" || fail no-memory "no room to write down how the machine is"
    rm -f "$before/found"
    dpkg-query -W -f '${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p' | LC_ALL=C sort -u >"$before/packages"
    # 1: something changed while it was read.
    tar -C / --one-file-system --exclude etc/holdfast -cpf "$before/etc.tar" etc 2>/dev/null || [ $? -eq 1 ] ||
        fail no-memory "/etc could not be saved"
    : >"$before/complete"
    sync "$before/complete" "$before/etc.tar" "$before/paths" "$before/packages" "$before"
fi
printf '{"claimed":true}\n'
