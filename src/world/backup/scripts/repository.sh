# The repository of one stack and its three keys: made when they are not there,
# never made twice. Production's key goes to the production machine, the
# maintenance key to nobody, the escrow key is for the day when neither is left.
roles='production maintenance escrow'

# key_held ROLE: its file is there, and is byte for byte what restic wrote: its name is its digest.
key_held() {
    id=$(key_id "$1")
    [ -n "$id" ] && [ "$(sha256sum 2>/dev/null <"$repository/keys/$id" | cut -c 1-64)" = "$id" ]
}

# strangers: names of key files that are damaged or that were not made here.
strangers() {
    jq -r '.[]' "$key_ids/$stack.json" 2>/dev/null >"$scratch/own" || true
    find "$repository/keys" -maxdepth 1 -type f -printf '%f\n' | grep -xE '[0-9a-f]{64}' | while read -r id; do
        if ! grep -qxF "$id" "$scratch/own" || [ "$(sha256sum <"$repository/keys/$id" | cut -c 1-64)" != "$id" ]; then
            printf '%s\n' "$id"
        fi
    done
}

local_ready
stack=
while IFS=$tab read -r kind a b; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        key)
            case $a in production | maintenance | escrow) ;; *) fail bad-input "there is no key $a" ;; esac
            printf %s "$b" | base64 -d >"$scratch/keeper/$a" || fail bad-input "not base64"
            chown "$keeper:" "$scratch/keeper/$a"
            ;;
        *) input_another "$kind" "$a" ;;
    esac
done
for role in $roles; do
    [ -s "$scratch/keeper/$role" ] || fail bad-input "the password of the key $role was not given"
done
alone "repository-$stack"
repository=$repositories/$stack
# Where key files go that do not belong there: those of nobody, and those that were ours.
aside=/srv/holdfast/aside/$stack/keys
former=/srv/holdfast/former/$stack/keys
install -d -m 0755 "$rungs"
install -d -m 0700 "$key_ids" /srv/holdfast/aside /srv/holdfast/former

# open_with ROLE: what restic opens the repository with from here on.
open_with() {
    cat "$scratch/keeper/$1" >"$scratch/keeper/password"
    chown "$keeper:" "$scratch/keeper/password"
    key_hint=$(key_id "$1")
}

# opened_by REPOSITORY: the file of the key that opens it now, in $id.
opened_by() {
    vault "$1" key list --json --no-lock || return 1
    short=$(jq -r '.[] | select(.current) | .id' "$scratch/out")
    id=$(find "$1/keys" -maxdepth 1 -type f -name "$short*" -printf '%f\n')
    # One, and no more: its beginning is all that restic tells.
    case $id in '' | *"$newline"*) fail restic-failed "the repository of $stack has no single key $short" ;; esac
}

# add_key REPOSITORY ROLE: a further key, with a label that `restic key list` shows; its file in $id.
add_key() {
    ls "$1/keys" >"$scratch/keys.before"
    vault "$1" key add --new-password-file "$scratch/keeper/$2" --user "$2" --host holdfast || vault_failed "key $2"
    # Of this role, and not there before: production may be adding files meanwhile.
    for id in $(ls "$1/keys"); do
        grep -qxF "$id" "$scratch/keys.before" && continue
        [ "$(jq -r '.username + "@" + .hostname' "$1/keys/$id" 2>/dev/null)" = "$2@holdfast" ] || continue
        return 0
    done
    fail restic-failed "the key $2 was added and is not there"
}

# record ROLE ID, in $scratch/ids
note_key() {
    jq -c --arg role "$1" --arg id "$2" '.[$role] = $id' "$scratch/ids" >"$scratch/ids.new"
    mv "$scratch/ids.new" "$scratch/ids"
}

