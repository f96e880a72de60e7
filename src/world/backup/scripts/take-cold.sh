# What is on a disk that nothing runs on, into a point beside those that count: declared state, and
# the databases' own files as they were when the machine stopped. Nothing is dumped, and nothing is
# compared: it is what was there, as after a loss of power. What cannot be had is told, and the rest
# is saved.
while IFS=$tab read -r kind a b; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        epoch) epoch=$a ;;
        commit) plain commit "$a" && commit=$a ;;
        files) plain service "$a" && absolute "$b" && printf '%s\t%s\n' "$a" "$b" >>"$scratch/wanted" ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
case $epoch in '' | *[!0-9]*) fail bad-input "epoch is no number: $epoch" ;; esac
began=$(millis)
read_stage
[ "$stage" = opened ] || fail not-opened "stage is $stage: users never wrote there"
STACK= EPOCH=
. /etc/holdfast/identity
if [ "$STACK" != "$stack" ] || [ "$EPOCH" != "$epoch" ]; then
    fail other-identity "this disk is of stack $STACK, epoch $EPOCH; asked for stack $stack, epoch $epoch"
fi
epoch_mark=$(cat /etc/holdfast/epoch-mark) || fail not-configured "/etc/holdfast/epoch-mark is missing"
restic_ready
restic_answers
dump=/var/lib/holdfast/dump
rm -rf -- "$dump"
mkdir -p "$dump"
canary="$stack e$epoch $(cat /proc/sys/kernel/random/uuid)"
printf %s "$canary" >/var/lib/holdfast/canary
taken_at=$(date +%s)
: >"$scratch/services"
: >"$scratch/lacks"
set --
while IFS=$tab read -r service path; do
    if ! [ -d "$path" ]; then
        printf '%s is not there\n' "$path" >>"$scratch/lacks"
        continue
    fi
    find "$path" -xdev -type f -printf '%s\n' >"$scratch/sizes" || printf '%s cannot be listed as a whole\n' "$path" >>"$scratch/lacks"
    jq -Rnc --arg service "$service" --arg path "$path" '[inputs | tonumber] as $sizes
        | {($service): {files: {($path): {count: ($sizes | length), bytes: ($sizes | add // 0), digest: "", changing: true}}, databases: {}}}' \
        "$scratch/sizes" >>"$scratch/services"
    set -- "$@" "$path"
done <"$scratch/wanted"
[ "$#" -gt 0 ] || fail path-missing "nothing of what was declared is on this disk"
image=$(. /etc/os-release && printf '%s-%s' "$ID" "$VERSION_ID")
jq -n --arg stack "$stack" --argjson epoch "$epoch" --arg commit "$commit" --arg image "$image" \
    --arg taken_at "$(date -d "@$taken_at" +%Y-%m-%dT%H:%M:%SZ)" --arg canary "$canary" --slurpfile services "$scratch/services" \
    '{schema:2,stack:$stack,epoch:$epoch,commit:$commit,image:$image,taken_at:$taken_at,canary:$canary,
      packages:{},services:(reduce $services[] as $s ({}; . * $s)),aside:true,cold:true}' >"$dump/manifest.json"
# Other paths than those of the newest point, so restic finds no parent by itself and would read all.
restic snapshots --json --no-lock --cacert "$RESTIC_CACERT" --host "$stack" >"$scratch/snapshots" 2>/dev/null </dev/null || printf '[]\n' >"$scratch/snapshots"
parent=$(jq -r '[(. // [])[] | select((.tags // []) | index("aside") | not)] | sort_by(.time) | last | .id // empty' "$scratch/snapshots") || parent=
progress repository "writing"
# shellcheck disable=SC2086 # none, or two words
guarded "$scratch/backup" "the backup" backup ${parent:+--parent $parent} --json --host "$stack" \
    --time "$(date -d "@$taken_at" '+%Y-%m-%d %H:%M:%S')" \
    --tag schema=2 --tag aside --tag cold --tag "stack=$stack" --tag "epoch=$epoch" --tag "mark=$epoch_mark" \
    --tag "commit=$commit" -- "$dump" /var/lib/holdfast/canary "$@"
case $restic_code in
    0) ;;
    # "At least one source file could not be read" (restic, exit codes): the others are saved.
    3) jq -Rr 'fromjson? | objects | select(.message_type == "error") | .item // empty | select(. != "") | "\(.) could not be read"' \
        "$scratch/backup.err" | sort -u >>"$scratch/lacks" ;;
    *) restic_failed "$scratch/backup" "backup" ;;
esac
if [ "$restic_code" -eq 3 ] && ! [ -s "$scratch/lacks" ]; then printf 'files that restic did not name could not be read\n' >"$scratch/lacks"; fi
jq -c 'select(.message_type == "summary")' "$scratch/backup" >"$scratch/summary"
point=$(jq -r '.snapshot_id // empty' "$scratch/summary")
[ "${#point}" -eq 64 ] || fail restic-failed "restic wrote no summary"
manifest_digest=$(sha256sum <"$dump/manifest.json")
jq -c --arg point "$point" --arg digest "${manifest_digest%% *}" --argjson millis $(($(millis) - began)) --slurpfile summary "$scratch/summary" --rawfile lacks "$scratch/lacks" \
    '{taken:{point:$point,manifest:.,manifest_digest:$digest,bytes:$summary[0].total_bytes_processed,
      added:$summary[0].data_added,millis:$millis,dumps_millis:0,attempts:1,lacks:($lacks | split("\n") | map(select(. != "")))}}' "$dump/manifest.json"
