# One recovery point: databases, then files, then all of it into the
# repository. A dump that fails, a path that is missing, a file that cannot be
# read fails the whole. A snapshot that restic wrote before such a failure
# never counts: only read-back.sh gives it a rung.
: >"$scratch/hooks"
while IFS=$tab read -r kind a b c; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        epoch) epoch=$a ;;
        commit) plain commit "$a" && commit=$a ;;
        hook) plain service "$a" && plain hook "$b" && printf '%s\t%s\n' "$a" "$b" >>"$scratch/hooks" ;;
        *) input_service "$kind" "$a" "$b" "$c" ;;
    esac
done
case $epoch in '' | *[!0-9]*) fail bad-input "epoch is no number: $epoch" ;; esac

began=$(millis)
# A text that occurs nowhere else.
canary="$stack e$epoch $(cat /proc/sys/kernel/random/uuid)"
read_stage
case $stage in
    loaded | proven | opened | retired) ;;
    # Nothing has been restored or initialised yet: a point of it would be an empty newest one.
    *) fail not-loaded "stage is $stage: there is no state to back up yet" ;;
esac
STACK= EPOCH=
. /etc/holdfast/identity
if [ "$STACK" != "$stack" ] || [ "$EPOCH" != "$epoch" ]; then
    fail other-identity "this machine is of stack $STACK, epoch $EPOCH; asked for stack $stack, epoch $epoch"
fi
# What only the machine of this epoch was given: its predecessors know it by this.
epoch_mark=$(cat /etc/holdfast/epoch-mark) || fail not-configured "/etc/holdfast/epoch-mark is missing"
alone state
while IFS=$tab read -r service path; do
    [ -d "$path" ] || fail path-missing "$service: $path is declared as state but not there"
done <"$scratch/files"
restic_ready
restic_answers

# hooks NAME: the services that have it.
hooks() { sed -n "s/$tab$1\$//p" "$scratch/hooks"; }
# Of every service, even if one fails; 1 with the reasons in $why.
after_hooks() {
    at_end=
    failed=
    for service in $(hooks after-backup); do
        hook "$service" after-backup || failed="${failed:+$failed; }$why"
    done
    if [ -n "$failed" ]; then why=$failed; return 1; fi
}
at_end=after_hooks
for service in $(hooks before-backup); do
    hook "$service" before-backup || fail hook-failed "$why"
done

dump=/var/lib/holdfast/dump
[ -d /var/lib/holdfast ] || mkdir -m 0755 /var/lib/holdfast
rm -rf -- "$dump"
half=$dump
# Dumps are made by the servers' own users: they may pass through, not look around.
mkdir -m 0711 "$dump" "$dump/databases" "$dump/roles" || fail disk-full "the dumps have no place: $dump cannot be made"
mkdir -m 0700 "$dump/metadata"
taken_at=$(date +%s)

if [ -s "$scratch/databases" ]; then progress databases "dumping"; fi
wait_engines
for engine in $(engines); do
    mkdir -m 0711 "$dump/databases/$engine"
    mkdir -m 0700 "$dump/roles/$engine"
    "${engine}_roles" "$dump/roles/$engine"
done
while IFS=$tab read -r service engine database; do
    "${engine}_dump" "$service" "$database" "$dump/databases/$engine/$database"
    note "$service" databases "$database"
done <"$scratch/databases"
cp "$scratch/services" "$scratch/services.databases"

# Those that somebody asked for; the rest follows from them.
apt-mark showmanual >"$scratch/manual"
dpkg-query -W -f '${db:Status-Abbrev}\t${Package}\t${Version}\n' >"$scratch/installed"
jq -cRn --rawfile manual "$scratch/manual" '($manual | split("\n")) as $wanted
    | reduce (inputs / "\t" | select(.[0] == "ii ")) as $p ({}; if $wanted | index($p[1]) then .[$p[1]] = $p[2] else . end)' \
    "$scratch/installed" >"$scratch/packages"
image=$(. /etc/os-release && printf '%s-%s' "$ID" "$VERSION_ID")

# restic's listing cannot say bytes that are no UTF-8.
readable() { sed 's/[\x80-\xff][\x80-\xff]*/?/g'; }

