#!/bin/sh
# Runs each fuzz target for SECONDS (first argument); the others name targets, all if none.
# Works with the stable toolchain: RUSTC_BOOTSTRAP lets it take the flags for coverage, and
# no sanitizer is asked for, since there is no unsafe code of ours to watch.
set -eu
cd "$(dirname "$0")/.."

seconds=${1:-60}
[ $# -eq 0 ] || shift

command -v cargo-fuzz >/dev/null || {
	echo "cargo-fuzz is missing; it comes with: cargo install cargo-fuzz" >&2
	exit 1
}
export RUSTC_BOOTSTRAP=1

# The versions that Holdfast itself is built with; cargo adds what only this folder needs.
cp Cargo.lock fuzz/Cargo.lock
[ $# -gt 0 ] || set -- $(cargo fuzz list)
cargo fuzz build --sanitizer none
for target; do
	mkdir -p "fuzz/corpus/$target" "fuzz/seeds/$target"
	echo "$target: $seconds s" >&2
	cargo fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
		-max_total_time="$seconds" -max_len=65536 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1
done
