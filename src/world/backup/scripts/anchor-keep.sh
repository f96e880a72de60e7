# Keeps the reconciler's anchor: how far history had grown. It lies outside the
# repositories, so that only root can touch it.
anchor=
while IFS=$tab read -r kind a; do
    case $kind in
        anchor) decode "$a" && anchor=$decoded ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
printf %s "$anchor" | jq -e 'has("text") and has("signature")' >/dev/null || fail bad-input "no anchor was given"
[ -d /srv/holdfast ] || fail repositories-missing "/srv/holdfast is not there: this machine holds no repositories yet, or its disk is not mounted"
alone anchor
printf '%s\n' "$anchor" | write_file /srv/holdfast/anchor.json
jq -cn '{kept:true}'
