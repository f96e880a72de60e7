# Every recovery point of the stacks asked about, from the repositories alone.
# A stack that cannot be looked at is a gap, never an empty list (S1).
: >"$scratch/stacks"
while IFS=$tab read -r kind a b; do
    case $kind in
        stack) plain stack "$a" && printf '%s\t%s\n' "$a" "$b" >>"$scratch/stacks" ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
local_ready

gap() { jq -cn --arg stack "$stack" --arg code "$1" --arg reason "$2" '{stack:$stack,gap:{code:$code,reason:$reason}}'; }

while IFS=$tab read -r stack secret; do
    repository=$repositories/$stack
    if [ ! -e "$repository" ]; then
        if [ ! -e "$leaving$stack" ] && [ -d "$rungs/$stack" ] && [ -n "$(ls -A "$rungs/$stack")" ]; then
            gap repository-lost "$repository is gone although recovery points of $stack were recorded"
        else
            jq -cn --arg stack "$stack" '{stack:$stack,points:[]}'
        fi
        continue
    fi
    if [ ! -e "$repository/config" ]; then
        gap repository-damaged "$repository has no config"
        continue
    fi
    password "$secret"
    sift
    if ! list_snapshots; then
        why=$(reason)
        case $why in *'wrong password'*) gap wrong-password "$why" ;; *) gap restic-failed "$why" ;; esac
        continue
    fi
    # Marks of epochs are no points.
    touch "$known/$stack.marks"
    jq --rawfile marks "$known/$stack.marks" '($marks | split("\n")) as $marks | map(select(.id as $id | $marks | index($id) | not))' \
        "$scratch/out" >"$scratch/snapshots"
    # When each arrived, by this machine's clock: production may add files here, not date them.
    : >"$scratch/arrived"
    if [ -d "$repository/snapshots" ]; then
        find "$repository/snapshots" -maxdepth 1 -type f -printf '%f %T@\n' >"$scratch/arrived"
    fi
    # Rungs, and the signed documents that some of them stand on.
    : >"$scratch/evidence"
    if [ -d "$rungs/$stack" ]; then
        find "$rungs/$stack" -maxdepth 1 -type f -name '*.json' -print0 |
            xargs -0 -r jq -c 'select(.point and .rung) | {point, rung, at, document, bytes}' >"$scratch/evidence" || {
            gap evidence-unreadable "evidence in $rungs/$stack cannot be read"
            continue
        }
    fi
    : >"$scratch/documents"
    jq -r 'select(.document) | .document | strings' "$scratch/evidence" | sort -u >"$scratch/names"
    while IFS= read -r name; do
        case $name in '' | [.-]* | *[!A-Za-z0-9._-]*) continue ;; esac
        file=$documents/$stack/$name
        # A document that is missing proves nothing; who asked says so.
        if [ -f "$file.json" ] && [ -f "$file.sig" ]; then
            jq -cn --arg name "$name" --rawfile text "$file.json" --rawfile signature "$file.sig" \
                '{($name): {text: $text, signature: $signature}}' >>"$scratch/documents"
        fi
    done <"$scratch/names"
    # A snapshot that restic before 0.17 wrote does not know its own size.
    : >"$scratch/sizes"
    for id in $(jq -r --slurpfile e "$scratch/evidence" '([$e[] | select(.bytes) | .point]) as $known
        | .[] | select(.summary.total_bytes_processed == null) | .id | select(. as $i | $known | index($i) | not)' "$scratch/snapshots"); do
        if vault "$repository" stats --json --no-lock --mode restore-size "$id"; then
            jq -c --arg id "$id" '{point:$id,bytes:.total_size}' "$scratch/out" >>"$scratch/sizes"
        fi
    done
    jq -c --arg stack "$stack" --slurpfile evidence "$scratch/evidence" --slurpfile sizes "$scratch/sizes" \
        --slurpfile documents "$scratch/documents" --rawfile arrived "$scratch/arrived" --rawfile copies "$known/$stack.copies" '
        # Which ones were copied is what this machine did: a snapshot may claim to be one. With it stands when
        # the point arrived at the old machine; of those without, nobody knows.
        ($copies | split("\n") | map(select(. != "") | split(" ") | {(.[0]): (.[2] // null)}) | add // {}) as $copies |
        ($arrived | split("\n") | map(select(. != "") | split(" ") | {(.[0]): (.[1] | tonumber | floor | todate)}) | add // {}) as $arrived
        | {stack: $stack, documents: ($documents | add // {}), points: [.[] | .id as $id | {
            id: $id, time: .time, tags: (.tags // []),
            bytes: (.summary.total_bytes_processed // ([$evidence[], $sizes[] | select(.point == $id and .bytes) | .bytes] | first)),
            arrived: (if $copies[$id] then $copies[$id] | tonumber | todate else $arrived[$id] end),
            copied: ((.original // $id) != $id and ($copies | has($id)) and $copies[$id] == null),
            rungs: [$evidence[] | select(.point == $id) | {rung, at, document}]}]}' "$scratch/snapshots"
done <"$scratch/stacks"
