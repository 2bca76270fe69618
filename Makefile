# Feedline: `make run` and `make test` do everything on a fresh Debian machine.
.DEFAULT_GOAL := help
.NOTPARALLEL:
VENV := .venv
PYTHON := $(VENV)/bin/python
# What Python compiles is kept, whatever the machine says: tests start hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

$(VENV)/installed: requirements.txt pyproject.toml
	@deploy/machine.sh python
	@# What was made with another Python is made anew.
	@python=$$(deploy/python.sh) && path='import os, sys; print(os.path.realpath(sys.executable))' && \
	    echo "Setting up the Python environment in $(VENV) with $$python" && \
	    if [ "$$($(PYTHON) -c "$$path" 2>&1)" = "$$($$python -c "$$path")" ]; then clear=; else clear=--clear; fi && \
	    $$python -m venv $$clear $(VENV)
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@# As a line in a .pth file: setuptools' finder of its own costs every start of a process 20 ms.
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --config-settings editable_mode=compat --editable .
	@touch $@

.PHONY: servers
servers:
	@deploy/machine.sh python servers

.PHONY: run
run: servers $(VENV)/installed ## Set up and start the whole system here, in the foreground (Ctrl-C stops it)
	@exec $(PYTHON) -m deploy.command.main run

.PHONY: lint
lint: $(VENV)/installed ## Style, types and the import law
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

.PHONY: test-servers
test-servers:
	@deploy/machine.sh python servers tests

.local/tools/installed: deploy/kubernetes/tools.sh deploy/kubernetes/check/requirements-tools.txt deploy/kubernetes/check/package-lock.json $(VENV)/installed
	@echo "Fetching what checks the deployment files into .local/tools"
	@deploy/kubernetes/tools.sh .local/tools $(PYTHON)
	@touch $@

.local/clients/installed: deploy/clients/package.json deploy/clients/package-lock.json
	@echo "Fetching what makes clients of the API into .local/clients"
	@mkdir -p .local/clients
	@cp deploy/clients/package.json deploy/clients/package-lock.json .local/clients/
	@npm ci --silent --no-audit --no-fund --ignore-scripts --prefix .local/clients
	@touch $@

.PHONY: clients
clients: $(VENV)/installed .local/clients/installed ## Python and TypeScript clients of the API, made from its document, in build/clients
	$(PYTHON) -m deploy.clients build/clients

.PHONY: test
test: test-servers $(VENV)/installed .local/tools/installed .local/clients/installed ## All tests, against servers that the run starts itself
	@# In the order of the folders: what takes long comes first, and the many short files last fill every process.
	@# Three processes for two cores: one of them mostly waits, for a server that was killed or a lease that must run out.
	$(VENV)/bin/pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder --durations=10

.PHONY: fleet-servers
fleet-servers:
	@deploy/machine.sh python servers fleet

.PHONY: test-fleet
test-fleet: fleet-servers $(VENV)/installed ## A whole fleet: brokers, databases and workers killed, cut off, rolled; the image built and run; as root
	$(VENV)/bin/pytest tests/fleet

.PHONY: fleet-figures
fleet-figures: $(VENV)/installed ## Put the figures of the last make test-fleet into docs/fleet.md
	$(PYTHON) -m tests.fleet.figures

.PHONY: trixie-tools
trixie-tools:
	@deploy/machine.sh python trixie

.PHONY: test-trixie
test-trixie: trixie-tools $(VENV)/installed ## The road's acceptance on Debian 13: RabbitMQ 4, Postgres 17, Python 3.13; as root
	@tests/trixie/run.sh tests/acceptance/test_whole_system.py tests/integration/fleet/test_workers.py \
	    tests/integration/fleet/test_failures.py tests/integration/fleet/test_broker_failures.py

.PHONY: lock
lock: $(VENV)/installed ## Write requirements-run.txt, the image's lock with hashes, from pyproject.toml and requirements.txt
	@$$(deploy/python.sh) -m venv .local/lock
	@.local/lock/bin/python -m pip install --quiet --disable-pip-version-check pip-tools==7.6.2
	.local/lock/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header --no-annotate \
	    --no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	    --constraint requirements.txt --extra tracing --output-file requirements-run.txt pyproject.toml

.PHONY: test-fast
test-fast: $(VENV)/installed ## The pure tests alone, each property with few examples: for every save
	@tests/fast.sh

.PHONY: test-random
test-random: $(VENV)/installed ## The pure tests with other examples each time, and more of them
	$(VENV)/bin/pytest --quiet --numprocesses=2 --hypothesis-profile=random tests/unit

.PHONY: format
format: $(VENV)/installed ## Format and mend what can be mended
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

.PHONY: bench-servers
bench-servers:
	@deploy/machine.sh python servers load

.PHONY: bench
bench: bench-servers $(VENV)/installed ## The road's speed, as ratios against what Postgres alone can do in the same run
	$(PYTHON) -m deploy.bench

.PHONY: bench-compare
bench-compare: bench-servers $(VENV)/installed ## Two commits in turn, and their ratios: make bench-compare BASE=main
	$(PYTHON) -m deploy.bench.compare $(or $(BASE),main)

.PHONY: bench-list
bench-list: servers $(VENV)/installed ## Pages of a list of one million feed variants: first, middle, last
	$(PYTHON) -m deploy.bench.listing

.PHONY: bench-pages
bench-pages: servers $(VENV)/installed ## Every page of the dashboard with a million feed variants and a thousand feeds
	$(PYTHON) -m deploy.bench.pages

.PHONY: bench-pull
bench-pull: $(VENV)/installed ## How fast pulled files are read, and how much memory a file of 300 MB takes
	$(PYTHON) -m deploy.bench.pull

.PHONY: settings
settings: $(VENV)/installed ## Write docs/settings.md from the settings
	@$(PYTHON) -m deploy.command.main settings --markdown > .settings.new && mv .settings.new docs/settings.md

.PHONY: rules
rules: $(VENV)/installed ## Write the rules of deploy/monitoring as Kubernetes wants them
	@$(PYTHON) -m deploy.monitoring.operator

.PHONY: vendor
vendor: $(VENV)/installed ## Fetch the scripts that the dashboard serves, at the versions of vendored.json
	$(PYTHON) -m deploy.vendored

.PHONY: screenshots
screenshots: $(VENV)/installed ## Every page of the running dashboard, at two widths and in both themes
	$(PYTHON) -m deploy.screenshots
