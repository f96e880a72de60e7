# One recovery point: databases, then files, then all of it into the
# repository. A dump that fails, a path that is missing, a file that cannot be
# read fails the whole. A snapshot that restic wrote before such a failure
# never counts: only read-back.sh gives it a rung.
while IFS=$tab read -r kind a b; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        epoch) epoch=$a ;;
        commit) plain commit "$a" && commit=$a ;;
        *) input_service "$kind" "$a" "$b" ;;
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

dump=/var/lib/holdfast/dump
[ -d /var/lib/holdfast ] || mkdir -m 0755 /var/lib/holdfast
rm -rf -- "$dump"
mkdir -m 0700 "$dump"
taken_at=$(date +%s)

if [ -s "$scratch/databases" ]; then
    progress databases "dumping"
    wait_postgres
    chgrp postgres "$dump"
    chmod 0750 "$dump"
    mkdir "$dump/databases"
    chown postgres:postgres "$dump/databases"
    as_postgres test -x "$dump/databases" || fail dump-failed "the user postgres cannot enter $dump"
    # For people and for roles that a stack made itself; passwords of declared roles are derived, not stored.
    as_postgres pg_dumpall --roles-only --no-role-passwords >"$dump/roles.sql" 2>"$scratch/rows.err" ||
        fail dump-failed "roles: $(tail -n 1 "$scratch/rows.err")"
    sed -i '/^\\\(un\)\{0,1\}restrict /d' "$dump/roles.sql"
fi
while IFS=$tab read -r service database; do
    # Dump and counts see the same moment: pg_dump runs inside the transaction that counts.
    # The exit code goes through a file because psql before 16 does not tell it.
    export HF_DUMP="$dump/databases/$database" HF_DATABASE="$database"
    as_postgres psql -XqAt -v ON_ERROR_STOP=1 -d "$database" >"$scratch/rows" 2>"$scratch/rows.err" <<SQL || true
begin isolation level repeatable read read only;
select pg_export_snapshot() as snapshot \\gset
\\setenv HF_SNAPSHOT :snapshot
\\! umask 027; pg_dump -Fd -j2 -Z0 --snapshot="\$HF_SNAPSHOT" -f "\$HF_DUMP" "\$HF_DATABASE" && touch "\$HF_DUMP.done"
$about_sql
$rows_sql
\\! touch "\$HF_DUMP.counted"
commit;
SQL
    for mark in done counted; do
        if [ ! -e "$HF_DUMP.$mark" ]; then
            why=$(grep -v '^$' "$scratch/rows.err" | tail -n 3 | tr '\n' ' ' | cut -c1-600)
            case $why in *'o space left'*) fail disk-full "$service: database $database: $why" ;; esac
            fail dump-failed "$service: database $database: $why"
        fi
        rm -f "$HF_DUMP.$mark"
    done
    content=$(content_json "$scratch/rows") || fail dump-failed "$service: database $database: counts cannot be read"
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

# listing PATH: "size time path" of every file, as restic's own listing gives it.
listing() {
    find "$1" -type f -printf '%s %TY-%Tm-%TdT%TH:%TM:%TSZ %p\0' |
        sed -zE -e 's/^([0-9]+ [0-9T:-]+)\.0+Z /\1Z /' -e 's/^([0-9]+ [0-9T:-]+\.[0-9]*[1-9])0*Z /\1Z /' \
            -e 's/\\/\\\\/g; s/\n/\\n/g; s/\t/\\t/g; s/\r/\\r/g' |
        tr '\0' '\n' | sort
}

