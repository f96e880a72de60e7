# Marks a machine of ours as set aside. Input: identity<TAB>base64 of the file it must have.
set -eu
fail() {
    printf '{"error":{"code":"%s","message":"%s"}}\n' "$1" "$2"
    exit 1
}
tab=$(printf '\t')
IFS=$tab read -r kind content || fail input "no input"
[ "$kind" = identity ] || fail input "identity expected"
printf '%s' "$content" | base64 -d | cmp -s - /etc/holdfast/identity ||
    fail not_ours "the machine has another identity now"
: >/etc/holdfast/quarantined
sync /etc/holdfast/quarantined /etc/holdfast
printf '{"quarantined":true}\n'
