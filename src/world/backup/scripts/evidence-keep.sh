# Keeps a signed document and its signature beside the repository, and the rungs that it
# stands for. "taken" is the repository's own word, "shipped" and "checked" are this
# machine's; the others stand on "shipped". Who lists them believes the signature, not this file.
stack= point= name=
: >"$scratch/rungs"
while IFS=$tab read -r kind a; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        point) plain point "$a" && point=$a ;;
        name) plain name "$a" && name=$a ;;
        rung) printf '%s\n' "$a" >>"$scratch/rungs" ;;
        # Byte for byte: a final line break is part of what was signed.
        document) printf %s "$a" | base64 -d >"$scratch/document" || fail bad-input "not base64" ;;
        signature) printf %s "$a" | base64 -d >"$scratch/signature" || fail bad-input "not base64" ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
if [ -z "$stack" ] || [ -z "$point" ] || [ -z "$name" ]; then fail bad-input "a document without a place"; fi
jq -e --arg stack "$stack" --arg point "$point" '.stack == $stack and .point.id == $point' "$scratch/document" >/dev/null ||
    fail bad-input "the document speaks of something else"
grep -q '^-----BEGIN SSH SIGNATURE-----$' "$scratch/signature" || fail bad-input "a document without its signature"
while read -r rung; do
    case $rung in
        restored | app-verified) ;;
        *) fail rung-forbidden "no document stands for the rung $rung" ;;
    esac
done <"$scratch/rungs"

# The signature first: a document is never there without it.
mkdir -p -m 0755 "$documents" "$documents/$stack"
chmod 0755 "$documents" "$documents/$stack"
write_file "$documents/$stack/$name.sig" <"$scratch/signature"
write_file "$documents/$stack/$name.json" <"$scratch/document"
chmod 0644 "$documents/$stack/$name.sig" "$documents/$stack/$name.json"

# The document is kept in any case, also of a point that is gone: that is what it says.
if [ -s "$scratch/rungs" ]; then
    [ -e "$repositories/$stack/snapshots/$point" ] || fail point-missing "the repository of $stack holds no point $point"
    [ -e "$rungs/$stack/$point.shipped.json" ] || fail rung-missing "point $point was never read back; nothing more can be said of it"
fi
while read -r rung; do
    jq -n --arg stack "$stack" --arg point "$point" --arg rung "$rung" --arg document "$name" --arg at "$(date +%Y-%m-%dT%H:%M:%SZ)" \
        '{schema:2,rung:$rung,stack:$stack,point:$point,at:$at,document:$document}' >"$scratch/rung"
    write_file "$rungs/$stack/$point.$rung.json" <"$scratch/rung"
    chmod 0644 "$rungs/$stack/$point.$rung.json"
done <"$scratch/rungs"
jq -cn '{kept:true}'
