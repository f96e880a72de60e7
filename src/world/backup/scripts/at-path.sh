# What points hold at one path: the file, or the folder and what lies in it.
: >"$scratch/points"
while IFS=$tab read -r kind a; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        password) secret=$a ;;
        path) decode "$a" && absolute "$decoded" && path=$decoded ;;
        point) plain point "$a" && printf '%s\n' "$a" >>"$scratch/points" ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
# More names of one folder than this are counted, not listed.
most=2000
local_ready
password "$secret"
repository=$repositories/$stack
[ -e "$repository/config" ] || fail repository-missing "there is no repository of $stack on this machine"

while read -r point; do
    if ! vault "$repository" ls --json --no-lock "$point" "$path"; then
        # What is wrong with one point is its own answer; the others are asked all the same.
        refused=$(vault_failed "looking into it") || true
        if [ "$(printf %s "$refused" | jq -r .error.code)" = wrong-password ]; then vault_failed "looking into it"; fi
        printf %s "$refused" | jq -c --arg point "$point" '{at_path: {point: $point, gap: {code: .error.code, reason: .error.message}}}'
        continue
    fi
    # A point that is there is told first; of one that is not restic says nothing, and ends well.
    if [ "$(head -n 1 "$scratch/out" | jq -r '.struct_type?')" != snapshot ]; then
        jq -cn --arg point "$point" '{at_path: {point: $point, gap: {code: "point-missing", reason: "it is not there any more"}}}'
        continue
    fi
    jq -cn --arg point "$point" --arg path "$path" --argjson most "$most" '
        reduce (inputs | select(.path)) as $n ({here: null, inside: 0, entries: []};
            ($n | {path, kind: .type, size: (.size // 0), mtime, mode: (.mode % 4096), user: (.user // (.uid | tostring)), group: (.group // (.gid | tostring))}) as $e
            | if $n.path == $path then .here = $e
              elif ($n.path | startswith($path + "/")) then .inside += 1 | (if .inside <= $most then .entries += [$e] else . end)
              else . end)
        | {at_path: ({point: $point} + .)}' "$scratch/out"
done <"$scratch/points"
jq -cn '{done:true}'
