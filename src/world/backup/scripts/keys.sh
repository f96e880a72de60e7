# Which key files repositories lack, and which ones nobody here made. From names
# and digests alone: no password is needed, nothing is opened. One pass over all
# of them, because it is done at every look.
: >"$scratch/stacks"
while IFS=$tab read -r kind a; do
    case $kind in
        # No repository has no keys to lose.
        stack) plain stack "$a" && if [ -e "$repositories/$a/config" ]; then printf '%s\n' "$a" >>"$scratch/stacks"; fi ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
[ -d "$repositories" ] || fail repositories-missing \
    "$repositories is not there: this machine holds no repositories yet, or its disk is not mounted"
cd "$repositories"
sed 's#$#/keys#' "$scratch/stacks" | xargs -r sh -c 'find "$@" -maxdepth 1 -type f -print0' sh 2>/dev/null |
    xargs -0 -r sha256sum -- >"$scratch/sums" 2>/dev/null || true
# A list that is not there is one that was never made.
: >"$scratch/lists"
if cd "$key_ids" 2>/dev/null; then
    sed 's#$#.json#' "$scratch/stacks" | xargs -r jq -c '{stack:(input_filename | rtrimstr(".json")),ids:.}' >"$scratch/lists" 2>/dev/null || true
fi
cd /
jq -cn --slurpfile lists "$scratch/lists" --rawfile stacks "$scratch/stacks" --rawfile sums "$scratch/sums" '
    ($lists | map({(.stack): .ids}) | add // {}) as $lists
    | (reduce ($sums | split("\n")[] | select(test("^[0-9a-f]{64}  [^/]+/keys/[0-9a-f]{64}$"))) as $line ({};
        ($line[66:] | split("/")) as $path | .[$path[0]][$path[2]] = $line[:64])) as $files
    | $stacks | split("\n")[] | select(. != "") | . as $stack
    | ($lists[$stack] // {}) as $own | ($files[$stack] // {}) as $there
    | {stack: $stack, keys: {
        missing: [("production", "maintenance", "escrow") | . as $role | select($own[$role] == null or $there[$own[$role]] != $own[$role])],
        strangers: [$there | to_entries[] | .key as $id | select(.value != $id or ([$own[]] | index($id)) == null)] | length}}'
