"""How commands speak: answers go to standard output, and what is told along the way to standard error."""

import sys


def say(line: str) -> None:
    """Tell whoever watches what is going on."""
    print(line, file=sys.stderr, flush=True)