# listing PATH: of each file and link its size and the time of its last change, whether of content, owner,
# mode or attributes; of each directory mode and owner; as restic's own listing gives it.
listing() {
    find "$1" \( -type d -printf 'd %m %U %G %p\0' -o -type f -printf 'f %s %CY-%Cm-%CdT%CH:%CM:%CSZ - %p\0' \
        -o -type l -printf 'l - %CY-%Cm-%CdT%CH:%CM:%CSZ - %p\0' \) |
        sed -zE -e 's/^(. [0-9-]+ [0-9T:-]+)\.0+Z /\1Z /' -e 's/^(. [0-9-]+ [0-9T:-]+\.[0-9]*[1-9])0*Z /\1Z /' |
        escaped | readable
}

# owners: numbers and names, so that a restore can put names back where the numbers differ.
owners() {
    cut -f 2 "$scratch/files" | tr '\n' '\0' |
        xargs -0 -r -I{} find {} -printf 'user %U %u\ngroup %G %g\n' | sort -u
}

# holes: files that are smaller on the disk than they say, each ended by NUL.
holes() {
    cut -f 2 "$scratch/files" | tr '\n' '\0' | xargs -0 -r -I{} find {} -type f -size +128 -printf '%S\t%p\0' |
        sed -znE 's/^(0|0\.[0-8][0-9]*|[0-9.]+e-[0-9]+)\t//p'
}

