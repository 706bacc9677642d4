#!/bin/sh
# Runs what depends on the version of PostgreSQL on 15, the oldest one that Scrip runs on: the migrations, from nothing
# and from the oldest books, the catalogue that they build, and the plan of every statement. `make test` runs it.
set -eu
programs=.venv/postgresql-15/pgserver/pginstall/bin
if [ ! -x "$programs/postgres" ]; then
    printf '%s\n' "NOT TESTED on PostgreSQL 15: the package index has none for this machine. Name one that is installed:" \
        "    make test SCRIP_TEST_POSTGRES_BIN=/usr/lib/postgresql/15/bin" >&2
    exit 0
fi
SCRIP_TEST_POSTGRES_BIN=$programs exec sh scripts/run_tests.sh tests/migrations tests/plans tests/app/cli/test_migrate.py
