# What the readings of repositories have come to, and whether what opens them is still there.
# No password is needed and nothing is opened.
: >"$scratch/stacks"
while IFS=$tab read -r kind a; do
    case $kind in
        stack) plain stack "$a" && printf '%s\n' "$a" >>"$scratch/stacks" ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
while read -r stack; do
    repository=$repositories/$stack
    record=$verified/$stack/record.json
    : >"$scratch/lost"
    if [ -e "$repository" ]; then lost_files >"$scratch/lost"; fi
    if [ ! -e "$record" ]; then record=/dev/null; fi
    jq -c --null-input --arg stack "$stack" --rawfile lost "$scratch/lost" '
        ([inputs] | first) as $r
        | {stack: $stack, verification: {
            reading: (if $r == null then null else {of: $r.of, read: $r.read, at: $r.at,
                findings: [$r.damage[].words], damaged_since: $r.damaged_since} end),
            judged: ($r.judged // []),
            points: ($r.points // {}),
            lost: ($lost | split("\n") | map(select(. != "") | split("\t")[1]))}}' "$record" 2>/dev/null ||
        jq -cn --arg stack "$stack" --arg record "$record" '{stack:$stack,gap:{code:"record-unreadable",reason:"\($record) cannot be read"}}'
done <"$scratch/stacks"
