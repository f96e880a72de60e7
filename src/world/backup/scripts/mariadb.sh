# MariaDB, as an engine: see content.sh for what each function promises. Root comes in by
# the socket alone; what accounts and passwords are about goes to the client on standard input.

# mariadb_client PROGRAM ARGUMENTS…: nothing of the machine's own client configuration counts.
mariadb_client() {
    program=$1
    shift
    "$program" --no-defaults --socket=/run/mysqld/mysqld.sock --user=root \
        --default-character-set=utf8mb4 --max-allowed-packet=1G "$@"
}

# mariadb_sql ARGUMENTS…: statements from standard input; the modes that a stack set for itself do not apply.
mariadb_sql() {
    mariadb_client mariadb --init-command="set session sql_mode = '', sql_log_off = 1, slow_query_log = 0, sql_log_bin = 0" \
        --batch --raw --skip-column-names "$@" 2>"$scratch/sql.err"
}

# mariadb_said FILE: errors only, and without the statement: it may hold a password.
mariadb_said() { grep -E '^(ERROR|mariadb[a-z-]*:)' "$1" | tail -n 3 | sed "s/ near '.*//" | tr '\n' ' ' | cut -c1-600; }

# mariadb_text TEXT: as a literal. mariadb_name NAME: as an identifier.
mariadb_text() { printf "'%s'" "$(printf %s "$1" | sed -e 's/\\/\\\\/g' -e "s/'/''/g")"; }
mariadb_name() { printf '`%s`' "$(printf %s "$1" | sed 's/`/``/g')"; }
# mariadb_all NAME: all of a database in a grant, where _ alone would be a wildcard.
mariadb_all() { printf '%s.*' "$(mariadb_name "$1" | sed 's/[_%]/\\&/g')"; }

mariadb_wait() {
    for again in $(seq 300); do
        if echo 'select 1;' | mariadb_sql >/dev/null; then return 0; fi
        sleep 0.2
    done
    mariadb_said "$scratch/sql.err" >"$scratch/mariadb.err"
    return 1
}

# Accounts that the server makes for itself are not the stack's.
mariadb_accounts="select quote(user), quote(host), coalesce(json_value(priv, '\$.is_role'), 0) from mysql.global_priv
    where not (user in ('root', 'mysql', 'mariadb.sys') and host = 'localhost') order by 3 desc, 1, 2;"

# users.sql makes accounts and roles, grants.sql gives them their rights, accounts names them.
mariadb_roles() {
    echo "$mariadb_accounts" | mariadb_sql >"$scratch/accounts" || fail dump-failed "users: $(mariadb_said "$scratch/sql.err")"
    awk -F '\t' -v dir="$1" '
        { who = $3 == 1 ? $1 : $1 "@" $2; print who > (dir "/accounts") }
        $3 == 1 { print "create role if not exists " $1 ";" > (dir "/users.sql") }
        $3 != 1 { print "show create user " who ";" }
        { print "show grants for " who ";" }' "$scratch/accounts" >"$scratch/ask"
    touch "$1/accounts" "$1/users.sql"
    mariadb_sql <"$scratch/ask" >"$scratch/told" || fail dump-failed "users: $(mariadb_said "$scratch/sql.err")"
    sed -n 's/^CREATE USER \(.*\)$/create user if not exists \1;/p' "$scratch/told" >>"$1/users.sql"
    # A password belongs to the account, not to each of its rights.
    once=" IDENTIFIED (BY PASSWORD '[^']*'|VIA [a-z0-9_]+( USING '[^']*')?( OR [a-z0-9_]+( USING '[^']*')?)*)"
    sed -nE -e '/^GRANT USAGE ON \*\.\*/d' -e '/^GRANT /{' -e "s/$once//" -e 's/$/;/p' -e '}' \
        -e '/^SET DEFAULT ROLE /s/$/;/p' "$scratch/told" >"$1/grants.sql"
}

# mariadb_about NAME: JSON of what is not rows.
mariadb_about() {
    name=$(mariadb_text "$1")
    mariadb_sql <<SQL
select json_object('engine', 'mariadb', 'server', substring_index(version(), '-', 1), 'collation', default_collation_name,
    'bytes', (select coalesce(sum(data_length + index_length), 0) from information_schema.tables where table_schema = schema_name),
    'objects', json_object(
        'views', (select count(*) from information_schema.views where table_schema = schema_name),
        'sequences', (select count(*) from information_schema.tables where table_schema = schema_name and table_type = 'SEQUENCE'),
        'routines', (select count(*) from information_schema.routines where routine_schema = schema_name),
        'triggers', (select count(*) from information_schema.triggers where trigger_schema = schema_name),
        'events', (select count(*) from information_schema.events where event_schema = schema_name)))
from information_schema.schemata where schema_name = $name;
SQL
}

# Rows of a dump, "count<TAB>table" a line: what is in the dump is one snapshot, and no other
# session can share it. A row is a line, as line breaks in values are escaped; bodies of routines
# lie between DELIMITER lines. Of a table with system versioning current rows and all are told.
mariadb_dumped='
    function named(line,   at, name) {
        at = index(line, "`")
        name = ""
        for (line = substr(line, at + 1); (at = index(line, "`")) > 0; line = substr(line, at + 1)) {
            name = name substr(line, 1, at - 1)
            if (substr(line, at + 1, 1) != "`") { rest = substr(line, at + 1); return name }
            name = name "`"
            at++
        }
        exit bad = 3
    }
    function row(line) {
        all[table]++
        if (line ~ /,\047(2038-01-19 03:14:07|2106-02-07 06:28:15)\.999999\047[,)]/) now[table]++
        inside = substr(line, length(line)) == ","
        if (!inside && substr(line, length(line)) != ";") exit bad = 3
    }
    /^-- Dump completed/ { completed = 1 }
    body { if ($0 == "DELIMITER ;") body = 0; next }
    inside { row($0); next }
    $0 == "DELIMITER ;;" { body = 1; next }
    /^CREATE TABLE `/ { table = named($0); all[table] += 0; now[table] += 0; next }
    /^\)/ && / WITH SYSTEM VERSIONING/ { versioned[table] = 1; next }
    /^INSERT INTO `/ {
        table = named($0)
        inside = 1
        if (rest == " VALUES") next
        # With history the columns are named, and the first row stands on the same line.
        if (match(rest, /\) VALUES \(/)) { row(substr(rest, RSTART + 9)); next }
        exit bad = 3
    }
    END {
        if (bad || !completed) exit 3
        for (table in all) {
            print (table in versioned ? now[table] : all[table]) "\t" table
            if (table in versioned) print all[table] "\t" table " for system_time all"
        }
    }'

