# make demo, make test: install what they need into .venv, then run. make help lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
DEBIAN_PACKAGES := gstreamer1.0-plugins-bad gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-tools openssl tshark

.DEFAULT_GOAL := help
.PHONY: help demo test check setup-system bench proto clean

help: ## List what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

$(INSTALLED): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: $(INSTALLED) ## Install and show handsets talking through a real server
	$(BIN)/pttserver demo

test: $(INSTALLED) ## Install and run the tests
	$(BIN)/pytest -m alone
	$(BIN)/pytest -m 'not alone' -n 2 --dist worksteal

check: $(INSTALLED) ## Style, types, the rooms of the house, generated documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python proto/generate.py --check

proto: $(INSTALLED) ## Make the generated documents of proto/ anew
	$(BIN)/python proto/generate.py

bench: $(INSTALLED) ## Measure what the voice path costs
	$(BIN)/python -m bench

setup-system: ## Install the Debian programs that some tests need (root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(DEBIAN_PACKAGES)

clean: ## Remove what was installed and made
	rm -rf $(VENV) demo-out .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
