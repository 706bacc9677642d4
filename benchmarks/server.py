"""The server as `scrip serve` starts it, ended with the process that started it: python -m benchmarks.server [CHANGE]

A change is a module's function `apply()`, called before the server is made: benchmarks.ablations.ledger, for one.
"""

import importlib
import os
import signal
import sys

from app.cli.serve import serve_command
from app.postgres.launch import stop_with_parent

if __name__ == "__main__":
    stop_with_parent(os.getppid(), signal.SIGTERM)
    for change in sys.argv[1:]:
        importlib.import_module(change).apply()
    serve_command()
