# What production adds to a repository may be anything (S10): restic stops at an
# index or a key that is not one, and believes an index that lies. So whatever
# arrived since the last good look is looked at by itself, and what is nobody's
# is moved out of restic's sight; never deleted, for people to look at.
known=/srv/holdfast/known
aside=/srv/holdfast/aside
# More new files of one kind than this are a flood: the first ones are looked at, the rest waits aside.
flood=200
# What prune makes and leaves is told from what production adds by who may write meanwhile: the
# members of this group, and nobody is one.
closers=holdfast-closed
# Why something that arrived could not be looked at, if so: it is neither good nor aside.
unlooked=

# here: every file that restic reads before it reads data, as kind/name.
here() {
    (cd "$repository" && find index keys snapshots -maxdepth 1 -type f -printf '%T@ %p\n') |
        grep -E '^[0-9.]+ (index|keys|snapshots)/[0-9a-f]{64}$' | sort -n | cut -d ' ' -f 2
}

# without FILE FILE: lines of the second that are not in the first.
without() { grep -vxFf "$1" "$2" || true; }

# set_aside WHY: the files named on standard input, as kind/name.
set_aside() {
    cat >"$scratch/moving"
    [ -s "$scratch/moving" ] || return 0
    for dir in index keys snapshots locks; do
        grep "^$dir/" "$scratch/moving" >"$scratch/moving.one" || continue
        install -d -m 0700 "$aside" "$aside/$stack" "$aside/$stack/$dir"
        (cd "$repository" && xargs mv -f -t "$aside/$stack/$dir" -- <"$scratch/moving.one")
        jq -cn --arg kind "$dir" --arg why "$1" --arg at "$(date +%Y-%m-%dT%H:%M:%SZ)" --argjson files "$(wc -l <"$scratch/moving.one")" \
            --arg first "$(head -n 1 "$scratch/moving.one")" '{at:$at,kind:$kind,why:$why,files:$files,first:$first}' >>"$aside/$stack/why.jsonl"
    done
}

# index_sound ID: with its sums in $sums; if not, with the reason in $why.
index_sound() {
    file=$repository/index/$1
    why=
    [ "$(stat -c %s "$file")" -le 67108864 ] || why="larger than any index"
    # Shorter than nonce and tag: restic falls over it.
    [ "$(stat -c %s "$file")" -gt 32 ] || why="too short to be anything"
    [ -n "$why" ] || [ "$(sha256sum <"$file" | cut -c 1-64)" = "$1" ] || why="its name is not its digest"
    [ -z "$why" ] || return 1
    # Its digest is its name, so these are the bytes that came; and the repository opens.
    if ! vault "$repository" cat index "$1" --no-lock; then
        why="restic cannot read it"
        return 1
    fi
    if ! jq -r '.packs[].id' "$scratch/out" 2>/dev/null | sort >"$scratch/named" ||
        ! says <"$scratch/out" >"$scratch/says" 2>/dev/null ||
        grep -qvE '^[0-9a-f]{64} [0-9a-f]{64}$' "$scratch/says" ||
        ! sums=$(jq -r '[.packs[].blobs[] | select(.type == "data")] | "\(map(.uncompressed_length // .length) | add // 0) \(map(.length) | add // 0)"' "$scratch/out" 2>/dev/null); then
        why="it is no index"
        return 1
    fi
    if [ ! -e "$scratch/packs.$stack" ]; then
        find "$repository/data" -type f -printf '%f\n' | sort >"$scratch/packs.$stack"
    fi
    lost=$(comm -23 "$scratch/named" "$scratch/packs.$stack" | wc -l)
    if [ "$lost" -gt 0 ]; then
        why="it names packs that are not there"
        return 1
    fi
    case $(told | shares "$scratch/says") in
        *pack*)
            why="it speaks of packs that an earlier index has described"
            return 1
            ;;
        # An upload that was cut off and came again, or two at once: then the packs hold it.
        *blob*)
            if holds "$1"; then return 0; else code=$?; fi
            why="it says that what is there already lies in packs that do not hold it"
            return "$code"
            ;;
    esac
}

# says: of an index, each piece and the pack that it lies in.
says() { jq -r '.packs[] | .id as $pack | .blobs[] | "\(.id) \($pack)"'; }