: >"$scratch/changing"
attempt=0
while :; do
    attempt=$((attempt + 1))
    progress files "counting"
    cp "$scratch/services.databases" "$scratch/services"
    : >"$scratch/before"
    unread=
    while IFS=$tab read -r service path; do
        listing "$path" >>"$scratch/before"
        if ! count_files "$path"; then
            unread="$service: $path: $(tail -n 1 "$scratch/count.err")"
            break
        fi
        if [ "$attempt" -ge 3 ] && grep -qxF -- "$path" "$scratch/changing"; then
            content=$(printf %s "$content" | jq -c '. + {changing:true}')
        fi
        if [ -e "$scratch/traits" ]; then cp "$scratch/traits" "$dump/metadata/$(traits_name "$path")"; fi
        note "$service" files "$path"
    done <"$scratch/files"
    if [ -n "$unread" ]; then
        [ "$attempt" -lt 3 ] || fail files-unreadable "$unread"
        continue
    fi
    owners >"$dump/owners"
    holes >"$dump/sparse"
    # By name, for a machine where the names have other numbers.
    if command -v getfacl >/dev/null; then
        cut -f 2 "$scratch/files" | tr '\n' '\0' | xargs -0 -r getfacl -R -P -s -p -- >"$dump/acls" 2>"$scratch/acls.err" || {
            [ "$attempt" -lt 3 ] || fail files-unreadable "access control lists: $(tail -n 1 "$scratch/acls.err")"
            continue
        }
    fi
    printf %s "$canary" >/var/lib/holdfast/canary
    services_json >"$scratch/services.json"
    jq -n --arg stack "$stack" --argjson epoch "$epoch" --arg commit "$commit" --arg image "$image" \
        --arg taken_at "$(date -d "@$taken_at" +%Y-%m-%dT%H:%M:%SZ)" --arg canary "$canary" \
        --slurpfile packages "$scratch/packages" --slurpfile services "$scratch/services.json" \
        '{schema:2,stack:$stack,epoch:$epoch,commit:$commit,image:$image,taken_at:$taken_at,canary:$canary,
          packages:$packages[0],services:$services[0]}' >"$dump/manifest.json"

    progress repository "writing"
    set -- "$dump" /var/lib/holdfast/canary
    while IFS=$tab read -r service path; do set -- "$@" "$path"; done <"$scratch/files"
    # The point's time is when the databases were read: that is what a restore goes back to.
    # The ordinary lock is shared, so what a killed backup left behind hinders no other backup;
    # an exclusive one belongs to the vault side, and production never removes it.
    guarded "$scratch/backup" "the backup" backup --json --host "$stack" \
        --time "$(date -d "@$taken_at" '+%Y-%m-%d %H:%M:%S')" \
        --tag "stack=$stack" --tag "epoch=$epoch" --tag "mark=$epoch_mark" --tag "commit=$commit" --tag schema=2 -- "$@"
    case $restic_code in
        0) ;;
        3)
            [ "$attempt" -lt 3 ] || fail files-unreadable \
                "some files could not be read: $(tail -n 3 "$scratch/backup.err" | tr '\n' ' ' | cut -c1-600)"
            continue
            ;;
        *) restic_failed "$scratch/backup" "backup" ;;
    esac
    jq -c 'select(.message_type == "summary")' "$scratch/backup" >"$scratch/summary"
    point=$(jq -r '.snapshot_id // empty' "$scratch/summary")
    [ -n "$point" ] || fail restic-failed "restic wrote no summary"
    # restic before 0.15 tells the short form.
    if [ "${#point}" -lt 64 ]; then
        restic list snapshots --cacert "$RESTIC_CACERT" --no-lock -q >"$scratch/ids" 2>"$scratch/ids.err" || fail restic-failed "cannot list snapshots"
        point=$(grep "^$point" "$scratch/ids") || fail restic-failed "the new snapshot is not in the repository"
    fi

    # The digests were taken before restic read the files: are they of what it stored?
    guarded "$scratch/ls" "the comparison" ls --json --no-lock "$point"
    [ "$restic_code" -eq 0 ] || restic_failed "$scratch/ls" "comparison"
    cut -f 2 "$scratch/files" | jq -R . >"$scratch/paths"
    jq -r --slurpfile paths "$scratch/paths" '
        # Rights as Go has them: permissions low, the three special bits far above.
        def rights: ((if (. / 8388608 | floor) % 2 == 1 then 4 else 0 end) + (if (. / 4194304 | floor) % 2 == 1 then 2 else 0 end)
                + (if (. / 1048576 | floor) % 2 == 1 then 1 else 0 end)) as $special
            | "\($special)\((. / 64 | floor) % 8)\((. / 8 | floor) % 8)\(. % 8)" | sub("^0+(?=.)"; "");
        select(.path) | .path as $p | select(any($paths[]; . as $s | $p == $s or ($p | startswith($s + "/"))))
        | if .type == "file" then "f \(.size // 0) \(.ctime) - " + ([.path] | @tsv)
          elif .type == "symlink" then "l - \(.ctime) - " + ([.path] | @tsv)
          elif .type == "dir" then "d \(.mode | rights) \(.uid) \(.gid) " + ([.path] | @tsv)
          else empty end' "$scratch/ls" >"$scratch/listed" || fail restic-failed "the listing of the new point cannot be read"
    readable <"$scratch/listed" | sort -u >"$scratch/after"
    sort -u -o "$scratch/before" "$scratch/before"
    # comm needs both sorted, and one path may hold another.
    comm -3 "$scratch/before" "$scratch/after" | sed -E 's/^\t?([^ ]+ ){4}//' >"$scratch/differ"
    if [ ! -s "$scratch/differ" ]; then break; fi
    settled=yes
    while IFS=$tab read -r service path; do
        shown=$(printf '%s\n' "$path" | readable)
        if ! shown=$shown awk 'index($0 "/", ENVIRON["shown"] "/") == 1 {found = 1} END {exit !found}' "$scratch/differ"; then continue; fi
        if [ "$attempt" -ge 3 ] && grep -qxF -- "$path" "$scratch/changing"; then continue; fi
        settled=
        printf '%s\n' "$path" >>"$scratch/changing"
    done <"$scratch/files"
    if [ -n "$settled" ]; then break; fi
    [ "$attempt" -lt 4 ] || fail files-changing \
        "files change faster than they can be stored, for example $(head -n 1 "$scratch/differ")"
    progress files "some changed while they were stored; once more"
done

after_hooks || fail hook-failed "$why"
manifest_digest=$(sha256sum <"$dump/manifest.json")
jq -c --arg point "$point" --arg digest "${manifest_digest%% *}" --argjson millis $(($(millis) - began)) \
    --argjson attempts "$attempt" --slurpfile summary "$scratch/summary" \
    '{taken:{point:$point,manifest:.,manifest_digest:$digest,bytes:$summary[0].total_bytes_processed,
      added:$summary[0].data_added,millis:$millis,attempts:$attempts}}' "$dump/manifest.json"
rm -rf -- "$dump"
