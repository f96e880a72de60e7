#!/bin/sh
# The stack's databases out of the fetched point: roles, passwords, content; and
# then every table counted and compared with what the point says.
. "$(dirname "$0")/kit.sh"
is_opened
fetched
unless_done databases
for part in content postgresql mariadb place; do . "$kit/scripts/$part.sh"; done
cut -f 1-3 "$(from databases)" >"$scratch/databases"
[ -s "$scratch/databases" ] || { now databases; progress databases "this stack has none"; exit 0; }
# The servers' own users read the dumps: they may pass through, not look around.
chmod 0711 "$target" "$target/var" "$target/var/lib" "$target/var/lib/holdfast" "$dump" "$dump/databases"
for engine in $(engines); do
    systemctl start "$engine"
    "${engine}_wait" || fail database-down "$engine does not answer: $(tail -n 1 "$scratch/$engine.err")"
    chmod 0711 "$dump/databases/$engine"
    "${engine}_load_roles" "$dump/roles/$engine" || fail database-load "$engine, roles: $why"
done
while IFS=$tab read -r service engine database owner; do
    "${engine}_whole" "$dump/databases/$engine/$database" || fail incomplete "the point lacks the dump of $database"
    password=$(awk -F '\t' -v e="$engine" -v n="$database" '$1 == e && $2 == n {print $3}' "$(from passwords)" | base64 -d)
    "${engine}_load" "$database" "$owner" "$password" "$dump/databases/$engine/$database" ||
        fail database-load "database $database: $why"
    "${engine}_count" "$database" || fail database-load "$database cannot be counted: $(tail -n 1 "$scratch/rows.err")"
    printf '"%s"\n' "$service" >>"$scratch/service-names"
    note "$service" databases "$database"
    progress database "$database"
done <"$(from databases)"
services_json >"$scratch/found"
equal "$(jq -r '[.[].databases | to_entries[] | "\(.key): \(.value.rows | length) tables, \(.value.rows | add // 0) rows"] | join("; ")' "$scratch/found")"
for engine in $(engines); do
    "${engine}_settle" "$dump/roles/$engine" || fail database-load "$engine: $why"
done
now databases
