# PostgreSQL, as an engine: see content.sh for what each function promises.

# One row per table: {"t":"schema.table","n":rows}. psql runs what it selects. What belongs to an
# extension comes with the extension.
rows_sql="select format('select json_build_object(''t'', %L::text, ''n'', count(*)) from %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by n.nspname, c.relname \\gexec"
# As long as lo_lseek would say: pages may be missing in between.
large_objects_sql="select json_build_object('large_objects', json_build_object('count', count(*), 'bytes', coalesce(sum(size), 0)))
from (select max(l.pageno::bigint * (current_setting('block_size')::int / 4) + length(l.data)) as size
    from pg_largeobject_metadata m left join pg_largeobject l on l.loid = m.oid group by m.oid) as each;"
# Sequences belong to no snapshot: what was read first is what a dump made later must have reached.
sequences_sql="select json_build_object('sequences', coalesce(json_object_agg(schemaname || '.' || sequencename, last_value), '{}'))
from pg_sequences where last_value is not null and increment_by > 0 and not cycle;"
about_sql="select json_build_object('engine', 'postgresql', 'server', split_part(current_setting('server_version'), ' ', 1), 'collation', datcollate, 'bytes', pg_database_size(oid)) from pg_database where datname = current_database();"

# as_postgres COMMAND…
as_postgres() { runuser -u postgres -- "$@"; }

sql() { as_postgres psql -XqAt -v ON_ERROR_STOP=1 "$@" 2>"$scratch/sql.err"; }

# said FILE: the last words of a tool.
said() { grep -v '^$' "$1" | tail -n 3 | tr '\n' ' ' | cut -c1-600; }

# quoted TEXT: as a literal for psql's \set.
quoted() { printf %s "$1" | sed -e 's/\\/\\\\/g' -e "s/'/\\\\'/g"; }

postgresql_wait() {
    for again in $(seq 300); do
        if as_postgres psql -XqAtc 'select 1' postgres >/dev/null 2>"$scratch/postgresql.err"; then return 0; fi
        sleep 0.2
    done
    return 1
}

postgresql_roles() {
    # Roles that a stack made itself have passwords that nobody could derive again: their hashes are part
    # of the data. Those of declared roles are set anew after loading.
    as_postgres pg_dumpall --roles-only >"$1/roles.sql" 2>"$scratch/rows.err" ||
        fail dump-failed "roles: $(tail -n 1 "$scratch/rows.err")"
    sed -i '/^\\\(un\)\{0,1\}restrict /d' "$1/roles.sql"
}

# granted FILE: roles and memberships, in words that every version writes alike.
granted() {
    sed -nE -e 's/^(CREATE ROLE [^;]*);$/\1/p' -e '/^GRANT /{s/ WITH ADMIN OPTION.*/ ADMIN/;s/( WITH .*| GRANTED BY .*|;)$//;p}' "$1" | sort -u
}

# postgresql_content FILE: from the lines of those questions.
postgresql_content() {
    content=$(jq -cs '(map(select(has("t") | not)) | add) + {rows: (map(select(has("t")) | {(.t): .n}) | add // {})}' "$1")
}

postgresql_dump() {
    install -d -m 0700 -o postgres -g postgres "$3"
    as_postgres test -x "$3" || fail dump-failed "the user postgres cannot enter $3"
    # Dump and counts see the same moment: pg_dump runs inside the transaction that counts.
    # The exit code goes through a file because psql before 16 does not tell it.
    export HF_DUMP="$3" HF_DATABASE="$2"
    as_postgres psql -XqAt -v ON_ERROR_STOP=1 -d "$2" >"$scratch/rows" 2>"$scratch/rows.err" <<SQL || true
begin isolation level repeatable read read only;
$sequences_sql
select pg_export_snapshot() as snapshot \\gset
\\setenv HF_SNAPSHOT :snapshot
\\! pg_dump -Fd -C -j2 -Z0 --snapshot="\$HF_SNAPSHOT" -f "\$HF_DUMP" "\$HF_DATABASE" && touch "\$HF_DUMP/dumped"
$about_sql
$large_objects_sql
$rows_sql
\\! touch "\$HF_DUMP/counted"
commit;
SQL
    for mark in dumped counted; do
        if [ ! -e "$3/$mark" ]; then
            why=$(said "$scratch/rows.err")
            case $why in *'o space left'*) fail disk-full "$1: database $2: $why" ;; esac
            fail dump-failed "$1: database $2: $why"
        fi
        rm -f "$3/$mark"
    done
    postgresql_content "$scratch/rows" || fail dump-failed "$1: database $2: counts cannot be read"
}

