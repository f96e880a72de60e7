# What opens a repository: its config and its key files. Copies lie beside it, where production
# cannot reach, so that a loss is seen at the next look and a person can put it back.
verified=/srv/holdfast/verified

# lost_files: "file TAB words" for what was there and is not any more.
lost_files() {
    for path in "$verified/$stack/opens/config" "$verified/$stack/opens/keys"/*; do
        [ -f "$path" ] || continue
        file=${path#"$verified/$stack/opens/"}
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
        [ -e "$opens/keys/${path##*/}" ] || write_file "$opens/keys/${path##*/}" <"$path"
    done
}
