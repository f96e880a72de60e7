# Which key files repositories lack, and which ones nobody here made. From names
# and digests alone: no password is needed, nothing is opened.
: >"$scratch/stacks"
while IFS=$tab read -r kind a; do
    case $kind in
        stack) plain stack "$a" && printf '%s\n' "$a" >>"$scratch/stacks" ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
[ -d "$repositories" ] || fail repositories-missing \
    "$repositories is not there: this machine holds no repositories yet, or its disk is not mounted"
while read -r stack; do
    repository=$repositories/$stack
    # No repository has no keys to lose.
    [ -e "$repository/config" ] || continue
    missing=
    for role in $roles; do
        key_held "$role" || missing="$missing $role"
    done
    strangers | wc -l >"$scratch/strangers"
    jq -cn --arg stack "$stack" --arg missing "$missing" --argjson strangers "$(cat "$scratch/strangers")" \
        '{stack:$stack,keys:{missing:($missing | split(" ") | map(select(. != ""))),strangers:$strangers}}'
done <"$scratch/stacks"
