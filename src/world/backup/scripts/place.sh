# A fetched point into place, and what came of it: the same for a restore by
# Holdfast and by hand. $target is where the point lies, $scratch/files the
# lines "service<TAB>path" of what goes where; trouble CODE MESSAGE PART ends it.

# Names decide, not the old machine's numbers. In two passes, the first to numbers
# far away, because the numbers of two users may have changed places.
offset=1000000000
# give KIND FROM TO: every file and directory of the fetched state that has FROM.
give() {
    while IFS=$tab read -r service path; do
        [ -e "$target$path" ] || continue
        if [ "$1" = user ]; then
            find "$target$path" -uid "$2" -exec chown -h "$3" {} + || return 1
        else
            find "$target$path" -gid "$2" -exec chgrp -h "$3" {} + || return 1
        fi
    done <"$scratch/files"
}

# renumber: and what changing owners takes away is put back: the bits that lend an owner's rights,
# capabilities.
renumber() {
    # An earlier run may have moved all of it already.
    : >"$scratch/lent" && : >"$scratch/capabilities"
    while IFS=$tab read -r service path; do
        [ -e "$target$path" ] || continue
        find "$target$path" -type f -perm /6000 -printf '%m\0%p\0' >>"$scratch/lent"
        if command -v getfattr >/dev/null; then
            getfattr -R -P -h -d -m '^security\.capability$' -e hex --absolute-names -- "$target$path" >>"$scratch/capabilities"
        fi
    done <"$scratch/files"
    while read -r kind number here; do
        give "$kind" "$number" "$((offset + here))" || trouble files-load "cannot give files to number $here" files
    done <"$scratch/renumbered"
    while read -r kind number here; do
        give "$kind" "$((offset + here))" "$here" || trouble files-load "cannot give files to number $here" files
    done <"$scratch/renumbered"
    xargs -0 -r -n 2 chmod <"$scratch/lent" || trouble files-load "cannot put back the rights of files" files
    if [ -s "$scratch/capabilities" ]; then
        setfattr -h --restore="$scratch/capabilities" || trouble files-load "cannot put back capabilities" files
    fi
}

# place_files: each directory of $scratch/files out of $target, owners by name. What is in its place is
# removed; what is not fetched must be in place.
place_files() {
    : >"$scratch/renumbered"
    while read -r kind number name; do
        if [ "$kind" = user ]; then database=passwd; else database=group; fi
        # A number without a name on the old machine stays a number.
        if [ "$name" = "$number" ]; then continue; fi
        here=$(getent "$database" "$name" | cut -d : -f 3)
        [ -n "$here" ] || trouble owner-missing "files of the point belong to the $kind $name, which does not exist here" files
        if [ "$here" != "$number" ]; then printf '%s %s %s\n' "$kind" "$number" "$here" >>"$scratch/renumbered"; fi
    done <"$target/var/lib/holdfast/dump/owners"
    if [ -s "$scratch/renumbered" ]; then renumber; fi
    while IFS=$tab read -r service path; do
        # Not there any more: an earlier run has moved it; the comparison below judges.
        if [ ! -e "$target$path" ]; then
            [ -e "$path" ] || trouble files-load "$service: $path is neither fetched nor in place" files
            continue
        fi
        (umask 022 && mkdir -p "$(dirname "$path")") && rm -rf -- "$path" && mv -T -- "$target$path" "$path" ||
            trouble files-load "$service: $path cannot be put in place" files
    done <"$scratch/files"
    # Lists name people by number, too.
    if [ -s "$scratch/renumbered" ] && [ -s "$target/var/lib/holdfast/dump/acls" ]; then
        setfacl --restore="$target/var/lib/holdfast/dump/acls" 2>"$scratch/acls.err" ||
            trouble files-load "cannot put back access control lists: $(tail -n 1 "$scratch/acls.err")" files
    fi
}

# note_traits PATH: what count_files has just found of owners, modes and links, beside what the point says.
note_traits() {
    held=$target/var/lib/holdfast/dump/metadata/$(traits_name "$1")
    if [ -e "$scratch/traits" ] && [ -e "$held" ]; then
        diff "$held" "$scratch/traits" | grep '^[<>]' | head -n 4 | tr '\t\n' ' ;' | jq -cRs --arg p "$1" '{($p): .}' >>"$scratch/traits.differ"
    fi
}

# differences FOUND MANIFEST: what is not as the manifest says, in words, as a JSON list. Server
# versions, collations and sizes on disk may differ by right; rows and files may not. Sequences were
# read before the dump: it may hold them further on, never further back.
differences() {
    : >>"$scratch/traits.differ"
    jq -n --slurpfile found "$1" --slurpfile manifest "$2" --slurpfile traits "$scratch/traits.differ" '
        [ $found[0] | to_entries[] | .key as $s | $manifest[0].services[$s] as $want
          | (.value.files | to_entries[] | .key as $p | $want.files[$p] as $w
              | select($w.changing != true and (.value | {count, bytes, digest}) != ($w | {count, bytes, digest}))
              | "\($p): \(.value.count) files, \(.value.bytes) bytes, digest \(.value.digest[:12]) instead of \($w.count) files, \($w.bytes) bytes, digest \($w.digest[:12])"),
            (.value.files | to_entries[] | .key as $p | $want.files[$p] as $w
              | select($w.changing != true and $w.metadata != null and .value.metadata != null and .value.metadata != $w.metadata)
              | "\($p): owners, modes, times, links or attributes differ: \($traits | add // {} | .[$p] // "unknown which")"),
            (.value.databases | to_entries[] | .key as $d | .value as $have | $want.databases[$d] as $w
              | select($w.large_objects != null and $have.large_objects != $w.large_objects)
              | "\($d): \($have.large_objects.count // 0) large objects of \($have.large_objects.bytes // 0) bytes instead of \($w.large_objects.count) of \($w.large_objects.bytes)"),
            (.value.databases | to_entries[] | .key as $d | .value.sequences as $have | $want.databases[$d].sequences // {} | to_entries[]
              | select(($have[.key] // null) == null or $have[.key] < .value)
              | "\($d), sequence \(.key): at \($have[.key] // "no value") instead of \(.value)"),
            (.value.databases | to_entries[] | .key as $d | .value.rows as $have | $want.databases[$d].rows as $w
              | (($have | keys) + ($w | keys) | unique[]) as $t | select($have[$t] != $w[$t])
              | "\($d), table \($t): \($have[$t] // "no") rows instead of \($w[$t] // "no")"),
            (.value.databases | to_entries[] | .key as $d | (.value.objects // {}) as $have | ($want.databases[$d].objects // {}) as $w
              | ($w | keys[]) as $o | select($have[$o] != $w[$o])
              | "\($d): \($have[$o] // "no") \($o) instead of \($w[$o])") ]'
}
