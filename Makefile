# make demo, make test: install what they need into .venv, then run. make help lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Node of the environment, whatever the machine has
NPM := PATH="$(abspath $(BIN)):$$PATH" npm --prefix clients/console
INSTALLED := $(VENV)/installed
DRAWN_AT_RANDOM := tests/floor/test_invariants.py tests/calls/test_call.py tests/attacks/test_takeover.py \
	tests/services/test_erasure_crash.py tests/services/test_retention_crash.py
PAGES := src/pttserver/net/built_pages/index.html
PAGE_SOURCES := $(shell find clients/console -name node_modules -prune -o -type f -print)
DEBIAN_PACKAGES := chromium gstreamer1.0-plugins-bad gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-tools \
	iproute2 mumble-server nftables openssl strace systemd tshark

.DEFAULT_GOAL := help
.PHONY: help demo test test-thorough check setup-system console bench bench-full profile proto clean

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

$(INSTALLED): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

$(PAGES): $(PAGE_SOURCES) | $(INSTALLED)
	$(BIN)/python clients/console/build_hook.py

demo: $(INSTALLED) $(PAGES) ## Install and show handsets talking through a real server
	$(BIN)/pttserver demo

test: $(INSTALLED) $(PAGES) ## Install and run the tests
	$(NPM) test
	$(BIN)/pytest -m alone
	$(BIN)/pytest -m 'not alone and not thorough' -n 3 --dist worksteal

test-thorough: $(INSTALLED) $(PAGES) ## The tests that take long: the rest of Chromium, and all tries of what is drawn at random
	$(BIN)/pytest -m thorough -n 2 --dist loadfile
	PTT_THOROUGH=1 $(BIN)/pytest $(DRAWN_AT_RANDOM)

check: $(INSTALLED) ## Style, types, the rooms of the house, generated documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python proto/generate.py --check
	$(NPM) run check

proto: $(INSTALLED) ## Make the generated documents of proto/ anew
	$(BIN)/python proto/generate.py

console: $(PAGES) ## Build the console's pages if their sources changed

bench: $(INSTALLED) ## Measure quickly (three minutes): relay, crowd, reconnect, mixed, key-up, attack
	for scenario in relay crowd reconnect mixed key-up attack; do $(BIN)/python -m bench $$scenario --quick || exit 1; done

bench-full: $(INSTALLED) ## Measure everything and write bench/results/ anew (half an hour)
	for scenario in relay crowd reconnect mixed key-up saturate attack websocket lossy sweep locate; do \
		$(BIN)/python -m bench $$scenario --json bench/results/$$scenario.json || exit 1; done
	$(BIN)/python -m bench.report.summary

profile: $(INSTALLED) ## Flame graph of the server and its system calls per relayed packet
	$(BIN)/python -m bench.profile

setup-system: ## Install the Debian programs that some tests need (root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(DEBIAN_PACKAGES)

clean: ## Remove what was installed and made
	rm -rf $(VENV) clients/console/node_modules src/pttserver/net/built_pages demo-out .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
