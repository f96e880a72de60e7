#!/bin/sh
# Starts what serves users, now and at every boot.
. "$(dirname "$0")/kit.sh"
while read -r unit; do
    systemctl enable -q "$unit"
    systemctl restart "$unit" || fail unit "$unit does not start; see: journalctl -u $unit"
    progress started "$unit"
done <"$(from units)"
