#!/bin/sh
# A PostgreSQL server for tests, on this computer's loopback alone, with a password and TLS, in
# a folder of its own. Says "ready" when it answers, and the file of the authority whose
# certificate it shows as "localhost"; ends, and takes its folder with it, when its standard
# input ends: so it never outlives whoever began it.
#
#   scripts/postgresql.sh PORT PASSWORD_FILE
set -eu

fail() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

port=${1:?port} password=${2:?password file}

bin=
for found in /usr/lib/postgresql/*/bin; do
	[ -x "$found/initdb" ] && bin=$found
done
[ -n "$bin" ] || fail "PostgreSQL is not here; as root: scripts/install-packages.sh"

folder=$(mktemp -d /tmp/holdfast-postgresql.XXXXXX)
server=
end() {
	if [ -n "$server" ]; then
		# Fast shutdown: it waits for nobody (pg_ctl(1)).
		kill -INT "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
	rm -rf "$folder"
}
trap end EXIT
trap 'exit 130' INT TERM HUP

cp "$password" "$folder/password"
(
	cd "$folder"
	key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
	printf 'basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost\n' >leaf
	# shellcheck disable=SC2086
	openssl req -x509 $key -keyout authority.key -out authority.pem -days 2 -subj /CN=tests &&
		openssl req $key -keyout server.key -out server.csr -subj /CN=localhost &&
		openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial \
			-days 2 -extfile leaf -out server.pem
) >"$folder/openssl.log" 2>&1 || fail "openssl: $(cat "$folder/openssl.log")"
# PostgreSQL refuses to run as root.
as=
if [ "$(id -u)" -eq 0 ]; then
	chown -R postgres: "$folder"
	as='setpriv --reuid postgres --regid postgres --init-groups'
fi
cd "$folder"
# shellcheck disable=SC2086
$as "$bin/initdb" --pgdata=data --username=holdfast --pwfile=password \
	--auth=scram-sha-256 --encoding=UTF8 --no-locale --no-sync >initdb.log 2>&1 ||
	fail "initdb: $(cat initdb.log)"
rm password
# shellcheck disable=SC2086
$as "$bin/postgres" -D data -p "$port" -c listen_addresses=127.0.0.1 \
	-c unix_socket_directories="$folder" -c fsync=off -c max_connections=200 \
	-c ssl=on -c ssl_cert_file="$folder/server.pem" -c ssl_key_file="$folder/server.key" \
	>server.log 2>&1 </dev/null &
server=$!
tries=0
until "$bin/pg_isready" --quiet --host=127.0.0.1 --port="$port"; do
	kill -0 "$server" 2>/dev/null || fail "the server has ended: $(cat server.log)"
	tries=$((tries + 1))
	[ "$tries" -lt 300 ] || fail "no answer within 30 s: $(cat server.log)"
	sleep 0.1
done
echo "ready $folder/authority.pem"
# Until whoever began this has gone.
cat >/dev/null
