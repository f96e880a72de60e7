#!/bin/sh
# The stack's files out of the fetched point, each to its owner by name, and
# then counted and compared with what the point says.
. "$(dirname "$0")/kit.sh"
is_opened
fetched
. "$kit/scripts/content.sh"
cut -f 1,2 "$(from state)" | sort -t "$tab" -k 2 >"$scratch/files"
while IFS=$tab read -r service path; do
    [ -d "$target$path" ] || [ -e "$work/placed/$(printf %s "$path" | tr / _)" ] || fail not-in-point "the point does not hold $path of $service"
done <"$scratch/files"

# Names decide, not the old machine's numbers. In two passes, because the
# numbers of two users may have changed places.
far=1000000000
give() {
    while IFS=$tab read -r service path; do
        [ -d "$target$path" ] || continue
        if [ "$1" = user ]; then
            find "$target$path" -uid "$2" -exec chown -h "$3" {} +
        else
            find "$target$path" -gid "$2" -exec chgrp -h "$3" {} +
        fi
    done <"$scratch/files"
}
: >"$scratch/renumbered"
while read -r kind number name; do
    [ "$name" != "$number" ] || continue
    if [ "$kind" = user ]; then of=passwd; else of=group; fi
    here=$(getent "$of" "$name" | cut -d : -f 3)
    [ -n "$here" ] || fail owner-missing "files of the point belong to the $kind $name, which this machine does not have"
    if [ "$here" != "$number" ]; then
        give "$kind" "$number" "$((far + here))"
        printf '%s %s\n' "$kind" "$here" >>"$scratch/renumbered"
    fi
done <"$dump/owners"
while read -r kind here; do give "$kind" "$((far + here))" "$here"; done <"$scratch/renumbered"

# Nothing is overwritten: what a package laid down is set aside.
mkdir -p "$work/placed" "$work/before"
while IFS=$tab read -r service path; do
    mark=$(printf %s "$path" | tr / _)
    [ ! -e "$work/placed/$mark" ] || continue
    # One declared path may lie in another, and came with it.
    if [ ! -e "$target$path" ]; then
        [ -d "$path" ] || fail not-in-point "$path is neither fetched nor in place"
        touch "$work/placed/$mark"
        continue
    fi
    (umask 022 && mkdir -p "$(dirname "$path")")
    [ ! -e "$path" ] || mv -T --backup=numbered -- "$path" "$work/before/$mark"
    mv -T -- "$target$path" "$path"
    touch "$work/placed/$mark"
    progress files "$path"
done <"$scratch/files"

while IFS=$tab read -r service path; do
    count_files "$path" || fail unreadable "$path cannot be counted"
    printf %s "$content" | jq -e --arg s "$service" --arg p "$path" --slurpfile m "$manifest" '
        ($m[0].services[$s].files[$p]) as $want | $want.changing == true
        or {count, bytes, digest} == ($want | {count, bytes, digest})' >/dev/null ||
        fail content-differs "$path is not what the point says: $content"
    progress compared "$path: equal"
done <"$scratch/files"
