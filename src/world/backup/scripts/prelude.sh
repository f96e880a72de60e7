# Beginning of every script of this room: errors as JSON, a scratch place in
# memory that only root can read, and the lock that keeps two runs apart.
set -eu
export LC_ALL=C TZ=UTC PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
umask 077
cd /
tab=$(printf '\t')
newline='
'
said=
scratch=
restic_pid=
# A function that runs when the script ends, however it ends.
at_end=
half=

finish() {
    code=$?
    trap - EXIT
    # A restic that nobody waits for would go on writing.
    if [ -n "$restic_pid" ]; then kill "$restic_pid" 2>/dev/null || true; fi
    if [ -n "$at_end" ]; then "$at_end" || true; fi
    # What is still being written there goes with the next run.
    if [ -n "$scratch" ]; then rm -rf -- "$scratch" || true; fi
    # Whatever it was that could not be written: a full disk is why.
    if [ "$code" -ne 0 ] && [ -z "$said" ] && [ -n "$half" ] &&
        [ "$(df -B1 --output=avail "$half" 2>/dev/null | tail -n 1)" -lt 65536 ] 2>/dev/null; then
        printf '{"error":{"code":"disk-full","message":"no space left on device: the dumps lie at %s"}}\n' "$half"
        said=yes
    fi
    # Half a dump is of no use, and takes the room that a full disk lacks.
    if [ -n "$half" ]; then rm -rf -- "$half"; fi
    if [ "$code" -ne 0 ] && [ -z "$said" ]; then
        printf '{"error":{"code":"unexpected","message":"a command failed with exit code %d"}}\n' "$code"
        exit 1
    fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' HUP INT TERM PIPE

# fail CODE MESSAGE: the last line of the answer. Never call it in a subshell.
fail() {
    jq -cn --arg code "$1" --arg message "$2" '{error:{code:$code,message:$message}}'
    said=yes
    exit 1
}

# progress PHASE DETAIL
progress() {
    jq -cn --arg phase "$1" --arg detail "$2" '{progress:{phase:$phase,detail:$detail}}'
}

if ! command -v jq >/dev/null; then
    said=yes
    printf '{"error":{"code":"tool-missing","message":"jq is not installed"}}\n'
    exit 1
fi

mkdir -p -m 0711 /run/holdfast
# What a killed run left may hold a password.
for left in /run/holdfast/scratch.*; do
    if [ -d "$left" ] && ! [ -d "/proc/${left##*.}" ]; then rm -rf -- "$left"; fi
done
scratch=/run/holdfast/scratch.$$
rm -rf -- "$scratch"
mkdir "$scratch"

# decode BASE64: the text in $decoded, final newlines gone.
decode() {
    decoded=$(printf %s "$1" | base64 -d) || fail bad-input "not base64"
}

# plain WHAT WORD: refuses what could leave its directory or become an option.
plain() {
    case $2 in
        '' | [.-]* | *[!A-Za-z0-9._-]*) fail bad-input "$1 has characters that are not allowed here: $2" ;;
    esac
}

# absolute PATH: refuses what is no plain absolute path.
absolute() {
    case $1 in
        *"$tab"* | *"$newline"* | */../* | */.. | */./* | *//* | */ | /) fail bad-input "not a plain absolute path: $1" ;;
        /*) ;;
        *) fail bad-input "not an absolute path: $1" ;;
    esac
}

# alone NAME: waits until no other run of NAME is at work. restic, started
# below, inherits the lock, so it also holds when its shell was killed.
alone() {
    exec 9>"/run/holdfast/$1.lock"
    flock -w 900 9 || fail busy "another run is still at work on this machine"
}

millis() { date +%s%3N; }

# the stage of this machine in $stage
read_stage() {
    stage=blank
    if [ -e /etc/holdfast/stage ]; then stage=$(tr -d ' \n' </etc/holdfast/stage); fi
}

# write_file PATH: standard input, whole or not at all, on the disk.
write_file() {
    cat >"$1.new"
    sync "$1.new"
    mv -f -- "$1.new" "$1"
    sync "$(dirname "$1")"
}
