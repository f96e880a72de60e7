#!/bin/sh
# Starts what serves users, now and at every boot: on the data that came back, and never empty.
. "$(dirname "$0")/kit.sh"
for before in fetched files databases hooks; do is "$before" || fail not-loaded "nothing is started without its data, and this is not done: $before; run the scripts in their order"; done
# From the first moment on they may write.
now started
while read -r unit; do
    systemctl enable -q "$unit"
    systemctl restart "$unit" || fail unit "$unit does not start; see: journalctl -u $unit"
    progress started "$unit"
done <"$(from units)"
