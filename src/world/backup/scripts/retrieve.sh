# One part of a point beside the live data: a path that is not there yet, whole or not at all.
: >"$scratch/state"
while IFS=$tab read -r kind a b; do
    case $kind in
        point) plain point "$a" && point=$a ;;
        path) decode "$a" && absolute "$decoded" && path=$decoded ;;
        to) decode "$a" && absolute "$decoded" && to=$decoded ;;
        state) decode "$a" && printf '%s\n' "$decoded" >>"$scratch/state" ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
began=$(millis)

# Beside the live data, and never over it.
parent=$(dirname "$to")
[ -d "$parent" ] || fail no-such-folder "$parent is not there; make it, or name another place"
parent=$(realpath -e "$parent")
to=${parent%/}/$(basename "$to")
free_place() {
    if [ -e "$to" ] || [ -L "$to" ]; then fail exists "$to exists already, and nothing is written over; name a path that is not there"; fi
}
free_place
# Live data may be declared by a path that leads through a link.
while read -r live; do
    for way in "$live" "$(realpath -m -- "$live")"; do
        case $to/ in
            "$way"/*) fail live-data "$to lies in $live, which is live data; name a place beside it and move what you need yourself" ;;
        esac
    done
done <"$scratch/state"

# The same folder may be there twice, by a mount: what is live is known by its inode.
while read -r live; do
    if [ -d "$live" ]; then stat -c %d:%i -- "$live"; fi
    findmnt -rno TARGET | while read -r mounted; do
        case $mounted in "$live"/*) stat -c %d:%i -- "$mounted" || true ;; esac
    done
done <"$scratch/state" >"$scratch/live"
folder=$parent
while :; do
    if grep -qxF "$(stat -c %d:%i -- "$folder")" "$scratch/live"; then
        fail live-data "$to lies in $folder, which is mounted as live data; name a place beside it and move what you need yourself"
    fi
    [ "$folder" != / ] || break
    folder=$(dirname "$folder")
done
for own in /etc/holdfast /var/lib/holdfast /var/lib/postgresql /var/lib/mysql; do
    case $to/ in
        "$own"/*) fail live-data "$to lies in $own, where Holdfast or a database server keeps its own; name another place" ;;
    esac
done
# A file system that is mounted read-only, or a folder that nobody may change.
[ -w "$parent" ] || fail not-writable "nothing can be written into $parent; name a place that can be written to"

alone retrieve
restic_ready
restic_answers
beside=$parent/.holdfast-retrieve
# However it ends: what customers entrusted does not lie about half brought back. A restic that
# was told to end may still write until it has.
leave() {
    wait
    rm -rf -- "$beside"
}
at_end=leave
# What a run that was killed left here.
rm -rf -- "$beside"

guarded "$scratch/ls" "looking for it" ls --json --no-lock --recursive "$point" "$path"
[ "$restic_code" -eq 0 ] || restic_failed "$scratch/ls" "looking for it"
[ "$(head -n 1 "$scratch/ls" | jq -r '.struct_type?')" = snapshot ] || fail point-missing "the point $point is not there any more"
jq -cn --arg path "$path" 'reduce (inputs | select(.path)) as $n ({found: false, files: 0, bytes: 0};
    if $n.path == $path or ($n.path | startswith($path + "/"))
    then .found = true | (if $n.type == "file" then .files += 1 | .bytes += ($n.size // 0) else . end) else . end)' \
    "$scratch/ls" >"$scratch/size"
rm -f "$scratch/ls"
[ "$(jq .found "$scratch/size")" = true ] || fail not-in-point "the point does not hold $path; holdfast files says which points do"
size=$(jq .bytes "$scratch/size")
free=$(df --output=avail -B1 "$parent" | tail -n 1 | tr -d ' ')
needed=$((size + size / 10 + 16777216))
[ "$free" -ge "$needed" ] || fail disk-full "it needs $needed bytes in $parent, free are $free"

mkdir -m 0700 "$beside"
# restic takes a pattern: what has a meaning in one stands for itself.
pattern=$(printf %s "$path" | sed -e 's/[][*?\\]/\\&/g')
progress retrieve "$size bytes"
guarded "$scratch/restore" "the restore" restore --no-lock "$point" --target "$beside" --include "$pattern"
if [ "$restic_code" -ne 0 ]; then
    if grep -qi 'no space left' "$scratch/restore.err" "$scratch/restore"; then
        fail disk-full "it needs $size bytes in $parent, and the disk filled up"
    fi
    restic_failed "$scratch/restore" "restore"
fi
[ -e "$beside$path" ] || [ -L "$beside$path" ] || fail not-in-point "the point does not hold $path; holdfast files says which points do"
sync -f "$beside"
free_place
# Somebody may make something of that name this very moment.
mv -nT -- "$beside$path" "$to" || true
if [ -e "$beside$path" ] || [ -L "$beside$path" ]; then fail exists "$to came to be meanwhile, and nothing is written over; name a path that is not there"; fi
jq -c --arg to "$to" --argjson millis $(($(millis) - began)) '{retrieved:{to:$to,files:.files,bytes:.bytes,millis:$millis}}' "$scratch/size"
