# What was written down when points were read back here: the digests of their
# manifests, against which copies are compared.
stack=
while IFS=$tab read -r kind a; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
: >"$scratch/proofs"
if [ -d "$rungs/$stack" ]; then
    find "$rungs/$stack" -maxdepth 1 -type f -name '*.shipped.json' -print0 |
        xargs -0 -r jq -c 'select(.point and .manifest) | {point, manifest}' >"$scratch/proofs" ||
        fail evidence-unreadable "evidence in $rungs/$stack cannot be read"
fi
jq -cs '{proofs: .}' "$scratch/proofs"
