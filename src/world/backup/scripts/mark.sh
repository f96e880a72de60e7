# The mark of an epoch into a stack's repository, before its machine lets anybody in: machines of
# earlier epochs look for it after a boot. A snapshot without the tag of a stack is no recovery
# point; which ones are marks stands beside the repository, where production cannot write. From
# here on it is no secret: whoever opens the repository reads it.
stack= epoch= mark=
while IFS=$tab read -r kind a; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        epoch) epoch=$a ;;
        mark) decode "$a" && plain mark "$decoded" && mark=$decoded ;;
        password) secret=$a ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
case $epoch in '' | *[!0-9]*) fail bad-input "epoch is no number: $epoch" ;; esac
local_ready
password "$secret"
repository=$repositories/$stack
[ -e "$repository/config" ] || fail repository-missing "there is no repository of $stack on this machine"
install -d -m 0700 "$known"

# marked: the ids of the snapshots that are this mark.
marked() {
    list_snapshots || vault_failed "listing"
    jq -r --arg epoch "epoch=$epoch" --arg mark "mark=$mark" \
        '.[] | (.tags // []) as $tags | select($tags == [$epoch, $mark]) | .id' "$scratch/out" >"$scratch/marks"
    [ -s "$scratch/marks" ]
}

if ! marked; then
    printf 'epoch %s of %s\n' "$epoch" "$stack" >"$scratch/keeper/epoch"
    chown "$keeper:" "$scratch/keeper/epoch"
    tried=
    until vault "$repository" backup --host "$stack" --tag "epoch=$epoch" --tag "mark=$mark" "$scratch/keeper/epoch"; do
        why=$(reason)
        case $why in *'already locked'*) fail locked "somebody works on the repository of $stack: $why" ;; esac
        [ -z "$tried" ] || vault_failed "the mark of epoch $epoch"
        tried=yes
        # Somebody closed it and was killed, or added what restic stops at.
        sift patient
    done
    marked || fail restic-failed "the mark of epoch $epoch was written and is not there"
fi
touch "$known/$stack.marks"
{ cat "$known/$stack.marks" "$scratch/marks"; } | sort -u | write_file "$known/$stack.marks"
printf '{"marked":{"epoch":%s}}\n' "$epoch"