# mariadb_rows FILE: lines "count<TAB>table" as a JSON object.
mariadb_rows() { jq -Rnc '[inputs | index("\t") as $i | {(.[$i+1:]): (.[:$i] | tonumber)}] | add // {}' "$1"; }

mariadb_dump() {
    install -d -m 0700 "$3"
    attempt=0
    while :; do
        attempt=$((attempt + 1))
        mariadb_about "$2" >"$scratch/about" || fail dump-failed "$1: database $2: $(mariadb_said "$scratch/sql.err")"
        [ -s "$scratch/about" ] || fail dump-failed "$1: there is no database $2"
        mariadb_sql >"$scratch/tables" <<SQL || fail dump-failed "$1: database $2: $(mariadb_said "$scratch/sql.err")"
select if(table_name regexp '[[:cntrl:]]', 'odd', 'locked'), engine, table_name from information_schema.tables
where table_schema = $(mariadb_text "$2") and table_type in ('BASE TABLE', 'SYSTEM VERSIONED')
    and (engine <> 'InnoDB' or table_name regexp '[[:cntrl:]]');
SQL
        if grep -q "^odd" "$scratch/tables"; then fail dump-failed "$1: database $2: the name of a table has control characters"; fi
        # Only InnoDB has snapshots; for one table of another kind the whole database waits.
        how=--single-transaction
        if [ -s "$scratch/tables" ]; then
            how=--lock-tables
            progress databases "$2 takes no writes while it is dumped: $(awk -F '\t' 'NR <= 5 { printf "%s%s is %s", (NR > 1 ? ", " : ""), $3, $2 } NR == 6 { printf " and more" }' "$scratch/tables")"
        fi
        code=0
        mariadb_client mariadb-dump "$how" --routines --events --triggers --dump-history --no-autocommit --hex-blob \
            "$2" >"$3/dump.sql" 2>"$scratch/rows.err" || code=$?
        mariadb_about "$2" >"$scratch/after" || code=1
        # Tables that are altered meanwhile have no snapshot, and what is made meanwhile is in one of both.
        if [ "$code" -eq 0 ] && [ "$(jq -c .objects "$scratch/about")" = "$(jq -c .objects "$scratch/after")" ]; then break; fi
        why=$(mariadb_said "$scratch/rows.err")
        case $why in *'o space left'* | *'rrcode: 28'* | *'errno 28'*) fail disk-full "$1: database $2: $why" ;; esac
        [ "$attempt" -lt 3 ] || fail dump-failed "$1: database $2: ${why:-its tables change faster than it can be dumped}"
    done
    awk "$mariadb_dumped" "$3/dump.sql" >"$scratch/rows" || fail dump-failed "$1: database $2: the dump is not complete, or not of a form that we know"
    mariadb_rows "$scratch/rows" >"$scratch/rows.json" || fail dump-failed "$1: database $2: counts cannot be read"
    content=$(jq -c --slurpfile rows "$scratch/rows.json" '. + {rows:$rows[0]}' "$scratch/about")
    # For a restore: what a fresh database is made with, and which end of time its history has.
    jq -r .collation "$scratch/about" >"$3/collation"
}