: >"$scratch/aside"
if [ -e "$repository/config" ]; then
    made=false
    if [ -s "$key_ids/$stack.json" ]; then cp "$key_ids/$stack.json" "$scratch/ids"; else printf '{}' >"$scratch/ids"; fi
    cp "$scratch/ids" "$scratch/ids.before"
    : >"$scratch/replaced"
    # A damaged key file keeps restic from reading the others. It is not deleted: a person may look at it.
    set_aside() {
        to=$aside
        if grep -qxF "$1" "$scratch/replaced" || jq -e --arg id "$1" '[.[]] | index($id)' "$scratch/ids.before" >/dev/null; then to=$former; fi
        install -d -m 0700 "${to%/keys}" "$to"
        mv -f -- "$repository/keys/$1" "$to/$1"
        if [ "$to" = "$aside" ]; then printf '%s\n' "$1" >>"$scratch/aside"; fi
    }
    for id in $(strangers); do
        if [ "$(sha256sum <"$repository/keys/$id" | cut -c 1-64)" != "$id" ] ||
            ! jq -e 'objects | has("kdf") and has("data")' "$repository/keys/$id" >/dev/null 2>&1; then set_aside "$id"; fi
    done
    missing=
    opener=
    for role in maintenance production escrow; do
        if key_held "$role"; then
            opener=${opener:-$role}
            continue
        fi
        # Not in the list: it may be there all the same, from an earlier version or an interrupted run.
        open_with "$role"
        if opened_by "$repository"; then
            opener=${opener:-$role}
            if [ "$(jq -r '.username + "@" + .hostname' "$repository/keys/$id")" = "$role@holdfast" ]; then
                note_key "$role" "$id"
                continue
            fi
            # Of a version that gave keys no names.
            printf '%s\n' "$id" >>"$scratch/replaced"
        else
            case $(reason) in *'wrong password'*) ;; *) vault_failed "key $role" ;; esac
        fi
        missing="$missing $role"
    done
    [ -n "$opener" ] || fail wrong-password "the repository of $stack opens with none of its three keys"
    open_with "$opener"
    vault "$repository" cat config --no-lock || vault_failed "repository"
    for role in $missing; do
        add_key "$repository" "$role"
        note_key "$role" "$id"
    done
    sync -f "$repository"
    write_file "$key_ids/$stack.json" <"$scratch/ids"
    # All three are there: what else opens the repository was not made here.
    strangers >"$scratch/strangers"
    while read -r id; do set_aside "$id"; done <"$scratch/strangers"
else
    # A directory without config is damaged, not new: a fresh repository over it would hide what is left.
    if [ -e "$repository" ]; then
        fail repository-damaged "$repository is there but is no repository; look at it before anything is made anew"
    fi
    if [ ! -e "$leaving$stack" ] && [ -d "$rungs/$stack" ] && [ -n "$(ls -A "$rungs/$stack")" ]; then
        fail repository-lost "$repository is gone although recovery points of $stack were recorded"
    fi
    # Beside, then moved: a run that was killed leaves no half repository in place.
    unfinished=$repositories/.new-$stack
    rm -rf -- "$unfinished"
    printf '{}' >"$scratch/ids"
    rm -f "$key_ids/$stack.json"
    open_with maintenance
    # Cut like the old repository, so that what is copied from there is not stored twice. If
    # that one does not answer, this costs room later and nothing else.
    if ! { [ -d "$scratch/another" ] && another_for "$keeper" && another_answers && vault "$unfinished" init \
        --copy-chunker-params --cacert "$scratch/another/from-ca" \
        --from-repository-file "$scratch/another/from-repository" \
        --from-password-file "$scratch/another/from-password"; }; then
        rm -rf -- "$unfinished"
        vault "$unfinished" init || vault_failed "init"
    fi
    # The key of `init` has no label.
    first=$(ls "$unfinished/keys")
    for role in $roles; do
        add_key "$unfinished" "$role"
        note_key "$role" "$id"
    done
    rm -f -- "$unfinished/keys/$first"
    sync -f "$unfinished"
    # First the list, then the repository: whatever is found in place has its list.
    write_file "$key_ids/$stack.json" <"$scratch/ids"
    mv -T -- "$unfinished" "$repository"
    missing=$roles
    made=true
fi
jq -cn --argjson made "$made" --arg added "$missing" --rawfile aside "$scratch/aside" \
    '{repository:{made:$made,added:($added | split(" ") | map(select(. != ""))),aside:($aside | split("\n") | map(select(. != "")))}}'
