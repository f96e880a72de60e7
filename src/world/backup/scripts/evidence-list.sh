# Every document of one stack with its signature, as they lie beside the repository. What they
# are worth is judged by their signatures, not here.
stack=
while IFS=$tab read -r kind a; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
if [ -d "$documents/$stack" ]; then
    for file in "$documents/$stack"/*.json; do
        [ -f "$file" ] || continue
        signature=${file%.json}.sig
        # One without a signature is told all the same: it is not believed.
        [ -f "$signature" ] || signature=/dev/null
        name=${file##*/}
        jq -cn --arg name "${name%.json}" --rawfile text "$file" --rawfile signature "$signature" \
            '{name: $name, text: $text, signature: $signature}'
    done >"$scratch/list"
else
    : >"$scratch/list"
fi
jq -cn --slurpfile list "$scratch/list" '{documents: $list}'
