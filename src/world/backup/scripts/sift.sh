# What production adds to a repository may be anything (S10): restic stops at an
# index or a key that is not one, and believes an index that lies. So whatever
# arrived since the last good look is looked at by itself, and what is nobody's
# is moved out of restic's sight; never deleted, for people to look at.
known=/srv/holdfast/known
aside=/srv/holdfast/aside
# More new files of one kind than this are a flood: the first ones are looked at, the rest waits aside.
flood=200

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
    for of in index keys snapshots locks; do
        grep "^$of/" "$scratch/moving" >"$scratch/moving.one" || continue
        install -d -m 0700 "$aside" "$aside/$stack" "$aside/$stack/$of"
        (cd "$repository" && xargs mv -f -t "$aside/$stack/$of" -- <"$scratch/moving.one")
        jq -cn --arg kind "$of" --arg why "$1" --arg at "$(date +%Y-%m-%dT%H:%M:%SZ)" --argjson files "$(wc -l <"$scratch/moving.one")" \
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
    if [ "$(comm -12 "$scratch/named" "$known/$stack.packs" | wc -l)" -gt 0 ]; then
        why="it speaks of packs that an earlier index has described"
        return 1
    fi
}

# sift [held]: of the repository of $stack, whose password is set. "held": this run has its lock.
sift() {
    repository=$repositories/$stack
    if [ "${1-}" != held ]; then
        exec 8>"/run/holdfast/repository-$stack.lock"
        # Whoever works on it sifts it, and makes keys that are not in the list yet.
        if ! flock -n 8; then
            exec 8>&-
            return 0
        fi
    fi
    install -d -m 0700 "$known"
    touch "$known/$stack.files" "$known/$stack.sums" "$known/$stack.packs"
    here >"$scratch/here"
    sort -o "$scratch/known" "$known/$stack.files"
    # In the order of arrival.
    without "$scratch/known" "$scratch/here" >"$scratch/fresh"
    if [ -s "$scratch/fresh" ]; then sift_fresh; fi
    sift_locks
    if [ "${1-}" != held ]; then exec 8>&-; fi
}

# restic on production stops at a lock that is none, so that one uploaded yesterday would keep its
# successor from taking points. A holder that lives writes its lock anew every five minutes: one
# that is half an hour old by this machine's clock belongs to nobody, whatever is in it.
sift_locks() {
    find "$repository/locks" -maxdepth 1 -type f -mmin +31 -delete
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
    vault "$repository" cat config --no-lock || : >"$scratch/fresh.index"
    tail -n "+$((flood + 1))" "$scratch/fresh.index" | set_aside "one of a flood, not looked at"
    head -n "$flood" "$scratch/fresh.index" >"$scratch/look"
    while read -r name; do
        if index_sound "${name#index/}"; then
            printf '%s\n' "$name" >>"$scratch/good"
            printf '%s %s\n' "${name#index/}" "$sums" >>"$known/$stack.sums"
            sort -u -o "$scratch/named" "$scratch/named" "$known/$stack.packs"
            mv "$scratch/named" "$known/$stack.packs"
        else
            printf '%s\n' "$name" | set_aside "$why"
        fi
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

# trust_all: what is in the repository now was put or left there by the vault side.
trust_all() {
    here | sort | write_file "$known/$stack.files"
    find "$repository/data" -type f -printf '%f\n' | sort | write_file "$known/$stack.packs"
}
