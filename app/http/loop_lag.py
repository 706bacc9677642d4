"""How long the event loop keeps everybody waiting: what a process measures of itself, all the time.

Whoever wakes up late was kept by something that did not let go of the loop (docs/adr/0024), or by a machine that is busy
with other things.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

INTERVAL_SECONDS: Final = 0.1
"""Ten looks a second cost nothing that can be measured; what holds the loop for longer than this is never missed."""


@asynccontextmanager
async def lag_watched(observe: Callable[[float], object]) -> AsyncIterator[None]:
    """While the block lasts, tell `observe` ten times a second by how many seconds the loop is behind."""
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
