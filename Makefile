# Lingxi. `make` shows what there is.

PYTHON ?= $(shell for python in python3.13 python3.12 python3; do \
	$$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null \
	&& echo $$python && break; done)
BIN := .venv/bin
# For example: make test ARGS="-k gateway"
ARGS ?=
# Tests mostly wait: two processes, each with servers of its own. `ARGS="-n 0 --pdb"`: in one.
WORKERS ?= 2
SEEDS ?= 5

COMPOSE := PYTHONPATH=deploy/compose:deploy/local $(PYTHON) -m lingxi_compose

.PHONY: help run demo test check audit fmt types screenshots bench observe chaos containers up down logs lingxi backup restore rotate-key k8s-secrets lock venv

help: ## what you can do here
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: venv ## run everything on this machine until Ctrl-C (MODEL=smollm2: with a small real model)
	@exec $(BIN)/python -m lingxi_local

demo: venv ## a companion's story, told by a system of its own (MODEL=smollm2: by a real model)
	@exec $(BIN)/python -m lingxi_local.demo

test: venv ## run the tests on embedded servers (TEST_SERVERS=containers: on Docker)
	@exec $(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

check: venv ## lint, types, import rules, lock files, the web app (with Node)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python deploy/local/lock.py --check
	$(BIN)/python deploy/local/web.py --check

audit: venv ## licences and known vulnerabilities of what is locked (asks the internet)
	$(BIN)/python deploy/local/audit.py

fmt: venv ## format the code and fix what can be fixed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: venv ## write the web app's types of the API anew, after the API has changed
	$(BIN)/python deploy/local/web.py

screenshots: venv ## take the README's pictures from the running product (with Chromium)
	$(BIN)/python -m tests.browser.pictures

bench: venv ## measure everything; fails for costs, not for time: ARGS="--only turns costs", "--json figures.json"
	@exec $(BIN)/python -m benchmarks $(ARGS)

observe: venv ## have a Prometheus read a system under load, and ask every query for data
	@exec $(BIN)/python -m tests.observability $(ARGS)

chaos: venv ## a minute of faults under load for each of SEEDS=5 seeds
	@exec $(BIN)/python -m tests.chaos --count $(SEEDS)

containers: venv ## try it on Docker: walk-through, restore, cluster under kills, dashboards (ARGS="walk")
	@exec $(BIN)/python -m tests.containers $(ARGS)

up: ## start it with Docker Compose, secrets made once (COMPOSE_PROFILES=cluster: three NATS, two of each service)
	@$(COMPOSE) up

down: ## stop what `up` started; data stays (ARGS=-v: is deleted)
	@$(COMPOSE) down $(ARGS)

logs: ## follow the logs of what `up` started
	@$(COMPOSE) logs $(ARGS)

lingxi: ## the operator's command on what `up` started: make lingxi ARGS="status"
	@$(COMPOSE) lingxi $(ARGS)

backup: ## dump the databases of what `up` started into a new folder
	@$(COMPOSE) backup

restore: ## fill an installation without data: make restore FROM=folder
	@$(COMPOSE) restore $(FROM)

rotate-key: ## a new key for tokens, in two steps (docs/security.md)
	@$(COMPOSE) rotate-key

k8s-secrets: ## the secrets of deploy/k8s/dev, made once
	@$(COMPOSE) secrets deploy/k8s/dev/.secrets

lock: venv ## resolve the dependencies of pyproject.toml into the lock files
	$(BIN)/python deploy/local/lock.py

venv:
	@test -n "$(PYTHON)" || { echo "Lingxi needs Python 3.12 or newer, with its venv module" >&2; exit 1; }
	@$(PYTHON) deploy/local/bootstrap.py $(MODEL)
