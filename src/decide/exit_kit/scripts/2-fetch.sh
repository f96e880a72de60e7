#!/bin/sh
# Fetches a recovery point.
#   2-fetch.sh            the newest
#   2-fetch.sh list       which ones there are
#   2-fetch.sh 4e81af24   that one
# The repository is the one this kit was made for. With another address, or a
# copy of the repository's directory: RESTIC_REPOSITORY=/path 2-fetch.sh
. "$(dirname "$0")/kit.sh"
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
    exit 0
fi
r "$@" snapshots --json --tag "stack=$STACK" >"$scratch/points" || fail repository "the repository cannot be read"
if [ "$wanted" = newest ]; then
    point=$(jq -r 'sort_by([([.tags[]? | select(startswith("epoch=")) | ltrimstr("epoch=") | tonumber] | max // 0), .time]) | last | .id // empty' "$scratch/points")
else
    point=$(jq -r --arg id "$wanted" '.[] | .id | select(startswith($id))' "$scratch/points")
fi
[ -n "$point" ] || fail point-missing "the repository holds no such point of $STACK: $wanted"
case $point in *"$newline"*) fail point-missing "more than one point begins with $wanted" ;; esac
progress point "$(jq -r --arg id "$point" '.[] | select(.id == $id) | "\(.id[:8]), taken \(.time)"' "$scratch/points")"
rm -rf -- "$work/point"
mkdir -m 0711 "$work/point"
r "$@" restore "$point" --target "$work/point" || fail restore "the point could not be fetched whole"
fetched
[ "$(jq -r .stack "$manifest")" = "$STACK" ] || fail other-stack "the point is of $(jq -r .stack "$manifest"), not of $STACK"
# Points of schema 1 know one database engine, and their dumps lie one level higher.
case $(jq -r .schema "$manifest") in
    1)
        mkdir -p -m 0711 "$dump/roles/postgresql" "$dump/older/postgresql"
        [ ! -e "$dump/roles.sql" ] || mv "$dump/roles.sql" "$dump/roles/postgresql/roles.sql"
        jq -r '.services[].databases | keys[]' "$manifest" | sort -u | while read -r database; do
            mv "$dump/databases/$database" "$dump/older/postgresql/$database"
        done
        rm -rf -- "$dump/databases"
        mv "$dump/older" "$dump/databases"
        ;;
    2) ;;
    *) fail point-newer "the point is of a newer form than this kit; make a kit with the program that wrote it" ;;
esac
progress fetched "$(du -sh "$work/point" | cut -f 1) in $work/point"
