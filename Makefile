# Needs Python 3.11 or newer and make; everything else is fetched into .venv.
#   make serve   the API at http://127.0.0.1:8000
#   make test    all tests
#   make chaos   over an hour of senseless requests, failures and load; FUZZ_SECONDS=60 SOAK_SECONDS=60 less
#   make bench   what requests cost, beside the least that they could
#   make lint    style, types, layers, schema.graphql against the code, and known vulnerabilities
#   make lock    the locked requirements, anew from pyproject.toml

# The newest interpreter that runs; PYTHON=… chooses another.
PYTHON ?= $(firstword $(foreach v,3.13 3.12 3.11 3.14,$(shell python$v -c 'print("python$v")' 2>/dev/null)) python3)
BIN := .venv/bin
# How long `make chaos` goes on with each.
FUZZ_SECONDS ?= 600
SOAK_SECONDS ?= 1800
# Where it is set, every start compiles every package anew, which takes twice as long as the start.
unexport PYTHONDONTWRITEBYTECODE
GRAPHIQL := graph/static/graphiql/index.js
DASHBOARD := graph/static/dashboard/index.html
CLIENTS := tests/clients/node_modules/.package-lock.json
# Several times as fast as pip.
install := $(BIN)/uv pip install --quiet --python $(BIN)/python
# Where there are 2 GB in memory for temporary files, no test's database waits for the disk.
in_memory = $(if $(shell df -k /dev/shm 2>/dev/null | awk '$$4 > 2000000' | tail -n +2),TMPDIR=/dev/shm)
say = @printf '\033[1m— %s\033[0m\n'
# One of the dashboard's scripts, which needs a browser.
in_browser = if command -v chromium >/dev/null; then cd dashboard && export PATH="$(CURDIR)/$(BIN):$$PATH" \
	&& CHROMIUM="$$(command -v chromium)" npm run --silent $(1); else \
	printf '\033[1m— %s\033[0m\n' 'SKIPPED: the tests in a browser need Chromium (apt-get install chromium)'; fi

.PHONY: serve test test-dashboard chaos bench lint lock

serve: .venv/.runtime $(GRAPHIQL) $(DASHBOARD)
	@$(BIN)/tickets serve

# As many at once as there are cores, each with a database and a server of its own; with ARGS, one.
test: .venv/.dev $(GRAPHIQL) $(DASHBOARD) $(CLIENTS)
	@$(in_memory) $(BIN)/pytest $(or $(ARGS),--numprocesses auto --maxprocesses 8 --dist loadfile)
	$(say) "Testing the dashboard's parts; make test-dashboard tests it in a browser"
	@$(if $(ARGS),,cd dashboard && PATH="$(CURDIR)/$(BIN):$$PATH" npm test --silent)

# The dashboard in a browser, against a server of its own: five minutes on two busy cores, too long
# for every test, a part of which takes half a minute (ARGS=smoke); TICKETS_TEST_FULL_SIZE=1 tries
# every page in every look, and a minute of the feed.
test-dashboard: .venv/.runtime $(DASHBOARD)
	$(say) 'Testing the dashboard in a browser'
	@command -v chromium >/dev/null || if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		printf '\033[1m— %s\033[0m\n' 'Installing Chromium for the browser tests (apt-get)'; \
		apt-get update -qq && apt-get install -y -qq chromium >/dev/null; fi
	@$(call in_browser,$(or $(ARGS),e2e))

# Of make test, what can go on for longer, for that long; ten minutes of each kind of senseless
# request and half an hour of a common day unless told otherwise.
chaos: .venv/.dev $(GRAPHIQL) $(DASHBOARD)
	$(say) 'Senseless requests for $(FUZZ_SECONDS) s each, the feed while its database fails, a day of $(SOAK_SECONDS) s'
	@TICKETS_TEST_FULL_SIZE=1 TICKETS_FUZZ_SECONDS=$(FUZZ_SECONDS) TICKETS_SOAK_SECONDS=$(SOAK_SECONDS) \
		$(BIN)/pytest -rPs --show-capture=stdout -o faulthandler_timeout=7200 \
		$(or $(ARGS),tests/chaos tests/feed tests/test_outages.py tests/test_crashes.py)

bench: .venv/.dev $(GRAPHIQL) $(DASHBOARD)
	@$(BIN)/python -m bench $(ARGS)

lint: .venv/.dev $(DASHBOARD)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/tickets schema | diff -u schema.graphql -
	cd dashboard && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent lint
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.audit

# Both files hold for Python 3.11 and up on every system; ARGS=--upgrade moves to the newest releases.
lock:
	$(say) 'Locking requirements.txt and requirements-dev.txt'
	@tmp=$$(mktemp -d) && trap 'rm -rf $$tmp' EXIT && $(PYTHON) -m venv $$tmp && $$tmp/bin/pip install --quiet uv \
		&& lock="$$tmp/bin/uv pip compile pyproject.toml --extra embedded --group build --universal \
			--python-version 3.11 --generate-hashes --no-header --quiet $(ARGS)" \
		&& $$lock -o requirements.txt \
		&& $$lock --group dev -c requirements.txt -o requirements-dev.txt

.venv/.python:
	$(say) 'Making .venv with $(PYTHON)'
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, %s is %d.%d: make PYTHON=/path/to/python3.11" % (sys.executable, *sys.version_info[:2]))'
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet 'uv>=0.9,<1'
	@touch $@

.venv/.runtime: requirements.txt pyproject.toml .venv/.python
	$(say) 'Installing the server and its embedded database (requirements.txt)'
	@$(install) --require-hashes -r requirements.txt
	@$(install) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.runtime
	$(say) 'Installing what tests and checks need (requirements-dev.txt)'
	@$(install) --require-hashes -r requirements-dev.txt
	@touch $@

# npm's install scripts look for node on the path.
$(GRAPHIQL): $(wildcard graph/graphiql/*.* graph/graphiql/src/*) | .venv/.runtime
	$(say) 'Building GraphiQL, so that it works without internet'
	@cd graph/graphiql && export PATH="$(CURDIR)/$(BIN):$$PATH" \
		&& npm ci --no-audit --no-fund --loglevel=error && node build.mjs
	@touch $@

$(CLIENTS): tests/clients/package.json tests/clients/package-lock.json | .venv/.runtime
	$(say) 'Installing the clients that the tests of the live feed use (tests/clients/)'
	@cd tests/clients && export PATH="$(CURDIR)/$(BIN):$$PATH" \
		&& npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Its operations are typed from the schema: one that no longer fits fails here.
$(DASHBOARD): schema.graphql $(shell find dashboard \( -name node_modules -o -name .angular -o -name e2e -o -name test-results \) -prune \
		-o -type f ! -name '*.generated.ts' ! -name '*.spec.ts' -print) | .venv/.runtime
	$(say) 'Building the dashboard (dashboard/)'
	@cd dashboard && export PATH="$(CURDIR)/$(BIN):$$PATH" \
		&& npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && npm run --silent build
	@touch $@
