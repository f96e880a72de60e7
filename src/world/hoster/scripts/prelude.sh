# Beginning of what is done to an ordered machine. Input: identity<TAB>base64 of the file that it
# gets, or must have, in $content.
set -eu
fail() {
    printf '{"error":{"code":"%s","message":"%s"}}\n' "$1" "$(printf %s "$2" | tr -d '\\"' | tr '\n\t' '  ' | cut -c1-900)"
    exit 1
}
tab=$(printf '\t')
IFS=$tab read -r kind content || fail input "no input"
[ "$kind" = identity ] || fail input "identity expected"

# ours: refuses a machine that has another identity.
ours() {
    printf '%s' "$content" | base64 -d | cmp -s - /etc/holdfast/identity ||
        fail not_ours "the machine has another identity now"
}

