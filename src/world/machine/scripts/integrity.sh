# Reads the tables and indexes of databases from end to end, and judges them: pg_amcheck of heaps
# and B-trees, mariadb-check of tables with all their indexes. On a drill's machine only: the one
# adds an extension, the other marks what it finds corrupted. Input: service, engine, database.
role=$(sed -n "s/^ROLE='\(.*\)'$/\1/p" "$etc/identity")
[ "$role" = drill ] || fail not-a-drill "this machine is of role $role, and not of a drill"
cat >"$work/databases"

# judge_ENGINE DATABASE: whether it is whole; what the tool said goes to the standard output.
judge_postgresql() {
    amcheck=$(command -v pg_amcheck || ls /usr/lib/postgresql/*/bin/pg_amcheck 2>/dev/null | tail -n 1) || true
    if [ -z "$amcheck" ]; then
        echo "pg_amcheck is not installed"
        return 127
    fi
    runuser -u postgres -- "$amcheck" --install-missing --heapallindexed "$1"
}
judge_mariadb() {
    # It ends well whatever it finds.
    mariadb-check --no-defaults --socket=/run/mysqld/mysqld.sock --user=root --check --extended \
        --databases "$1" >"$work/found" || return
    if grep -qiE '^(error|warning) ' "$work/found"; then
        grep -v ' OK$' "$work/found"
        return 1
    fi
}

while IFS=$tab read -r service engine database; do
    began=$(date +%s%3N)
    passed=false
    detail=
    case $engine in
        postgresql) tool=pg_amcheck ;;
        mariadb) tool=mariadb-check ;;
        *) fail input "no engine: $engine" ;;
    esac
    if "judge_$engine" "$database" </dev/null >"$work/said" 2>&1; then
        passed=true
    else
        detail="exit $?: $(tail_of "$work/said")"
    fi
    printf '{"service":%s,"name":%s,"passed":%s,"detail":%s,"millis":%d}\n' \
        "$(json "$service")" "$(json "integrity of database $database ($tool)")" \
        "$passed" "$(json "$detail")" $(($(date +%s%3N) - began))
done <"$work/databases"
