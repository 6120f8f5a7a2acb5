# What can be done here: `make run` to try Kontor, `make test` and `make check` before a commit.
# It needs make and Python 3.11 or newer; everything else is installed into .venv, pinned by requirements.lock.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
INSTALLED := .venv/.installed

# Kontor is several processes: without the files of compiled code each would compile all of it at every start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench fix docs lock clean

help: ## show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: $(INSTALLED) ## install everything into .venv

run: setup ## run Kontor with demo data; KONTOR_PORT=8080 make run for another port
	@$(BIN)/kontor serve --demo

# Files of tests are shared out to processes, each with servers of its own.
test: setup ## run the tests; ARGS="-k billing" for some of them
	@$(BIN)/pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder $(ARGS)

check: setup ## lint, types, import rules
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup ## measure, each figure as a ratio to what the machine can do
	@$(BIN)/python -m tests.benchmarks $(ARGS)

fix: setup ## format the code and repair what can be repaired
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

docs: setup ## write the pages that are made from the code
	@$(BIN)/kontor settings --markdown > docs/settings.md
	@$(BIN)/python -m tests.docs

lock: setup ## pin the newest versions that pyproject.toml allows
	@$(PIP) install --quiet uv
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-header --no-emit-index-url --group dev pyproject.toml -o requirements.lock

clean: ## remove what was made here, .venv too
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Kontor needs Python 3.11 or newer, and '$(PYTHON)' is not. Name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
		echo "'$(PYTHON)' cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "Installing into .venv, once …"; $(PYTHON) -m venv .venv; }
	@$(PIP) install --quiet --require-hashes --requirement requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
