# Takes an ordered machine, if nobody has. Input: identity<TAB>base64 of the file.
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
if ! ln "$new" /etc/holdfast/identity 2>/dev/null; then
    cmp -s "$new" /etc/holdfast/identity || fail claimed "the machine belongs to somebody else"
fi
sync /etc/holdfast
printf '{"claimed":true}\n'
