"""A server that counts the statements it sends, and the objects in reference cycles that its requests leave behind.

At SIGUSR1 it writes both counts into a file of its process's own. Garbage is collected only then, so that it can be
counted.
"""

import gc
import json
import os
import signal
from pathlib import Path
from types import FrameType
from typing import Any

from asyncpg import Connection

from app.settings import load_settings


def counts_file(folder: Path, pid: int) -> Path:
    """JSON: statements, garbage, and the number of the signal that they were counted at."""
    return folder / f"counts-{pid}.json"


def apply() -> None:
    """Count on every connection, and collect no garbage but at the signal."""
    statements = signals = garbage = 0
    make = Connection.__init__

    def count(_: Any) -> None:
        nonlocal statements
        statements += 1

    def counted(connection: Any, *arguments: Any, **options: Any) -> None:
        make(connection, *arguments, **options)
        connection.add_query_logger(count)

    def tell(_: int, __: FrameType | None) -> None:
        nonlocal signals, garbage
        signals += 1
        garbage += gc.collect()
        file = counts_file(load_settings().data_dir, os.getpid())
        new = file.with_suffix(".new")
        new.write_text(json.dumps({"statements": statements, "garbage": garbage, "signals": signals}))
        new.replace(file)

    Connection.__init__ = counted
    gc.collect()
    gc.disable()
    gc.set_threshold(0)
    signal.signal(signal.SIGUSR1, tell)