# owners: numbers and names, so that a restore can put names back where the numbers differ.
owners() {
    cut -f 2 "$scratch/files" | tr '\n' '\0' |
        xargs -0 -r -I{} find {} -printf 'user %U %u\ngroup %G %g\n' | sort -u
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
        note "$service" files "$path"
    done <"$scratch/files"
    if [ -n "$unread" ]; then
        [ "$attempt" -lt 3 ] || fail files-unreadable "$unread"
        continue
    fi
    owners >"$dump/owners"
    printf %s "$canary" >/var/lib/holdfast/canary
    services_json >"$scratch/services.json"
    jq -n --arg stack "$stack" --argjson epoch "$epoch" --arg commit "$commit" --arg image "$image" \
        --arg taken_at "$(date -d "@$taken_at" +%Y-%m-%dT%H:%M:%SZ)" --arg canary "$canary" \
        --slurpfile packages "$scratch/packages" --slurpfile services "$scratch/services.json" \
        '{schema:1,stack:$stack,epoch:$epoch,commit:$commit,image:$image,taken_at:$taken_at,canary:$canary,
          packages:$packages[0],services:$services[0]}' >"$dump/manifest.json"

    progress repository "writing"
    set -- "$dump" /var/lib/holdfast/canary
    while IFS=$tab read -r service path; do set -- "$@" "$path"; done <"$scratch/files"
    # The point's time is when the databases were read: that is what a restore goes back to.
    # The ordinary lock is shared, so what a killed backup left behind hinders no other backup;
    # an exclusive one belongs to the vault side, and production never removes it.
    guarded "$scratch/backup" "the backup" backup --json --host "$stack" \
        --time "$(date -d "@$taken_at" '+%Y-%m-%d %H:%M:%S')" \
        --tag "stack=$stack" --tag "epoch=$epoch" --tag "mark=$epoch_mark" --tag "commit=$commit" -- "$@"
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
        restic list snapshots --no-lock -q >"$scratch/ids" 2>"$scratch/ids.err" || fail restic-failed "cannot list snapshots"
        point=$(grep "^$point" "$scratch/ids") || fail restic-failed "the new snapshot is not in the repository"
    fi

    # The digests were taken before restic read the files: are they of what it stored?
    guarded "$scratch/ls" "the comparison" ls --json --no-lock "$point"
    [ "$restic_code" -eq 0 ] || restic_failed "$scratch/ls" "comparison"
    jq -r --arg dump "$dump/" 'select(.type == "file") | select(.path != "/var/lib/holdfast/canary" and (.path | startswith($dump) | not))
        | "\(.size // 0) \(.mtime) " + ([.path] | @tsv)' "$scratch/ls" >"$scratch/after"
    sort -o "$scratch/after" "$scratch/after"
    sort -o "$scratch/before" "$scratch/before"
    # comm needs both, and one path may hold another.
    comm -3 "$scratch/before" "$scratch/after" | sed -E 's/^\t?[0-9]+ [^ ]+ //' >"$scratch/differ"
    if [ ! -s "$scratch/differ" ]; then break; fi
    settled=yes
    while IFS=$tab read -r service path; do
        if ! awk -v p="$path/" 'index($0, p) == 1 {found = 1} END {exit !found}' "$scratch/differ"; then continue; fi
        if [ "$attempt" -ge 3 ] && grep -qxF -- "$path" "$scratch/changing"; then continue; fi
        settled=
        printf '%s\n' "$path" >>"$scratch/changing"
    done <"$scratch/files"
    if [ -n "$settled" ]; then break; fi
    [ "$attempt" -lt 4 ] || fail files-changing \
        "files change faster than they can be stored, for example $(head -n 1 "$scratch/differ")"
    progress files "some changed while they were stored; once more"
done

manifest_digest=$(sha256sum <"$dump/manifest.json")
jq -c --arg point "$point" --arg digest "${manifest_digest%% *}" --argjson millis $(($(millis) - began)) \
    --argjson attempts "$attempt" --slurpfile summary "$scratch/summary" \
    '{taken:{point:$point,manifest:.,manifest_digest:$digest,bytes:$summary[0].total_bytes_processed,
      added:$summary[0].data_added,millis:$millis,attempts:$attempts}}' "$dump/manifest.json"
rm -rf -- "$dump"
