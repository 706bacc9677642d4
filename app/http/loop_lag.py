"""Lag of the event loop: a process measures its own, all the time.

A timer that fires late was kept by something that did not let go of the loop (docs/adr/0024), or by a machine that is
busy with other things.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

INTERVAL_SECONDS: Final = 0.1
"""Ten looks a second cost nothing that can be measured; a task that holds the loop for longer than this is never
missed."""


@asynccontextmanager
async def lag_watched(observe: Callable[[float], object]) -> AsyncIterator[None]:
    """While the block lasts, call `observe` ten times a second with the loop's lag in seconds."""
    task = asyncio.create_task(_watch(observe), name="loop lag")
    try:
        yield
    finally:
        task.cancel()


async def _watch(observe: Callable[[float], object]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + INTERVAL_SECONDS
        await asyncio.sleep(INTERVAL_SECONDS)
        observe(max(loop.time() - due, 0.0))