# told: the same of all indexes that were found good.
told() { find "$known/$stack.packs" -type f -exec cat {} +; }

# shares FILE: "pack" and "blob", if what is said on standard input and in the file has one in common.
shares() {
    awk 'NR == FNR {blobs[$1]; packs[$2]; next} $2 in packs {pack = "pack"} $1 in blobs {blob = "blob"} END {print pack, blob}' "$1" -
}

# holds ID: whether its packs hold what that index says of them: every byte of them is read, apart
# from all the others. 1: they do not; 2: nobody could read it.
holds() {
    if grep -qxF "$1" "$known/$stack.read"; then return 0; fi
    apart=$repositories/.apart-$stack
    rm -rf -- "$apart"
    install -d -m 0700 -o "$keeper" "$apart"
    for dir in data index keys locks snapshots; do install -d -m 0700 -o "$keeper" "$apart/$dir"; done
    vault "$repository" cat index "$1" --no-lock || return 2
    jq -r '.packs[].id | "data/\(.[:2])/\(.)"' "$scratch/out" >"$scratch/apart"
    code=2
    if (
        cd "$repository" && cp -l config "$apart/" && cp -l "index/$1" "$apart/index/" &&
            find keys -maxdepth 1 -type f -exec cp -l -t "$apart/keys" {} + && xargs -r cp -al --parents -t "$apart" <"$scratch/apart"
    ); then
        code=0
        vault "$apart" check --no-lock --read-data || code=$?
    fi
    rm -rf -- "$apart"
    case $code in
        0) printf '%s\n' "$1" >>"$known/$stack.read" ;;
        1) return 1 ;;
        # Killed, or out of memory: that says nothing of the packs.
        *) return 2 ;;
    esac
}

# sift [held | patient]: of the repository of $stack, whose password is set. "held": this run has its
# lock; "patient": waits a minute for it. $sifted is empty when somebody else works on it.
sift() {
    repository=$repositories/$stack
    sifted=
    # It was one file of names once.
    if [ -f "$known/$stack.packs" ]; then rm -f -- "$known/$stack.packs"; fi
    install -d -m 0700 "$known" "$known/$stack.packs"
    touch "$known/$stack.files" "$known/$stack.sums" "$known/$stack.read" "$known/$stack.copies"
    if [ "${1-}" != held ]; then
        exec 8>"/run/holdfast/repository-$stack.lock"
        # Whoever works on it sifts it, and makes keys that are not in the list yet.
        wait=0
        if [ "${1-}" = patient ]; then wait=60; fi
        if ! flock -w "$wait" 8; then
            exec 8>&-
            return 0
        fi
    fi
    unlooked=
    # Somebody closed it and was killed.
    if [ -z "$closed" ] && ! open_way; then
        unlooked="what prune left: $(reason)"
        if [ "${1-}" != held ]; then exec 8>&-; fi
        return 0
    fi
    here >"$scratch/here"
    # What a good index said ends with it: people make them anew, and so does prune.
    find "$known/$stack.packs" -type f -printf 'index/%f\n' | sort >"$scratch/told"
    without "$scratch/here" "$scratch/told" | while read -r name; do rm -f -- "$known/$stack.packs/${name#index/}"; done
    { grep -v '^index/' "$known/$stack.files" || true; cat "$scratch/told"; } | sort >"$scratch/known"
    # In the order of arrival.
    without "$scratch/known" "$scratch/here" >"$scratch/fresh"
    if [ -s "$scratch/fresh" ]; then sift_fresh; fi
    sift_locks
    if [ -z "$unlooked" ]; then sifted=yes; fi
    if [ "${1-}" != held ]; then exec 8>&-; fi
}

