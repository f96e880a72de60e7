# A point onto a new machine, into a path beside what is live there; over a copy of an older one where
# restic can. Nothing live is touched.
# Needs only restic, so it runs beside the installation of packages.
# The point will be fetched over by a later one: there is time now to digest what is there.
ahead=
while IFS=$tab read -r kind a; do
    case $kind in
        point) plain point "$a" && point=$a ;;
        ahead) ahead=yes ;;
        from-*) input_another "$kind" "$a" ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
began=$(millis)
# Everything waits for the packages: what runs beside them does not take their time. Each session has
# its share of the processors on most kernels, and a nice value counts within it only.
renice -n 10 $$ >/dev/null 2>&1 || true
{ echo 10 >/proc/self/autogroup; } 2>/dev/null || true
rooms=/var/lib/holdfast/restore
target=$rooms/$point
mine=$rooms/$point.manifest.json
digests=$rooms/$point.digests

not_new() {
    read_stage
    case $stage in
        opened | retired) fail not-new "this machine is $stage: a restore goes only to a new one" ;;
    esac
}
answer() {
    jq -c --arg point "$point" --argjson bytes "$1" --argjson reused "$2" --argjson millis $(($(millis) - began)) --arg copy "$copy" \
        '{fetched:{point:$point,bytes:$bytes,reused:$reused,millis:$millis,manifest:.,
          built_on:(if $copy == "" then null else $copy end)}}' "$mine"
}

copy=
not_new
STACK=
. /etc/holdfast/identity
stack=$STACK
alone state
not_new
# Already here, whole; or already loaded and cleared away.
if [ -e "$mine" ] && { [ -e "$target" ] || [ -e "$rooms/$point.compared.json" ]; }; then
    answer "$(du -sb "$target" 2>/dev/null | cut -f 1 | grep . || echo 0)" true
    exit 0
fi
restic_ready
# A point that lies on a backup machine which this one does not write to.
if [ -d "$scratch/another" ]; then
    another_for root
    RESTIC_REPOSITORY_FILE=$scratch/another/from-repository
    RESTIC_PASSWORD_FILE=$scratch/another/from-password
    RESTIC_CACERT=$scratch/another/from-ca
    address=$from
fi
restic_answers
[ -d /var/lib/holdfast ] || mkdir -m 0755 /var/lib/holdfast
[ -d "$rooms" ] || mkdir -m 0711 "$rooms"
# restic before 0.17 fetches all of it whatever is there.
over=
if restic restore --help | grep -q -e ' --overwrite'; then over='--overwrite if-changed --delete'; fi
# What an earlier run left, of this point or of another: one copy is built on, the rest only takes room.
for left in "$rooms"/*; do
    case $left in *.digests) continue ;; esac
    [ -d "$left" ] || continue
    if [ -z "$over" ]; then
        rm -rf -- "$left" "$left.manifest.json" "$left.digests"
    elif [ -z "$copy" ] || [ -s "$left.manifest.json" ]; then
        if [ -n "$copy" ]; then rm -rf -- "${rooms:?}/$copy" "$rooms/$copy.manifest.json" "$rooms/$copy.digests"; fi
        copy=${left##*/}
    else
        rm -rf -- "$left" "$left.digests"
    fi
done

guarded "$scratch/point" "reading the point" snapshots --json --no-lock "$point"
[ "$restic_code" -eq 0 ] || restic_failed "$scratch/point" "reading the point"
size=$(jq -r --arg point "$point" '.[] | select(.id == $point) | .summary.total_bytes_processed // "unknown"' "$scratch/point")
[ -n "$size" ] || fail point-missing "the repository holds no point $point"
# not_newer SCHEMA
not_newer() {
    known_schema "$1" ||
        fail point-newer "the point $point is of schema $1, this program knows up to 2: restore it with the program that wrote it"
}
# Points of schema 1 have no such tag.
not_newer "$(jq -r --arg point "$point" '[.[] | select(.id == $point) | .tags // [] | .[] | select(startswith("schema=")) | ltrimstr("schema=")] | first // 1' "$scratch/point")"
if [ "$size" = unknown ]; then
    guarded "$scratch/stats" "reading the point" stats --json --no-lock --mode restore-size "$point"
    [ "$restic_code" -eq 0 ] || restic_failed "$scratch/stats" "reading the point"
    size=$(jq -r .total_size "$scratch/stats")
