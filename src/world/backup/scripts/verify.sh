# Reads a repository where it is kept: its structure, and one part of its data, byte by byte.
# Says what is damaged and which points rest on it; mends nothing, once what production may have
# put there is out of the way. What is found damaged stays
# damaged until it reads well again. The only writer of *.checked.json.
stack= part= of= at=
while IFS=$tab read -r kind a; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        part) part=$a ;;
        of) of=$a ;;
        at) at=$a ;;
        password) secret=$a ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
case $part$of in '' | *[!0-9]*) fail bad-input "part $part of $of is no part" ;; esac
if [ "$part" -lt 1 ] || [ "$part" -gt "$of" ] || [ "$of" -gt 256 ]; then fail bad-input "there is no part $part of $of"; fi
began=$(millis)
local_ready
password "$secret"
alone "repository-$stack"
repository=$repositories/$stack
kept=$verified/$stack
install -d -m 0700 "$verified" "$kept"
[ -e "$repository" ] || fail repository-missing "there is no repository of $stack on this machine"
if [ -e "$repository/config" ] && vault "$repository" cat config --no-lock; then
    sift held
    # A flood of them is left for people; what does not open is found below.
    (hollow) >"$scratch/hollow" || true
fi
ls "$repository/snapshots" 2>/dev/null | grep -xE '[0-9a-f]{64}' >"$scratch/snapshots" || true
view=$repositories/.without-damage-$stack
rm -rf -- "$view"
if [ -s "$kept/record.json" ]; then cp "$kept/record.json" "$scratch/record"; else printf '{}' >"$scratch/record"; fi
jq -e 'type == "object"' "$scratch/record" >/dev/null 2>&1 || printf '{}' >"$scratch/record"

# found FILE WORDS: once per file.
: >"$scratch/findings"
found() {
    if cut -f 1 "$scratch/findings" | grep -qxF -- "$1"; then return 0; fi
    printf '%s\t%s\n' "$1" "$2" >>"$scratch/findings"
}

# whole FILE: restic names its files after the SHA-256 of their bytes.
whole() { [ "$(sha256sum 2>/dev/null <"$repository/$1" | cut -c 1-64)" = "${1##*/}" ]; }

# changed: of the paths on standard input, those whose bytes are not what their names say.
changed() { grep -E '/[0-9a-f]{64}$' | tr '\n' '\0' | (cd "$repository" && xargs -0 -r sha256sum) | awk '{n = $2; sub(/.*\//, "", n); if (n != $1) print $2}'; }

in_part() { [ "$of" -eq 1 ] || [ $((0x${1%"${1#??}"} % of)) -eq $((part - 1)) ]; }

# A pack that is not what it was: in words, by what is there.
pack() {
    file=data/${1%"${1#??}"}/$1
    if [ ! -e "$repository/$file" ]; then
        found "$file" "$file is gone"
    elif sized=$(grep -m 1 "^pack $1: unexpected file size: got " "$scratch/said" | grep -oE 'got [0-9]+, expected [0-9]+'); then
        found "$file" "$file has $(printf %s "$sized" | sed -E 's/got ([0-9]+), expected ([0-9]+)/\1 bytes instead of \2/')"
    elif whole "$file"; then
        found "$file" "$file is as it came, and what is in it cannot be read: it was damaged before it arrived"
    else
        found "$file" "$file is not what was written: bytes in it have changed"
    fi
}

