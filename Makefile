# Every command that a person or a build runs here. `make` alone lists them.
#
# Rust's toolchain is all that is needed by hand. Some checks want more: the Python protocol
# client and the HTTP API's (python3 with venv), the TypeScript client (node with npm), the
# dashboard (chromium as well) and cargo-deny. Without them `make` says loudly what it did not run;
# with CI=true that is an error, so that a build cannot pass on silence.

SHELL         := /bin/bash
.DEFAULT_GOAL := help

CARGO  ?= cargo
PYTHON ?= python3
NODE   ?= node
NPM    ?= npm
CI     ?= false

TARGET       := $(or $(CARGO_TARGET_DIR),target)
PYTHON_TESTS := protocol/tests/python
PYTHON_VENV  := $(abspath $(TARGET))/python
OPENAPI_TESTS := hub/tests/openapi
OPENAPI_VENV  := $(abspath $(TARGET))/openapi

TYPESCRIPT   := clients/typescript
DASHBOARD    := clients/dashboard
NODE_WANTED  := node 20.19 or later with npm
# Where Debian and others keep it.
CHROMIUM     ?= $(firstword $(wildcard $(addprefix /usr/bin/,chromium chromium-browser google-chrome)))

# The tests whose worth is in their number of seeds and kills.
RELEASE_TESTS := simulation crash
tests_present  = $(foreach t,$(1),$(if $(wildcard hub/tests/$(t).rs hub/tests/$(t)/main.rs),$(t)))
PRESENT       := $(strip $(call tests_present,$(RELEASE_TESTS)))
ABSENT        := $(filter-out $(PRESENT),$(RELEASE_TESTS))

# How long the long forms are. Each can be set from outside: make soak SYNCLINE_KILLS=500
soak: export SYNCLINE_SIM_SEEDS ?= 5000
soak: export SYNCLINE_KILLS ?= 50
soak: export SYNCLINE_IDLE_SESSIONS ?= 10000
soak: export SYNCLINE_SLOW_DELTAS ?= 1000000
soak: export PROPTEST_CASES ?= 20000
soak: export SYNCLINE_HISTORIES ?= 100000

# $(call not_run,what was not run,how to get it): loud for a person, fatal for a build.
not_run = { printf '\n%s\n' '!!!!!!!! NOT RUN: $(1)' '!!!!!!!! $(2)' >&2; test '$(CI)' != true; }

.PHONY: help
help: ## List the targets.
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# One package by itself has other features than the same package in the workspace, and all that it
# depends on would be built once more: the tests in other languages take what the first step built.
test: export PROGRAMS := $(abspath $(TARGET))/debug

.NOTPARALLEL:
.PHONY: test
test: test-debug test-python test-typescript test-dashboard test-openapi ## The whole truth: twenty minutes on two cores, most of it building.

.PHONY: test-debug
test-debug: ## Every test of every crate, doc tests included, with debug assertions.
	$(CARGO) test --workspace

.PHONY: test-release
test-release: ## Simulation and durability as they are shipped: 200 worlds. Not part of `test`.
	@$(if $(ABSENT),$(call not_run,hub/tests: $(ABSENT),This source tree lacks them: is the checkout whole?))
	$(if $(PRESENT),$(CARGO) test --release -p syncline $(addprefix --test ,$(PRESENT)))

.PHONY: test-python
test-python: ## A second client in Python, written from PROTOCOL.md alone.
	@if [ ! -e $(PYTHON_TESTS)/check.sh ]; then \
	    $(call not_run,$(PYTHON_TESTS)/check.sh,This source tree lacks it: is the checkout whole?); \
	elif ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	    $(call not_run,the Python client,Install python3 with venv (Debian: python3-venv). Then: make test-python); \
	elif ! $(python_packages); then \
	    $(call not_run,the Python client,Its packages did not install (see above). Online once: make test-python); \
	else \
	    PYTHON=$(PYTHON_VENV)/bin/python $(PYTHON_TESTS)/check.sh; \
	fi

# Its packages live in a venv under target/, so that nothing of the system's is changed.
python_packages = { \
    { test -x $(PYTHON_VENV)/bin/pip || $(PYTHON) -m venv $(PYTHON_VENV); } \
    && { test ! -e $(PYTHON_TESTS)/requirements.txt || $(PYTHON_VENV)/bin/pip install \
        --quiet --disable-pip-version-check -r $(PYTHON_TESTS)/requirements.txt; }; }

