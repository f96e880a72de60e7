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

# points: the stack's own in $scratch/out, newest first.
points() {
    jq -r --arg tag "stack=$stack" '[.[] | select((.tags // []) | index($tag))] | sort_by(.time) | reverse[].id' "$scratch/out"
}

# copy_of POINT: its copy here, if one is. What a snapshot says of its origin is production's
# word: only what this script has written down counts.
copy_of() {
    awk -v was="$1" '$2 == was {print $1}' "$known/$stack.copies" | while read -r is; do
        if [ -e "$repository/snapshots/$is" ]; then printf '%s\n' "$is"; fi
    done | tail -n 1
}

# copied POINT: writes down which one restic has made of it, or had made before it was interrupted.
copied() {
    short=$(grep -oE '^snapshot [0-9a-f]{8,64} saved|was already copied to snapshot [0-9a-f]{8,64}' "$scratch/out" | grep -oE '[0-9a-f]{8,64}' | tail -n 1)
    [ -n "$short" ] || return 1
    (cd "$repository/snapshots" && ls) | grep "^$short" >"$scratch/is" || return 1
    [ "$(wc -l <"$scratch/is")" -eq 1 ] || return 1
    # A copy is as old as what it is a copy of, by the old machine's word: production can date neither.
    at=$(awk -v id="$1" '$1 == id {print $2; exit}' "$scratch/arrivals")
    { cat "$known/$stack.copies"; printf '%s %s%s\n' "$(cat "$scratch/is")" "$1" "${at:+ $at}"; } | write_file "$known/$stack.copies"
}

watched "listing the old points" theirs snapshots --json --no-lock || vault_failed "listing the old points"
points >"$scratch/theirs"
number=0
all=$(wc -l <"$scratch/theirs")
: >"$scratch/damaged"
while read -r point; do
    number=$((number + 1))
    list_snapshots || vault_failed "listing"
    if [ -n "$(copy_of "$point")" ]; then continue; fi
    # Loud enough to say what was there already.
    if ! watched "point $number of $all" vault "$repository" copy --verbose --cacert "$scratch/another/from-ca" \
        --from-repository-file "$scratch/another/from-repository" \
        --from-password-file "$scratch/another/from-password" "$point"; then
        # A full disk or a lost way concerns all points; damage concerns the one.
        case $(reason) in
            *'no space left'*) fail disk-full "copying $point: $(reason)" ;;
        esac
        another_answers || fail backup-unreachable "the old backup machine stopped answering at $from"
        jq -cn --arg point "$point" --arg reason "$(reason)" '{point:$point,reason:$reason}' >>"$scratch/damaged"
    elif ! copied "$point"; then
        jq -cn --arg point "$point" '{point:$point,reason:"restic copied it and does not say as what"}' >>"$scratch/damaged"
    fi
    rm -f "$scratch/packs.$stack"
    sift held
done <"$scratch/theirs"

while read -r point; do
    is=$(copy_of "$point")
    if [ -n "$is" ]; then jq -cn --arg was "$point" --arg is "$is" '{was:$was,is:$is}'; fi
done <"$scratch/theirs" >"$scratch/points"
jq -cn --slurpfile points "$scratch/points" --slurpfile damaged "$scratch/damaged" --argjson millis $(($(millis) - began)) \
    '{copy: {points: $points, damaged: $damaged, millis: $millis}}'
