# Reads a point back where it is kept, and only then says that it was shipped.
# This file is the only writer of *.shipped.json.
stack=
while IFS=$tab read -r kind a; do
    case $kind in
        stack) plain stack "$a" && stack=$a ;;
        point) plain point "$a" && point=$a ;;
        password) secret=$a ;;
        manifest-digest) plain manifest-digest "$a" && wanted=$a ;;
        *) fail bad-input "unknown line: $kind" ;;
    esac
done
began=$(millis)
local_ready
password "$secret"
repository=$repositories/$stack
[ -e "$repository/config" ] || fail repository-missing "there is no repository of $stack on this machine"
[ -e "$repository/snapshots/$point" ] || fail point-missing "the repository of $stack holds no point $point"

# A reading that is at work would hide from what is new with this point.
sift patient
vault "$repository" dump --no-lock "$point" /var/lib/holdfast/dump/manifest.json || vault_failed "manifest"
mv "$scratch/out" "$scratch/manifest"
found=$(sha256sum <"$scratch/manifest")
[ "${found%% *}" = "$wanted" ] || fail manifest-differs "the manifest in the repository is not the one that was written: ${found%% *} instead of $wanted"

vault "$repository" dump --no-lock "$point" /var/lib/holdfast/canary || vault_failed "canary"
canary=$(jq -r .canary "$scratch/manifest")
[ "$(cat "$scratch/out")" = "$canary" ] || fail canary-missing "the canary in the point is not the one in its manifest"

vault "$repository" ls --json --no-lock "$point" || vault_failed "listing"
mv "$scratch/out" "$scratch/ls"
# The tags are what lists and gates go by: they say what the manifest says.
jq -e --slurpfile manifest "$scratch/manifest" 'select(.struct_type == "snapshot") | (.tags // []) as $tags
    | ($tags | index("stack=" + $manifest[0].stack)) and ($tags | index("epoch=\($manifest[0].epoch)"))
    and (($tags | index("aside") != null) == ($manifest[0].aside == true))' "$scratch/ls" >/dev/null ||
    fail manifest-differs "the tags of $point are not those of its manifest"
# Every declared path: there at all, as many files, as many bytes; every dump complete.
jq -cn --slurpfile manifest "$scratch/manifest" "$dumps_of"'
    ([$manifest[0].services[].files | to_entries[]] | unique_by(.key)) as $paths
    # What a complete dump has, by engine.
    | {postgresql: "toc.dat", mariadb: "dump.sql"} as $ends
    | [$manifest[0] | dumps | "/var/lib/holdfast/dump/databases/" + .place + "/" + $ends[.engine]] as $dumps
    | ($dumps | map({(.): true}) | add // {}) as $wanted
    | reduce (inputs | select(.path)) as $n ({bytes: 0, files: 0, seen: {}, there: {}, dumps: {}};
        if $n.type == "dir" then .there[$n.path] = true
        elif $n.type == "file" then
            .bytes += ($n.size // 0) | .files += 1
            | (if $wanted[$n.path] then .dumps[$n.path] = true else . end)
            | reduce $paths[] as $p (.; if $n.path | startswith($p.key + "/")
                then .seen[$p.key] |= {count: ((.count // 0) + 1), bytes: ((.bytes // 0) + ($n.size // 0))} else . end)
        else . end)
    | . as $seen
    | {files: .files, bytes: .bytes, differ: (
        [$paths[] | . as $p
            | if $seen.there[$p.key] != true then "\($p.key) is not in the point"
              elif $p.value.changing == true then empty
              else ($seen.seen[$p.key] // {count: 0, bytes: 0}) as $s
                | if $s.count != $p.value.count or $s.bytes != $p.value.bytes
                  then "\($p.key): \($s.count) files, \($s.bytes) bytes instead of \($p.value.count) files, \($p.value.bytes) bytes" else empty end
              end]
        + [$dumps[] | . as $d | if $seen.dumps[$d] then empty else "\($d) is not in the point" end])}
    ' "$scratch/ls" >"$scratch/seen"
if [ "$(jq '.differ | length' "$scratch/seen")" -ne 0 ]; then
    fail content-differs "$(jq -r '.differ | join("; ")' "$scratch/seen" | cut -c1-2000)"
fi

mkdir -p -m 0755 "$rungs/$stack"
chmod 0755 "$rungs/$stack"
# What it looks like beside the others: new content is what indexes describe that arrived since
# the last point of which that is known: what nobody could look at counts with the next.
# Retention freezes when it looks wrong (S12).
last=$(ls -t "$rungs/$stack"/*.shipped.json 2>/dev/null | grep -vF "/$point.shipped.json" | while read -r file; do
    if jq -e '.shape.unlooked != true' "$file" >/dev/null 2>&1; then
        printf '%s\n' "$file"
        break
    fi
done) || true
sort -u "$known/$stack.sums" | while read -r id added packed; do
    if [ -e "$repository/index/$id" ] && { [ -z "$last" ] || [ "$repository/index/$id" -nt "$last" ]; }; then
        printf '%s %s\n' "$added" "$packed"
    fi
done | awk '{a += $1; p += $2} END {printf "%.0f %.0f", a, p}' >"$scratch/news"
# The first one in a repository brings everything, and of copies nobody knows what each brought.
if [ -z "$last" ] || grep -q "^$point " "$known/$stack.copies"; then printf 'null null' >"$scratch/news"; fi
jq -cn --slurpfile manifest "$scratch/manifest" --slurpfile seen "$scratch/seen" --rawfile news "$scratch/news" --arg sifted "$sifted" '
    ($news | split(" ") | map(fromjson)) as $news
    | [$manifest[0].services[].databases[]?.rows | add // 0] as $rows
    | {files:$seen[0].files, bytes:$seen[0].bytes, rows:(if $rows == [] then null else ($rows | add) end),
       unlooked:($sifted == ""), added:(if $sifted == "" then null else $news[0] end), packed:(if $sifted == "" then null else $news[1] end),
       holds:([$manifest[0].services[] | (.files | keys[] | "files " + .), (.databases | keys[] | "database " + .)] | unique)}' >"$scratch/shape"
jq -n --arg stack "$stack" --arg point "$point" --arg at "$(date +%Y-%m-%dT%H:%M:%SZ)" --arg digest "$wanted" --slurpfile seen "$scratch/seen" \
    --slurpfile shape "$scratch/shape" \
    '{schema:1,rung:"shipped",stack:$stack,point:$point,at:$at,manifest:$digest,files:$seen[0].files,bytes:$seen[0].bytes,shape:$shape[0]}' |
    write_file "$rungs/$stack/$point.shipped.json"
jq -c --argjson millis $(($(millis) - began)) '{read_back:{files:.files,bytes:.bytes,millis:$millis}}' "$scratch/seen"