mariadb_whole() { [ -s "$1/collation" ] && tail -n 1 "$1/dump.sql" 2>/dev/null | grep -q '^-- Dump completed'; }

mariadb_count() {
    mariadb_about "$1" >"$scratch/about" && [ -s "$scratch/about" ] || { mariadb_said "$scratch/sql.err" >"$scratch/rows.err"; return 1; }
    # One moment: the snapshot begins before the first table is counted.
    {
        echo 'start transaction with consistent snapshot, read only;'
        mariadb_sql <<SQL
select concat('select concat(count(*), char(9), ', quote(table_name), ') from \`', replace(table_name, '\`', '\`\`'), '\`;')
    from information_schema.tables where table_schema = $(mariadb_text "$1") and table_type in ('BASE TABLE', 'SYSTEM VERSIONED')
union all
select concat('select concat(count(*), char(9), ', quote(concat(table_name, ' for system_time all')), ') from \`', replace(table_name, '\`', '\`\`'), '\` for system_time all;')
    from information_schema.tables where table_schema = $(mariadb_text "$1") and table_type = 'SYSTEM VERSIONED';
SQL
    } >"$scratch/ask" && mariadb_sql "$1" <"$scratch/ask" >"$scratch/rows" || { mariadb_said "$scratch/sql.err" >"$scratch/rows.err"; return 1; }
    mariadb_rows "$scratch/rows" >"$scratch/rows.json" || return 1
    content=$(jq -c --slurpfile rows "$scratch/rows.json" '. + {rows:$rows[0]}' "$scratch/about")
}

mariadb_load_roles() {
    # Events of what is loaded must not run before it was compared.
    echo 'select @@global.event_scheduler;' | mariadb_sql >"$scratch/scheduler" || { why=$(mariadb_said "$scratch/sql.err"); return 1; }
    if [ "$(cat "$scratch/scheduler")" = ON ]; then
        touch /run/holdfast/events-wait
        echo 'set global event_scheduler = off;' | mariadb_sql || { why=$(mariadb_said "$scratch/sql.err"); return 1; }
    fi
    # Accounts that are there already stay; rights on what is not there yet come when all is loaded.
    mariadb_sql --force <"$1/users.sql" >/dev/null || true
    mariadb_sql --force <"$1/grants.sql" >/dev/null || true
    cp "$1/accounts" "$scratch/accounts"
}