postgresql_whole() { [ -s "$1/toc.dat" ]; }

postgresql_count() {
    as_postgres psql -XqAt -v ON_ERROR_STOP=1 -d "$1" >"$scratch/rows" 2>"$scratch/rows.err" <<SQL || return 1
begin isolation level repeatable read read only;
$sequences_sql
$about_sql
$large_objects_sql
$rows_sql
commit;
SQL
    postgresql_content "$scratch/rows"
}

postgresql_load_roles() {
    # Statements are kept out of the server's log: they hold hashes. Those that are there already
    # complain. Without the grantors the second time: a new server may not take their word.
    quiet='-c log_statement=none -c log_min_duration_statement=-1 -c log_min_error_statement=panic'
    for drop in '' 's/ GRANTED BY .*;$/;/'; do
        sed "/^GRANT /{$drop
}" "$1/roles.sql" | PGOPTIONS=$quiet as_postgres psql -Xq -f - postgres >/dev/null 2>"$scratch/sql.err" || true
        as_postgres pg_dumpall --roles-only --no-role-passwords >"$scratch/roles.now" 2>"$scratch/load.err" ||
            { why=$(said "$scratch/load.err"); return 1; }
        granted "$1/roles.sql" >"$scratch/roles.wanted"
        granted "$scratch/roles.now" >"$scratch/roles.found"
        lacking=$(comm -23 "$scratch/roles.wanted" "$scratch/roles.found" | tr '\n' ';')
        if [ -z "$lacking" ]; then return 0; fi
    done
    why="did not come back: $lacking $(said "$scratch/sql.err")"
    return 1
}

postgresql_settle() { :; }

postgresql_load() {
    # Statements come on standard input and are kept out of the server's log: one holds a password.
    sql postgres <<SQL || { why=$(said "$scratch/sql.err"); return 1; }
\\set owner '$(quoted "$2")'
\\set password '$(quoted "$3")'
\\set database '$(quoted "$1")'
set log_statement = none; set log_min_duration_statement = -1; set log_min_error_statement = panic; set log_duration = off;
select format('create role %I login', :'owner') where not exists (select from pg_roles where rolname = :'owner') \\gexec
alter role :"owner" login nosuperuser nocreatedb nocreaterole password :'password';
drop database if exists :"database" with (force);
create database :"database" owner :"owner" template template0 encoding 'UTF8' locale 'C.UTF-8';
revoke all on database :"database" from public;
SQL
    chown -R postgres: "$4" && chmod -R u+rX "$4" || { why="cannot open the dump to the server"; return 1; }
    as_postgres pg_restore --exit-on-error --no-tablespaces -j2 -d "$1" "$4" >/dev/null 2>"$scratch/load.err" ||
        {
            why=$(said "$scratch/load.err")
            case $why in *'unsupported version'*) why="the dump is of a newer PostgreSQL than this one, and goes only forward: $why" ;; esac
            return 1
        }
    # Rights on the database itself and its settings, which otherwise come only with creating it.
    as_postgres pg_restore --create --list "$4" | grep -E '^[0-9]+; [0-9]+ [0-9]+ (DATABASE PROPERTIES|ACL - DATABASE|COMMENT - DATABASE) ' >"$scratch/properties" || true
    if [ -s "$scratch/properties" ]; then
        chmod 0711 "$scratch" && install -m 0640 -g postgres "$scratch/properties" "$scratch/properties.list" &&
            as_postgres pg_restore --create --use-list="$scratch/properties.list" -f - "$4" 2>"$scratch/load.err" >"$scratch/properties.sql" &&
            sed -i -e '/^CREATE DATABASE /d' -e '/^ALTER DATABASE .* OWNER TO /d' "$scratch/properties.sql" &&
            sql postgres <"$scratch/properties.sql" >/dev/null || { why="its settings: $(said "$scratch/load.err") $(said "$scratch/sql.err")"; return 1; }
    fi
    # A dump brings no statistics; without them the first queries plan blindly.
    sql -c 'analyze' "$1" || { why=$(said "$scratch/sql.err"); return 1; }
}

