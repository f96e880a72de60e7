#!/bin/sh
# Fetches a recovery point.
#   2-fetch.sh            the newest of those that were proven when this kit was made
#   2-fetch.sh list       which ones there are
#   2-fetch.sh 4e81af24   that one
# What came later may be better, or written by whoever broke in: a person decides.
# The repository is the one this kit was made for. With another address, or a
# copy of the repository's directory: RESTIC_REPOSITORY=/path 2-fetch.sh
. "$(dirname "$0")/kit.sh"
. "$kit/scripts/older.sh"
is_opened
wanted=${1:-newest}
secrets=$opened/secrets
set --
if [ -n "${RESTIC_REPOSITORY:-}" ]; then
    printf %s "$RESTIC_REPOSITORY" >"$scratch/repository"
else
    [ -s "$secrets/repository" ] || fail no-address "the repository's address was unknown when this kit was made; set RESTIC_REPOSITORY"
    cp "$secrets/repository" "$scratch/repository"
fi
unset RESTIC_REPOSITORY
# The address holds a password: it goes to restic in a file.
case $(cat "$scratch/repository") in
    rest:https:*) set -- --cacert "$kit/data/backup-ca.pem" ;;
esac
r() { restic --repository-file "$scratch/repository" --password-file "$secrets/repository-password" --no-lock --no-cache "$@"; }

if [ "$wanted" = list ]; then
    r "$@" snapshots --tag "stack=$STACK"
    printf 'Proven when this kit was made, the newest first:\n'
    cut -c 1-8,65- "$kit/data/points"
    exit 0
fi
r "$@" snapshots --json --tag "stack=$STACK" >"$scratch/points" || fail repository "the repository cannot be read"
jq -r '.[].id' "$scratch/points" >"$scratch/ids"
if [ "$wanted" = newest ]; then
    point=$(cut -f 1 "$kit/data/points" | grep -m 1 -xFf "$scratch/ids") ||
        fail unproven "none of the points that were proven when this kit was made is there; look with: $0 list; then name the one to take: $0 ID"
    jq -r --arg id "$point" --rawfile proven "$kit/data/points" '
        ($proven | split("\n") | map(split("\t")[0])) as $known | (.[] | select(.id == $id) | .time) as $time
        | sort_by(.time) | .[] | select(.id as $i | .time > $time and ($known | index($i) | not)) | "\(.id[:8]), taken \(.time)"' \
        "$scratch/points" >"$scratch/later"
    while read -r later; do
        progress later "$later by its own word, and not known to this kit as proven; to take it all the same: $0 ${later%%,*}"
    done <"$scratch/later"
else
    point=$(jq -r --arg id "$wanted" '.[] | .id | select(startswith($id))' "$scratch/points")
fi
[ -n "$point" ] || fail point-missing "the repository holds no such point of $STACK: $wanted"
case $point in *"$newline"*) fail point-missing "more than one point begins with $wanted" ;; esac
progress point "$(jq -r --arg id "$point" '.[] | select(.id == $id) | "\(.id[:8]), taken \(.time)"' "$scratch/points")"
no_more fetched files databases hooks
rm -rf -- "$work/point"
mkdir -m 0711 "$work/point"
r "$@" restore "$point" --target "$work/point" || fail restore "the point could not be fetched whole"
within
[ -s "$manifest" ] || fail restore "the point does not say what it holds"
[ "$(jq -r .stack "$manifest")" = "$STACK" ] || fail other-stack "the point is of $(jq -r .stack "$manifest"), not of $STACK"
known_schema "$(jq -r .schema "$manifest")" ||
    fail point-newer "the point is of a newer form than this kit; make a kit with the program that wrote it"
as_today "$manifest" "$dump"
now fetched
progress fetched "$(du -sh "$work/point" | cut -f 1) in $work/point"
