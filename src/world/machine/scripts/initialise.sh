# First installation into empty state. Only where no state ever was (S15).
lock
read_input
[ ! -e "$etc/restored-from" ] || fail not-blank "this machine holds restored state"
case $(stage) in
building) ;;
loaded | proven)
    echo '{"initialised":true}'
    exit 0
    ;;
blank) fail not-prepared "this machine is not prepared" ;;
*) fail not-blank "this machine is $(stage): its state is not touched" ;;
esac

if [ -s "$work/database" ]; then
    progress databases "$(wc -l <"$work/database") databases"
    for engine in $(cut -f 1 "$work/database" | sort -u); do "${engine}_ready"; done
    while IFS=$tab read -r engine name number; do
        (umask 077 && base64 -d "$work/content/$number" >"$work/password")
        "${engine}_role" "$name" "$work/password"
    done <"$work/role"
    while IFS=$tab read -r engine name owner; do
        "${engine}_database" "$name" "$owner"
    done <"$work/database"
fi
make_directories state
while read -r service; do
    progress init "$service"
    "$lib/services/$service/init" "$etc/services/$service.env" </dev/null >"$work/hook.log" 2>&1 ||
        fail hook "$service, init: $(tail_of "$work/hook.log")"
done <"$work/init"
progress units "$(wc -l <"$work/unit") units"
start_units
set_stage loaded
echo '{"initialised":true}'
