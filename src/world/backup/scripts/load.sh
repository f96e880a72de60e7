# A fetched point into place, on a machine that serves nobody yet: databases
# and files side by side, then both counted and compared with the manifest,
# then the services' own after-restore hooks.
: >"$scratch/roles"
while IFS=$tab read -r kind a b c d e; do
    case $kind in
        point) plain point "$a" && point=$a ;;
        database)
            input_service database "$a" "$b" "$c"
            # engine, database, owner, password: base64 stays base64 until it reaches the server.
            printf '%s\t%s\t%s\t%s\n' "$b" "$c" "$d" "$e" >>"$scratch/roles"
            ;;
        *) input_service "$kind" "$a" "$b" "$c" ;;
    esac
done
began=$(millis)
rooms=/var/lib/holdfast/restore
target=$rooms/$point
manifest=$rooms/$point.manifest.json
compared=$rooms/$point.compared.json

alone state
read_stage
if [ "$stage" = loaded ] || [ "$stage" = proven ]; then
    if [ -e "$compared" ] && [ "$(cat /etc/holdfast/restored-from 2>/dev/null)" = "$point" ]; then
        jq -c '{compared:.}' "$compared"
        exit 0
    fi
fi
[ "$stage" = building ] || fail not-new "this machine is $stage: data is loaded only while it is being built"
[ -s "$manifest" ] || fail not-fetched "the point $point has not been fetched to this machine"
STACK=
. /etc/holdfast/identity
[ "$STACK" = "$(jq -r .stack "$manifest")" ] || fail other-stack "this machine is of stack $STACK, the point of $(jq -r .stack "$manifest")"

# What this stack declares but the point does not hold would start empty (S15).
jq -r '.services | to_entries[] | .key as $s | (.value.files | keys[] | "files\t\($s)\t\(.)"), (.value.databases | to_entries[] | "databases\t\($s)\t\(.value.engine // "postgresql")\t\(.key)")' \
    "$manifest" | sort >"$scratch/held"
{ sed "s/^/files$tab/" "$scratch/files"; sed "s/^/databases$tab/" "$scratch/databases"; } | sort >"$scratch/asked"
missing=$(comm -13 "$scratch/held" "$scratch/asked" | tr '\t' ' ' | tr '\n' ';')
[ -z "$missing" ] || fail not-in-point "the point does not hold: $missing"

# trouble CODE MESSAGE PART: databases and files are loaded in two subshells; this is how they fail.
trouble() { printf '%s\t%s\n' "$1" "$2" >"$scratch/$3.failed"; exit 1; }

# load_databases: empty databases, then the dumps.
load_databases() {
    # The servers' own users read the dumps: they may pass through, not look around.
    dump=$target/var/lib/holdfast/dump
    chmod 0711 "$target" "$dump" "$dump/databases" || trouble unexpected "cannot open $target to the servers" databases
    for engine in $(engines); do
        "${engine}_wait" || trouble database-down "$engine does not answer: $(tail -n 1 "$scratch/$engine.err")" databases
        chmod 0711 "$dump/databases/$engine" || trouble unexpected "cannot open the dumps to $engine" databases
        "${engine}_load_roles" "$dump/roles/$engine" || trouble database-load "$engine, roles: $why" databases
    done
    while IFS=$tab read -r engine database owner password; do
        owner=$(printf %s "$owner" | base64 -d)
        password=$(printf %s "$password" | base64 -d)
        "${engine}_load" "$database" "$owner" "$password" "$dump/databases/$engine/$database" ||
            trouble database-load "database $database: $why" databases
        # MariaDB keeps its own; here a fresh database sorts by C.UTF-8, and its indexes were built so.
        sorted=$(jq -r --arg d "$database" 'first(.services[].databases[$d] | select(.) | .collation) // empty' "$manifest")
        case $engine:$sorted in
            postgresql: | postgresql:C | postgresql:C.[Uu][Tt][Ff]*8 | mariadb:*) ;;
            *) progress load "database $database was sorted by $sorted and is sorted by C.UTF-8 now" ;;
        esac
    done <"$scratch/roles"
    millis >"$scratch/databases.end"
}

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

load_files() {
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
    if [ -e "$target/var/lib/holdfast/canary" ]; then mv -f "$target/var/lib/holdfast/canary" /var/lib/holdfast/canary; fi
    millis >"$scratch/files.end"
}

