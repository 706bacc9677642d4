# Everything is one command: each target first sees to its environment, in .venv, and then does its work.
# All paths are relative and none is make's own, since make cannot handle a folder with a space in its name.

PYTHON ?= python3
export PYTHON
python := .venv/bin/python
build_docs := $(python) -m sphinx --fail-on-warning --keep-going --quiet --fresh-env --write-all -b html -d build/doctrees docs build/docs

.DEFAULT_GOAL := help
.PHONY: help run test test-citus test-clients pictures test-operations chaos check database docs wheel clients audit bench bench-page simulate chains lock clean environment environment-dev

help: ## Show this
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' Makefile | while IFS='|' read -r name text; do printf '%-18s %s\n' "$$name" "$$text"; done

environment:
	@sh scripts/environment.sh requirements.lock

environment-dev:
	@sh scripts/environment.sh requirements-dev.lock

run: environment ## Start Scrip with a database and sample data of its own, at http://127.0.0.1:8000
	@exec $(python) -m app.cli run

test: environment-dev ## Run the tests; one file: make test TESTS=tests/app; on another PostgreSQL: SCRIP_TEST_POSTGRES_BIN=/folder
	@sh scripts/run_tests.sh --durations 40 --durations-min 5 $(TESTS)
	@$(if $(TESTS)$(SCRIP_TEST_POSTGRES_BIN),:,sh scripts/test_postgres15.sh)

test-citus: environment-dev ## Run the tests of the ledger on Citus: SCRIP_TEST_CITUS_URL names its coordinator, as a superuser
	@test -n "$$SCRIP_TEST_CITUS_URL" || { echo "make test-citus: set SCRIP_TEST_CITUS_URL to the URL of a Citus coordinator with two workers (CONTRIBUTING.md)."; exit 2; }
	@$(if $(TESTS),,$(python) -m pytest -n 0 tests/operations/test_citus.py)
	@$(python) -m pytest -n 2 --dist worksteal $(or $(TESTS),tests/models tests/api tests/jobs tests/simulation)

test-clients: environment ## Look at Scrip as its clients do, from a browser and from TypeScript; needs Node.js
	@sh scripts/test_clients.sh

pictures: environment ## Make the pictures of the console's tutorial anew; needs what make test-clients has installed
	@cd tests/clients && SCRIP_WRITE_PICTURES=1 node --test tutorials-console.test.mjs

test-operations: environment-dev ## Run what needs more than Python, such as a standby and PgBouncer; one: TESTS=tests/operations/test_failover.py
	@$(python) -m pytest $(or $(TESTS),tests/operations)

chaos: environment-dev ## Break servers, database and network at random under load; make chaos ROUNDS=300 SEED=7; kept: KEEP=1
	@$(python) -m tests.chaos $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED)) $(if $(OPERATIONS),--operations $(OPERATIONS)) $(if $(CALM),--calm $(CALM)) $(if $(KEEP),--keep)

check: environment-dev ## Look the code over: style, types, floors, schema, migrations, docs
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy
	$(python) -c "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
	$(python) -m app.cli sdl | diff schema.graphql -
	$(python) -m scripts.check_contract
	$(python) -m scripts.check_migrations
	$(build_docs)

docs: environment-dev ## Build docs/ as a site in build/docs, with search; every link is checked
	$(build_docs)
	@echo "Open build/docs/index.html"

database: environment-dev ## Write what is generated of migrations/ anew, after a step was written in SQL
	@$(python) -m scripts.step_runners
	@$(python) -m scripts.database_sql

wheel: environment ## Make a wheel in dist/, to install elsewhere
	@sh scripts/wheel.sh dist

clients: environment ## Make the packages of the Python and the TypeScript client in dist/; the latter needs Node.js
	@sh scripts/python_client.sh dist
	@sh scripts/typescript_client.sh dist

audit: environment ## Ask PyPI whether a vulnerability is known of what is pinned
	@sh scripts/audit.sh

bench: environment-dev ## Measure the speed; in a few minutes: make bench QUICK=1; one of them: make bench ONLY=adjust; kept: KEEP=1
	@$(python) -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick) $(if $(PART),--part "$(PART)") $(if $(KEEP),--keep)

bench-page: environment-dev ## Write the measured parts of docs/benchmarks.md, and its plots, from benchmarks/results
	@$(python) -m benchmarks.page

simulate: environment-dev ## Play the ledger against a naive one; again with the same: make simulate SEED=1234
	@$(python) -m tests.simulation $(if $(SEED),--seed $(SEED)) $(if $(STEPS),--steps $(STEPS)) $(if $(OPERATIONS),--operations $(OPERATIONS))

chains: environment-dev ## Search every chain of steps for value made twice; make chains DEPTH=6 STORY=value ROLE=STAFF SEED=7
	@$(python) -m tests.chains $(if $(DEPTH),--depth $(DEPTH)) $(if $(STORY),--story $(STORY)) $(if $(ROLE),--role $(ROLE)) $(if $(SEED),--seed $(SEED))

lock: environment-dev ## Pin the newest versions that pyproject.toml allows
	@sh scripts/lock.sh

clean: ## Remove what was made here, but not the data in .scrip
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist scrip.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
