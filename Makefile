# Interflow. `make help` says what there is.
#
# Everything is built into target/ with two profiles: dev for tests (clippy and tests share its artefacts) and quick
# for `make run`. Environment variables (INTERFLOW_ADMIN_KEY, INTERFLOW_DATA_DIR, DATABASE_URL, PG_BIN_DIR, …) reach
# the programs as they are.

SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DEFAULT_GOAL := help
.PHONY: help run api-fuzz test demo bench bench-log bench-audit bundles verified-log build-release lint production-tree ensure ensure-rust conformance receivers graphql-clients soak model flood lists webhooks bench-webhooks bench-streams bench-graphql bench-as-of bench-audit-reads streams

export PATH := $(PATH):$(HOME)/.cargo/bin

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

run: ensure ## Build the server and serve, with a PostgreSQL of its own under ./data
	@echo "Building interflow: some minutes the first time, with a compiler's line for each part ..."
	@cargo build --profile quick -p interflow
	@exec "$${CARGO_TARGET_DIR:-target}/quick/interflow" serve

test: ensure-rust lint production-tree ## What CI runs: format, lints, the production tree, every test
	@./scripts/ensure-postgres --always
	@./scripts/ensure-pgbouncer
	@echo "==> build"
	@cargo build --workspace --all-targets
	@echo "==> test"
	@cargo test --workspace --no-fail-fast
	@echo "==> conformance"
	@./scripts/conformance --if-possible
	@echo "==> API fuzz"
	@API_FUZZ_SECONDS=$${API_FUZZ_SECONDS:-45} ./scripts/api-fuzz --if-possible
	@echo "==> receivers of webhooks"
	@./scripts/verify-webhooks --if-possible
	@echo "==> clients of GraphQL"
	@./scripts/verify-graphql --if-possible
	@echo "==> bundles, and a log, verified by others"
	@./scripts/verify-bundle --if-possible
	@./scripts/verify-log --if-possible

lint: ensure-rust
	@echo "==> format"
	@cargo fmt --all --check
	@echo "==> lints"
	@cargo clippy --workspace --all-targets -- -D warnings

# The lab trusts a simulated WhatsApp. Nothing of that may be in what people run.
production-tree: ensure-rust
	@echo "==> the production tree holds no danger- feature"
	@tree=$$(cargo tree -e features -p interflow); \
	if printf '%s\n' "$$tree" | grep -n 'danger-'; then \
		echo "interflow is built with a feature that only the lab may have" >&2; exit 1; \
	fi

demo: ensure ## Play the main job on the simulated network (DEMO_STAY=1 stays up)
	@echo "Building the lab: some minutes the first time ..."
	@cargo build -p interflow-lab
	@exec "$${CARGO_TARGET_DIR:-target}/debug/interflow-lab" demo

bench: bench-log bench-audit bench-webhooks bench-streams bench-as-of bench-audit-reads ## Measure everything, on this machine

bench-log: ensure ## Measure the log against its floor and stock, some 8 minutes (BENCH_SECONDS, BENCH_ROUNDS, BENCH_EVENTS, ...)
	@cargo bench --profile quick -p interflow-benches --bench log

bench-audit: ensure ## What sealing the log costs, and how fast it is verified (BENCH_ROUNDS, BENCH_SECONDS, BENCH_EVENTS, ...)
	@cargo bench --profile quick -p interflow-benches --bench audit

conformance: ensure-rust ## Run Baileys against the simulated network (needs Node 20)
	@./scripts/conformance

receivers: ensure-rust ## Run the receivers printed in docs/webhooks.md (Python, TypeScript, Go, as far as they are there)
	@./scripts/verify-webhooks

graphql-clients: ensure-rust ## Run the npm package graphql-ws and the Python package gql against a server (as far as they are there)
	@./scripts/verify-graphql

bundles: ensure-rust ## Verify bundles of the audit log with docs/verify_bundle.py (needs Python and an Ed25519 package)
	@./scripts/verify-bundle

verified-log: ensure-rust ## Verify a log with docs/verify_log.go, which is Go's golang.org/x/mod (needs Go)
	@./scripts/verify-log

