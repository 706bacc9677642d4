"""Output of commands: results go to standard output, progress to standard error."""

import sys


def say(line: str) -> None:
    """Print progress to standard error."""
    print(line, file=sys.stderr, flush=True)
