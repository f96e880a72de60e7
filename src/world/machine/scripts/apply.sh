# Words for the scripts that change a machine. Input lines are separated by
# tabs; empty fields are written "-". Contents of files are base64.

# Sorts the input into lists: lines of a kind in $work/KIND, without the kind,
# contents in $work/content/N with N in place of the content.
read_input() {
    (
        umask 077
        mkdir "$work/content"
        cat >"$work/input"
        for kind in tool package early file directory state unit role database init restart; do
            : >"$work/$kind"
        done
        awk -F '\t' -v OFS='\t' -v work="$work" '
            { kind = $1 }
            kind == "early" || kind == "file" || kind == "role" || kind == "identity" {
                content = work "/content/" (++n)
                print ($NF == "-" ? "" : $NF) > content
                close(content)
                $NF = n
            }
            { sub(/^[^\t]*\t/, ""); print > (work "/" kind) }' "$work/input"
        rm "$work/input"
    )
}

# Number, path, mode, owner, group: in one step, and never readable by others meanwhile.
write_file() {
    parent=${2%/*}
    [ -d "$parent" ] || mkdir -p "$parent"
    new=$parent/.holdfast.new
    (umask 077 && base64 -d "$work/content/$1" >"$new")
    chown "$4:$5" "$new"
    chmod "$3" "$new"
    mv -fT "$new" "$2"
}

write_files() {
    while IFS=$tab read -r path mode owner group number; do
        write_file "$number" "$path" "$mode" "$owner" "$group"
    done <"$work/$1"
}

make_directories() {
    while IFS=$tab read -r path mode owner group; do
        [ -d "$path" ] || mkdir -p "$path"
        chown "$owner:$group" "$path"
        chmod "$mode" "$path"
    done <"$work/$1"
}

apt() {
    DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l APT_LISTCHANGES_FRONTEND=none \
        apt-get -q -y -o Dpkg::Use-Pty=0 -o APT::Install-Recommends=false \
        -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
        ${unsafe_io:+-o Dpkg::Options::=--force-unsafe-io} \
        "$@" </dev/null >>"$work/apt.log" 2>&1
}

# The names in $work/LIST that are not installed.
missing() {
    sort -u "$work/$1" >"$work/wanted"
    xargs -r dpkg-query -W -f '${Package} ${db:Status-Status}\n' <"$work/wanted" 2>/dev/null |
        sed -n 's/ installed$//p' | sort -u >"$work/installed" || true
    comm -23 "$work/wanted" "$work/installed"
}

# Mirrors have bad minutes, lists grow old, and a killed run leaves dpkg in the middle.
install_packages() {
    for pause in 0 5 20; do
        names=$(missing "$1")
        [ -n "$names" ] || return 0
        [ "$pause" -eq 0 ] || {
            sleep "$pause"
            dpkg --configure -a </dev/null >>"$work/apt.log" 2>&1 || true
            apt update || true
        }
        # Package names have no blanks.
        apt install $names || continue
    done
    [ -z "$(missing "$1")" ] || fail packages "apt: $(grep -E '^(E|dpkg|W):' "$work/apt.log" | tail -n 6 | tail -c 1500)"
}

# Units in the order given; those of services afresh as long as no user was ever here.
start_units() {
    while read -r unit; do
        systemctl is-enabled -q "$unit" 2>/dev/null || printf '%s\n' "$unit"
    done <"$work/unit" >"$work/disabled"
    xargs -r systemctl enable -q <"$work/disabled" 2>"$work/systemctl.log" ||
        fail units "$(tail_of "$work/systemctl.log")"
    : >"$work/afresh"
    if [ "$(stage)" != opened ] && [ -e "$etc/units" ]; then
        grep -xF -f "$etc/units" "$work/unit" >"$work/afresh" || true
    fi
    grep -vxF -f "$work/afresh" "$work/unit" >"$work/simply" || true
    xargs -r systemctl start <"$work/simply" 2>"$work/systemctl.log" || true
    xargs -r systemctl restart <"$work/afresh" 2>>"$work/systemctl.log" || true
    down=
    while read -r unit; do
        systemctl is-active -q "$unit" || down="$down $unit"
    done <"$work/unit"
    [ -z "$down" ] || fail units "not running:$down; $(journalctl -q -n 6 -o cat $(printf ' -u %s' $down) 2>/dev/null | tail -c 1000)"
}
