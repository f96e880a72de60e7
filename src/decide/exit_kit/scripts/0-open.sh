#!/bin/sh
# Opens the secrets of this kit into memory.  usage: 0-open.sh KEYFILE
# KEYFILE is the escrow key: a text file with a line AGE-SECRET-KEY-1…
. "$(dirname "$0")/kit.sh"
[ $# -eq 1 ] || fail usage "usage: $0 KEYFILE"
# What was printed or copied may have been changed on its way.
(cd "$kit" && sha256sum --quiet -c SHA256SUMS) || fail changed "files of this kit are not as they were made"
rm -rf -- "$opened/secrets"
mkdir "$scratch/secrets"
if [ -e "$kit/secrets.tar.age" ]; then
    if ! command -v age >/dev/null; then
        apt update
        apt install age
    fi
    age --decrypt --identity "$1" --output "$scratch/secrets.tar" "$kit/secrets.tar.age" ||
        fail wrong-key "$1 does not open the secrets of this kit"
    tar -xf "$scratch/secrets.tar" -C "$scratch/secrets"
else
    cp -R "$kit/secrets/." "$scratch/secrets/"
fi
mv -T "$scratch/secrets" "$opened/secrets"
progress open "secrets are in $opened/secrets, in memory, until the next boot"
