#!/bin/sh
# What each service does after its state came back: upgrade a schema, rebuild a cache.
. "$(dirname "$0")/kit.sh"
fetched
unless_done hooks
for before in files databases; do is "$before" || fail not-loaded "the $before have not come back: run the scripts in their order"; done
umask 022
while read -r service; do
    hook=/usr/local/lib/holdfast/services/$service/after-restore
    [ -x "$hook" ] || continue
    progress hook "$service"
    "$hook" "/etc/holdfast/services/$service.env" </dev/null || fail hook "after-restore of $service failed"
done <"$(from services)"
now hooks
