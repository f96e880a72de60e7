# Counting and digesting what a service holds. The same functions run before a
# backup, after a restore and on live machines, so that answers compare.

# Lists of what was asked: "service<TAB>path" and "service<TAB>engine<TAB>database", one a line.
: >"$scratch/files"
: >"$scratch/databases"

# escaped: names that end with NUL as lines.
escaped() { sed -z 's/\\/\\\\/g; s/\n/\\n/g; s/\t/\\t/g; s/\r/\\r/g' | tr '\0' '\n'; }

# traits PATH: sorted lines in $scratch/traits that say what its files are beside their bytes: kind, mode,
# owner and group by name, time, target, the first of a file's hard links, access control lists,
# attributes. Sockets and pipes are made by whoever listens there. Directories' times change with
# every passing file and are left out.
traits() {
    cd "$1" &&
        find . ! -type s ! -type p -printf '%y %m %u %g %n %D:%i %T@ %P\0%l\0' >"$scratch/found" &&
        find . \( -type f -o -type d \) -print0 >"$scratch/names" &&
        xargs -0 -r getfacl -E -s -p -- <"$scratch/names" >"$scratch/acls" &&
        xargs -0 -r getfattr -h -d -m '^(user\.|trusted\.|security\.capability$)' -e hex --absolute-names -- \
            <"$scratch/names" >"$scratch/attributes" &&
        escaped <"$scratch/found" | awk '
            NR % 2 { head = $0; next }
            {
                split(head, w, " "); sub(/\..*/, "", w[7])
                path = head; sub(/^[^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ /, "", path)
                print path "\t" w[1] " " w[2] " " w[3] " " w[4] " " (w[1] == "d" ? "-" : w[7]) "\t" $0 "\t" \
                    (w[1] != "d" && w[5] > 1 ? w[6] : "")
            }' | sort | awk -F '\t' '
            { link = ""; if ($4 != "") { if ($4 in first) link = "=" first[$4]; else first[$4] = $1 } print $1 "\t" $2 "\t" $3 "\t" link }
            ' >"$scratch/traits.files" &&
        awk '/^# file: / { file = substr($0, 9); next } /^#/ || !NF { next } { print file "\tacl " $0 }' "$scratch/acls" >"$scratch/traits.acls" &&
        awk '/^# file: / { file = substr($0, 9); next } !NF { next } { print file "\tattribute " $0 }' "$scratch/attributes" >"$scratch/traits.attributes" &&
        cat "$scratch/traits.files" "$scratch/traits.acls" "$scratch/traits.attributes" | sort >"$scratch/traits"
}

# traits_name PATH: where a point keeps the lines of that directory.
traits_name() {
    name=$(printf %s "$1" | sha256sum)
    printf '%.16s' "$name"
}

# count_files PATH: JSON in $content, traits in $scratch/traits. Digest: SHA-256 over the sorted lines of
# sha256sum; metadata: over the traits, where the tools are there that can tell them.
count_files() {
    [ -d "$1" ] || return 2
    rm -f "$scratch/traits"
    (
        # Chained: behind `||` the shell would go on after a failure.
        cd "$1" &&
            find . -type f -print0 >"$scratch/names" &&
            sort -z -o "$scratch/names" "$scratch/names" &&
            xargs -0 -r sha256sum -- <"$scratch/names" >"$scratch/sums" &&
            find . -type f -printf '%s\n' >"$scratch/sizes"
    ) 2>"$scratch/count.err" || return 1
    metadata=null
    if command -v getfacl >/dev/null && command -v getfattr >/dev/null; then
        (traits "$1") 2>"$scratch/count.err" || return 1
        metadata=$(sha256sum <"$scratch/traits")
        metadata="\"${metadata%% *}\""
    fi
    sum=$(sha256sum <"$scratch/sums")
    content=$(awk '{n += 1; b += $1} END {printf "%.0f %.0f", n, b}' "$scratch/sizes")
    content=$(jq -cn --argjson count "${content% *}" --argjson bytes "${content#* }" --arg digest "${sum%% *}" \
        --argjson metadata "$metadata" '{count:$count,bytes:$bytes,digest:$digest,metadata:$metadata}')
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
#   postgresql_there NAME            0 when there is a database of this name
#   postgresql_make NAME NEW         an empty database NEW, with the owner of NAME; 1 with $why, as when
#                                    there is one of that name
#   postgresql_beside NEW DIR NAME TABLE
#                                    fills NEW, as just made, from a dump of NAME; with a TABLE that
#                                    alone, without indexes: 1 with $why, or "no-table"
#   postgresql_calm                  puts back what postgresql_beside changed on the server for a while;
#                                    also after a run that was killed
#   postgresql_drop NEW              what postgresql_make made
#   postgresql_settle DIR            all is loaded and compared: what must wait for that; DIR as above
#   postgresql_others FILE           what its server has beside the "engine<TAB>name" lines of FILE;
#                                    nothing without a server, 1 with the reason in $scratch/rows.err
# $content of a database is a DatabaseContent and names its engine.

known_engine() {
    case $1 in
        postgresql | mariadb) ;;
        *) fail bad-input "unknown engine: $1" ;;
    esac
}

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

# hook SERVICE NAME: 1 with the reason in $why when it fails.
hook() {
    script=/usr/local/lib/holdfast/services/$1/$2
    # After an error nothing more is said: that is the answer's last line.
    if [ -z "$said" ]; then progress hook "$2 of $1"; fi
    if [ ! -x "$script" ]; then
        why="$2 of $1: $script is not there; holdfast apply writes it"
    # What a hook makes is for others to read, as on first installation.
    elif ! (umask 022 && exec "$script" "/etc/holdfast/services/$1.env") </dev/null >"$scratch/hook.out" 2>"$scratch/hook.err" 9>&-; then
        why="$2 of $1: $(tail -n 5 "$scratch/hook.err" | tr '\n' ' ' | cut -c1-1000)"
    else
        return 0
    fi
    return 1
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
            known_engine "$3"
            plain database "$4"
            printf '%s\t%s\t%s\n' "$2" "$3" "$4" >>"$scratch/databases"
            ;;
        *) fail bad-input "unknown line: $1" ;;
    esac
}
