# PostgreSQL: roles and databases. Passwords come in files and go to psql on
# its standard input, so they are in no argument and no log.

as_postgres() {
    runuser -u postgres -- psql -X -q -A -t -v ON_ERROR_STOP=1 -v VERBOSITY=terse "$@"
}

# Started, and taking connections.
postgresql_ready() {
    systemctl start postgresql.service
    tries=0
    until runuser -u postgres -- pg_isready -q; do
        tries=$((tries + 1))
        [ "$tries" -lt 150 ] || fail database "PostgreSQL takes no connections after 30 s"
        sleep 0.2
    done
}

# postgresql_role NAME PASSWORDFILE
postgresql_role() {
    {
        # An error would write the statement, and so the password, to the server's log.
        echo "set log_min_error_statement = 'panic'; set log_statement = 'none';"
        echo "select format('create role %I', :'role') where not exists (select from pg_roles where rolname = :'role') \\gexec"
        printf "alter role :\"role\" login nosuperuser nocreatedb nocreaterole password '"
        tr -d '\n' <"$2" | sed "s/'/''/g"
        printf "';\n"
    } | as_postgres -v role="$1" 2>"$work/psql.log" ||
        fail database "role $1: $(tail_of "$work/psql.log")"
}

# postgresql_database NAME OWNER: empty if it was not there. C.UTF-8 sorts alike on every release.
postgresql_database() {
    as_postgres -v name="$1" -v owner="$2" >"$work/psql.out" 2>"$work/psql.log" <<'END' ||
select format('create database %I owner %I template template0 encoding ''UTF8'' locale ''C.UTF-8''', :'name', :'owner')
    where not exists (select from pg_database where datname = :'name') \gexec
alter database :"name" owner to :"owner";
revoke all on database :"name" from public;
END
        fail database "database $1: $(tail_of "$work/psql.log")"
}
