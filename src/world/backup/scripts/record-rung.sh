# The rung "checked", after this machine's repository was read. "taken" is the
# repository's own word, "shipped" only read-back.sh's, and what was proven on
# other machines stands on signed documents (evidence-keep.sh).
stack=
while IFS=$tab read -r kind a; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        point) plain point "$a" && point=$a ;;
        rung) rung=$a ;;
        evidence) decode "$a" && evidence=$decoded ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
case $rung in
    checked) ;;
    *) fail rung-forbidden "nobody may claim the rung $rung" ;;
esac
[ -e "$repositories/$stack/snapshots/$point" ] || fail point-missing "the repository of $stack holds no point $point"
[ -e "$rungs/$stack/$point.shipped.json" ] || fail rung-missing "point $point was never read back; it cannot be $rung"
printf %s "$evidence" | jq --arg stack "$stack" --arg point "$point" --arg rung "$rung" --arg at "$(date +%Y-%m-%dT%H:%M:%SZ)" \
    '{schema:1,rung:$rung,stack:$stack,point:$point,at:$at,evidence:.}' >"$scratch/rung" || fail bad-input "the evidence is no JSON"
write_file "$rungs/$stack/$point.$rung.json" <"$scratch/rung"
chmod 0644 "$rungs/$stack/$point.$rung.json"
jq -cn '{recorded:true}'
