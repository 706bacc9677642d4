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

(cd ../.. && sh scripts/typescript_client.sh)
lock=node_modules/.package-lock.json
if [ ! -f "$lock" ] || [ package-lock.json -nt "$lock" ]; then
    npm ci --no-audit --no-fund --loglevel=error
fi
# install_python ENVIRONMENT REQUIREMENTS: made anew where it is not yet as the requirements have it.
install_python() {
    state="$(pwd) $(cksum < "$2")"
    if [ "$(cat "$1/installed" 2>/dev/null || true)" != "$state" ]; then
        rm -rf "$1"
        ../../.venv/bin/python -m venv "$1"
        "$1/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$2"
        printf '%s' "$state" > "$1/installed"
    fi
}
# The generator of the Python client needs an older graphql-core than Scrip does.
install_python .venv-python python-client/requirements.lock
# What makes up operations brings a dozen packages that nothing else needs.
install_python .venv-schemathesis schemathesis/requirements.lock
python=.venv-python/bin/python
rm -rf build .venv-python/generated
mkdir .venv-python/generated
"$python" -m ariadne_codegen --config python-client/codegen.toml > /dev/null
MYPYPATH=.venv-python/generated "$python" -m mypy --strict --config-file= --cache-dir .venv-python/mypy \
    --no-error-summary .venv-python/generated/scrip_client python-client/client.py

# graphql-core's own tests of its execution, executed by gateway/compiled. Its source distribution has them.
install_python .venv-graphql-core graphql-core/requirements.lock
core=.venv-graphql-core/$(../../.venv/bin/python -c 'import graphql; print("graphql_core-" + graphql.version)')
if [ ! -d "$core" ]; then
    sed -n '/^graphql-core==/,/[^\\]$/p' ../../requirements.lock > .venv-graphql-core/source.txt
    ../../.venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary graphql-core \
        --require-hashes -r .venv-graphql-core/source.txt -d .venv-graphql-core
    tar -xzf "$core.tar.gz" -C .venv-graphql-core
fi
root=$(cd ../.. && pwd)
site=$(../../.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
(cd "$core" && PYTHONPATH="$root:$root/tests/clients/graphql-core:$site" PYTHONDONTWRITEBYTECODE=1 \
    ../bin/python -m pytest -q -p through_compiled -c /dev/null --rootdir . --confcutdir . tests/execution)

mkdir -p build
cp -R ../../clients/recipes build/recipes
rm build/recipes/codegen.ts
npm run --silent generate
npm run --silent compile

# With SCRIP_SECOND_TRY=1, as in CI, the few files in which a test failed are tried once more, and both are told.
second_try=${SCRIP_SECOND_TRY:-}
unset SCRIP_SECOND_TRY
status=0
npm run --silent test || status=$?
if [ "$status" -eq 0 ] || [ -z "$second_try" ] || [ ! -s build/failed.txt ]; then exit "$status"; fi
if [ "$(wc -l < build/failed.txt)" -gt 4 ]; then exit "$status"; fi
printf '%s\n' "FAILED, each file tried once more:" "$(cat build/failed.txt)"
# shellcheck disable=SC2046 # A file's name has no space.
node --test --test-timeout=2700000 --test-concurrency=1 --test-reporter=spec $(cat build/failed.txt)
printf '%s\n' "PASSED AT THE SECOND TRY. To be mended:" "$(cat build/failed.txt)"
