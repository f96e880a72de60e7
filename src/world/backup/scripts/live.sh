# Counts and digests of what services hold now.
while IFS=$tab read -r kind a b c; do input_service "$kind" "$a" "$b" "$c"; done

while IFS=$tab read -r service path; do
    count_files "$path" || fail path-missing "$service: $path cannot be read: $(tail -n 1 "$scratch/count.err" 2>/dev/null)"
    note "$service" files "$path"
done <"$scratch/files"
wait_engines
while IFS=$tab read -r service engine database; do
    "${engine}_count" "$database" || fail database-unreadable "$service: $database: $(tail -n 1 "$scratch/rows.err")"
    note "$service" databases "$database"
done <"$scratch/databases"
services_json | jq -c '{services:.}'
