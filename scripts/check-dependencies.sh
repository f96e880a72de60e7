#!/bin/sh
# Licences, sources, bans and duplicates of our dependencies, and published advisories
# against them. cargo-deny is installed first if it is not there.
set -eu

CARGO=${CARGO:-cargo}
ADVISORIES=https://github.com/RustSec/advisory-db

if ! "$CARGO" deny --version >/dev/null 2>&1; then
	echo 'cargo-deny is missing; building it (some minutes, once)' >&2
	# Unoptimised: it builds in half the time and checks this tree in seconds all the same.
	"$CARGO" install --quiet --locked --debug cargo-deny
fi

"$CARGO" deny --locked check --hide-inclusion-graph licenses bans sources

# The advisories are a Git repository elsewhere: where it cannot be reached, that is said,
# and is no verdict on the dependencies.
if GIT_TERMINAL_PROMPT=0 timeout 30 git ls-remote --quiet --exit-code "$ADVISORIES" HEAD >/dev/null 2>&1; then
	"$CARGO" deny --locked check --hide-inclusion-graph advisories
else
	echo "NOT CHECKED: security advisories ($ADVISORIES cannot be reached from here)" >&2
fi
