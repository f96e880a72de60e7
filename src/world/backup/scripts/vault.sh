# What lies beside the repositories, and how full the disk is. Opens nothing.
: >"$scratch/stacks"
while IFS=$tab read -r kind a; do
    case $kind in
        stack) plain stack "$a" && printf '%s\n' "$a" >>"$scratch/stacks" ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
[ -d "$repositories" ] || fail repositories-missing \
    "$repositories is not there: this machine holds no repositories yet, or its disk is not mounted"
df -B1 --output=avail,size "$repositories" | tail -n 1 | jq -cR 'split(" ") | map(select(. != "") | tonumber) | {disk:{free:.[0],size:.[1]}}'
while read -r stack; do
    : >"$scratch/aside"
    if [ -d "$aside/$stack" ]; then
        find "$aside/$stack" -mindepth 2 -maxdepth 2 -type f -printf '%P\n' | cut -d / -f 1 | sort | uniq -c >"$scratch/aside"
    fi
    : >"$scratch/shapes"
    : >"$scratch/unreadable"
    if [ -d "$rungs/$stack" ]; then
        find "$rungs/$stack" -maxdepth 1 -type f -name '*.shipped.json' -print0 >"$scratch/shipped"
        shape='select(.point and .shape) | {(.point): .shape}'
        # All at once; one by one only where one of them cannot be read.
        if ! xargs -0 -r jq -c "$shape" <"$scratch/shipped" >"$scratch/shapes" 2>/dev/null; then
            tr '\0' '\n' <"$scratch/shipped" | while read -r file; do
                jq -c "$shape" "$file" 2>/dev/null || printf '%s\n' "$file" >>"$scratch/unreadable"
            done >"$scratch/shapes"
        fi
    fi
    jq -cn --arg stack "$stack" --rawfile aside "$scratch/aside" --slurpfile shapes "$scratch/shapes" --rawfile unreadable "$scratch/unreadable" '
        {stack:$stack, shapes:($shapes | add // {}), unreadable:($unreadable | split("\n") | map(select(. != ""))),
         aside:([$aside | split("\n")[] | select(. != "") | ltrimstr(" ") | split(" ") | map(select(. != "")) | {(.[1]): (.[0] | tonumber)}] | add // {})}'
done <"$scratch/stacks"