# restic on production stops at a lock that is none, so that one uploaded yesterday would keep its
# successor from taking points.
sift_locks() {
    find "$repository/locks" -maxdepth 1 -type f -print | while read -r file; do
        if lock_abandoned "$file"; then rm -f -- "$file"; fi
    done
    (cd "$repository" && find locks -maxdepth 1 -type f -printf '%s %p\n') | grep -E '^[0-9]+ locks/[0-9a-f]{64}$' >"$scratch/locks" || true
    [ -s "$scratch/locks" ] || return 0
    awk '$1 <= 32 {print $2}' "$scratch/locks" | set_aside "too short to be anything"
    awk '$1 > 32 {print $2}' "$scratch/locks" >"$scratch/look"
    tail -n +21 "$scratch/look" | set_aside "one of a flood, not looked at"
    head -n 20 "$scratch/look" | while read -r name; do
        # Gone meanwhile: it was somebody's, and they have ended.
        if ! vault "$repository" cat lock "${name#locks/}" --no-lock && [ -e "$repository/$name" ] && vault "$repository" cat config --no-lock; then
            printf '%s\n' "$name" | set_aside "restic cannot read it"
        fi
    done
}

sift_fresh() {
    : >"$scratch/good"
    # The keys that were made here stand in a list outside the repository. Without one, what is no key at all goes.
    own=/srv/holdfast/keys/$stack.json
    grep '^keys/' "$scratch/fresh" >"$scratch/fresh.keys" || true
    if [ -s "$own" ]; then
        jq -r '.[] | "keys/" + .' "$own" >"$scratch/own"
        without "$scratch/own" "$scratch/fresh.keys" | set_aside "a key that was not made here"
    else
        : >"$scratch/no-keys"
        head -n "$flood" "$scratch/fresh.keys" | while read -r key; do
            jq -e 'objects | has("kdf") and has("data")' "$repository/$key" >/dev/null 2>&1 || printf '%s\n' "$key"
        done >"$scratch/no-keys"
        tail -n "+$((flood + 1))" "$scratch/fresh.keys" >>"$scratch/no-keys"
        set_aside "no key" <"$scratch/no-keys"
    fi
    without "$scratch/moving" "$scratch/fresh.keys" >>"$scratch/good"

    grep '^index/' "$scratch/fresh" >"$scratch/fresh.index" || true
    # With a wrong password every one of them would look like nobody's.
    if ! vault "$repository" cat config --no-lock; then
        unlooked=$(reason)
        : >"$scratch/fresh.index"
    fi
    tail -n "+$((flood + 1))" "$scratch/fresh.index" | set_aside "one of a flood, not looked at"
    head -n "$flood" "$scratch/fresh.index" >"$scratch/look"
    while read -r name; do
        if index_sound "${name#index/}"; then code=0; else code=$?; fi
        case $code in
            0)
                printf '%s %s\n' "${name#index/}" "$sums" >>"$known/$stack.sums"
                write_file "$known/$stack.packs/${name#index/}" <"$scratch/says"
                ;;
            1) printf '%s\n' "$name" | set_aside "$why" ;;
            *) unlooked="the packs of $name could not be read: $(reason)" ;;
        esac
    done <"$scratch/look"

    # The others are looked at all at once, when they are listed.
    grep '^snapshots/' "$scratch/fresh" >"$scratch/fresh.snapshots" || true
    (cd "$repository" && find snapshots -maxdepth 1 -type f -size -33c) >"$scratch/short"
    set_aside "too short to be anything" <"$scratch/short"
    without "$scratch/short" "$scratch/fresh.snapshots" >"$scratch/look"
    tail -n "+$((flood + 1))" "$scratch/look" | set_aside "one of a flood, not looked at"
    head -n "$flood" "$scratch/look" >>"$scratch/good"

    sort -u "$scratch/known" "$scratch/good" | write_file "$known/$stack.files"
}

