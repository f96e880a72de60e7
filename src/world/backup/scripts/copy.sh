# The points of another machine's repository into the stack's own here, one by
# one and the newest first, so that what was interrupted goes on where it was.
# What was copied is no more than "taken" until it was read back.
stack=
secret=
: >"$scratch/arrivals"
while IFS=$tab read -r kind a b; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        password) secret=$a ;;
        arrived) plain point "$a" && plain seconds "$b" && printf '%s %s\n' "$a" "$b" >>"$scratch/arrivals" ;;
        *) input_another "$kind" "$a" ;;
    esac
done
began=$(millis)
local_ready
password "$secret"
another_for "$keeper"
alone "repository-$stack"
repository=$repositories/$stack
[ -e "$repository/config" ] || fail repository-missing "there is no repository of $stack on this machine"
# What production added up to now is looked at first; what is copied then is looked at in small
# portions, so that it is no flood.
sift held
for again in 1 2 3; do
    if another_answers; then break; fi
    [ "$again" -lt 3 ] || fail backup-unreachable "the old backup machine does not answer at $from"
    sleep 1
done

# theirs ARGUMENTS…: the other repository; its address is a secret and goes in a file.
theirs() {
    runuser -u "$keeper" -- env HOME="$scratch/keeper" restic --no-cache --cacert "$scratch/another/from-ca" \
        --repository-file "$scratch/another/from-repository" --password-file "$scratch/another/from-password" \
        "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
}

# watched WHAT COMMAND…: half a minute of the other machine's silence ends it; restic alone
# would try for a quarter of an hour.
watched() {
    what=$1
    shift
    rm -f "$scratch/code"
    (
        set +e
        "$@"
        echo $? >"$scratch/code.new"
        mv "$scratch/code.new" "$scratch/code"
    ) &
    turn=0
    silent_since=
    while [ ! -e "$scratch/code" ]; do
        sleep 0.1
        turn=$((turn + 1))
        if [ $((turn % 50)) -ne 0 ]; then continue; fi
        progress copy "$what"
        if another_answers; then
            silent_since=
        else
            silent_since=${silent_since:-$(date +%s)}
        fi
        if [ -n "$silent_since" ] && [ $(($(date +%s) - silent_since)) -ge 30 ]; then
            pkill -u "$keeper" -f "$scratch/another/" || true
            fail backup-unreachable "the old backup machine stopped answering at $from during $what"
        fi
    done
    wait
    [ "$(cat "$scratch/code")" -eq 0 ]
}

# points: the stack's own in $scratch/out, newest first: "id original time".
points() {
    jq -r --arg tag "stack=$stack" '[.[] | select((.tags // []) | index($tag))] | sort_by(.time) | reverse[]
        | "\(.id) \(.original // .id)"' "$scratch/out"
}

watched "listing the old points" theirs snapshots --json --no-lock || vault_failed "listing the old points"
points >"$scratch/theirs"
number=0
all=$(wc -l <"$scratch/theirs")
: >"$scratch/damaged"
while read -r point original; do
    number=$((number + 1))
    list_snapshots || vault_failed "listing"
    if points | grep -q " $original\$"; then continue; fi
    if ! watched "point $number of $all" vault "$repository" copy --cacert "$scratch/another/from-ca" \
        --from-repository-file "$scratch/another/from-repository" \
        --from-password-file "$scratch/another/from-password" "$point"; then
        # A full disk or a lost way concerns all points; damage concerns the one.
        case $(reason) in
            *'no space left'*) fail disk-full "copying $point: $(reason)" ;;
        esac
        another_answers || fail backup-unreachable "the old backup machine stopped answering at $from"
        jq -cn --arg point "$point" --arg reason "$(reason)" '{point:$point,reason:$reason}' >>"$scratch/damaged"
    fi
    rm -f "$scratch/packs.$stack"
    sift held
done <"$scratch/theirs"

list_snapshots || vault_failed "listing"
points >"$scratch/ours"
# A copy is as old as what it is a copy of, by the old machine's word: production can date
# neither. Kept outside the repository, where only root writes.
install -d -m 0755 "$rungs/$stack"
while read -r is was; do
    at=$(awk -v id="$was" '$1 == id {print $2; exit}' "$scratch/arrivals")
    if [ -z "$at" ] || [ "$is" = "$was" ] || [ -e "$rungs/$stack/$is.arrived.json" ]; then continue; fi
    touch -c -h -d "@$at" "$repository/snapshots/$is"
    jq -n --arg stack "$stack" --arg point "$is" --argjson at "$at" '{schema:1,stack:$stack,point:$point,arrived:($at | todate)}' |
        write_file "$rungs/$stack/$is.arrived.json"
done <"$scratch/ours"
jq -cn --rawfile theirs "$scratch/theirs" --rawfile ours "$scratch/ours" --slurpfile damaged "$scratch/damaged" \
    --argjson millis $(($(millis) - began)) '
    def rows: split("\n") | map(select(. != "") | split(" "));
    ($ours | rows | map({(.[1]): .[0]}) | add // {}) as $here
    | {copy: {points: [$theirs | rows[] | select($here[.[1]]) | {was: .[0], is: $here[.[1]]}],
        damaged: $damaged, millis: $millis}}'
