# What points that an earlier program wrote have elsewhere. Those of schema 1 know PostgreSQL
# alone, and their dumps lie one level higher.

# known_schema SCHEMA: what a newer program wrote may hold more than we would bring back.
known_schema() { case $1 in 1 | 2) ;; *) return 1 ;; esac; }

# dump_places ENGINE DATABASE: where its dump may lie, below those of all databases; today's first.
dump_places() { printf '%s\n' "$1/$2" "$2"; }

# For jq, from a manifest: {engine, name, place} of each dump that its point holds.
dumps_of='def dumps: .schema as $schema | .services[].databases | to_entries[]
    | {engine: (.value.engine // "postgresql"), name: .key}
    | .place = (if $schema == 1 then "" else .engine + "/" end) + .name;'

# as_today MANIFEST DUMP: gives what lies in DUMP the places that it has today.
as_today() {
    [ "$(jq -r .schema "$1")" = 1 ] || return 0
    mkdir -m 0711 "$2/older" "$2/roles" "$2/older/postgresql" "$2/roles/postgresql"
    if [ -e "$2/roles.sql" ]; then mv "$2/roles.sql" "$2/roles/postgresql/roles.sql"; fi
    jq -r "$dumps_of"'dumps | .name' "$1" | sort -u | while read -r database; do
        if [ -e "$2/databases/$database" ]; then mv "$2/databases/$database" "$2/older/postgresql/$database"; fi
    done
    rm -rf -- "$2/databases"
    mv "$2/older" "$2/databases"
}
