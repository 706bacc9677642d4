#!/bin/sh
# Makes the wheel of the Python client: sh scripts/python_client.sh FOLDER. From a copy, since building leaves files
# beside the sources.
set -eu
folder=$1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/clients"
cp schema.graphql "$copy"
cp -R clients/python clients/operations "$copy/clients"
.venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-index --no-build-isolation \
    --wheel-dir "$folder" "$copy/clients/python"
ls "$folder"/scrip_client-*.whl