.PHONY: test-typescript
test-typescript: ## The TypeScript client: vectors, the Rust replica's histories, a real hub.
	@if ! $(has_node); then \
	    $(call not_run,the TypeScript client,Install $(NODE_WANTED). Then: make test-typescript); \
	elif ! $(typescript_packages); then \
	    $(call not_run,the TypeScript client,Its packages did not install (see above). Online once: make test-typescript); \
	else \
	    cd $(TYPESCRIPT) && $(NPM) run --silent build && $(NPM) test; \
	fi

.PHONY: lint-typescript
lint-typescript: ## Formatting, lints and types of the TypeScript client.
	@if ! $(has_node); then \
	    $(call not_run,the lints of the TypeScript client,Install $(NODE_WANTED). Then: make lint-typescript); \
	elif ! $(typescript_packages); then \
	    $(call not_run,the lints of the TypeScript client,Its packages did not install (see above). Online once: make lint-typescript); \
	else \
	    cd $(TYPESCRIPT) && $(NPM) run --silent build && $(NPM) run lint; \
	fi

.PHONY: test-dashboard
test-dashboard: export CHROMIUM := $(CHROMIUM)
test-dashboard: ## The dashboard in a real browser: its build, a day with it, load, every view.
	@if ! $(has_node); then \
	    $(call not_run,the dashboard,Install $(NODE_WANTED). Then: make test-dashboard); \
	elif [ -z '$(CHROMIUM)' ]; then \
	    $(call not_run,the dashboard,Install chromium (Debian: chromium). Then: make test-dashboard); \
	elif ! $(typescript_packages) || ! $(dashboard_packages); then \
	    $(call not_run,the dashboard,Its packages did not install (see above). Online once: make test-dashboard); \
	else \
	    (cd $(TYPESCRIPT) && $(NPM) run --silent build) && cd $(DASHBOARD) && $(NPM) test; \
	fi

.PHONY: dashboard
dashboard: ## Build the dashboard's dist/, which is committed.
	@if ! $(has_node) || ! $(dashboard_packages); then \
	    echo 'the dashboard is built with $(NODE_WANTED), online once' >&2; exit 1; \
	fi
	cd $(DASHBOARD) && $(NPM) run build

.PHONY: lint-dashboard
lint-dashboard: ## Formatting, lints and types of the dashboard.
	@if ! $(has_node); then \
	    $(call not_run,the lints of the dashboard,Install $(NODE_WANTED). Then: make lint-dashboard); \
	elif ! $(typescript_packages) || ! $(dashboard_packages); then \
	    $(call not_run,the lints of the dashboard,Its packages did not install (see above). Online once: make lint-dashboard); \
	else \
	    cd $(DASHBOARD) && $(NPM) run lint; \
	fi

