# What append-only lets through: everything that can be added by somebody who is
# root on production (S10). Every line of the answer says what the server said.
set -u
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
. /etc/holdfast/backup.env
export RESTIC_REPOSITORY RESTIC_PASSWORD_FILE RESTIC_CACERT
url=${RESTIC_REPOSITORY#rest:}
here=$(mktemp -d)
web() { curl -s -o "$here/body" -w '%{http_code}' --noproxy '*' --cacert "$RESTIC_CACERT" "$@"; }
names() { curl -s --noproxy '*' --cacert "$RESTIC_CACERT" -H 'Accept: application/vnd.x.restic.rest.v2' "${url}$1/" | jq -r '.[].name'; }
put() {
    name=$(sha256sum <"$2" | cut -c 1-64)
    jq -cn --arg attack "$3" --arg answer "$(web -X POST --data-binary "@$2" "$url$1/$name")" '{attack:$attack,answer:$answer}'
}

# With other clocks: points of last year and of the next.
mkdir -p "$here/lie"
echo lie >"$here/lie/file"
for time in '2001-01-01 00:00:00' '2099-01-01 00:00:00'; do
    restic backup -q --time "$time" --host notes --tag stack=notes --tag epoch=1 "$here/lie" >/dev/null 2>&1
    jq -cn --arg attack "a point of $time" --arg code "$?" '{attack:$attack,answer:$code}'
done
restic backup -q --host notes --tag stack=notes --tag epoch=999 "$here/lie" >/dev/null 2>&1
jq -cn --arg code "$?" '{attack:"a point that claims epoch 999",answer:$code}'
restic backup -q --tag stack=annex --tag epoch=1 "$here/lie" >/dev/null 2>&1
jq -cn --arg code "$?" '{attack:"a point that claims another stack",answer:$code}'

# With the repository's own master key, a private copy makes valid files that lie.
mkdir -p "$here/evil/keys" "$here/evil/index" "$here/evil/snapshots" "$here/evil/locks" "$here/evil/data"
web "${url}config" >/dev/null && cp "$here/body" "$here/evil/config"
for key in $(names keys); do web "${url}keys/$key" >/dev/null && cp "$here/body" "$here/evil/keys/$key"; done
RESTIC_REPOSITORY=$here/evil restic --no-cache backup -q --host notes --tag stack=notes --tag epoch=998 /var/lib/notes >"$here/out" 2>&1
for file in "$here"/evil/index/*; do put index "$file" 'an index that names every byte in packs that are not there'; done
for file in "$here"/evil/snapshots/*; do put snapshots "$file" 'a snapshot whose content is not there'; done

# The same pieces once more, in packs that are there: junk of the right size under its own name.
# restic makes the index of it from their ends, which are whole.
find "$here/evil/data" -type f >"$here/packs"
while read -r pack; do
    printf 'nothing of it' | dd of="$pack" bs=1 seek=20 conv=notrunc 2>/dev/null
    name=$(sha256sum <"$pack" | cut -c 1-64)
    mkdir -p "$here/evil/data/${name%"${name#??}"}"
    mv "$pack" "$here/evil/data/${name%"${name#??}"}/$name"
    put data "$here/evil/data/${name%"${name#??}"}/$name" 'a pack of junk'
done <"$here/packs"
rm -f "$here"/evil/index/*
RESTIC_REPOSITORY=$here/evil restic --no-cache repair index >"$here/out" 2>&1 ||
    RESTIC_REPOSITORY=$here/evil restic --no-cache rebuild-index >"$here/out" 2>&1
for file in "$here"/evil/index/*; do put index "$file" 'an index that says what is there lies in packs of junk'; done

# A key that opens with a password of the attacker's.
printf 'attacker' >"$here/new"
restic key add --new-password-file "$here/new" >"$here/out" 2>&1
jq -cn --arg code "$?" '{attack:"restic key add",answer:$code}'

for kind in data index snapshots keys locks; do
    head -c 1000 /dev/urandom >"$here/junk"
    put "$kind" "$here/junk" "junk in $kind"
    printf '%s%s' "$kind" "$$" >"$here/junk"
    put "$kind" "$here/junk" "a few bytes in $kind"
done
jq -cn --arg answer "$(web -X POST "${url}inner/?create=true")" '{attack:"a repository inside the repository",answer:$answer}'

# Masses of small ones, twenty at a time.
mkdir "$here/many"
seq 1 1200 | while read -r n; do
    head -c 200 /dev/urandom >"$here/many/x"
    mv "$here/many/x" "$here/many/$(sha256sum <"$here/many/x" | cut -c 1-64)"
done
for file in "$here"/many/*; do
    printf 'url = "%ssnapshots/%s"\nrequest = "POST"\ndata-binary = "@%s"\noutput = "/dev/null"\nsilent\nnoproxy = "*"\ncacert = "%s"\nnext\n' \
        "$url" "${file##*/}" "$file" "$RESTIC_CACERT"
done >"$here/config"
sed -i '$d' "$here/config"
curl --parallel --parallel-max 20 -K "$here/config" >/dev/null 2>&1
jq -cn --arg answer "$(names snapshots | wc -l)" '{attack:"masses of snapshots",answer:$answer}'
rm -rf "$here"
