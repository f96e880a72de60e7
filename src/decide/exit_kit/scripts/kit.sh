# What the scripts of this kit share. Plain POSIX sh, nothing but Debian's own
# tools; read it, change it. Each script begins with: . "$(dirname "$0")/kit.sh"
set -eu
export LC_ALL=C TZ=UTC HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 077
tab=$(printf '\t')
newline='
'
kit=$(cd "$(dirname "$0")/.." && pwd)
# In memory: gone after a boot. Then 0-open.sh comes first again.
opened=/run/exit-kit
# On the disk: the point that was fetched.
work=/var/lib/exit-kit

# fail CODE MESSAGE
fail() {
    printf 'STOPPED: %s (%s)\n' "$2" "$1" >&2
    exit 1
}
# progress PHASE DETAIL
progress() { printf '%s: %s\n' "$1" "$2"; }

[ "$(id -u)" -eq 0 ] || fail not-root "become root first"
. "$kit/data/kit.env"
. /etc/os-release
image=$ID-$VERSION_ID
[ -d "$kit/data/$image" ] || fail other-system "this machine runs $image; the kit is for $IMAGES"
# The engines' own scripts keep a note here.
mkdir -p "$opened" /run/holdfast "$work"
scratch=$(mktemp -d "$opened/scratch.XXXXXX")
# The database servers' own users may pass through, not look around.
chmod 0711 "$work" "$opened" "$scratch"
trap 'rm -rf -- "$scratch"' EXIT
trap 'exit 130' HUP INT TERM

# from NAME: the file of this name for this system, sealed or not; an empty one if there is none.
from() {
    for file in "$opened/secrets/$image/$1" "$kit/data/$image/$1"; do
        if [ -e "$file" ]; then
            printf '%s\n' "$file"
            return
        fi
    done
    printf '/dev/null\n'
}

is_opened() { [ -d "$opened/secrets" ] || fail sealed "run 0-open.sh first: the secrets are not open"; }

# What has been done with the fetched point stands in $work, as empty files: fetched, files,
# databases, hooks; and started, once services have run on it.
is() { [ -e "$work/is-$1" ]; }
now() {
    sync -f "$work"
    : >"$work/is-$1"
}
no_more() { for what; do rm -f -- "$work/is-$what"; done; }

# unless_done WHAT: ends the script when that is done with this point. What services have
# worked on since is live, and nothing is ever loaded over it.
unless_done() {
    if is "$1"; then
        progress "$1" "done already with this point; nothing is touched"
        exit 0
    fi
    if is started; then
        fail live-data "services were started on what lies here, so it is live; to give it up for the fetched point: systemctl stop $(paste -sd ' ' "$(from units)"); rm $work/is-started"
    fi
}

# within: where the point lies. fetched: it is there whole.
within() {
    target=$work/point
    dump=$target/var/lib/holdfast/dump
    manifest=$dump/manifest.json
}
fetched() {
    is fetched || fail not-fetched "run 2-fetch.sh first: no point has been fetched whole"
    within
}

apt() {
    DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l APT_LISTCHANGES_FRONTEND=none \
        apt-get -q -y -o APT::Install-Recommends=false -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" </dev/null
}

# decode BASE64 in $decoded; plain WHAT WORD: refuses what is no plain word.
decode() { decoded=$(printf %s "$1" | base64 -d) || fail bad-input "not base64"; }
plain() {
    case $2 in
        '' | [.-]* | *[!A-Za-z0-9._-]*) fail bad-input "$1 has characters that are not allowed here: $2" ;;
    esac
}

# equal WHAT: of $scratch/found, compared with what the point says of itself.
equal() {
    differences "$scratch/found" "$manifest" >"$scratch/differ"
    [ "$(jq length "$scratch/differ")" -eq 0 ] || fail content-differs "$(jq -r 'join("; ")' "$scratch/differ")"
    progress equal "$1"
}

# write_files WHEN: files of the kit into their places, with owner and mode.
write_files() {
    while IFS=$tab read -r when path mode owner group; do
        [ "$when" = "$1" ] || continue
        source=$(from "root$path")
        [ "$source" != /dev/null ] || fail incomplete "the kit lacks $path"
        (umask 022 && mkdir -p "$(dirname "$path")")
        cp -- "$source" "$path.new"
        chown "$owner:$group" "$path.new"
        chmod "$mode" "$path.new"
        mv -fT -- "$path.new" "$path"
        progress file "$path"
    done <"$(from files)"
}
