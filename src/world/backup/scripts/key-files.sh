# The key files of a repository: one per role, and none besides.
roles='production maintenance escrow'

# key_held ROLE: its file is there, and is byte for byte what restic wrote: its name is its digest.
key_held() {
    id=$(key_id "$1")
    [ -n "$id" ] && [ "$(sha256sum 2>/dev/null <"$repository/keys/$id" | cut -c 1-64)" = "$id" ]
}

# strangers: names of key files that are damaged or that were not made here.
strangers() {
    jq -r '.[]' "$key_ids/$stack.json" 2>/dev/null >"$scratch/own" || true
    find "$repository/keys" -maxdepth 1 -type f -printf '%f\n' | grep -xE '[0-9a-f]{64}' | while read -r id; do
        if ! grep -qxF "$id" "$scratch/own" || [ "$(sha256sum <"$repository/keys/$id" | cut -c 1-64)" != "$id" ]; then
            printf '%s\n' "$id"
        fi
    done
}
