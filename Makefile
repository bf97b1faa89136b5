# What can be done here: `make help`. Git, make and Python 3.11 with venv are all it needs.

.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
SEED ?= 0
HISTORIES ?= 1000000
MINUTES ?= 5
# One more than there are cores: a test that waits for a server leaves its core to another.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN || echo 2) + 1)
ROLES ?= serve
# Where a shell forbids bytecode, each of the many processes of a test reads our sources anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo serve test test-all test-diffusers browser check style fmt promises sim chaos bench new-provider docs clean

help: ## This menu
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/python: 
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/server: $(VENV)/python pyproject.toml constraints.txt
	@echo "Installing into $(VENV): once, and a minute at most where the network is good"
	$(PIP) install --constraint constraints.txt --editable '.[server]'
	@touch $@

$(VENV)/test: $(VENV)/server
	$(PIP) install --constraint constraints.txt --editable '.[server,mcp,otel,test]'
	@touch $@

browser: ## Debian's Chromium, for the console's tests, where root and apt are
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
		&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
		apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } \
		|| echo "There is no Chromium and no way to install it: the browser's tests are skipped"

$(VENV)/bench: $(VENV)/server
	$(PIP) install --constraint constraints.txt --editable '.[server,bench]'
	@touch $@

demo: $(VENV)/server ## Hold a film in a minute: server, submit, poll, download; no key, no GPU
	$(BIN)/rushes demo

serve: $(VENV)/server ## A server on this machine, films in ./rushes-data
	$(BIN)/rushes serve

test: $(VENV)/test browser style ## Everything that holds a promise, in about eight minutes
	@$(BESIDE_TYPES) $(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not long"; $(BOTH)

test-all: $(VENV)/test browser style ## The same, and what takes longer
	@$(BESIDE_TYPES) $(BIN)/pytest -n $(WORKERS) --dist worksteal; $(BOTH)

# Types are checked while the tests run: mypy has one core, and nobody waits for it. What it found
# is said at the end, and fails the whole.
BESIDE_TYPES = $(BIN)/mypy > .mypy.log 2>&1 & types=$$!;
BOTH = tests=$$?; wait $$types || { cat .mypy.log; exit 1; }; exit $$tests

# The library has an environment of its own: gigabytes, of which a machine without a GPU needs a
# tenth. Whoever has an index with torch's builds for CPUs names it as pip wants it
# (PIP_EXTRA_INDEX_URL) and the version by TORCH, as in TORCH=torch==2.13.0+cpu.
$(VENV)/diffusers: $(VENV)/test
	test -x $@/bin/python || $(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH) '.[diffusers]'
	@touch $@

test-diffusers: $(VENV)/diffusers ## Films by the diffusers library, tiny random weights, no GPU
	$(BIN)/pytest tests/providers/test_real_diffusers.py

check: $(VENV)/test style ## Style, types, and the shape of the house
	$(BIN)/mypy

style: $(VENV)/test ## Style alone
	$(BIN)/ruff check
	$(BIN)/ruff format --check

fmt: $(VENV)/test ## Put the code into house style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

promises: $(VENV)/test ## Each promise, and the tests that hold it
	$(BIN)/python tests/promises.py

sim: $(VENV)/test ## A million random histories: make sim SEED=7
	$(BIN)/python -m rushes.testing.histories $(SEED) $(HISTORIES)

chaos: $(VENV)/test ## A soak under faults, with real processes: make chaos SEED=7 MINUTES=5
	$(BIN)/python tests/chaos.py --seed $(SEED) --minutes $(MINUTES) --roles $(ROLES) \
		$(if $(filter postgres,$(ON)),--postgres) $(if $(filter bucket,$(IN)),--bucket)

bench: $(VENV)/bench ## Every benchmark, beside its baseline (see docs/benchmarks.md)
	$(BIN)/python benchmarks/all.py

new-provider: $(VENV)/test ## Begin a provider: make new-provider NAME=lumen
	$(BIN)/python -m rushes.testing.scaffold $(NAME)

docs: $(VENV)/test ## Write anew what is written from the code: pages, and the reference's examples
	$(BIN)/python -m rushes.testing.providers_page docs/providers.md
	$(BIN)/python -m rushes.testing.settings_page docs/settings.md
	$(BIN)/python -m rushes.testing.errors_page docs/errors.md
	$(BIN)/python -m rushes.testing.events_page docs/events.md
	$(BIN)/python -m rushes.testing.reference_examples tests/contract/goldens src/rushes/http/reference

clean: ## Remove the virtual environment and everything tools left behind
	rm -rf $(VENV) .pytest_cache .mypy_cache .mypy.log .ruff_cache .hypothesis .schemathesis build dist
