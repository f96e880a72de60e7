# What opens a repository: its config and its key files. Copies lie beside it, where production
# cannot reach, so that a loss is seen at the next look and a person can put it back.
verified=/srv/holdfast/verified

# ours FILE: the config, and keys that were made here and are still meant to be there, as far as
# there is a list of them.
ours() {
    case $1 in keys/*) [ ! -s "/srv/holdfast/keys/$stack.json" ] || grep -qF "\"${1#keys/}\"" "/srv/holdfast/keys/$stack.json" ;; esac
}

# lost_files: "file TAB words" for what was there and is not any more.
lost_files() {
    for path in "$verified/$stack/opens/config" "$verified/$stack/opens/keys"/*; do
        [ -f "$path" ] || continue
        file=${path#"$verified/$stack/opens/"}
        ours "$file" || continue
        if [ ! -e "$repository/$file" ]; then
            printf '%s\t%s\n' "$file" "$file is gone; a copy of it is $path"
        elif ! cmp -s "$path" "$repository/$file"; then
            printf '%s\t%s\n' "$file" "$file is not what was written; a copy of it is $path"
        fi
    done
    if [ ! -e "$repository/config" ] && [ ! -e "$verified/$stack/opens/config" ]; then
        printf '%s\t%s\n' config "config is gone, and there is no copy of it here"
    fi
    if [ -z "$(ls -A "$repository/keys" 2>/dev/null)" ] && [ -z "$(ls -A "$verified/$stack/opens/keys" 2>/dev/null)" ]; then
        printf '%s\t%s\n' keys "every key file is gone, and there is no copy of any here"
    fi
}

keep_openers() {
    opens=$verified/$stack/opens
    install -d -m 0700 "$opens" "$opens/keys"
    [ -e "$opens/config" ] || write_file "$opens/config" <"$repository/config"
    for path in "$repository/keys"/*; do
        if ! ours "keys/${path##*/}"; then continue; fi
        [ -e "$opens/keys/${path##*/}" ] || write_file "$opens/keys/${path##*/}" <"$path"
    done
}
