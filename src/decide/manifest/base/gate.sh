#!/bin/sh
# The gate: whether users get in. Made by Holdfast; run at boot by its units
# and by the reconciler. SSH is never behind it.
#
#   gate boot     close, whatever the wish; the epoch check may open later
#   gate check    with the wish "open": open once it is certain that no younger machine serves
#   gate close    close, wish it so, stop the services (the database stays)
#   gate open     open and wish it so; the caller has proven that this is right
#   gate status   prints open or closed
set -eu
umask 022
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
etc=/etc/holdfast

word() {
    cat "$etc/$1" 2>/dev/null || true
}

set_word() {
    printf '%s\n' "$2" >"$etc/.$1.new"
    sync "$etc/.$1.new"
    mv -f "$etc/.$1.new" "$etc/$1"
}

# One transaction: there is no moment without the old or the new table.
# Before any address translation, so that it also closes forwarded ports.
close_ports() {
    ports=$(paste -sd, "$etc/ports")
    rule=
    [ -z "$ports" ] || rule="iifname != \"lo\" tcp dport { $ports } drop"
    nft -f - <<END
table inet holdfast_gate
delete table inet holdfast_gate
table inet holdfast_gate {
    chain closed {
        type filter hook prerouting priority -300; policy accept;
        $rule
    }
}
END
}

open_ports() {
    nft -f - <<END
table inet holdfast_gate
delete table inet holdfast_gate
END
}

services() {
    verb=$1
    while read -r unit; do
        systemctl "$verb" "$unit" || true
    done <"$etc/units"
}

# highest_epoch OWN: the highest epoch that is proven to have written to the repository; fails if
# it cannot tell.
highest_epoch() {
    scratch=$(mktemp -d /run/holdfast-gate.XXXXXX)
    trap 'rm -rf "$scratch"' EXIT
    (
        umask 077
        . "$etc/backup.env"
        printf '%s' "$RESTIC_REPOSITORY" >"$scratch/repository"
        export RESTIC_PASSWORD_FILE RESTIC_CACERT
        unset RESTIC_REPOSITORY
        timeout 60 restic --cacert "$RESTIC_CACERT" --repository-file "$scratch/repository" --no-lock --json \
            --cache-dir /var/cache/holdfast-restic snapshots >"$scratch/snapshots"
    ) || return 1
    # What claims a later epoch must carry its mark, which only that machine was given: anybody
    # who was root on an earlier one can add points to the repository, and tag them at will.
    jq -r --argjson own "$1" '[.[].tags // [] | map(select(test("^(epoch=[0-9]{1,9}|mark=[A-Za-z0-9]{1,64})$")) | split("=") | {(.[0]): .[1]}) | add
        | select(.epoch and .mark and (.epoch | tonumber) > $own) | "\(.epoch) \(.mark)"] | unique | .[:1000] | .[]' \
        "$scratch/snapshots" >"$scratch/claims" || return 1
    highest=$1
    while read -r epoch mark; do
        digest=$(printf '%s' "$mark" | sha256sum | cut -d ' ' -f 1)
        if grep -qxF "$epoch $digest" "$etc/successors" && [ "$epoch" -gt "$highest" ]; then highest=$epoch; fi
    done <"$scratch/claims"
    printf '%s\n' "$highest"
}

case ${1-} in
boot)
    close_ports
    ;;
check)
    while [ "$(word gate)" = open ]; do
        own=$(. "$etc/identity" && printf '%s' "$EPOCH")
        highest=$(highest_epoch "$own") || highest=
        if [ -z "$highest" ]; then
            echo "cannot tell whether a younger machine serves: staying closed" >&2
            sleep 15
            continue
        fi
        exec 9>/run/holdfast-gate.lock
        flock 9
        # The wish may have changed while we asked.
        [ "$(word gate)" = open ] || exit 0
        if [ "$highest" -gt "$own" ]; then
            echo "epoch $highest is at work, ours is $own: closed for good" >&2
            set_word gate closed
            set_word stage retired
            services stop
        else
            open_ports
        fi
        exit 0
    done
    ;;
close)
    exec 9>/run/holdfast-gate.lock
    flock 9
    set_word gate closed
    close_ports
    services stop
    ;;
open)
    exec 9>/run/holdfast-gate.lock
    flock 9
    # Not before the stage: from here on nothing may be restored on this machine.
    set_word stage opened
    set_word gate open
    services start
    open_ports
    ;;
status)
    if nft list table inet holdfast_gate >/dev/null 2>&1; then echo closed; else echo open; fi
    ;;
*)
    echo "usage: gate boot|check|close|open|status" >&2
    exit 2
    ;;
esac
