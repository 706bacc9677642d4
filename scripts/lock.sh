#!/bin/sh
# Writes the lock files: every version pinned, with its hashes and no addresses, for every Python and platform at once.
set -eu
tool=.venv/locking
[ -x "$tool/bin/uv" ] || { .venv/bin/python -m venv "$tool" && "$tool/bin/python" -m pip install --quiet uv; }
lock() {
    target=$1
    shift
    "$tool/bin/uv" pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-header --no-annotate "$@" --output-file "$target"
}
lock requirements.lock --extra build pyproject.toml
lock requirements-telemetry.lock --extra build --extra telemetry --constraint requirements.lock pyproject.toml
lock requirements-dev.lock --extra build --extra dev --extra telemetry --constraint requirements.lock pyproject.toml
lock requirements-postgres15.lock --group postgres15 --no-deps