# mariadb_end_of_time DUMP: until 11.5 history ended in 2038, since then in 2106. A current row with
# the other end would be taken for a past one. Prints the dump as this server needs it.
mariadb_end_of_time() {
    awk -v till="$2" '
        body { if ($0 == "DELIMITER ;") body = 0; print; next }
        $0 == "DELIMITER ;;" { body = 1 }
        /^CREATE TABLE `/ { versioned = 0 }
        /^\)/ && / WITH SYSTEM VERSIONING/ { versioned = 1 }
        versioned && (inside || /^INSERT INTO `/) {
            inside = substr($0, length($0)) != ";"
            gsub(/,\047(2038-01-19 03:14:07|2106-02-07 06:28:15)\.999999\047/, ",\047" till "\047")
        }
        { print }' "$1" || echo "the dump cannot be read" >"$scratch/end-of-time.failed"
}

# mariadb_fill NAME DIR COLLATION ACCOUNTS: a dump into an empty database; 1 with $why.
mariadb_fill() {
    {
        printf 'alter database %s collate %s;\n' "$(mariadb_name "$1")" "$3"
        # A view is checked with the rights of who defined it, and some rights come only when all tables are there.
        while IFS= read -r account; do printf 'grant all privileges on %s to %s;\n' "$(mariadb_all "$1")" "$account"; done <"$4"
        # Rows may be longer than this server takes by default.
        echo 'set global max_allowed_packet = 1073741824;'
        echo "select if(substring_index(version(), '.', 1) * 1000 + substring_index(substring_index(version(), '.', 2), '.', -1) < 11005,
            '2038-01-19 03:14:07.999999', '2106-02-07 06:28:15.999999');"
    } | mariadb_sql >"$scratch/till" || { why=$(mariadb_said "$scratch/sql.err"); return 1; }
    till=$(cat "$scratch/till")
    rm -f "$scratch/end-of-time.failed"
    code=0
    if grep -q '^).* WITH SYSTEM VERSIONING' "$2/dump.sql"; then
        mariadb_end_of_time "$2/dump.sql" "$till" |
            mariadb_client mariadb --init-command='set session sql_log_bin = 0' --binary-mode "$1" >/dev/null 2>"$scratch/load.err" || code=$?
    else
        mariadb_client mariadb --init-command='set session sql_log_bin = 0' --binary-mode "$1" <"$2/dump.sql" >/dev/null 2>"$scratch/load.err" || code=$?
    fi
    if [ "$code" -ne 0 ] || [ -e "$scratch/end-of-time.failed" ]; then
        why=$(mariadb_said "$scratch/load.err")
        case $why in *'nknown collation'*) why="this server does not know a collation of the dump; it comes from a newer one: $why" ;; esac
        return 1
    fi
    while IFS= read -r account; do printf 'revoke all privileges on %s from %s;\n' "$(mariadb_all "$1")" "$account"; done <"$4" |
        mariadb_sql || { why=$(mariadb_said "$scratch/sql.err"); return 1; }
}

mariadb_load() {
    { read -r collation <"$4/collation" && plain collation "$collation"; } || { why="the dump does not say its collation"; return 1; }
    {
        printf 'create user if not exists %s@localhost;\n' "$(mariadb_name "$2")"
        printf 'alter user %s@localhost identified by %s;\n' "$(mariadb_name "$2")" "$(mariadb_text "$3")"
        printf 'drop database if exists %s;\n' "$(mariadb_name "$1")"
        printf 'create database %s;\n' "$(mariadb_name "$1")"
    } | mariadb_sql || { why=$(mariadb_said "$scratch/sql.err"); return 1; }
    # The owner is mostly among them, and a right can be taken away once only.
    { cat "$scratch/accounts"; printf "%s@'localhost'\n" "$(mariadb_text "$2")"; } | sort -u >"$scratch/definers"
    mariadb_fill "$1" "$4" "$collation" "$scratch/definers" || return 1
    printf 'grant all privileges on %s to %s@localhost;\n' "$(mariadb_all "$1")" "$(mariadb_name "$2")" |
        mariadb_sql || { why=$(mariadb_said "$scratch/sql.err"); return 1; }
}

mariadb_there() {
    printf 'select 1 from information_schema.schemata where schema_name = %s;\n' "$(mariadb_text "$1")" | mariadb_sql | grep -q 1
}

