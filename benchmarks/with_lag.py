"""A server whose event loop is watched: its lag is noted in a file of its process's own."""

import asyncio
import os
import time
from pathlib import Path
from typing import Final

from app import main
from app.settings import load_settings

EVERY_S: Final = 0.01
NOTED_S: Final = 0.02
"""Less is any timer's lag."""


def lag_file(folder: Path, pid: int) -> Path:
    """Lines of time (seconds since 1970) and seconds of lag."""
    return folder / f"lag-{pid}.txt"


def apply() -> None:
    """Begin with the first app that is made in a running loop."""
    make = main.create_app

    def watched(*arguments: object, **options: object) -> object:
        loop = asyncio.get_running_loop()
        loop.call_soon(_watch, loop, loop.time())
        return make(*arguments, **options)  # type: ignore[arg-type]

    main.create_app = watched  # type: ignore[assignment]


def _watch(loop: asyncio.AbstractEventLoop, due: float) -> None:
    late = loop.time() - due
    if late > NOTED_S:
        with lag_file(load_settings().data_dir, os.getpid()).open("a") as file:
            file.write(f"{time.time()} {late}\n")
    loop.call_later(EVERY_S, _watch, loop, loop.time() + EVERY_S)
