# The whole repository of a stack that keeps its points elsewhere now, because
# people signed for it by name (S3). Looked at again right before: it opens with
# this stack's key, and holds what the plan saw and nothing else. Interrupted, it
# is done again: what lies in $gone was judged.
gone=$leaving$stack

if [ -e "$repository" ]; then
    [ -e "$repository/config" ] || fail repository-damaged "$repository is there but is no repository; look at it"
    # A run that ended before anything was moved, or an earlier repository that had gone already.
    rm -rf -- "$gone"
    sift held
    list_snapshots || vault_failed "listing"
    jq -r --arg tag "stack=$stack" '.[] | select((.tags // []) | index($tag) and any(startswith("epoch="))) | .id' "$scratch/out" |
        sort >"$scratch/there"
    sort -o "$scratch/asked" "$scratch/asked"
    comm -13 "$scratch/asked" "$scratch/there" >"$scratch/more"
    [ ! -s "$scratch/more" ] ||
        fail point-unknown "$(wc -l <"$scratch/more") points in the repository of $stack were not there when it was judged; nothing was deleted"
    comm -23 "$scratch/asked" "$scratch/there" >"$scratch/fewer"
    [ ! -s "$scratch/fewer" ] ||
        fail point-missing "$(wc -l <"$scratch/fewer") points that were judged are not in the repository of $stack; nothing was deleted"
    install -d -m 0700 "$gone"
    du -sc -B1 -- "$repository" "$rungs/$stack" 2>/dev/null | tail -n 1 | cut -f 1 | write_file "$gone/bytes"
    # At once: from here on nobody calls it a repository.
    mv -T -- "$repository" "$gone/repository"
    sync -f "$repositories"
fi
freed=0
if [ -e "$gone" ]; then
    progress discard "deleting the repository of $stack"
    rm -rf -- "$rungs/$stack" "$key_ids/$stack.json" "$known/$stack.files" "$known/$stack.sums" "$known/$stack.packs" \
        "$known/$stack.read" "$known/$stack.copies" "$known/$stack.marks" "$known/$stack.pruning" \
        "/srv/holdfast/verified/$stack" "/srv/holdfast/former/$stack"
    rm -rf -- "$gone/repository"
    freed=$(cat "$gone/bytes" 2>/dev/null || echo 0)
    rm -rf -- "$gone"
    sync -f "$repositories"
fi
jq -cn --argjson freed "$freed" --argjson millis $(($(millis) - began)) '{discarded:{freed:$freed,millis:$millis}}'