postgresql_there() {
    sql -v name="$1" postgres <<SQL | grep -q 1
select 1 from pg_database where datname = :'name';
SQL
}

postgresql_make() {
    sql postgres <<SQL || { why=$(said "$scratch/sql.err"); return 1; }
\\set from '$(quoted "$1")'
\\set new '$(quoted "$2")'
select format('create database %I owner %I template template0 encoding ''UTF8'' locale ''C.UTF-8''', :'new',
    coalesce((select pg_get_userbyid(datdba) from pg_database where datname = :'from'), 'postgres')) \\gexec
SQL
}

postgresql_beside() {
    chown -R postgres: "$2"
    sql -v new="$1" postgres <<SQL || { why=$(said "$scratch/sql.err"); return 1; }
revoke all on database :"new" from public;
SQL
    if [ -z "$4" ]; then
        as_postgres pg_restore --exit-on-error --no-tablespaces -j2 -d "$1" "$2" >/dev/null 2>"$scratch/load.err" ||
            { why=$(said "$scratch/load.err"); return 1; }
    else
        # Types, functions and sequences stand before the table, so all that has no data comes first.
        as_postgres pg_restore --exit-on-error --no-tablespaces --section=pre-data -d "$1" "$2" >/dev/null 2>"$scratch/load.err" ||
            { why=$(said "$scratch/load.err"); return 1; }
        # Its rows may lie in partitions, or in tables that inherit from it.
        sql -F "$tab" "$1" <<SQL >"$scratch/named" || { why=$(said "$scratch/sql.err"); return 1; }
\\set wanted '$(quoted "$4")'
with recursive below as (
    select oid from pg_class where oid = to_regclass(:'wanted') and relkind in ('r', 'p')
    union select i.inhrelid from pg_inherits i join below on i.inhparent = below.oid)
select c.oid, n.nspname, c.relname from below join pg_class c using (oid) join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p');
SQL
        if ! [ -s "$scratch/named" ]; then
            why=no-table
            alike=$(sql "$1" <<SQL
\\set wanted '$(quoted "$4")'
select coalesce(string_agg(format('%I.%I', n.nspname, c.relname), ', ' order by n.nspname), '')
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relname = :'wanted' and c.relkind in ('r', 'p');
SQL
            ) || alike=
            return 1
        fi
        while IFS=$tab read -r oid schema relation; do
            as_postgres pg_restore --exit-on-error --data-only --schema="$schema" --table="$relation" \
                -d "$1" "$2" >/dev/null 2>"$scratch/load.err" </dev/null || { why=$(said "$scratch/load.err"); return 1; }
        done <"$scratch/named"
        # The others are empty, and would look like a loss.
        kept=$(cut -f 1 "$scratch/named" | paste -sd ,)
        sql "$1" <<SQL >/dev/null || { why=$(said "$scratch/sql.err"); return 1; }
with recursive above as (
    select oid from pg_class where oid in ($kept)
    union select i.inhparent from pg_inherits i join above on i.inhrelid = above.oid)
select format('drop table if exists %s cascade', c.oid::regclass) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and c.oid not in (select oid from above)
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e') \\gexec
SQL
    fi
    sql -c 'analyze' "$1" || { why=$(said "$scratch/sql.err"); return 1; }
}

postgresql_calm() { :; }

postgresql_drop() {
    sql -v name="$1" postgres <<SQL || true
drop database if exists :"name" with (force);
SQL
}

postgresql_others() {
    getent passwd postgres >/dev/null && [ -d /var/lib/postgresql ] || return 0
    as_postgres psql -XqAtc "select datname from pg_database where not datistemplate and datname <> 'postgres'" postgres \
        >"$scratch/others" 2>"$scratch/rows.err" || return 1
    sed -n "s/^postgresql$tab//p" "$1" | sort >"$scratch/asked"
    sort "$scratch/others" | comm -23 - "$scratch/asked" | sed 's/^/postgresql database /'
    # What nobody declares may be in the one database that is always there, or in settings made by SQL.
    tables=$(as_postgres psql -XqAtc "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')" postgres 2>"$scratch/rows.err") || return 1
    if [ "$tables" -gt 0 ]; then echo "postgresql database postgres"; fi
    for settings in /var/lib/postgresql/*/*/postgresql.auto.conf; do
        if [ -e "$settings" ] && grep -qv '^#' "$settings"; then printf '%s\n' "$settings"; fi
    done
}
