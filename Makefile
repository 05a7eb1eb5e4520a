# The work is in cargo and scripts/. CARGO_TARGET_DIR is honoured.

TARGET := $(shell realpath -m "$${CARGO_TARGET_DIR:-target}")
# The packages that are built for this machine, unlike components.
NATIVE := --workspace --exclude 'bulkhead-guest*'
# What the tests' clients sent and were answered.
EXCHANGES := $(TARGET)/exchanges.jsonl

.PHONY: help man package run test crash load mutate lint bench fuzz guest prerequisites
.DEFAULT_GOAL := help

help: ## The targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

run: guest ## A server, a tenant and 10,000 contacts; ARGS=--exit stops after the summary
	@if [ -x "$(TARGET)/release/bulkhead" ]; then echo "run: building the server"; \
	else echo "run: building the server, the first time: 10 minutes on two fast cores, up to 30 on slow ones"; fi
	@cargo build --release --locked --package bulkhead
	@scripts/run $(ARGS)

test: guest ## Every test
	@scripts/prerequisites tests
	@scripts/guests
	@scripts/examples-rust
	@scripts/examples-js-python
	@scripts/browser-tools
	@scripts/postgres-tools
	@scripts/wit-tools
	@scripts/deploy-tools
	@scripts/openapi test
	@scripts/earlier-version
	@echo "test: building the server and the tests"
	cargo build --release --locked $(NATIVE)
	@rm -f "$(EXCHANGES)"
	BULKHEAD_BIN="$(TARGET)/release/bulkhead" BULKHEAD_COMPONENTS="$(TARGET)/components" BULKHEAD_EXCHANGES="$(EXCHANGES)" \
		cargo test --release --locked $(NATIVE)
	@scripts/openapi check "$(EXCHANGES)"
	@scripts/openapi try

package: guest ## A tarball and a Debian package, in target/package
	@scripts/deploy-tools
	cargo build --release --locked --package bulkhead --bin bulkhead --example man_pages
	scripts/package "$(TARGET)/package"

man: guest ## The man pages, in target/man
	@mkdir -p "$(TARGET)/man"
	cargo run --release --locked --package bulkhead --example man_pages -- "$(TARGET)/man"

crash: guest ## Kills servers at random, cuts them off, and has a standby take over; ROUNDS=100 kills on each store, SEED=, STORE=sqlite or postgres
	@scripts/prerequisites tests
	cargo build --release --locked --package bulkhead --package bulkhead-crash
	BULKHEAD_BIN="$(TARGET)/release/bulkhead" "$(TARGET)/release/bulkhead-crash" crash $(STORE)
	@[ "$(STORE)" = sqlite ] || BULKHEAD_BIN="$(TARGET)/release/bulkhead" "$(TARGET)/release/bulkhead-crash" partition
	@[ "$(STORE)" = sqlite ] || BULKHEAD_BIN="$(TARGET)/release/bulkhead" "$(TARGET)/release/bulkhead-crash" failover

load: guest ## 50 tenants, 500 jobs, 200 polling clients; MINUTES=3 on each store, SEED=, STORE=
	@scripts/prerequisites tests
	cargo build --release --locked --package bulkhead --package bulkhead-crash
	BULKHEAD_BIN="$(TARGET)/release/bulkhead" "$(TARGET)/release/bulkhead-crash" load $(STORE)

mutate: guest ## Components mutated at random; MINUTES=10, SEED=, or ROUNDS= mutants from number FIRST= on
	@scripts/guests
	cargo build --release --locked --package bulkhead --package bulkhead-crash
	BULKHEAD_BIN="$(TARGET)/release/bulkhead" "$(TARGET)/release/bulkhead-crash" mutate

lint: guest ## Formatting, clippy, dependencies
	scripts/lint

bench: guest ## Ratios against floors; PART=job, busy, servers, calls, guest, memory, exchange, assurance, waits, neighbours, gallery, tenants, lists, pages, sweep or postgres for one, PART=growth for large stores, PART=console for its pages, PART=languages for a table
	@scripts/prerequisites tests
	@scripts/guests
	cargo build --release --locked --package bulkhead --package bulkhead-bench
	@[ "$(PART)" != languages ] || scripts/new-components
	"$(TARGET)/release/bulkhead-bench" $(PART)

fuzz: ## Random items and profiles against the rules, and heads, forms, tables and searches; SECONDS=600 for ten minutes each
	scripts/fuzz $(SECONDS)

guest: prerequisites ## The default component
	@scripts/component bulkhead-guest contacts

prerequisites:
	@scripts/prerequisites
