#!/bin/sh
# Makes .venv, or brings it up to date with a lock file: sh scripts/environment.sh requirements.lock
# Does nothing where nothing has changed. Run from the project's folder; every path is relative, so that folder may be
# called anything.
set -eu
lock=$1
mark=.venv/installed

say() { printf '%s\n' "$*" >&2; }

# Scripts in .venv name the folder they are in, so a copied or moved project needs a new one.
state="$(pwd) $(cat requirements*.lock pyproject.toml scripts/environment.sh | cksum)"
if [ -f "$mark-$lock" ] && [ "$(cat "$mark-$lock")" = "$state" ]; then exit 0; fi

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.14 python; do
        if is_new_enough "$candidate"; then printf '%s' "$candidate"; return; fi
    done
    say "There is no Python 3.11 or newer here. Install one, or name it: make PYTHON=/path/to/python3 ..."
    exit 1
}

old=$(cat "$mark-at" 2>/dev/null || true)
if [ "$old" != "$(pwd)" ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    say "Making .venv with $("$python" --version)"
    rm -rf .venv
    if ! "$python" -m venv .venv; then
        rm -rf .venv
        say "This Python cannot make virtual environments with pip. On Debian and Ubuntu: apt install python3-venv"
        exit 1
    fi
    pwd > "$mark-at"
fi

say "Installing what $lock names; the first time takes a minute"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
.venv/bin/python -m pip install --progress-bar on --require-hashes --only-binary :all: -r "$lock"
# The project itself, in place: no build environment is made and nothing fetched for it.
.venv/bin/python -m pip install --quiet --no-deps --no-index --no-build-isolation --config-settings editable_mode=compat -e .
if [ "$lock" = requirements-dev.lock ]; then
    # Programs alone, of which none is Python's: those made for 3.11 serve every Python, out of the way of its packages.
    rm -rf .venv/postgresql-15
    case "$(uname -s) $(uname -m)" in
    "Linux x86_64" | "Darwin x86_64" | "Darwin arm64")
        .venv/bin/python -m pip install --progress-bar on --require-hashes --only-binary :all: --no-deps --no-compile \
            --python-version 3.11 --implementation cp --abi cp311 --target .venv/postgresql-15 -r requirements-postgres15.lock
        ;;
    *) say "The package index has no PostgreSQL 15 for this machine: nothing is tested on it, unless SCRIP_TEST_POSTGRES_BIN names one" ;;
    esac
fi
printf '%s' "$state" > "$mark-$lock"
say "Ready"
