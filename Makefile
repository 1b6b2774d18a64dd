# What a person, or a continuous-integration machine, does with this repository. `make help` lists it.
# Needs Python 3.11 or newer and make; the rest is installed into .venv/ from pip's index.

PYTHON ?= python3
DEMO ?=
PYTEST ?=
BENCH ?= overhead
DATA ?=
TRAINING ?=

VENV := .venv
BIN := $(VENV)/bin
# What is installed: LOCK=services.txt adds the real servers that tests talk to. Without a word it stays as it was.
ifndef LOCK
LOCK := $(or $(patsubst $(VENV)/.ready-%,%,$(firstword $(wildcard $(VENV)/.ready-*))),dev.txt)
endif
export LOCK
READY := $(VENV)/.ready-$(LOCK)
ROOT := $(CURDIR)

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format docs-reference lock bench bench-data bench-tracking bench-training bench-records bench-registry bench-import test-mlflow-clients clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv/ with everything in it; quick when nothing has changed

# The stamp is written last: what was interrupted is done again.
$(READY): requirements/$(LOCK) requirements/install.sh pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$(PYTHON) is older than Python 3.11 (or is not there). Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python && $(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing what requirements/$(LOCK) locks into $(VENV)/ ..."
	@rm -f $(VENV)/.ready-*
	@requirements/install.sh "$(ROOT)/$(BIN)/python"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $(READY)
	@echo "Ready: $(BIN)/kaizen"

demo: setup ## Run the whole loop on a year of real flights; DEMO="--until 2013-03-31 --json out.json" passes options on
	@$(BIN)/kaizen demo --exit $(DEMO)

test: setup lint ## Lint, check types and layers, and run every test; PYTEST="-k gate" passes options on
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(PYTEST)

test-mlflow-clients: setup ## Try MLflow's clients from 2.9 to 3.17, each in an environment of its own (10 minutes)
	KAIZEN_TEST_MLFLOW_CLIENTS=1 $(BIN)/python -m pytest tests/mlflow/test_client_versions.py $(PYTEST)

lint: setup ## Check style, types and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## Write the code as the linter wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs-reference: setup ## Write the generated pages of docs/reference/ anew
	$(BIN)/python docs/generate.py

lock: setup ## Resolve requirements/dev.txt anew from pyproject.toml, for Python 3.11 and newer on every platform
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --no-annotate --no-header pyproject.toml --extra dev -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --no-annotate --no-header pyproject.toml --extra dev --extra services \
	    -o requirements/services.txt

bench: setup ## Measure what serving costs beside the model (see benchmarks/README.md)
	$(BIN)/python benchmarks/serving/$(BENCH).py

bench-data: setup ## Measure loading, contracts, cleaning, joins, labels and tables beside other tools; DATA="join labels" chooses
	$(BIN)/python benchmarks/data/all.py $(DATA)

bench-tracking: setup ## Measure what tracking costs: points a second, finding runs
	$(BIN)/python benchmarks/tracking/bench_tracking.py

bench-training: setup ## Measure steps and their cache beside seven other tools (10 minutes); TRAINING="kedro --edits" chooses
	$(BIN)/python benchmarks/training/all.py $(TRAINING)

bench-records: setup ## Measure what metadata cost: one writer, sixteen at once, lineage of 100,000 runs, telling of events
	$(BIN)/python benchmarks/records/bench_writers.py
	$(BIN)/python benchmarks/records/bench_lineage.py
	$(BIN)/python benchmarks/records/bench_notify.py

bench-registry: setup ## Measure what MLflow clients cost the server, beside MLflow's own
	$(BIN)/python benchmarks/registry/bench_registry.py

bench-import: setup ## Measure how long an import of 10,000 runs of MLflow takes
	$(BIN)/python benchmarks/registry/bench_import.py

clean: ## Remove .venv/, caches and demos
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist kaizen-demo
