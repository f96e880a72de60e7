# The structure of a repository that was copied, and a sample of its data: at
# most a GiB of it, all of it when it is smaller.
stack=
secret=
while IFS=$tab read -r kind a; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        password) secret=$a ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
began=$(millis)
local_ready
password "$secret"
repository=$repositories/$stack
[ -e "$repository/config" ] || fail repository-missing "there is no repository of $stack on this machine"
bytes=$(du -sb "$repository/data" | cut -f 1)
sample=1073741824
if [ "$bytes" -le "$sample" ]; then
    set -- --read-data
    sample=$bytes
else
    set -- --read-data-subset "${sample}"
fi
vault "$repository" check --no-lock "$@" || vault_failed "the check of what was copied"
jq -cn --argjson bytes "$bytes" --argjson sample "$sample" --argjson millis $(($(millis) - began)) \
    '{copy_checked:{bytes:$bytes,sample:$sample,millis:$millis}}'
