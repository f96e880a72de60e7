# Counting and digesting what a service holds. The same functions run before a
# backup, after a restore and on live machines, so that answers compare.

# Lists of what was asked: one "service<TAB>path" or "service<TAB>database" a line.
: >"$scratch/files"
: >"$scratch/databases"

# count_files PATH: JSON in $content. Digest: SHA-256 over the sorted lines of sha256sum.
count_files() {
    [ -d "$1" ] || return 2
    (
        # Chained: behind `||` the shell would go on after a failure.
        cd "$1" &&
            find . -type f -print0 >"$scratch/names" &&
            sort -z -o "$scratch/names" "$scratch/names" &&
            xargs -0 -r sha256sum -- <"$scratch/names" >"$scratch/sums" &&
            find . -type f -printf '%s\n' >"$scratch/sizes"
    ) 2>"$scratch/count.err" || return 1
    sum=$(sha256sum <"$scratch/sums")
    content=$(awk '{n += 1; b += $1} END {printf "%.0f %.0f", n, b}' "$scratch/sizes")
    content=$(jq -cn --argjson count "${content% *}" --argjson bytes "${content#* }" --arg digest "${sum%% *}" \
        '{count:$count,bytes:$bytes,digest:$digest}')
}

# One row per table: {"t":"schema.table","n":rows}. psql runs what it selects.
rows_sql="select format('select json_build_object(''t'', %L::text, ''n'', count(*)) from %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
order by n.nspname, c.relname \\gexec"
about_sql="select json_build_object('server', split_part(current_setting('server_version'), ' ', 1), 'collation', datcollate, 'bytes', pg_database_size(oid)) from pg_database where datname = current_database();"

# as_postgres COMMAND…
as_postgres() { runuser -u postgres -- "$@"; }

# wait_postgres: a server that has just been installed may need a moment.
wait_postgres() {
    for again in $(seq 300); do
        if as_postgres psql -XqAtc 'select 1' postgres >/dev/null 2>"$scratch/pg.err"; then return 0; fi
        sleep 0.2
    done
    fail database-down "PostgreSQL does not answer: $(tail -n 1 "$scratch/pg.err")"
}

# content_json: from the lines of about_sql and rows_sql.
content_json() {
    jq -cs '.[0] + {rows: (.[1:] | map({(.t): .n}) | add // {})}' "$1"
}

# count_database NAME: JSON in $content.
count_database() {
    as_postgres psql -XqAt -v ON_ERROR_STOP=1 -d "$1" >"$scratch/rows" 2>"$scratch/rows.err" <<SQL || return 1
begin isolation level repeatable read read only;
$about_sql
$rows_sql
commit;
SQL
    content=$(content_json "$scratch/rows")
}

# note SERVICE KIND NAME: adds $content to the services in $scratch/services.
note() {
    printf %s "$content" | jq -c --arg s "$1" --arg k "$2" --arg n "$3" '{s:$s,k:$k,n:$n,c:.}' >>"$scratch/services"
}

# services_json: all that was noted, by service; services without state are there too.
services_json() {
    jq -cn --slurpfile names "$scratch/service-names" \
        'reduce $names[] as $s ({}; .[$s] = {files:{},databases:{}}) | reduce inputs as $i (.; .[$i.s][$i.k][$i.n] = $i.c)' \
        "$scratch/services"
}

: >"$scratch/services"
: >"$scratch/service-names"

# input_service KIND A B: lines that every script with services understands.
input_service() {
    case $1 in
        service)
            plain service "$2"
            jq -cn --arg s "$2" '$s' >>"$scratch/service-names"
            ;;
        files)
            decode "$3"
            absolute "$decoded"
            printf '%s\t%s\n' "$2" "$decoded" >>"$scratch/files"
            ;;
        database)
            plain database "$3"
            printf '%s\t%s\n' "$2" "$3" >>"$scratch/databases"
            ;;
        *) fail bad-input "unknown line: $1" ;;
    esac
}