# First what opens the repository, and what is named after its content: nothing of it needs the password.
lost_files >"$scratch/lost"
while IFS=$tab read -r file words; do found "$file" "$words"; done <"$scratch/lost"
(cd "$repository" && find keys index snapshots -type f) 2>/dev/null | changed >"$scratch/changed" || true
while read -r file; do
    case $file in
        keys/*) found "$file" "$file is not what was written: this key no longer opens the repository" ;;
        index/*) found "$file" "$file is not what was written: restic refuses to restore anything until it is made anew" ;;
        snapshots/*) found "$file" "$file is not what was written: this point is lost" ;;
    esac
done <"$scratch/changed"

progress structure "and part $part of $of of the data"
: >"$scratch/points"
if vault "$repository" check --no-lock --read-data-subset="$part/$of"; then
    :
else
    code=$?
    # On either stream, by versions; the same words from 0.14 to 0.18.
    cat "$scratch/out" "$scratch/err" >"$scratch/said"
    if grep -qE 'wrong password or no key found' "$scratch/said" && [ ! -s "$scratch/findings" ]; then
        fail wrong-password "the repository of $stack does not open with this password"
    fi
    grep -oE '^([Pp]ack [0-9a-f]{64}(:| contains| failed)|Pack ID does not match, want [0-9a-f]{64})' "$scratch/said" |
        grep -oE '[0-9a-f]{64}' | sort -u >"$scratch/named" || true
    # An upload that was cut off leaves packs that stand in no index; they are no damage.
    while read -r id; do
        if grep -qE "^pack $id: not referenced in any index" "$scratch/said" && [ "$(grep -cE "ack (ID does not match, want )?$id" "$scratch/said")" -eq 1 ]; then continue; fi
        pack "$id"
    done <"$scratch/named"
    # Where restic gave up before it came to the data.
    (cd "$repository" && find data -type f) 2>/dev/null | while read -r file; do
        if in_part "${file##*/}"; then printf '%s\n' "$file"; fi
    done | changed >"$scratch/changed" || true
    while read -r file; do pack "${file##*/}"; done <"$scratch/changed"
    missing=$(grep -oE '(blob|id) [0-9a-f]{64} not found in' "$scratch/said" | sort -u | tee "$scratch/nowhere" | wc -l)
    if [ "$missing" -gt 0 ]; then
        found index "index: $missing pieces of points stand in no index: a file of it is gone, or packs were deleted"
    fi
    junk=$(grep -oE 'index [0-9a-f]{64}: ciphertext verification failed' "$scratch/said" | grep -oE '[0-9a-f]{64}' | head -n 1) || true
    if [ -n "$junk" ]; then found "index/$junk" "index/$junk is none of restic's own: somebody put it there, and restic refuses to restore anything until it is taken away"; fi
    if grep -q 'ciphertext verification failed' "$scratch/said" && [ ! -s "$scratch/findings" ]; then
        found junk "a file is none of restic's own: somebody put it there: $(grep -m 1 'ciphertext verification failed' "$scratch/said" | cut -c 1-200)"
    fi
    # Killed, or without memory or room: what could not be read is not damaged for that.
    if [ ! -s "$scratch/findings" ] &&
        { [ "$code" -ne 1 ] || grep -qiE 'no space left|cannot allocate memory|too many open files' "$scratch/said"; }; then
        fail restic-failed "the repository of $stack could not be read to its end: restic check ended with $code $(reason)"
    fi
    if [ ! -s "$scratch/findings" ]; then
        found check "restic check ended with $code: $(grep -E 'rror|Fatal|failed' "$scratch/said" | head -n 3 | tr '\n' ' ' | cut -c 1-400)"
    fi
fi
[ -e "$scratch/said" ] || : >"$scratch/said"

# What was damaged before and was not read this time.
jq -r '.damage // [] | .[] | .file' "$scratch/record" | while read -r file; do
    case $file in
        data/*) if [ -e "$repository/$file" ] && { ! whole "$file" || ! in_part "${file##*/}"; }; then printf '%s\n' "$file"; fi ;;
    esac
done >"$scratch/standing"
while read -r file; do
    found "$file" "$(jq -r --arg file "$file" '.damage[] | select(.file == $file) | .words' "$scratch/record")"
done <"$scratch/standing"