# differ MESSAGE: the fetched copy is not what was stored; the next fetch brings a fresh one.
differ() {
    rm -rf -- "$target" "$manifest"
    fail content-differs "$1"
}

if [ ! -e "$compared" ]; then
    [ -e "$target" ] || fail not-fetched "the fetched point is gone from $target"
    # An older interrupted run may hold hooks' changes: nothing of it survives, all is loaded again.
    started=$(millis)
    sort -t "$tab" -k 2 -o "$scratch/files" "$scratch/files"
    progress load "databases and files"
    (trap - EXIT; set +e; load_files) &
    files_job=$!
    databases_job=
    if [ -s "$scratch/databases" ]; then
        (trap - EXIT; set +e; load_databases) &
        databases_job=$!
    fi
    failed=
    wait "$files_job" || failed=files
    if [ -n "$databases_job" ]; then wait "$databases_job" || failed=databases; fi
    if [ -n "$failed" ]; then
        if [ -e "$scratch/$failed.failed" ]; then
            IFS=$tab read -r code message <"$scratch/$failed.failed"
            case $message in *'o space left'*) code=disk-full ;; esac
            fail "$code" "$message"
        fi
        fail unexpected "loading $failed ended without a word"
    fi

    progress load "comparing"
    while IFS=$tab read -r service path; do
        count_files "$path" || fail files-load "$service: $path cannot be counted: $(tail -n 1 "$scratch/count.err")"
        note "$service" files "$path"
        held=$target/var/lib/holdfast/dump/metadata/$(traits_name "$path")
        if [ -e "$scratch/traits" ] && [ -e "$held" ]; then
            diff "$held" "$scratch/traits" | grep '^[<>]' | head -n 4 | tr '\t\n' ' ;' | jq -cRs --arg p "$path" '{($p): .}' >>"$scratch/traits.differ"
        fi
    done <"$scratch/files"
    while IFS=$tab read -r service engine database; do
        "${engine}_count" "$database" || fail database-load "$service: $database cannot be counted: $(tail -n 1 "$scratch/rows.err")"
        note "$service" databases "$database"
    done <"$scratch/databases"
    services_json >"$scratch/found"
    [ "$(cat /var/lib/holdfast/canary 2>/dev/null)" = "$(jq -r .canary "$manifest")" ] ||
        differ "the canary of the point was not found after the restore"
    # Server versions, collations and sizes on disk may differ by right; rows and files may not. Sequences
    # were read before the dump: it may hold them further on, never further back.
    : >>"$scratch/traits.differ"
    jq -n --slurpfile found "$scratch/found" --slurpfile manifest "$manifest" --slurpfile traits "$scratch/traits.differ" '
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
              | "\($d): \($have[$o] // "no") \($o) instead of \($w[$o])") ]' >"$scratch/differ"
    if [ "$(jq length "$scratch/differ")" -ne 0 ]; then
        differ "$(jq -r 'join("; ")' "$scratch/differ" | cut -c1-2000)"
    fi
    ended=$(millis)
    files_end=$(cat "$scratch/files.end")
    databases_end=$(cat "$scratch/databases.end" 2>/dev/null || echo "$started")
    later=$files_end
    if [ "$databases_end" -gt "$later" ]; then later=$databases_end; fi
    # Written before the hooks: they may change the content by right.
    jq --arg point "$point" --argjson files $((files_end - started)) --argjson databases $((databases_end - started)) \
        --argjson compare $((ended - later)) --slurpfile found "$scratch/found" \
        '{point:$point,services:$found[0],left:((.services | keys) - ($found[0] | keys)),
          files_millis:$files,databases_millis:$databases,compare_millis:$compare}' "$manifest" | write_file "$compared"
fi

for engine in $(engines); do
    "${engine}_settle" "$target/var/lib/holdfast/dump/roles/$engine" || fail database-load "$engine: $why"
done
for service in $(jq -r . "$scratch/service-names"); do
    [ -e "/usr/local/lib/holdfast/services/$service/after-restore" ] || continue
    hook "$service" after-restore || fail hook-failed "$why"
done

printf '%s\n' "$point" | write_file /etc/holdfast/restored-from
printf 'loaded\n' | write_file /etc/holdfast/stage
chmod 0644 /etc/holdfast/restored-from /etc/holdfast/stage
rm -rf -- "$target"
jq -c --argjson millis $(($(millis) - began)) '{compared:(. + {millis:$millis})}' "$compared"