has_node = { command -v $(NPM) >/dev/null && $(NODE) -e ' \
    const [major, minor] = process.versions.node.split(".").map(Number); \
    process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null; }

# As the lock file says, and only when it says something else than what is there.
typescript_packages = $(call packages,$(TYPESCRIPT))
dashboard_packages  = $(call packages,$(DASHBOARD))
packages = { ( cd $(1) \
    && { test node_modules/.package-lock.json -nt package-lock.json \
        || $(NPM) ci --no-audit --no-fund; } ); }

# Two minutes' worth when asked for alone: SYNCLINE_OPENAPI_EXAMPLES=200 make test-openapi
.PHONY: test-openapi
test-openapi: ## The HTTP API against the OpenAPI document that it serves.
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	    $(call not_run,the HTTP API,Install python3 with venv (Debian: python3-venv). Then: make test-openapi); \
	elif ! $(openapi_packages); then \
	    $(call not_run,the HTTP API,Its packages did not install (see above). Online once: make test-openapi); \
	else \
	    PYTHON=$(OPENAPI_VENV)/bin/python $(OPENAPI_TESTS)/check.sh; \
	fi

openapi_packages = { \
    { test -x $(OPENAPI_VENV)/bin/pip || $(PYTHON) -m venv $(OPENAPI_VENV); } \
    && $(OPENAPI_VENV)/bin/pip install \
        --quiet --disable-pip-version-check -r $(OPENAPI_TESTS)/requirements.txt; }

.PHONY: soak
soak: ## The long forms: thousands of simulated worlds, many kills. Takes hours.
	@$(if $(ABSENT),$(call not_run,hub/tests: $(ABSENT),This source tree lacks them: is the checkout whole?))
	$(CARGO) test --release --workspace -- --nocapture
	@$(MAKE) --no-print-directory test-typescript

# Advisories are left out of lint: their database is fetched from a host of its own, which a
# closed network does not reach. The rest is judged from the lock file alone. See deny.toml.
.PHONY: lint
lint: lint-typescript lint-dashboard ## Formatting, clippy, documentation, and what may enter the build.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --workspace --lib --examples --bin syncline-bench
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
	    $(CARGO) deny --log-level error check bans licenses sources; \
	else \
	    $(call not_run,cargo deny,Install it and run again: cargo install cargo-deny --locked); \
	fi

.PHONY: advisories
advisories: ## Known weaknesses of our dependencies. Needs the network.
	$(CARGO) deny check advisories

# What to run: make bench BENCH="fanout write --target hub,ceiling"
BENCH ?=

.PHONY: bench
bench: bench-build ## The bench harness beside every system installed. Takes an hour or more.
	$(TARGET)/release/syncline-bench run $(BENCH) \
	    --json $(TARGET)/bench.json --html $(TARGET)/bench.html

.PHONY: bench-quick
bench-quick: bench-build ## The hub and its ceiling with small sizes, in under three minutes.
	$(TARGET)/release/syncline-bench run --quick $(BENCH) \
	    --json $(TARGET)/bench-quick.json --html $(TARGET)/bench-quick.html

.PHONY: bench-build
bench-build:
	$(CARGO) build --release -p syncline -p syncline-bench

.PHONY: bench-micro
bench-micro: ## Micro-benchmarks: codec, merge, digest, fan-out encoding.
	$(CARGO) bench --workspace

# What syncline-bench measures the hub beside. Each is optional: what is missing is left out of a
# run, and `syncline-bench list` says how to get it. Programs go to target/, packages of Node to
# bench/peers, where nothing of them is tracked.
PEERS        := $(abspath $(TARGET))/peers
PEERS_DEBIAN := redis-server nats-server mosquitto
PEERS_NODE   := yjs tinybase
# Its native module is built when none is at hand, and npm wants to be told that it may.
npm_ci = npm ci --prefix bench/peers/$(1) --no-audit --no-fund \
    && npm rebuild --prefix bench/peers/$(1) --ignore-scripts=false

.PHONY: bench-peers
bench-peers: ## The systems that syncline-bench measures the hub beside; as root also Debian's.
	@if ! command -v apt-get >/dev/null; then \
	    echo 'not Debian: install $(PEERS_DEBIAN) by other means'; \
	elif [ "$$(id -u)" != 0 ]; then \
	    echo 'not root, so not installed: sudo apt-get install $(PEERS_DEBIAN)'; \
	else \
	    apt-get install --yes --no-install-recommends $(PEERS_DEBIAN) \
	        || echo 'not installed: $(PEERS_DEBIAN). Is the list of packages fresh? apt-get update'; \
	fi
	@{ test -x $(PEERS)/bin/pip || $(PYTHON) -m venv $(PEERS); } \
	    && $(PEERS)/bin/pip install --quiet --disable-pip-version-check \
	        -r bench/peers/requirements.txt \
	    || echo 'not installed: a current nats-server, which needs python3 with venv'
	@command -v npm >/dev/null || echo 'not installed: $(PEERS_NODE), which need Node and npm'
	@! command -v npm >/dev/null || { $(foreach peer,$(PEERS_NODE),$(call npm_ci,$(peer)) \
	    || echo 'not installed: $(peer)';) }

.PHONY: run
run: ## A hub on http://127.0.0.1:7962 with its data in ./syncline-data.
	$(CARGO) run --release -p syncline -- serve

.PHONY: clean
clean: ## Remove what was built. The data folder stays.
	$(CARGO) clean
