# Counting and digesting what a service holds. The same functions run before a
# backup, after a restore and on live machines, so that answers compare.

# Lists of what was asked: "service<TAB>path" and "service<TAB>engine<TAB>database", one a line.
: >"$scratch/files"
: >"$scratch/databases"

# escaped: names that end with NUL as lines.
escaped() { sed -z 's/\\/\\\\/g; s/\n/\\n/g; s/\t/\\t/g; s/\r/\\r/g' | tr '\0' '\n'; }

# walk OUT: everything below this directory, in one pass. OUT.found: of each its kind, rights, owner and
# group by number, links, device and inode, size, times of writing and of any change, and name, then where
# it leads. A directory's times, which change with every passing file, are apart, in OUT.folders. Sockets
# and pipes are made by whoever listens there: only their owners count, in OUT.others. OUT.holes: how much
# of a large file is on the disk.
walk() {
    find . -ignore_readdir_race \( -type s -o -type p \) -fprintf "$1.others" '%U %G\n' \
        -o -type d -fprintf "$1.found" '%y %m %U %G - %D:%i - - - %P\0\0' -fprintf "$1.folders" '%C@ %P\0' \
        -o -fprintf "$1.found" '%y %m %U %G %n %D:%i %s %T@ %C@ %P\0%l\0' -type f -size +128 -fprintf "$1.holes" '%S\t%P\0'
}

# What an earlier count of the same place has left, or nothing. "known" has a line for each file: whether it had lists
# or attributes, its digest, and what any change of it would have changed: device and inode, size,
# times of writing and of change.
known=/dev/null

# sort_out: of what was walked, what has to be read. In $scratch: traits.raw, a line each; sums.known and
# cache.kept of files whose digests are known; unread, their marks in cache.unread; asked, those that may
# have access control lists or attributes; owners.lines; and in tally how many files, how many bytes, and
# whether one of them changed as late as the second $1.
sort_out() {
    for made in traits.raw sums.known cache.kept unread cache.unread asked owners.lines; do : >"$scratch/$made"; done
    { escaped <"$scratch/walk.found" && touch "$scratch/escaped"; } | awk -v since="$1" -v here="$scratch/" '
        # raw ESCAPED: the name itself.
        function raw(name,  out, i, c) {
            while (i = index(name, "\\")) {
                c = substr(name, i + 1, 1)
                out = out substr(name, 1, i - 1) (c == "n" ? "\n" : c == "t" ? "\t" : c == "r" ? "\r" : c)
                name = substr(name, i + 2)
            }
            return out name
        }
        # named BASE NUMBER: as the machine calls it; what has no name keeps its number.
        function named(base, number,  ask, line) {
            if (!((base, number) in names)) {
                ask = "getent " base " " number
                line = ""
                ask | getline line
                close(ask)
                sub(/:.*/, "", line)
                names[base, number] = line == "" ? number : line
                print (base == "passwd" ? "user" : "group"), number, names[base, number] >(here "owners.lines")
            }
            return names[base, number]
        }
        part == 1 {
            i = index($0, "\t")
            known[substr($0, i + 1)] = substr($0, 1, i - 1)
            next
        }
        part == 2 { named("passwd", $1); named("group", $2); next }
        !half { head = $0; half = 1; next }
        {
            half = 0
            split(head, w, " ")
            at = 10
            for (i = 1; i <= 9; i++) at += length(w[i])
            path = substr(head, at)
            plain = "+"
            if (w[1] == "f") {
                count += 1
                bytes += w[7]
                if (w[9] > newest) newest = w[9] + 0
                marks = w[6] " " w[7] " " w[8] " " w[9]
                if (path in known && substr(known[path], 68) == marks) {
                    plain = substr(known[path], 1, 1)
                    printf "%s  ./%s%c", substr(known[path], 3, 64), raw(path), 0 >(here "sums.known")
                    print known[path] "\t" path >(here "cache.kept")
                } else {
                    printf "./%s%c", raw(path), 0 >(here "unread")
                    print marks "\t" path >(here "cache.unread")
                }
            }
            if (w[1] == "d" || (w[1] == "f" && plain != "-"))
                printf "%s%c", path == "" ? "." : "./" raw(path), 0 >(here "asked")
            time = w[8]
            sub(/\..*/, "", time)
            print path "\t" w[1] " " w[2] " " named("passwd", w[3]) " " named("group", w[4]) " " (w[1] == "d" ? "-" : time) \
                "\t" $0 "\t" (w[1] != "d" && w[5] > 1 ? w[6] : "") >(here "traits.raw")
        }
        END { printf "%.0f %.0f %s\n", count, bytes, (newest >= since ? "young" : "settled") >(here "tally") }
        ' part=1 "$known" part=2 "$scratch/walk.others" part=3 - && [ -e "$scratch/escaped" ]
}

