# One recovery point: databases, then files, then all of it into the
# repository. A dump that fails, a path that is missing, a file that cannot be
# read fails the whole. A snapshot that restic wrote before such a failure
# never counts: only read-back.sh gives it a rung.
: >"$scratch/hooks"
aside=no
while IFS=$tab read -r kind a b c; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        epoch) epoch=$a ;;
        commit) plain commit "$a" && commit=$a ;;
        aside) aside=$a ;;
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
if [ "$aside" = yes ] && [ "$(/usr/local/lib/holdfast/gate status)" != closed ]; then
    fail open "users are let in here: what is saved aside comes of a machine that is closed"
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

# list_packages: those that somebody asked for; the rest follows from them. And what this restic can do.
list_packages() {
    # Nobody is told how much is left, so restic need not count it first; before 0.15 it always does.
    if restic backup --help | grep -q -e ' --no-scan'; then echo --no-scan >"$scratch/no-scan"; fi
    apt-mark showmanual >"$scratch/manual" &&
        dpkg-query -W -f '${db:Status-Abbrev}\t${Package}\t${Version}\n' >"$scratch/installed" &&
        jq -cRn --rawfile manual "$scratch/manual" '($manual | split("\n")) as $wanted
            | reduce (inputs / "\t" | select(.[0] == "ii ")) as $p ({}; if $wanted | index($p[1]) then .[$p[1]] = $p[2] else . end)' \
            "$scratch/installed" >"$scratch/packages"
}
# room N: where the count of the Nth path lies.
room() { printf '%s/room.%s' "$scratch" "$1"; }
count_ahead() {
    number=0
    while IFS=$tab read -r service path; do
        number=$((number + 1))
        count "$path" "$(room "$number")" || true
    done <"$scratch/files"
}
# Beside the dumps: what changes until they are done is counted once more.
: >"$scratch/no-scan"
(trap - EXIT; list_packages) 2>"$scratch/packages.err" &
packages=$!
(trap - EXIT; learn_key) 2>/dev/null &
ahead=
if [ -s "$scratch/databases" ]; then
    (trap - EXIT; count_ahead) 2>/dev/null &
    ahead=$!
fi

dumping=$(millis)
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
dumps_millis=$(($(millis) - dumping))

[ -z "$ahead" ] || wait "$ahead" || true
wait "$packages" || fail unexpected "the list of packages cannot be read: $(tail -n 1 "$scratch/packages.err")"
image=$(. /etc/os-release && printf '%s-%s' "$ID" "$VERSION_ID")

# keep_walk PATH ROOM: what was found beside what is digested.
keep_walk() {
    # Numbers and names, so that a restore can put names back where the numbers differ.
    cat "$2/owners.lines" >>"$scratch/owners"
    # Files that are smaller on the disk than they say, each ended by NUL.
    sed -znE 's/^(0|0\.[0-8][0-9]*|[0-9.]+e-[0-9]+)\t//p' "$2/walk.holes" |
        xargs -0 -r sh -c 'for file; do printf "%s/%s\0" "$0" "$file"; done' "$1" >>"$dump/sparse"
    # By name, for a machine where the names have other numbers.
    if [ -e "$2/traits" ]; then
        cp "$2/traits" "$dump/metadata/$(traits_name "$1")"
        root=$1 awk '
            BEGIN { root = ENVIRON["root"]; gsub(/\\/, "\\134", root) }
            /^# file: \./ { print "# file: " root substr($0, 10); next }
            { print }' "$2/acls" >>"$dump/acls"
    fi
}

# changed_since PATH ROOM: whether it is not what was counted; an example in $scratch/example. The times
# of any change were read before the digests and are read again after restic: what was changed
# between, by whomever, shows, also what restic read before the change.
changed_since() {
    if ! (cd "$1" && walk "$scratch/walk") 2>"$scratch/walk.err"; then
        printf '%s: %s\n' "$1" "$(tail -n 1 "$scratch/walk.err")" >"$scratch/example"
        return 0
    fi
    if cmp -s "$2/walk.found" "$scratch/walk.found"; then return 1; fi
    # Two records each; directories may list the same files in another order.
    for side in "$2/walk.found" "$scratch/walk.found"; do
        escaped <"$side" | paste -d '\t' - - | sort >"$side.lines"
    done
    comm -3 "$2/walk.found.lines" "$scratch/walk.found.lines" >"$scratch/differ"
    [ -s "$scratch/differ" ] || return 1
    name=$(head -n 1 "$scratch/differ" | sed -E -e 's/^\t?([^ ]+ ){9}//' -e 's/\t.*//' | tr '\200-\377' '?')
    printf '%s/%s\n' "$1" "$name" >"$scratch/example"
}

# passed_over PATH: after two attempts the point is taken of what changes all the time as it is, and says so.
passed_over() { [ "$attempt" -ge 3 ] && grep -qxF -- "$1" "$scratch/restless"; }

