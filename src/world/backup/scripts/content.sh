# Counting and digesting what a service holds. The same functions run before a
# backup, after a restore and on live machines, so that answers compare.

# Lists of what was asked: "service<TAB>path" and "service<TAB>engine<TAB>database", one a line.
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

# An engine's file has the same functions under its own name, here for "postgresql":
#   postgresql_wait                  it answers, or 1 with the reason in $scratch/postgresql.err
#   postgresql_roles DIR             users and roles into the directory DIR; may fail dump-failed
#   postgresql_dump SERVICE NAME DIR one database into DIR, which it makes; what one snapshot of it
#                                    holds in $content; may fail dump-failed, disk-full
#   postgresql_whole DIR             0 when DIR looks like a complete dump
#   postgresql_count NAME            JSON in $content, or 1 with the reason in $scratch/rows.err
#   postgresql_load_roles DIR        what postgresql_roles wrote; runs in a subshell: 1 with $why
#   postgresql_load NAME OWNER PASSWORD DIR
#                                    a fresh database from DIR; runs in a subshell: 1 with $why
#   postgresql_others FILE           what its server has beside the "engine<TAB>name" lines of FILE;
#                                    nothing without a server, 1 with the reason in $scratch/rows.err
# $content of a database is a DatabaseContent and names its engine.

# engines: each engine that something was asked of, one a line.
engines() { cut -f 2 "$scratch/databases" | sort -u; }

# wait_engines: a server that has just been installed may need a moment.
wait_engines() {
    for engine in $(engines); do
        "${engine}_wait" || fail database-down "$engine does not answer: $(tail -n 1 "$scratch/$engine.err")"
    done
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

# input_service KIND A B C: lines that every script with services understands.
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
            case $3 in
                postgresql) ;;
                *) fail bad-input "unknown engine: $3" ;;
            esac
            plain database "$4"
            printf '%s\t%s\t%s\n' "$2" "$3" "$4" >>"$scratch/databases"
            ;;
        *) fail bad-input "unknown line: $1" ;;
    esac
}
