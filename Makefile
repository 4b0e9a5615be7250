# nhiscan: the whole developer interface. `make demo` and `make test` need Python 3.11+, make and git, nothing else.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	if command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
ENV := PYTHONDONTWRITEBYTECODE=1
# One process a core. A test that is run alone by hand (.venv/bin/pytest tests/...) stays in one process.
PARALLEL ?= --numprocesses=auto --dist=worksteal

.PHONY: help demo test lint types layers rules wheel-test oracle pins clean check-python

help:
	@echo "make demo    scan simulated clouds and write a signed evidence package to nhiscan-demo/"
	@echo "make test    set up and run the tests (NHISCAN_REQUIRE=all: a skipped test is a failure)"
	@echo "make lint types layers rules wheel-test oracle    what CI runs besides"

check-python:
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer found: install the package python3 (3.11+)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "make: $(PYTHON) is no Python 3.11 or newer: install the package python3 (3.11+)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "make: $(PYTHON) has no venv module: install the package python3-venv" >&2; exit 1; }

$(BIN)/python: | check-python
	@$(PYTHON) -m venv $(VENV)

# The stamps say which pins are installed. dev holds all that demo holds, at the same versions.
$(VENV)/demo.stamp: requirements/demo.txt pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) from requirements/demo.txt (hash-checked)" >&2
	@$(PIP) install --quiet --require-hashes -r requirements/demo.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) from requirements/dev.txt (hash-checked)" >&2
	@$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/demo.stamp

demo: $(VENV)/demo.stamp
	@$(BIN)/nhiscan demo
	@echo "(nhiscan is $(BIN)/nhiscan here)"

test: $(VENV)/dev.stamp
	@$(ENV) $(BIN)/pytest $(PARALLEL) $(ARGS)

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	@$(BIN)/mypy

layers: $(VENV)/dev.stamp
	@$(BIN)/lint-imports

rules: $(VENV)/dev.stamp
	@$(BIN)/nhiscan rules check

# Against the built wheel, from a folder that holds nothing but tests/: what can differ from the checkout.
wheel-test: $(VENV)/dev.stamp
	@PYTEST_ADDOPTS="$(PARALLEL)" sh requirements/wheel-test.sh "$(PYTHON)"

# Microsoft's own Graph client takes hundreds of megabytes: it has an environment of its own, without compiled files.
ORACLE := .venv-oracle
$(ORACLE)/oracle.stamp: requirements/oracle.txt pyproject.toml | check-python
	@echo "setting up $(ORACLE) from requirements/oracle.txt (hash-checked)" >&2
	@$(PYTHON) -m venv $(ORACLE)
	@$(ORACLE)/bin/python -m pip --disable-pip-version-check --no-input install --quiet --no-compile --require-hashes \
		-r requirements/oracle.txt
	@$(ORACLE)/bin/python -m pip --disable-pip-version-check --no-input install --quiet --no-deps --no-build-isolation \
		--editable .
	@touch $@

oracle: $(ORACLE)/oracle.stamp
	@$(ENV) $(ORACLE)/bin/pytest -m oracle tests/oracle $(ARGS)

pins: $(VENV)/dev.stamp
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra demo --group build pyproject.toml -o requirements/demo.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--all-extras --group dev -c requirements/demo.txt pyproject.toml -o requirements/dev.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra azure --group build --group oracle -c requirements/dev.txt pyproject.toml -o requirements/oracle.txt

clean:
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis nhiscan-demo
