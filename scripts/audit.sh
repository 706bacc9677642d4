#!/bin/sh
# Looks the pinned versions up in the list of vulnerabilities that PyPI has, those for the tests as well. A version that is
# not found there fails: nothing would be known of it. In an environment of its own.
set -eu
tool=.venv/auditing
[ -x "$tool/bin/pip-audit" ] || { .venv/bin/python -m venv "$tool" && "$tool/bin/python" -m pip install --quiet pip-audit; }
for lock in requirements.lock requirements-telemetry.lock requirements-dev.lock; do
    printf '%s\n' "$lock"
    "$tool/bin/pip-audit" --requirement "$lock" --require-hashes --disable-pip --strict --progress-spinner off
done
