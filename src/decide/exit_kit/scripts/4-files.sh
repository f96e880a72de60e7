#!/bin/sh
# The stack's files out of the fetched point, each to its owner by name, and
# then counted and compared with what the point says.
. "$(dirname "$0")/kit.sh"
is_opened
fetched
unless_done files
for part in content place; do . "$kit/scripts/$part.sh"; done
trouble() { fail "$1" "$2"; }
cut -f 1,2 "$(from state)" | sort -t "$tab" -k 2 >"$scratch/files"
# Nothing is overwritten: what a package laid down is set aside.
mkdir -p "$work/before"
while IFS=$tab read -r service path; do
    [ -d "$target$path" ] || [ -d "$path" ] || fail not-in-point "the point does not hold $path of $service"
    if [ -d "$target$path" ] && [ -e "$path" ]; then mv -T --backup=numbered -- "$path" "$work/before/$(printf %s "$path" | tr / _)"; fi
done <"$scratch/files"
place_files
while IFS=$tab read -r service path; do
    printf '"%s"\n' "$service" >>"$scratch/service-names"
    count_files "$path" || fail unreadable "$path cannot be counted: $(tail -n 1 "$scratch/count.err")"
    note_traits "$path"
    note "$service" files "$path"
done <"$scratch/files"
services_json >"$scratch/found"
equal "$(jq -r '[.[].files | to_entries[] | "\(.key): \(.value.count) files, \(.value.bytes) bytes"] | join("; ")' "$scratch/found")"
now files