# What is deleted between the walk and the reading is no error where this says "pass".
vanishing=

# but_vanished COMMAND...: whether it went well; or all it complained of is that files are gone meanwhile, and
# that may be passed over.
but_vanished() {
    if "$@" 2>"$scratch/complaints"; then return 0; fi
    if [ "$vanishing" = pass ] && vanished "$scratch/complaints"; then return 0; fi
    cat "$scratch/complaints" >&2
    return 1
}
vanished() { [ -s "$1" ] && ! grep -qv ': No such file or directory$' "$1"; }

# digest: SHA-256 over the sorted lines of sha256sum, one a file; those that are known are not read again.
digest() {
    rm -f "$scratch"/sums.fresh "$scratch"/sums.fresh.*
    : >"$scratch/sums.fresh.0"
    but_vanished xargs -0 -r -P 2 -n 4000 sh -c 'sha256sum -z -- "$@" >>"$0.$$"' "$scratch/sums.fresh" <"$scratch/unread" &&
        cat "$scratch"/sums.fresh.* >"$scratch/sums.fresh" &&
        sort -z -k 1.67 "$scratch/sums.known" "$scratch/sums.fresh" |
        sed -z '/[\\\n\r]/{s/\\/\\\\/g; s/\n/\\n/g; s/\r/\\r/g; s/^/\\/}' | tr '\0' '\n' >"$scratch/sums"
}

# traits: sorted lines in $scratch/traits that say what files are beside their bytes: kind, mode, owner and
# group by name, time, target, the first of a file's hard links, access control lists, attributes.
traits() {
    but_vanished xargs -0 -r getfacl -E -s -p -- <"$scratch/asked" >"$scratch/acls" &&
        but_vanished xargs -0 -r getfattr -h -d -m '^(user\.|trusted\.|security\.capability$)' -e hex --absolute-names -- \
            <"$scratch/asked" >"$scratch/attributes" &&
        sort "$scratch/traits.raw" | awk -F '\t' '
            { link = ""; if ($4 != "") { if ($4 in first) link = "=" first[$4]; else first[$4] = $1 } print $1 "\t" $2 "\t" $3 "\t" link }
            ' >"$scratch/traits.files" &&
        awk '/^# file: / { file = substr($0, 9); next } /^#/ || !NF { next } { print file "\tacl " $0 }' "$scratch/acls" >"$scratch/traits.acls" &&
        awk '/^# file: / { file = substr($0, 9); next } !NF { next } { print file "\tattribute " $0 }' "$scratch/attributes" >"$scratch/traits.attributes" &&
        sort "$scratch/traits.files" "$scratch/traits.acls" "$scratch/traits.attributes" >"$scratch/traits"
}

# traits_name PATH: where a point keeps the lines of that directory.
traits_name() {
    name=$(printf %s "$1" | sha256sum)
    printf '%.16s' "$name"
}

# count_files PATH: JSON in $content, traits in $scratch/traits. Digest: of what digest says; metadata: over
# the traits, where the tools are there that can tell them.
count_files() {
    [ -d "$1" ] || return 2
    rm -f "$scratch/traits" "$scratch/escaped"
    since=$(($(date +%s) - 2))
    (
        # Chained: behind `||` the shell would go on after a failure.
        cd "$1" &&
            walk "$scratch/walk" &&
            sort_out "$since" &&
            # What is written to a file within one tick of the clock cannot be told apart by its times.
            if grep -q young "$scratch/tally"; then sleep 0.02; fi &&
            digest &&
            { [ "$vanishing" = pass ] || [ "$(wc -l <"$scratch/sums")" = "$(cut -d ' ' -f 1 "$scratch/tally")" ]; } &&
            if command -v getfacl >/dev/null && command -v getfattr >/dev/null; then traits; fi
    ) 2>"$scratch/count.err" || return 1
    metadata=null
    if [ -e "$scratch/traits" ]; then
        metadata=$(sha256sum <"$scratch/traits")
        metadata="\"${metadata%% *}\""
    fi
    sum=$(sha256sum <"$scratch/sums")
    read -r count bytes young <"$scratch/tally"
    content=$(jq -cn --argjson count "$count" --argjson bytes "$bytes" --arg digest "${sum%% *}" \
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
#                                    alone, without indexes: 1 with $why, or "no-table" and
#                                    in $alike what is called so elsewhere
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
