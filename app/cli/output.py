"""Output of commands: results go to standard output, progress to standard error."""

import os
import sys
from datetime import UTC, datetime

import orjson


def say(line: str) -> None:
    """Print progress to standard error, in the form of the log that goes there as well."""
    if os.environ.get("SCRIP_LOG_FORMAT") == "json":
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = orjson.dumps({"time": time, "level": "info", "logger": "scrip", "message": line}).decode()
    print(line, file=sys.stderr, flush=True)
