# Points out of a repository, from the vault side only (S10). Looked at again
# right before: the newest one never goes, nor the last that was read back (S3).
# Interrupted, it is done again: what is gone already is passed over.
[ -e "$repository/config" ] || fail repository-missing "there is no repository of $stack on this machine"
sift held
at_end=open_way
close_way
[ -z "$unlooked" ] || fail restic-failed "what arrived in the repository of $stack could not be looked at: $unlooked"

# arrival ID: when its snapshot came, by this machine's clock; production cannot set it. A copy came
# long after what it is a copy of, and in any order: it is as old as the old machine said, or else as
# it says itself, and never younger than it is here.
arrival() {
    came=$(stat -c %.9Y "$repository/snapshots/$1")
    if grep "^$1 " "$known/$stack.copies" >"$scratch/copy"; then
        claimed=$(cut -d ' ' -f 3 "$scratch/copy")
        [ -n "$claimed" ] ||
            claimed=$(date -d "$(jq -r --arg id "$1" '.[] | select(.id == $id) | .time' "$scratch/snapshots")" +%s.%N)
        came=$(printf '%s\n%s\n' "$came" "$claimed" | sort -n | head -n 1)
    fi
    printf '%s\n' "$came"
}
read_back() { [ -e "$rungs/$stack/$1.shipped.json" ]; }

list_snapshots || vault_failed "listing"
mv "$scratch/out" "$scratch/snapshots"
: >"$scratch/going"
while read -r point; do
    # Gone already: an interrupted run.
    [ -e "$repository/snapshots/$point" ] || continue
    jq -e --arg id "$point" --arg tag "stack=$stack" 'any(.[]; .id == $id and ((.tags // []) | index($tag)))' "$scratch/snapshots" >/dev/null ||
        fail foreign-point "$point does not carry the tag of $stack"
    printf '%s\n' "$point" >>"$scratch/going"
done <"$scratch/asked"
newest=
for file in "$repository"/snapshots/*; do
    id=${file##*/}
    if [ -e "$file" ] && read_back "$id" && ! grep -qxF "$id" "$scratch/going"; then
        at=$(arrival "$id")
        newest=$(printf '%s\n%s\n' "$newest" "$at" | sort -n | tail -n 1)
    fi
done
while read -r point; do
    at=$(arrival "$point")
    [ -n "$newest" ] && [ "$(printf '%s\n%s\n' "$newest" "$at" | sort -n | tail -n 1)" = "$newest" ] && [ "$newest" != "$at" ] ||
        fail point-newest "nothing newer than $point that stays was read back"
done <"$scratch/going"

locked() {
    case $(reason) in
        *'already locked'* | *'unable to create lock'*) fail locked "production is at work in the repository of $stack, or somebody has left a lock there: $(reason)" ;;
        *) vault_failed "$1" ;;
    esac
}

before=$(du -sb "$repository/data" 2>/dev/null | cut -f 1)
if [ -s "$scratch/going" ]; then
    progress forget "$(wc -l <"$scratch/going") points"
    set -- forget
    while read -r point; do set -- "$@" "$point"; done <"$scratch/going"
    pruning
    vault "$repository" "$@" || locked "forget"
    while read -r point; do
        [ ! -e "$repository/snapshots/$point" ] || fail restic-failed "forget: $point is still there"
    done <"$scratch/going"
    sync -f "$repository"
fi
# Their rungs stand for points no more; documents of evidence are elsewhere and stay.
while read -r point; do
    for rung in "$rungs/$stack/$point".*; do
        if [ -e "$rung" ]; then
            install -d -m 0755 "$rungs/$stack/forgotten"
            mv -f -- "$rung" "$rungs/$stack/forgotten/"
        fi
    done
done <"$scratch/asked"

hollow || fail flooded "more than 50 snapshots were never read back; look at the repository of $stack"
each_piece_once
pruning
progress prune "freeing what only they needed"
# Half-used packs are written anew in portions, so that one run ends in bounded time and room.
vault "$repository" prune --max-repack-size 4G || locked "prune"
open_way || fail repository-damaged "what prune left cannot be read: $(reason)"
at_end=
after=$(du -sb "$repository/data" 2>/dev/null | cut -f 1)
jq -cn --rawfile gone "$scratch/going" --argjson freed "$((before > after ? before - after : 0))" --argjson millis $(($(millis) - began)) \
    '{forgot:{forgotten:($gone | split("\n") | map(select(. != ""))),freed:$freed,millis:$millis}}'
