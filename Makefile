# Needs glibc Linux on x86-64, make, Python 3.11 to 3.14 with venv, and the package registries. Nothing else.

PYTHON ?= python3
UV ?= uv
ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Every package has a wheel: nothing is compiled, nothing is downloaded unhashed.
INSTALL := $(PIP) install --require-hashes --only-binary :all:
LOCK := --quiet --upgrade --universal --generate-hashes --no-header --no-annotate --python-version 3.11
# Tests share nothing, so they run side by side. Those on a real broker mostly wait; each process has a broker of its own.
PARALLEL := --numprocesses auto --maxprocesses 4 --dist worksteal
SYSTEM := --numprocesses 2 --dist worksteal
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)

.PHONY: help demo stack test check bench lock system-deps clean

help: ## Lists these targets
	@sed -nE 's/^([a-z-]+):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: .venv/demo.stamp ## Shows it working; options in ARGS, as in make demo ARGS="--for 60s --verify"
	$(BIN)/stream-kpis demo $(ARGS)

stack: .venv/demo.stamp ## Shows alerts arrive, as in make stack ARGS="--scenario churn-wave --until resolved --fast"
	$(BIN)/stream-kpis stack $(ARGS)

check: .venv/dev.stamp ## Style, types, import rules, fast tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m "not slow and not system" $(PARALLEL)

test: check ## Everything: check, the slow tests, the tests on a real broker
	$(BIN)/python -m pytest -m "slow and not system" $(PARALLEL)
	$(BIN)/python -m pytest -m system $(SYSTEM)

bench: .venv/dev.stamp ## Speed, on this machine
	$(BIN)/python -m benchmarks $(ARGS)

lock: ## Pins every dependency anew for Python 3.11 to 3.14; needs uv
	$(UV) pip compile $(LOCK) --group build --output-file requirements.lock pyproject.toml
	$(UV) pip compile $(LOCK) --group build --group dev --constraint requirements.lock \
		--output-file requirements-dev.lock pyproject.toml

system-deps: ## Debian's Prometheus, Alertmanager, Chromium and OpenSSL, which some tests need
	$(SUDO) apt-get update -q
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
		prometheus prometheus-alertmanager chromium openssl

clean: ## Removes what these targets made
	rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	find stream_kpis tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps are younger than what was installed. The development packages include those of the demo, in the same versions.
.venv/demo.stamp: requirements.lock pyproject.toml | .venv/bin/python
	$(INSTALL) -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@

.venv/dev.stamp: requirements-dev.lock requirements.lock pyproject.toml | .venv/bin/python
	$(INSTALL) -r requirements-dev.lock
	$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@ .venv/demo.stamp

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' || \
		{ echo "$(PYTHON) is not Python 3.11 to 3.14; choose one: make PYTHON=python3.13 ..."; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "$(PYTHON) cannot make a virtual environment; see above"; exit 1; }