api-fuzz: ensure ## Let Schemathesis take /openapi.json at its word (API_FUZZ_SECONDS=60, API_FUZZ_SEED; needs Python 3.10)
	@./scripts/api-fuzz

soak: ensure ## Random kills and faults over 20 instances (SOAK_MINUTES=10, SOAK_SEED)
	@cargo build -p interflow-lab
	@SOAK_MINUTES=$${SOAK_MINUTES:-10} cargo test -p interflow-tests --test it -- --ignored --exact --nocapture gateway::soak::soak

model: ensure ## Thousands of random interleavings against the log's model (INTERFLOW_TEST_ROUNDS=3000, INTERFLOW_TEST_SEED)
	@cargo build -p interflow-lab
	@INTERFLOW_TEST_ROUNDS=$${INTERFLOW_TEST_ROUNDS:-3000} cargo test -p interflow-tests --test it -- --nocapture faults::model

flood: ensure ## 10,000 calls at once (INTERFLOW_TEST_FLOOD; needs 20,000 file descriptors)
	@cargo build -p interflow-lab
	@INTERFLOW_TEST_FLOOD=$${INTERFLOW_TEST_FLOOD:-10000} cargo test -p interflow-tests --test it -- faults::backpressure

lists: ensure ## Every list of a workspace with a million messages (INTERFLOW_TEST_MESSAGES)
	@INTERFLOW_TEST_MESSAGES=$${INTERFLOW_TEST_MESSAGES:-1000000} cargo test -p interflow-tests --test it -- --nocapture read_models::lists

webhooks: ensure ## 100,000 events, a receiver that fails at random, 20 kills (INTERFLOW_TEST_DELIVERIES, _KILLS, _SEED)
	@cargo build -p interflow-lab
	@INTERFLOW_TEST_DELIVERIES=$${INTERFLOW_TEST_DELIVERIES:-100000} INTERFLOW_TEST_KILLS=$${INTERFLOW_TEST_KILLS:-20} \
		cargo test -p interflow-tests --test it -- --nocapture webhook::storm

bench-webhooks: ensure ## Drain a long backlog against bare POSTs (BENCH_EVENTS=100000)
	@cargo test --profile quick -p interflow-tests --test it -- --ignored --exact --nocapture webhook::drain::drain

streams: ensure ## 10,000 events to clients that break off again and again (INTERFLOW_TEST_EVENTS)
	@cargo build -p interflow-lab
	@INTERFLOW_TEST_EVENTS=$${INTERFLOW_TEST_EVENTS:-10000} cargo test -p interflow-tests --test it -- live::

bench-streams: ensure ## What 2,000 listeners cost, against a bare broadcast (BENCH_SUBSCRIBERS, BENCH_RATE, BENCH_SECONDS)
	@cargo build --profile quick -p interflow-lab
	@cargo test --profile quick -p interflow-tests --test it -- --ignored --exact --nocapture live::bench::bench

bench-as-of: ensure ## Look back at a chat of 100,000 messages, against looking at it now (BENCH_MESSAGES, BENCH_CALLS)
	@cargo test --profile quick -p interflow-tests --test it -- --ignored --exact --nocapture past::bench::bench

bench-audit-reads: ensure ## What noting who has seen what costs a read (BENCH_CLIENTS, BENCH_SECONDS, BENCH_ROUNDS)
	@cargo test --profile quick -p interflow-tests --test it -- --ignored --exact --nocapture audit::bench::bench

bench-graphql: ensure ## What 2,000 GraphQL subscriptions cost, against SSE and a bare broadcast (BENCH_SUBSCRIBERS, BENCH_RATE, ...)
	@cargo build --profile quick -p interflow-lab
	@cargo test --profile quick -p interflow-tests --test it -- --ignored --exact --nocapture live::bench::graphql::bench

build-release: ensure-rust ## Build the optimised server, target/release/interflow
	@cargo build --release -p interflow
	@echo "$${CARGO_TARGET_DIR:-target}/release/interflow"

ensure: ensure-rust
	@./scripts/ensure-postgres

ensure-rust:
	@./scripts/ensure-rust
