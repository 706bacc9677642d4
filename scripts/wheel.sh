#!/bin/sh
# Makes the wheel: sh scripts/wheel.sh FOLDER. From a copy, since building leaves files beside the sources.
set -eu
folder=$1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
for each in pyproject.toml README.md app auth console gateway jobs migrations models resolvers schema turns; do
    cp -R "$each" "$copy"
done
find "$copy" -name __pycache__ -type d -prune -exec rm -rf {} +
.venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-index --no-build-isolation --wheel-dir "$folder" "$copy"
ls "$folder"/scrip-*.whl
