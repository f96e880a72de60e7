# Beginning of every script: a private work directory, words for answers, a
# last line that says why it failed. Sourced by concatenation, run by sh.
set -eu
umask 022
export LC_ALL=C.UTF-8 HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd /
etc=/etc/holdfast
lib=/usr/local/lib/holdfast
tab=$(printf '\t')
phase=start
answered=
work=$(mktemp -d /run/holdfast.XXXXXX)
exec 2>"$work/stderr"

# A JSON string.
json() {
    printf '%s' "$1" | tr -d '\000-\010\013-\037' | awk '
        BEGIN { printf "\"" }
        { gsub(/[\\"]/, "\\\\&"); gsub(/\t/, "\\t"); printf "%s%s", (NR > 1 ? "\\n" : ""), $0 }
        END { printf "\"" }'
}

fail() {
    answered=yes
    printf '{"error":{"code":"%s","message":%s}}\n' "$1" "$(json "$2")"
    exit 1
}

progress() {
    phase=$1
    printf '{"progress":{"phase":%s,"detail":%s}}\n' "$(json "$1")" "$(json "${2-}")"
}

# The last words of a log, for a message.
tail_of() {
    tail -n 12 "$1" 2>/dev/null | tail -c 1500
}

at_end() {
    :
}
finish() {
    status=$?
    trap - EXIT
    at_end
    if [ "$status" -ne 0 ] && [ -z "$answered" ]; then
        printf '{"error":{"code":"unexpected","message":%s}}\n' \
            "$(json "stopped in phase $phase with exit $status: $(tail_of "$work/stderr")")"
    fi
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT
trap 'exit 129' HUP INT TERM PIPE

stage() {
    cat "$etc/stage" 2>/dev/null || echo blank
}

set_stage() {
    mkdir -p "$etc"
    printf '%s\n' "$1" >"$etc/.stage.new"
    sync "$etc/.stage.new"
    mv -f "$etc/.stage.new" "$etc/stage"
}

# One changing script at a time: a run that was given up may still be at work here.
lock() {
    exec 9>/run/holdfast.lock
    flock -w 600 9 || fail busy "another script has been at work here for ten minutes"
}
