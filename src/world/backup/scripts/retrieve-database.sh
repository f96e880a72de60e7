# One database of a point, or one table of it, as a new database beside the live one.
table=
while IFS=$tab read -r kind a; do
    case $kind in
        point) plain point "$a" && point=$a ;;
        engine) known_engine "$a" && engine=$a ;;
        database) plain database "$a" && database=$a ;;
        table) decode "$a" && table=$decoded ;;
        to) decode "$a" && to=$decoded ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
began=$(millis)
case $to in
    '' | [!a-z_]* | *[!a-z0-9_]*) fail bad-name "$to: the name of a database begins with a letter or _ and has small letters, digits and _ only" ;;
esac
[ "${#to}" -le 63 ] || fail bad-name "$to: the name of a database has 63 characters at most"

alone retrieve
"${engine}_wait" || fail database-down "$engine does not answer: $(tail -n 1 "$scratch/$engine.err")"
restic_ready
restic_answers
room=/var/lib/holdfast/retrieve
made=
# However it ends: neither the dump stays, nor a database that this run made and did not fill. A
# restic that was told to end may still write until it has.
leave() {
    wait
    rm -rf -- "$room"
    if [ -n "$made" ]; then "${engine}_drop" "$to"; fi
    "${engine}_calm"
}
at_end=leave
"${engine}_calm"
# Beside the live data, and never over it. It is made before the dump is fetched: from here on
# nobody else's can have that name, and what is dropped after a failure is this run's own.
why=
if "${engine}_there" "$to" || ! "${engine}_make" "$database" "$to"; then
    if "${engine}_there" "$to"; then fail exists "the database $to exists already, and nothing is written over; name one that does not"; fi
    fail database-load "database $to cannot be made: $why"
fi
made=yes
rm -rf -- "$room"
mkdir -m 0711 "$room"
dumps=/var/lib/holdfast/dump/databases
for place in $(dump_places "$engine" "$database"); do
    path=$dumps/$place
    progress retrieve "database $database"
    guarded "$scratch/restore" "the restore" restore --no-lock "$point" --target "$room" --include "$path"
    if [ "$restic_code" -ne 0 ]; then
        if grep -qi 'no space left' "$scratch/restore.err" "$scratch/restore"; then
            fail disk-full "the dump of $database does not fit into /var/lib/holdfast"
        fi
        restic_failed "$scratch/restore" "restore"
    fi
    if [ -e "$room$path" ]; then break; fi
done
"${engine}_whole" "$room$path" || fail not-in-point "the point does not hold the database $database"
# The server's account reaches the dump and nothing beside it.
chmod -R go-rwx "$room$path"
way=$room
for name in var lib holdfast dump databases "$engine"; do
    way=$way/$name
    if [ -d "$way" ] && [ "$way" != "$room$path" ]; then chmod 0711 "$way"; fi
done

progress retrieve "loading it as $to"
alike=
if ! "${engine}_beside" "$to" "$room$path" "$database" "$table"; then
    case $why in
        no-table) fail not-in-point "the database $database of this point has no table $table${alike:+; in other schemas: $alike}" ;;
        *'o space left'*) fail disk-full "database $to: $why" ;;
        *) fail database-load "database $to: $why" ;;
    esac
fi
"${engine}_count" "$to" || fail database-unreadable "$to: $(tail -n 1 "$scratch/rows.err")"
made=
printf %s "$content" | jq -c --arg to "$to" --argjson millis $(($(millis) - began)) \
    '{retrieved:{to:$to,tables:(.rows | length),rows:([.rows[]] | add // 0),millis:$millis}}'