fi
free=$(df --output=avail -B1 "$rooms" | tail -n 1 | tr -d ' ')
# A tenth and 16 MiB more: directories, metadata, rounding up to blocks.
needed=$((size + size / 10 + 16777216))
# Counting takes a while where there are many files.
if [ -n "$copy" ] && [ "$free" -lt "$needed" ]; then free=$((free + $(du -s -B1 "$rooms/$copy" | cut -f 1))); fi
[ "$free" -ge "$needed" ] || fail disk-full "the point needs $needed bytes in $rooms, free are $free"

arrived() {
    # du meets files that restic is just renaming: its complaints mean nothing here.
    here=$(du -sb "$target" 2>/dev/null | cut -f 1) || true
    progress fetch "${here:-0} of $size bytes"
}
if [ -n "$copy" ]; then
    still_known "$rooms/$copy"
    rm -rf -- "$digests" "$rooms/$copy.digests"
    if [ "$copy" != "$point" ]; then
        mv -T -- "$rooms/$copy" "$target"
    fi
    rm -f -- "$rooms/$copy.manifest.json"
    chmod 0700 "$target"
else
    rm -rf -- "$digests"
    mkdir -m 0700 "$target"
fi
progress fetch "0 of $size bytes"
note_progress=arrived
# restic before 0.15 writes holes out in full.
sparse=
if restic restore --help | grep -q -e ' --sparse'; then sparse=--sparse; fi
guarded "$scratch/restore" "the restore" restore --no-lock $sparse ${copy:+$over} "$point" --target "$target"
note_progress=
if [ "$restic_code" -ne 0 ]; then
    if grep -qi 'no space left' "$scratch/restore.err" "$scratch/restore"; then
        rm -rf -- "$target" "$digests"
        fail disk-full "the point needs $size bytes in $rooms, free were $free; the disk filled up"
    fi
    restic_failed "$scratch/restore" "restore"
fi

manifest=$target/var/lib/holdfast/dump/manifest.json
[ -s "$manifest" ] || fail incomplete "the point has no manifest"
not_newer "$(jq -r .schema "$manifest")"
[ "$(jq -r .stack "$manifest")" = "$stack" ] || fail other-stack "the point is of stack $(jq -r .stack "$manifest"), not of $stack"
jq -r '.services[].files | keys[] | @base64' "$manifest" >"$scratch/paths"
while read -r path; do
    decode "$path"
    [ -d "$target$decoded" ] || fail incomplete "the point lacks $decoded"
done <"$scratch/paths"
dump=$target/var/lib/holdfast/dump
if [ -z "$sparse" ] && [ -s "$dump/sparse" ]; then
    # Room only: where it cannot be done the file is as good.
    target=$target sed -z "s#^#$target#" "$dump/sparse" | xargs -0 -r sh -c '
        for file; do touch -r "$file" "$0" && fallocate -d -- "$file"; touch -r "$0" -- "$file"; done' "$scratch/time" 2>/dev/null || true
fi
as_today "$manifest" "$dump"
jq -r "$dumps_of"'dumps | "\(.engine)\t\(.name)"' "$manifest" >"$scratch/dumps"
while IFS=$tab read -r engine database; do
    plain engine "$engine"
    plain database "$database"
    "${engine}_whole" "$dump/databases/$engine/$database" || fail incomplete "the point lacks the dump of $database"
done <"$scratch/dumps"
if [ -n "$copy" ]; then carry_over; fi
write_file "$mine" <"$manifest"
# Loading ends with all of it on the disk: most of that is done beside the packages.
sync -f "$target"
# installing: whether a script that changes this machine is at work.
installing() { [ -e /run/holdfast.lock ] && ! flock -n /run/holdfast.lock true; }
# Read while packages are still being installed: loading reads again what anything has touched since.
# restic has ended and nobody else is here, so even what is as young as this stays as it is. Where all
# waits for this already, loading reads while it loads databases.
while { [ -n "$ahead" ] || installing; } && read -r path; do
    progress fetch "digesting"
    decode "$path"
    recall "$decoded"
    if count_files "$target$decoded"; then
        since=9999999999
        remember "$decoded" || break
    fi
done <"$scratch/paths"
if [ -d "$digests" ]; then cat /proc/sys/kernel/random/boot_id >"$digests/boot"; fi
answer "$size" false
