# Beginning of what takes points away: the stack, the points that are meant, by
# name, in $scratch/asked, and its repository, which nobody else works on now.
stack=
: >"$scratch/asked"
while IFS=$tab read -r kind a; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        password) secret=$a ;;
        point) plain point "$a" && printf '%s\n' "$a" >>"$scratch/asked" ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
[ -n "$stack" ] || fail bad-input "a repository of no stack"
began=$(millis)
local_ready
password "$secret"
alone "repository-$stack"
repository=$repositories/$stack
