# The repository of one stack: made when it is not there, never made twice.
stack=
while IFS=$tab read -r kind a; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        password) secret=$a ;;
        *) input_another "$kind" "$a" ;;
    esac
done
local_ready
password "$secret"
alone "repository-$stack"
repository=$repositories/$stack
install -d -m 0755 "$rungs"

if [ -e "$repository/config" ]; then
    vault "$repository" cat config --no-lock || vault_failed "repository"
    made=false
else
    # A directory without config is damaged, not new: a fresh repository over it would hide what is left.
    if [ -e "$repository" ]; then
        fail repository-damaged "$repository is there but is no repository; look at it before anything is made anew"
    fi
    if [ -d "$rungs/$stack" ] && [ -n "$(ls -A "$rungs/$stack")" ]; then
        fail repository-lost "$repository is gone although recovery points of $stack were recorded"
    fi
    # Beside, then moved: a run that was killed leaves no half repository in place.
    unfinished=$repositories/.new-$stack
    rm -rf -- "$unfinished"
    # Cut like the old repository, so that what is copied from there is not stored twice. If
    # that one does not answer, this costs room later and nothing else.
    if ! { [ -d "$scratch/another" ] && another_for "$keeper" && another_answers && vault "$unfinished" init \
        --copy-chunker-params --cacert "$scratch/another/from-ca" \
        --from-repository-file "$scratch/another/from-repository" \
        --from-password-file "$scratch/another/from-password"; }; then
        rm -rf -- "$unfinished"
        vault "$unfinished" init || vault_failed "init"
    fi
    sync -f "$unfinished"
    mv -T -- "$unfinished" "$repository"
    made=true
fi
jq -cn --argjson made "$made" '{repository:{made:$made}}'
