#!/bin/sh
# Looks the pinned versions up in PyPI's list of vulnerabilities, those for the tests as well. In an environment of its own.
set -eu
tool=.venv/auditing
[ -x "$tool/bin/pip-audit" ] || { .venv/bin/python -m venv "$tool" && "$tool/bin/python" -m pip install --quiet pip-audit; }
for lock in requirements.lock requirements-telemetry.lock requirements-dev.lock; do
    printf '%s\n' "$lock"
    "$tool/bin/pip-audit" --requirement "$lock" --require-hashes --disable-pip --progress-spinner off
done
