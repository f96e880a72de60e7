#!/bin/sh
# Puts configuration and the services' own scripts in place.
. "$(dirname "$0")/kit.sh"
is_opened
while IFS=$tab read -r path mode owner group; do
    (umask 022 && mkdir -p "$path")
    chown "$owner:$group" "$path"
    chmod "$mode" "$path"
done <"$(from directories)"
write_files after-packages
systemctl daemon-reload