# only_vanished: whether all that restic could not read lies in paths where that is passed over. The others
# that have lost files meanwhile are so from the next attempt on.
only_vanished() {
    jq -cR 'fromjson? | objects | select(.message_type == "error")' "$scratch/backup.err" >"$scratch/unread"
    cut -f 2 "$scratch/files" | jq -R . >"$scratch/paths"
    jq -es --slurpfile paths "$scratch/paths" 'length > 0 and all(
        (.error.Err == 2 or ((.error.message // "") | endswith("no such file or directory")))
        and (.item as $item | any($paths[]; . as $path | $item | startswith($path + "/"))))' \
        "$scratch/unread" >/dev/null || return 1
    passed=yes
    while IFS=$tab read -r service path; do
        jq -es --arg path "$path/" 'any(.item | startswith($path))' "$scratch/unread" >/dev/null || continue
        if passed_over "$path"; then continue; fi
        passed=
        printf '%s\n' "$path" >>"$scratch/changing"
    done <"$scratch/files"
    [ -n "$passed" ]
}

: >"$scratch/changing"
attempt=0
while :; do
    attempt=$((attempt + 1))
    cp "$scratch/changing" "$scratch/restless"
    progress files "counting"
    cp "$scratch/services.databases" "$scratch/services"
    for part in "$scratch/owners" "$dump/sparse" "$dump/acls"; do : >"$part"; done
    unread=
    number=0
    while IFS=$tab read -r service path; do
        number=$((number + 1))
        here=$(room "$number")
        vanishing=
        if passed_over "$path"; then vanishing=pass; fi
        if ! counted "$path" "$here" && ! count "$path" "$here"; then
            unread="$service: $path: $(tail -n 1 "$here/count.err")"
            if vanished "$here/count.err"; then printf '%s\n' "$path" >>"$scratch/changing"; fi
            break
        fi
        content=$(cat "$here/content")
        if passed_over "$path"; then
            content=$(printf %s "$content" | jq -c '. + {changing:true}')
        fi
        keep_walk "$path" "$here"
        note "$service" files "$path"
    done <"$scratch/files"
    if [ -n "$unread" ]; then
        [ "$attempt" -lt 4 ] || fail files-unreadable "$unread"
        continue
    fi
    sort -u "$scratch/owners" >"$dump/owners"
    printf %s "$canary" >/var/lib/holdfast/canary
    services_json >"$scratch/services.json"
    jq -n --arg stack "$stack" --argjson epoch "$epoch" --arg commit "$commit" --arg image "$image" \
        --arg taken_at "$(date -d "@$taken_at" +%Y-%m-%dT%H:%M:%SZ)" --arg canary "$canary" \
        --arg aside "$aside" --slurpfile packages "$scratch/packages" --slurpfile services "$scratch/services.json" \
        '{schema:2,stack:$stack,epoch:$epoch,commit:$commit,image:$image,taken_at:$taken_at,canary:$canary,
          packages:$packages[0],services:$services[0]} + (if $aside == "yes" then {aside:true} else {} end)' >"$dump/manifest.json"

    progress repository "writing"
    set -- --tag schema=2 -- "$dump" /var/lib/holdfast/canary
    if [ "$aside" = yes ]; then set -- --tag aside "$@"; fi
    while IFS=$tab read -r service path; do set -- "$@" "$path"; done <"$scratch/files"
    # The point's time is when the databases were read: that is what a restore goes back to.
    # The ordinary lock is shared, so what a killed backup left behind hinders no other backup;
    # an exclusive one belongs to the vault side, and production never removes it.
    guarded "$scratch/backup" "the backup" backup $(cat "$scratch/no-scan") --json --host "$stack" \
        --time "$(date -d "@$taken_at" '+%Y-%m-%d %H:%M:%S')" \
        --tag "stack=$stack" --tag "epoch=$epoch" --tag "mark=$epoch_mark" --tag "commit=$commit" "$@"
    case $restic_code in
        0) ;;
        3) only_vanished || {
            [ "$attempt" -lt 4 ] || fail files-unreadable \
                "some files could not be read: $(tail -n 3 "$scratch/backup.err" | tr '\n' ' ' | cut -c1-600)"
            continue
        } ;;
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

    settled=yes
    number=0
    while IFS=$tab read -r service path; do
        number=$((number + 1))
        changed_since "$path" "$(room "$number")" || continue
        if passed_over "$path"; then continue; fi
        settled=
        printf '%s\n' "$path" >>"$scratch/changing"
    done <"$scratch/files"
    if [ -n "$settled" ]; then break; fi
    [ "$attempt" -lt 4 ] || fail files-changing \
        "files change faster than they can be stored, for example $(cat "$scratch/example")"
    progress files "some changed while they were stored; once more"
done

after_hooks || fail hook-failed "$why"
manifest_digest=$(sha256sum <"$dump/manifest.json")
jq -c --arg point "$point" --arg digest "${manifest_digest%% *}" --argjson millis $(($(millis) - began)) \
    --argjson dumps "$dumps_millis" --argjson attempts "$attempt" --slurpfile summary "$scratch/summary" \
    '{taken:{point:$point,manifest:.,manifest_digest:$digest,bytes:$summary[0].total_bytes_processed,
      added:$summary[0].data_added,millis:$millis,dumps_millis:$dumps,attempts:$attempts}}' "$dump/manifest.json"
rm -rf -- "$dump"