# Which points rest on it. Sound, not clever: whoever cannot be walked through whole, or touches
# a piece that is damaged or nowhere, is not trusted.
if [ -s "$scratch/findings" ]; then
    cut -f 1 "$scratch/findings" | grep '^data/' | sed 's#.*/##' >"$scratch/packs" || true
    grep -E '^blob ' "$scratch/nowhere" 2>/dev/null | cut -d ' ' -f 2 >"$scratch/blobs" || : >"$scratch/blobs"
    # restic looks into a pack to learn what is in it, and a damaged one does not say: only of one
    # that is gone does it ask the index. So it looks at the repository without them.
    # Locks and uploads come and go meanwhile, and are nothing of a point.
    install -d -m 0700 -o "$keeper" "$view" "$view/locks"
    (cd "$repository" && cp -al -t "$view" -- data index keys snapshots config) 2>"$scratch/unlinked" || true
    while read -r id; do rm -f -- "$view/data/${id%"${id#??}"}/$id"; done <"$scratch/packs"
    touched() {
        while read -r group; do
            # Ids in groups; they have no spaces.
            vault "$view" find --json --no-lock --snapshot "$2" "$1" $group || return 0
            if grep -vqE '^(some pack files are missing from the repository.*|)$' "$scratch/err"; then return 0; fi
            [ "$(jq -c . "$scratch/out" 2>/dev/null)" = '[]' ] || return 0
        done
        return 1
    }
    while read -r point; do
        if ! whole "snapshots/$point"; then
            why="its own file has changed"
        elif ! vault "$view" ls --json --no-lock "$point"; then
            why="its folders cannot be read"
        elif xargs -r -n 500 <"$scratch/packs" | touched --pack "$point"; then
            why="some of its data is in a pack that is damaged"
        elif xargs -r -n 500 <"$scratch/blobs" | touched --blob "$point"; then
            why="some of its data is nowhere to be found"
        else
            continue
        fi
        jq -cn --arg point "$point" --arg why "$why" '{($point): $why}' >>"$scratch/points"
    done <"$scratch/snapshots"
    rm -rf -- "$view"
fi
jq -cs 'add // {}' "$scratch/points" >"$scratch/damaged"

# The others were proven one rung further, if they had been read back before.
count=0
while read -r point; do
    if [ -e "$rungs/$stack/$point.shipped.json" ] && [ ! -e "$rungs/$stack/$point.checked.json" ] &&
        jq -e --arg point "$point" 'has($point) | not' "$scratch/damaged" >/dev/null; then
        jq -n --arg stack "$stack" --arg point "$point" --arg at "$(date +%Y-%m-%dT%H:%M:%SZ)" --argjson part "$part" --argjson of "$of" \
            '{schema:1,rung:"checked",stack:$stack,point:$point,at:$at,evidence:{part:$part,of:$of}}' |
            write_file "$rungs/$stack/$point.checked.json"
        chmod 0644 "$rungs/$stack/$point.checked.json"
        count=$((count + 1))
    fi
done <"$scratch/snapshots"

# What opens the repository is small, and without it the rest is nothing: kept beside it, as it was when it was well.
if [ ! -s "$scratch/lost" ] && ! cut -f 1 "$scratch/findings" | grep -qE '^(keys/|config$)'; then keep_openers; fi

jq -Rn '[inputs | split("\t") | {file: .[0], words: .[1]}]' "$scratch/findings" >"$scratch/damage"
jq -c --arg at "$at" --argjson part "$part" --argjson of "$of" --slurpfile damage "$scratch/damage" --slurpfile points "$scratch/damaged" --rawfile judged "$scratch/snapshots" '
    (.of // $of) as $before
    | (if $of == 1 and $before > 1 then $before else $of end) as $parts
    | {schema: 1, of: $parts, at: $at,
       read: ((if $before == $parts then .read // {} else {} end)
           + (if $of == 1 then [range(1; $parts + 1) | {(tostring): $at}] | add else {($part | tostring): $at} end)),
       damage: $damage[0],
       damaged_since: (if $damage[0] == [] then null else .damaged_since // $at end),
       judged: ($judged | split("\n") | map(select(. != ""))),
       points: $points[0]}' "$scratch/record" >"$scratch/record.new"
write_file "$kept/record.json" <"$scratch/record.new"
jq -c --argjson checked "$count" --argjson millis $(($(millis) - began)) \
    '{verified:{findings:[.damage[].words],points:.points,checked:$checked,millis:$millis}}' "$scratch/record.new"
