# Reads every page of the heaps and B-trees of databases, and judges them (pg_amcheck). On a
# drill's machine only: it adds an extension. Input: service, database.
role=$(sed -n "s/^ROLE='\(.*\)'$/\1/p" "$etc/identity")
[ "$role" = drill ] || fail not-a-drill "this machine is of role $role, and not of a drill"
cat >"$work/databases"
tool=$(command -v pg_amcheck || ls /usr/lib/postgresql/*/bin/pg_amcheck 2>/dev/null | tail -n 1) || true
while IFS=$tab read -r service database; do
    began=$(date +%s%3N)
    passed=false
    if [ -z "$tool" ]; then
        detail="pg_amcheck is not installed"
    elif runuser -u postgres -- "$tool" --install-missing --heapallindexed "$database" \
        </dev/null >"$work/said" 2>&1; then
        passed=true
        detail=
    else
        detail="exit $?: $(tail_of "$work/said")"
    fi
    printf '{"service":%s,"name":%s,"passed":%s,"detail":%s,"millis":%d}\n' \
        "$(json "$service")" "$(json "integrity of database $database (pg_amcheck)")" \
        "$passed" "$(json "$detail")" $(($(date +%s%3N) - began))
done <"$work/databases"
