# MariaDB: users and databases. Root comes in by the socket alone. Passwords come in
# files and go to the server on the client's standard input, so they are in no argument
# and no log; of the client's words only its errors are passed on, as they hold no statement.

as_mariadb_root() {
    mariadb --no-defaults --socket=/run/mysqld/mysqld.sock --user=root --batch --skip-column-names \
        --default-character-set=utf8mb4 "$@" 2>"$work/mariadb.log"
}

mariadb_said() {
    grep '^ERROR' "$work/mariadb.log" | tail -n 2 | sed "s/ near '.*//"
}

# Started, and taking connections.
mariadb_ready() {
    systemctl start mariadb.service
    tries=0
    until as_mariadb_root -e 'select 1' >"$work/mariadb.out"; do
        tries=$((tries + 1))
        [ "$tries" -lt 150 ] || fail database "MariaDB takes no connections after 30 s: $(mariadb_said)"
        sleep 0.2
    done
}

# mariadb_role NAME PASSWORDFILE
mariadb_role() {
    {
        # Neither the server's log nor its binary log learns the password.
        echo 'set session sql_log_off = 1, session slow_query_log = 0, session sql_log_bin = 0;'
        printf 'create user if not exists `%s`@localhost;\n' "$1"
        printf "alter user \`%s\`@localhost identified by '" "$1"
        tr -d '\n' <"$2" | sed -e 's/\\/\\\\/g' -e "s/'/''/g"
        printf "';\n"
    } | as_mariadb_root >"$work/mariadb.out" || fail database "user $1: $(mariadb_said)"
}

# mariadb_database NAME OWNER: empty if it was not there; collations as the server's configuration says.
mariadb_database() {
    printf 'create database if not exists `%s`;\ngrant all privileges on `%s`.* to `%s`@localhost;\n' \
        "$1" "$(printf %s "$1" | sed 's/_/\\_/g')" "$2" |
        as_mariadb_root >"$work/mariadb.out" || fail database "database $1: $(mariadb_said)"
}
