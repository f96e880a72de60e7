# What somebody who is root on production can try against the repository (S10).
# Every line of the answer says what was tried and whether it was refused.
set -u
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
while IFS='	' read -r kind a; do
    case $kind in point) point=$a ;; esac
done
. /etc/holdfast/backup.env
export RESTIC_REPOSITORY RESTIC_PASSWORD_FILE RESTIC_CACERT
url=${RESTIC_REPOSITORY#rest:}
here=$(mktemp -d)
web() { curl -s -o "$here/body" -w '%{http_code}' --noproxy '*' --cacert "$RESTIC_CACERT" "$@"; }
said() { jq -cn --arg attack "$1" --argjson refused "$2" --arg detail "$3" '{attack:$attack,refused:$refused,detail:$detail}'; }
by_restic() {
    what=$1
    shift
    # Its exit code tells little: "forget" ends with 0 although nothing was deleted.
    timeout 60 restic "$@" >"$here/out" 2>&1
    code=$(web -I "${url}snapshots/$point")
    if [ "$code" = 200 ]; then said "$what" true "the point is still there"; else said "$what" false "the point is gone: $code"; fi
}
by_web() {
    what=$1
    shift
    code=$(web "$@")
    case $code in 2??) said "$what" false "$code" ;; *) said "$what" true "$code" ;; esac
}
names() { curl -s --noproxy '*' --cacert "$RESTIC_CACERT" -H 'Accept: application/vnd.x.restic.rest.v2' "${url}$1/" | jq -r '.[].name'; }

# Locks may be taken away, so that they do not shield the repository by accident.
restic unlock --remove-all >/dev/null 2>&1
by_restic 'restic forget' forget "$point"
by_restic 'restic forget --prune' forget --prune "$point"
pack=$(names data | head -n 1)
index=$(names index | head -n 1)
key=$(names keys | head -n 1)
by_web 'DELETE a pack' -X DELETE "${url}data/$pack"
by_web 'DELETE an index' -X DELETE "${url}index/$index"
by_web 'DELETE the point' -X DELETE "${url}snapshots/$point"
by_web 'DELETE the key' -X DELETE "${url}keys/$key"
by_web 'DELETE the config' -X DELETE "${url}config"
by_web 'DELETE the repository' -X DELETE "$url"
head -c 1000 /dev/urandom >"$here/junk"
for over in "data/$pack" "index/$index" "snapshots/$point" "keys/$key" config; do
    by_web "POST over $over" -X POST --data-binary "@$here/junk" "$url$over"
done
by_web 'POST a pack under a wrong name' -X POST --data-binary "@$here/junk" "${url}data/$(printf %064d 7)"
by_web 'POST into the parent' --path-as-is -X POST --data-binary "@$here/junk" "${url}data/../../other/config"
other=$(printf %s "$url" | sed 's#/[^/]*/$#/other/#')
by_web "GET another stack's config" "${other}config"
by_web "make a repository for another stack" -X POST "${other}?create=true"
rm -rf "$here"