# list_snapshots: all of them as JSON in $scratch/out. `restic snapshots` passes over one that does
# not open, `restic backup` stops at it: it is set aside. If restic falls over one, those that were
# never read back are looked at one by one.
list_snapshots() {
    here | grep '^snapshots/' | sort >"$scratch/there" || true
    if ! vault "$repository" snapshots --json --no-lock; then
        case $(reason) in *'wrong password'* | *'no key found'*) return 1 ;; esac
        # If the repository itself does not open, for want of a key, no snapshot would.
        vault "$repository" cat config --no-lock || return 1
        head -n "$flood" "$scratch/there" >"$scratch/look"
        while read -r name; do
            id=${name#snapshots/}
            if [ ! -e "$rungs/$stack/$id.shipped.json" ] && ! vault "$repository" cat snapshot "$id" --no-lock; then
                printf '%s\n' "$name" | set_aside "restic cannot read it"
            fi
        done <"$scratch/look"
        vault "$repository" snapshots --json --no-lock || return 1
    fi
    # Of those that were there before: what arrives meanwhile is the next look's.
    jq -r '.[] | "snapshots/" + .id' "$scratch/out" >"$scratch/opened"
    without "$scratch/opened" "$scratch/there" | while read -r name; do
        # What was read back once and does not open now is damaged, not junk.
        id=${name#snapshots/}
        if [ -e "$repository/$name" ] && [ ! -e "$rungs/$stack/$id.shipped.json" ]; then printf '%s\n' "$name"; fi
    done >"$scratch/unopened"
    set_aside "it does not open with the repository's key" <"$scratch/unopened"
}

# hollow: sets aside snapshots whose trees are not there, as production can upload: they are nobody's
# points, and prune stops at them. 1 when more were never read back than anybody would look at.
hollow() {
    list_snapshots || vault_failed "listing"
    jq -r '.[].id' "$scratch/out" >"$scratch/ids"
    looked=0
    while read -r id; do
        if [ -e "$rungs/$stack/$id.shipped.json" ]; then continue; fi
        looked=$((looked + 1))
        [ "$looked" -le 50 ] || return 1
        vault "$repository" ls --no-lock "$id" ||
            printf 'snapshots/%s\n' "$id" | set_aside "a snapshot whose content is not there"
    done <"$scratch/ids"
}

# each_piece_once: prune keeps any one of two packs that hold the same piece, and goes by what
# indexes say. So both are read first: of whatever stands twice, the second was read when it
# came, and the first may have come before what it lies about.
each_piece_once() {
    told | sort -u | cut -d ' ' -f 1 | uniq -d | sed 's/$/ -/' >"$scratch/twice"
    [ -s "$scratch/twice" ] || return 0
    find "$known/$stack.packs" -type f -printf '%f\n' >"$scratch/ids"
    while read -r id; do
        case $(shares "$scratch/twice" <"$known/$stack.packs/$id") in
            *blob*) holds "$id" || fail repository-damaged "index/$id says that packs hold what other packs hold too, and they do not read well: $(reason)" ;;
        esac
    done <"$scratch/ids"
}

# close_way: from here on production can add nothing that restic would go by, until open_way. Not
# even prune's own traces could be told from what came meanwhile. Locks it may leave: restic there
# sees ours, and says so.
close_way() {
    getent group "$closers" >/dev/null || groupadd --system "$closers" || fail unexpected "the group $closers cannot be made"
    for dir in keys snapshots index; do
        chown "root:$closers" "$repository/$dir"
        chmod 0775 "$repository/$dir"
    done
    closed=yes
    # What came until it closed.
    rm -f "$scratch/packs.$stack"
    sift held
}

# pruning: what is in the repository from here on, this machine's restic leaves there.
pruning() { : | write_file "$known/$stack.pruning"; }

# open_way: after whoever closed it, however that ended.
open_way() {
    if [ -e "$known/$stack.pruning" ]; then
        if ! trust_all; then return 1; fi
        rm -f -- "$known/$stack.pruning"
    fi
    for dir in keys snapshots index; do
        if [ -d "$repository/$dir" ] && [ "$(stat -c %G "$repository/$dir")" = "$closers" ]; then
            chmod --reference="$repository/data" "$repository/$dir"
            chown --reference="$repository/data" "$repository/$dir"
        fi
    done
    closed=
}

# trust_all: what is in the repository now was put or left there by the vault side. 1: an index
# cannot be read, so nobody could tell what is new.
trust_all() {
    here | sort >"$scratch/all"
    grep '^index/' "$scratch/all" >"$scratch/look" || true
    while read -r name; do
        if [ -e "$known/$stack.packs/${name#index/}" ]; then continue; fi
        vault "$repository" cat index "${name#index/}" --no-lock || return 1
        says <"$scratch/out" | write_file "$known/$stack.packs/${name#index/}"
    done <"$scratch/look"
    write_file "$known/$stack.files" <"$scratch/all"
}
