#!/bin/sh
# Runs the tests of tests/clients, with all that they need: sh scripts/test_clients.sh
# A tool that is missing is a failure: these tests are never skipped.
set -eu
cd tests/clients

fail() { printf '%s\n' "$*" >&2; exit 1; }

for tool in node npm; do
    command -v "$tool" >/dev/null || fail "There is no $tool here. make test-clients needs Node.js 20.11 or newer, with npm."
done
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 11) ? 0 : 1)' ||
    fail "make test-clients needs Node.js 20.11 or newer; this is $(node --version)."

lock=node_modules/.package-lock.json
if [ ! -f "$lock" ] || [ package-lock.json -nt "$lock" ]; then
    npm ci --no-audit --no-fund --loglevel=error
fi
# The generator of the Python client needs an older graphql-core than Scrip does.
python=.venv-python/bin/python
requirements=python-client/requirements.lock
state="$(pwd) $(cksum < "$requirements")"
if [ "$(cat .venv-python/installed 2>/dev/null || true)" != "$state" ]; then
    rm -rf .venv-python
    ../../.venv/bin/python -m venv .venv-python
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$requirements"
    printf '%s' "$state" > .venv-python/installed
fi
rm -rf build .venv-python/generated
mkdir .venv-python/generated
"$python" -m ariadne_codegen --config python-client/codegen.toml > /dev/null
MYPYPATH=.venv-python/generated "$python" -m mypy --strict --config-file= --cache-dir .venv-python/mypy \
    --no-error-summary .venv-python/generated/scrip_client python-client/client.py

npm run --silent generate
npm run --silent compile
npm run --silent test
