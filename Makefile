# One command starts everything (`make run`), one tests everything (`make test`).
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
VENV := .venv
PY := $(VENV)/bin/python
# The service's own key on this machine, made once; what it writes is for its user alone.
WITH_SECRET = umask 077; SECRET_KEY="$$(cat var/secret-key)"
# For linters and tests, which serve nobody.
TRY_OUT := DEBUG=1

.PHONY: help run manage test lint front front-check chaos bench bench-engine bench-idle bench-api lock clean

help:  ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.runtime var/secret-key  ## Set up and start the service; prints a link to edit
	@$(WITH_SECRET) $(PY) manage.py migrate --verbosity 0
	@$(WITH_SECRET) $(PY) manage.py demo --host $(HOST) --port $(PORT)
	@$(WITH_SECRET) exec $(PY) manage.py serve --host $(HOST) --port $(PORT)

manage: $(VENV)/.runtime var/secret-key  ## Any other command on that data: make manage DO="verify"
	@$(WITH_SECRET) $(PY) manage.py $(DO)

test: $(VENV)/.dev  ## Set up everything that tests need, and run them all
	@tests/prepare.sh
	$(TRY_OUT) $(PY) -m tests.run $(PYTEST_ARGS)

lint: $(VENV)/.dev  ## Style, types, and locks without hosts
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(TRY_OUT) $(VENV)/bin/mypy
	@tests/check_locks.sh

front:  ## Rebuild the browser bundle (needs Node)
	cd static && npm ci && npm run types && npm test && npm run build

front-check: front  ## … and fail if that changes what is committed
	@git diff --exit-code --stat -- static/dist && test -z "$$(git status --porcelain static/dist)"

chaos: $(VENV)/.dev  ## Kill, pause and cut everything for ten minutes (CHAOS_SECONDS, CHAOS_SEED)
	@tests/prepare.sh
	$(TRY_OUT) $(PY) -m tests.chaos

bench: $(VENV)/.dev  ## Beside Hocuspocus, y-websocket and others, for hours; BENCH=--short: some minutes
	@tests/prepare.sh
	$(TRY_OUT) $(PY) -m tests.bench $(BENCH)

bench-engine: $(VENV)/.dev  ## What the engine costs beside bare pycrdt, and a connection
	$(TRY_OUT) $(PY) -m tests.bench.engine

bench-idle: $(VENV)/.dev  ## Ten thousand idle connections for two minutes (IDLE_CONNECTIONS, IDLE_SECONDS)
	$(TRY_OUT) $(PY) -m tests.bench.idle

bench-api: $(VENV)/.dev  ## What a snapshot costs in each format, and a small edit of a large document
	$(TRY_OUT) $(PY) -m tests.bench.api

lock:  ## Lock the dependencies again (needs uv)
	for name in requirements requirements-dev tests/bench/peers/python/requirements tests/bench/peers/asgi/requirements; do uv pip compile --quiet --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header $$name.in --output-file $$name.txt; done

clean:  ## Remove what was installed and built here; keeps var/ (your documents)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis static/node_modules tests/*/node_modules

var/secret-key:
	@umask 077 && mkdir -p var && $(PYTHON) -c "import secrets; print(secrets.token_urlsafe(48))" > $@

$(VENV)/bin/python:
	@if command -v uv > /dev/null; then uv venv --quiet --python $(PYTHON) $(VENV); \
	else $(PYTHON) -m venv $(VENV); fi

define install
	@echo "Installing $(1)"
	@if command -v uv > /dev/null; then \
	  VIRTUAL_ENV=$(VENV) uv pip install --quiet --require-hashes -r $(1); \
	else $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1); fi
	@touch $@
endef

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	$(call install,requirements.txt)

$(VENV)/.dev: requirements-dev.txt | $(VENV)/bin/python
	$(call install,requirements-dev.txt)
	@touch $(VENV)/.runtime
