# Digests of files that were read before, and read again only when they changed: for an earlier point,
# or when they had just been fetched and were not in place yet. restic goes by the same marks when it
# decides what to read again, so a digest that is known is one of what the point holds. Of what was
# restored each file was read after restic had written it. They lie where root alone reads, and
# losing them costs time and nothing else.
digests=/var/lib/holdfast/digests

# recall PATH: for count_files, in $known. The last line is the digest of those before it: of a file that
# was damaged nothing is believed.
recall() {
    known=/dev/null
    kept=$digests/$(traits_name "$1")
    if [ -f "$kept" ] && sed '$d' "$kept" >"$scratch/known" && [ "$(tail -n 1 "$kept")" = "$(sha256sum <"$scratch/known")" ]; then
        known=$scratch/known
    fi
}

# remember PATH: what count_files has just learnt, for the next time. Not of files that changed as late as
# $since: they may change again without showing it.
remember() {
    if [ ! -s "$scratch/cache.unread" ] && [ "$(wc -l <"$scratch/cache.kept")" = "$(wc -l <"$known")" ]; then return 0; fi
    if [ -e "$scratch/traits" ]; then told=1; else told=0; fi
    {
        cat "$scratch/cache.kept" &&
            escaped <"$scratch/sums.fresh" | awk -v since="$since" -v told="$told" '
            part == 1 {
                sub(/\t.*/, "")
                # The tools write such names in their own way.
                if (index($0, "\\")) told = 0
                has[substr($0, 3)] = 1
                next
            }
            part == 2 { digest[substr($0, 69)] = substr($0, 1, 64); next }
            {
                i = index($0, "\t")
                path = substr($0, i + 1)
                split(substr($0, 1, i - 1), marks, " ")
                if (!(path in digest) || marks[4] + 0 >= since) next
                print (told && !(path in has) && !index(path, "\\") ? "-" : "+") " " digest[path] " " $0
            }' part=1 $(ls "$scratch/traits.acls" "$scratch/traits.attributes" 2>/dev/null) part=2 - part=3 "$scratch/cache.unread"
    } >"$scratch/learnt" &&
        install -d -m 0700 "$digests" && { cat "$scratch/learnt" && sha256sum <"$scratch/learnt"; } >"$digests/.new" &&
        mv -f "$digests/.new" "$digests/$(traits_name "$1")"
}

# count PATH ROOM: count_files with what is known of the path; what came of it lies in the directory ROOM.
count() {
    (
        trap - EXIT
        rm -rf -- "$2"
        mkdir "$2" || exit 1
        scratch=$2
        recall "$1"
        count_files "$1" || exit 1
        remember "$1" || rm -rf -- "$digests"
        rm -f "$scratch"/sums* "$scratch"/cache.* "$scratch"/traits.* "$scratch"/known "$scratch"/learnt "$scratch"/unread "$scratch"/asked
        printf '%s\n' "$content" >"$scratch/content"
    )
}

# counted PATH ROOM: whether a count there is one of now: nothing in the path has changed since.
counted() {
    [ -e "$2/content" ] && (cd "$1" && walk "$scratch/walk") 2>/dev/null &&
        cmp -s "$2/walk.found" "$scratch/walk.found" && cmp -s "$2/walk.folders" "$scratch/walk.folders"
}

# still_known COPY: of the files of a fetched point, those whose digests hold as it lies there now. For
# carry_over, in $scratch/still.*.
still_known() {
    [ -s "$1.manifest.json" ] && cmp -s "$1.digests/boot" /proc/sys/kernel/random/boot_id || return 0
    jq -r '.services[].files | keys[] | @base64' "$1.manifest.json" >"$scratch/copied"
    own=$digests
    digests=$1.digests
    while read -r path; do
        decode "$path"
        recall "$decoded"
        (cd "$1$decoded" && walk "$scratch/walk") 2>/dev/null || continue
        escaped <"$scratch/walk.found" | as_marked 9 "$known" >"$scratch/still.$(traits_name "$decoded")"
    done <"$scratch/copied"
    digests=$own
}

# carry_over: what was still_known, of the files that restic has not written anew. It writes those whose size
# or time of writing are not the point's, and gives each the point's; the time of any change is new for
# all. What lists and attributes there are has to be asked again.
carry_over() {
    install -d -m 0700 "$digests"
    while read -r path; do
        decode "$path"
        still=$scratch/still.$(traits_name "$decoded")
        [ -s "$still" ] && (cd "$target$decoded" && walk "$scratch/walk") || continue
        escaped <"$scratch/walk.found" | as_marked 8 "$still" >"$scratch/learnt"
        { cat "$scratch/learnt" && sha256sum <"$scratch/learnt"; } >"$digests/$(traits_name "$decoded")"
    done <"$scratch/paths"
    cat /proc/sys/kernel/random/boot_id >"$digests/boot"
}

# as_marked LAST KNOWN: the lines of KNOWN whose file is there with the same marks, up to the one that walk tells
# as LAST; with the marks that it has now.
as_marked() {
    awk -v last="$1" '
        part == 1 {
            i = index($0, "\t")
            known[substr($0, i + 1)] = substr($0, 1, i - 1)
            next
        }
        !half { head = $0; half = 1; next }
        {
            half = 0
            split(head, w, " ")
            if (w[1] != "f") next
            at = 10
            for (i = 1; i <= 9; i++) at += length(w[i])
            path = substr(head, at)
            if (!(path in known)) next
            split(known[path], had, " ")
            # As words: as numbers these times are equal too soon.
            same = (w[6] " " w[7] " " w[8] == had[3] " " had[4] " " had[5]) && (last < 9 || w[9] "" == had[6] "")
            if (same) print "+ " had[2] " " w[6] " " w[7] " " w[8] " " w[9] "\t" path
        }' part=1 "$2" part=2 -
}
