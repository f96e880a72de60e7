# Takes an ordered machine, if nobody has. Input: identity<TAB>base64 of the file.
# Of one that is taken for a drill it is written down how it was, so that it can be given back.
set -eu
fail() {
    printf '{"error":{"code":"%s","message":"%s"}}\n' "$1" "$2"
    exit 1
}
tab=$(printf '\t')
IFS=$tab read -r kind content || fail input "no input"
[ "$kind" = identity ] || fail input "identity expected"
umask 022
mkdir -p /etc/holdfast
new=$(mktemp /etc/holdfast/.identity.XXXXXX)
trap 'rm -f "$new"' EXIT
printf '%s' "$content" | base64 -d >"$new" || fail input "not base64"
chmod 0644 "$new"
sync "$new"
# A hard link is made for one of several at once, and the file is whole from the start.
before=/var/lib/holdfast-before
if ln "$new" /etc/holdfast/identity 2>/dev/null; then
    rm -rf "$before"
else
    cmp -s "$new" /etc/holdfast/identity || fail claimed "the machine belongs to somebody else"
fi
sync /etc/holdfast
if grep -q "^ROLE='drill'" "$new" && ! [ -e "$before/whole" ]; then
    [ ! -e /etc/holdfast/stage ] || fail no-memory "nobody wrote down how this machine was before it was taken"
    rm -rf "$before"
    mkdir -m 0700 "$before"
    rm -f "$new"
    find / -xdev -print0 | LC_ALL=C sort -z >"$before/paths"
    dpkg-query -W -f '${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p' | LC_ALL=C sort -u >"$before/packages"
    # 1: something changed while it was read.
    tar -C / --one-file-system --exclude etc/holdfast -cpf "$before/etc.tar" etc 2>/dev/null || [ $? -eq 1 ] ||
        fail no-memory "/etc could not be saved"
    : >"$before/whole"
    sync "$before/whole" "$before/etc.tar" "$before/paths" "$before/packages" "$before"
fi
printf '{"claimed":true}\n'