mariadb_make() {
    printf 'create database %s;\n' "$(mariadb_name "$2")" | mariadb_sql || { why=$(mariadb_said "$scratch/sql.err"); return 1; }
}

# What puts the live server back as it was, until that is done.
mariadb_calming=/var/lib/holdfast/mariadb-calm.sql

# Rights that were taken away already are no error; a server that does not answer is asked again.
mariadb_calm() {
    [ -s "$mariadb_calming" ] && echo 'select 1;' | mariadb_sql >/dev/null || return 0
    mariadb_sql --force <"$mariadb_calming" >/dev/null || true
    rm -f "$mariadb_calming"
}

# Nobody but root has rights on it: who shall read it is for people to say.
mariadb_beside() {
    { read -r collation <"$2/collation" && plain collation "$collation"; } || { why="the dump does not say its collation"; return 1; }
    echo "$mariadb_accounts" | mariadb_sql >"$scratch/all-accounts" || { why=$(mariadb_said "$scratch/sql.err"); return 1; }
    awk -F '\t' '{ print ($3 == 1 ? $1 : $1 "@" $2) }' "$scratch/all-accounts" >"$scratch/definers"
    # Filling gives rights to everybody and takes longer rows than this server does.
    {
        while IFS= read -r account; do printf 'revoke all privileges on %s from %s;\n' "$(mariadb_all "$1")" "$account"; done <"$scratch/definers"
        echo "select concat('set global max_allowed_packet = ', @@global.max_allowed_packet, ';');" | mariadb_sql
    } >"$scratch/calming" || { why=$(mariadb_said "$scratch/sql.err"); return 1; }
    write_file "$mariadb_calming" <"$scratch/calming"
    mariadb_fill "$1" "$2" "$collation" "$scratch/definers" || return 1
    [ -n "$4" ] || return 0
    mariadb_sql >"$scratch/named" <<SQL || { why=$(mariadb_said "$scratch/sql.err"); return 1; }
select 1 from information_schema.tables where table_schema = $(mariadb_text "$1") and table_name = $(mariadb_text "${4#"$3".}")
    and table_type in ('BASE TABLE', 'SYSTEM VERSIONED');
SQL
    [ -s "$scratch/named" ] || { why=no-table; return 1; }
    # The whole came, as tables need one another; the others would look like the live ones.
    {
        echo 'set foreign_key_checks = 0;'
        mariadb_sql <<SQL
select concat('drop ', if(table_type = 'VIEW', 'view', if(table_type = 'SEQUENCE', 'sequence', 'table')), ' \`', replace(table_name, '\`', '\`\`'), '\`;')
    from information_schema.tables where table_schema = $(mariadb_text "$1") and table_name <> $(mariadb_text "${4#"$3".}") and table_type <> 'SEQUENCE';
SQL
    } >"$scratch/ask" && mariadb_sql "$1" <"$scratch/ask" >/dev/null || { why=$(mariadb_said "$scratch/sql.err"); return 1; }
}

mariadb_drop() { printf 'drop database if exists %s;\n' "$(mariadb_name "$1")" | mariadb_sql || true; }

# mariadb_settle DIR: rights that name what is loaded now; then events may run again.
mariadb_settle() {
    mariadb_sql --force <"$1/grants.sql" >/dev/null || progress load "rights that could not be given again: $(mariadb_said "$scratch/sql.err")"
    if [ -e /run/holdfast/events-wait ]; then
        echo "set global event_scheduler = on;" | mariadb_sql || { why=$(mariadb_said "$scratch/sql.err"); return 1; }
        rm -f /run/holdfast/events-wait
    fi
}

mariadb_others() {
    getent passwd mysql >/dev/null && [ -d /var/lib/mysql/mysql ] || return 0
    echo "select schema_name from information_schema.schemata where schema_name not in ('information_schema', 'mysql', 'performance_schema', 'sys');" |
        mariadb_sql >"$scratch/others" || { mariadb_said "$scratch/sql.err" >"$scratch/rows.err"; return 1; }
    sed -n "s/^mariadb$tab//p" "$1" | sort >"$scratch/asked"
    sort "$scratch/others" | comm -23 - "$scratch/asked" | sed 's/^/mariadb database /'
}
