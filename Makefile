# make demo    the whole story on real machines of the lab (root, Linux)
# make test    the tests, those on lab machines too (root, Linux)
# make blueprints  installs every blueprint and looks for writes that none declares (10 min)
# make disasters  what make test leaves out: 20 kills, hangs and losses, a long move on lab machines (20 min)
# make lint    formatting, clippy, dependencies
# make bench   how long deciding, whole commands, a pass, backup, restore and rebuild take, and how much memory (root, Linux)
# make soak    simulated disasters by seed, without end, until one ends badly (SEED=n to begin there)
# make mutants takes one guard after the other out; simulated disasters must notice each
# make fuzz    hostile bytes for every parser, SECONDS=60 each (see fuzz/README.md)
#
# Packages that are missing are installed first (Debian; see scripts/install-packages.sh).

CARGO  ?= cargo
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
DEMO   ?=
SECONDS ?= 60
SEED   ?=
TARGETS ?=
BENCHES ?= decide commands points pass ansible backup restore lost

.DEFAULT_GOAL := help
.PHONY: help demo test blueprints disasters bench soak mutants fuzz lint fmt clippy deny install-packages rust

help:
	@sed -n 's/^# \{0,1\}//p; /^$$/q' Makefile

demo: install-packages rust
	$(CARGO) build --locked
	$(TARGET)/debug/holdfast demo $(DEMO)

# Everything is built before anything runs. The lab's tests share this computer's
# network, so they run one after the other.
test: install-packages rust
	$(CARGO) test --locked --no-run --lib --bins --test it --test e2e
	HOLDFAST_SEEDS=2000 $(CARGO) test --locked --lib --bins --test it
	$(CARGO) test --locked --doc
	$(CARGO) test --locked --test e2e -- --test-threads=1

# `make test` leaves it out, for time: for whoever changes the catalogue.
blueprints: install-packages rust
	$(CARGO) test --locked --test e2e wikis_declare -- --ignored --nocapture

# `make test` leaves them out, for time.
disasters: install-packages rust
	$(CARGO) test --locked --test e2e -- --ignored --skip wikis_declare --test-threads=1 --nocapture

# The dependencies are those of the one profile; what is measured is optimised.
# BENCHES=pass for one of them.
bench: install-packages rust
	$(CARGO) bench --locked --profile dev --config benches/optimised.toml --no-fail-fast $(BENCHES:%=--bench %)

# What `make test` lives some thousand seeds of.
soak: install-packages rust
	HOLDFAST_SOAK=$(SEED) $(CARGO) test --locked --test it soak -- --ignored --nocapture

# Which guards, and what the lives are: docs/simulated-world.md.
mutants: install-packages rust
	$(CARGO) test --locked --test it without_any_single_guard -- --ignored --nocapture

fuzz: install-packages rust
	@scripts/fuzz.sh $(SECONDS) $(TARGETS)

lint: install-packages rust fmt clippy deny

fmt:
	$(CARGO) fmt --check

# `--all-targets` leaves out what `cargo test` leaves out: the tests on lab machines.
clippy:
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --test e2e -- -D warnings

deny:
	@scripts/check-dependencies.sh

install-packages:
	@scripts/install-packages.sh

rust:
	@command -v $(CARGO) >/dev/null || { echo "error: no cargo here; Rust 1.95 or newer comes from https://rustup.rs" >&2; exit 1; }
