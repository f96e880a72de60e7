# A fetched point into place, on a machine that serves nobody yet: databases
# and files side by side, each counted as soon as it is there, then both compared
# with the manifest, then the services' own after-restore hooks.
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
digests=$rooms/$point.digests

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

# load_databases: empty databases, then the dumps; then what is in them is counted.
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
    while IFS=$tab read -r service engine database; do
        "${engine}_count" "$database" ||
            trouble database-load "$service: $database cannot be counted: $(tail -n 1 "$scratch/rows.err")" databases
        note "$service" databases "$database"
    done <"$scratch/databases"
}

# load_files: each directory in its place, then what is in them is counted.
load_files() {
    place_files
    if [ -e "$target/var/lib/holdfast/canary" ]; then mv -f "$target/var/lib/holdfast/canary" /var/lib/holdfast/canary; fi
    millis >"$scratch/files.end"
    # What the page cache held and the disk did not may be gone after a restart, and no mark shows it.
    if ! cmp -s "$digests/boot" /proc/sys/kernel/random/boot_id; then rm -rf -- "$digests"; fi
    while IFS=$tab read -r service path; do
        recall "$path"
        count_files "$path" || trouble files-load "$service: $path cannot be counted: $(tail -n 1 "$scratch/count.err")" files
        note "$service" files "$path"
        note_traits "$path"
    done <"$scratch/files"
}

# differ MESSAGE: the fetched copy is not what was stored; the next fetch brings a fresh one.
differ() {
    rm -rf -- "$target" "$manifest" "$digests"
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
    services_json >"$scratch/found"
    [ "$(cat /var/lib/holdfast/canary 2>/dev/null)" = "$(jq -r .canary "$manifest")" ] ||
        differ "the canary of the point was not found after the restore"
    differences "$scratch/found" "$manifest" >"$scratch/differ"
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

# The stage outlives a power failure; what only the page cache holds does not.
progress load "onto the disk"
sync
printf '%s\n' "$point" | write_file /etc/holdfast/restored-from
printf 'loaded\n' | write_file /etc/holdfast/stage
chmod 0644 /etc/holdfast/restored-from /etc/holdfast/stage
rm -rf -- "$target" "$digests"
jq -c --argjson millis $(($(millis) - began)) '{compared:(. + {millis:$millis})}' "$compared"
