# Takes away locks of a repository whose holder is known to be dead, and no other: one of this
# machine whose process is gone, one of a machine that can no longer write, and one that nobody
# has renewed for half an hour by this machine's own clock, as every look at the repository does
# (sift.sh). `restic unlock` goes by the holder's clock, which may be wrong, and would take a
# living one's.
stack=
: >"$scratch/dead"
while IFS=$tab read -r kind a; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        password) secret=$a ;;
        dead) plain dead "$a" && printf '%s\n' "$a" >>"$scratch/dead" ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
local_ready
password "$secret"
alone "repository-$stack"
repository=$repositories/$stack
[ -e "$repository/config" ] || fail repository-missing "there is no repository of $stack on this machine"
here=$(cat /proc/sys/kernel/hostname)
booted=$(($(date +%s) - $(cut -d . -f 1 /proc/uptime)))

# runs PID: a restic of that number. One that has ended and that nobody has buried yet does not.
runs() {
    [ "$(cat "/proc/$1/comm" 2>/dev/null)" = restic ] && ! grep -qE '^State:[[:space:]]*[ZX]' "/proc/$1/status" 2>/dev/null
}

: >"$scratch/removed"
: >"$scratch/living"
ls "$repository/locks" 2>/dev/null | grep -xE '[0-9a-f]{64}' >"$scratch/locks" || true
while read -r id; do
    if lock_abandoned "$repository/locks/$id"; then
        rm -f -- "$repository/locks/$id"
        printf '%s\n' "lock $id: nobody has renewed it for half an hour" >>"$scratch/removed"
        continue
    fi
    if ! vault "$repository" cat lock --no-lock "$id"; then
        # It ended while we looked; or it is not one of restic's.
        if [ -e "$repository/locks/$id" ]; then printf '%s\n' "lock $id cannot be read: $(reason)" >>"$scratch/living"; fi
        continue
    fi
    mv "$scratch/out" "$scratch/lock"
    host=$(jq -r .hostname "$scratch/lock")
    pid=$(jq -r .pid "$scratch/lock")
    words="$(jq -r 'if .exclusive then "exclusive lock" else "lock" end' "$scratch/lock") of $(jq -r .username "$scratch/lock") on $host, process $pid, since $(jq -r .time "$scratch/lock" | cut -d . -f 1)"
    why=
    if [ "$host" = "$here" ]; then
        # Processes before the last start of this machine are gone, whatever has their number now.
        if [ "$(stat -c %Y "$repository/locks/$id")" -lt "$booted" ] || ! runs "$pid"; then
            why="that process is gone"
        fi
    elif grep -qxF -- "$host" "$scratch/dead"; then
        why="that machine can no longer write"
    fi
    if [ -n "$why" ]; then
        rm -f -- "$repository/locks/$id"
        printf '%s\n' "$words: $why" >>"$scratch/removed"
    else
        printf '%s\n' "$words" >>"$scratch/living"
    fi
done <"$scratch/locks"
jq -cn --rawfile removed "$scratch/removed" --rawfile living "$scratch/living" \
    '{unlocked:{removed:($removed | split("\n") | map(select(. != ""))),living:($living | split("\n") | map(select(. != "")))}}'
