# Lingxi. `make` shows what there is.

PYTHON ?= $(shell for python in python3.13 python3.12 python3; do \
	$$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null \
	&& echo $$python && break; done)
BIN := .venv/bin
# For example: make test ARGS="-k gateway"
ARGS ?=
SEEDS ?= 5

.PHONY: help run test check fmt bench chaos lock venv

help: ## what you can do here
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: venv ## run everything on this machine until Ctrl-C (MODEL=smollm2: with a small real model)
	@exec $(BIN)/python -m lingxi_local

test: venv ## run the tests on embedded servers (TEST_SERVERS=containers: on Docker)
	@exec $(BIN)/pytest $(ARGS)

check: venv ## lint, types, import rules, lock files
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python deploy/local/lock.py --check

fmt: venv ## format the code and fix what can be fixed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: venv ## measure everything: ARGS="--only turns costs", "--json figures.json"
	@exec $(BIN)/python -m benchmarks $(ARGS)

chaos: venv ## a minute of faults under load for each of SEEDS=5 seeds
	@exec $(BIN)/python -m tests.chaos --count $(SEEDS)

lock: venv ## resolve the dependencies of pyproject.toml into the lock files
	$(BIN)/python deploy/local/lock.py

venv:
	@test -n "$(PYTHON)" || { echo "Lingxi needs Python 3.12 or newer, with its venv module" >&2; exit 1; }
	@$(PYTHON) deploy/local/bootstrap.py $(MODEL)
