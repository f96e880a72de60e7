#!/bin/sh
# Installs the Debian packages which the build, the lab and the tests need: only those
# that are missing, and nothing at all (in a moment, without the network) when all are
# there. Debian 12 and 13; needs root only when something is missing.
set -eu

# systemd-container, mmdebstrap, nftables, iproute2, uidmap, knot: the lab's machines,
# networks and name server. knot-dnsutils, python3-venv, openssl: tests that look at it
# from outside; curl, jq: the steps of docs/ci. gcc, libc6-dev, make, pkg-config: the C
# parts of libgit2, SQLite, ring and jemalloc. postgresql: the store that several reconcilers share.
PACKAGES="
	ca-certificates curl debian-archive-keyring gcc git iproute2 jq knot knot-dnsutils
	libc6-dev make mmdebstrap mount nftables openssh-client openssl pkg-config
	postgresql python3-venv restic systemd-container time uidmap util-linux
"

POLICY=/usr/sbin/policy-rc.d
MARK='holdfast: no service starts while packages are installed'

say() { printf '%s\n' "$*" >&2; }

fail() {
	say "error: $*"
	exit 1
}

missing() {
	# One call for all of them; unknown names are not printed, hence the difference.
	# shellcheck disable=SC2086
	there=$(dpkg-query --show --showformat='${db:Status-Abbrev} ${binary:Package}\n' $PACKAGES 2>/dev/null |
		sed -n 's/^.i  *\([^:]*\).*/\1/p') || true
	for package in $PACKAGES; do
		printf '%s\n' "$there" | grep -qxF "$package" || printf '%s ' "$package"
	done
}

# The mirror may be busy, or another apt may be at work: a few tries, then its own words.
retry() {
	tries=1
	until "$@"; do
		[ "$tries" -lt 4 ] || return 1
		say "failed: $*; trying again in $((tries * 5)) s"
		sleep $((tries * 5))
		tries=$((tries + 1))
	done
}

# Installing a name server must not start one. Both init.d and systemd ask this file
# first (invoke-rc.d(8), deb-systemd-invoke(1)); one that is there already is left alone.
keep_services_down() {
	if [ -e "$POLICY" ] && ! grep -qsF "$MARK" "$POLICY"; then
		return
	fi
	trap 'rm -f "$POLICY"' EXIT
	trap 'exit 130' INT TERM HUP
	printf '#!/bin/sh\n# %s\nexit 101\n' "$MARK" >"$POLICY"
	chmod 0755 "$POLICY"
}

command -v apt-get >/dev/null || fail "this script knows Debian only (no apt-get here); needed: $PACKAGES"

wanted=$(missing)
[ -n "$wanted" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	fail "packages are missing; as root: apt-get install --no-install-recommends $wanted"
fi

say "installing: $wanted"
export DEBIAN_FRONTEND=noninteractive
keep_services_down
retry apt-get --quiet=2 -o Acquire::Retries=3 update
# shellcheck disable=SC2086
retry apt-get --quiet=2 -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
	install --yes --no-install-recommends $wanted >&2

# The lab starts a name server of its own; the one of the package stays off after a boot too.
case " $wanted " in
*" knot "*)
	if command -v update-rc.d >/dev/null; then
		update-rc.d knot disable >/dev/null 2>&1 || say "note: knot.service stays enabled; to turn it off: systemctl disable knot"
	fi
	;;
esac
# The tests begin a server of their own (scripts/postgresql.sh).
case " $wanted " in
*" postgresql "*)
	if command -v update-rc.d >/dev/null; then
		update-rc.d postgresql disable >/dev/null 2>&1 || say "note: postgresql.service stays enabled; to turn it off: systemctl disable postgresql"
	fi
	;;
esac

wanted=$(missing)
[ -z "$wanted" ] || fail "still missing after installing: $wanted"
