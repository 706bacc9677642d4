"""A database that is away as a process starts: it is waited for, and what does not pass by itself ends the process.

A supervisor that starts a process again and again does so ever more seldom, or gives up, and each start takes a second of
a processor that a recovering database may need (ADR 83).
"""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from time import monotonic
from types import FrameType
from typing import Final

from app.postgres.database import open_database
from app.postgres.hosts import may_pass
from app.problems import SetupProblem
from models.ledger import Ledger

PAUSE_S: Final = 0.5
"""Between two looks."""
SAID_EVERY_S: Final = 60.0
"""How often it is said why it is still waited for."""


async def until_there(
    look: Callable[[], Awaitable[None]], say: Callable[[str], None], stopped: Callable[[], bool] = lambda: False
) -> bool:
    """Look until it works, for as long as that takes. False if stopped meanwhile.

    Raises what does not pass by itself, as SetupProblem if the role is refused.
    """
    began, said = monotonic(), float("-inf")
    while not stopped():
        try:
            await look()
        except Exception as error:
            if not may_pass(error):
                raise
            if monotonic() - said >= SAID_EVERY_S:
                said = monotonic()
                say(f"{_why(error)} It is waited for.")
            await asyncio.sleep(PAUSE_S)
        else:
            if said >= began:
                say(f"The database is there, after {monotonic() - began:.0f} s")
            return True
    return False


@asynccontextmanager
async def opened_once_there(
    url: str,
    ledger: Ledger,
    say: Callable[[str], None],
    *,
    pool_min: int,
    pool_max: int,
    statement_cache: int,
    stopped: Callable[[], bool] = lambda: False,
) -> AsyncIterator[bool]:
    """The pool that the models use, and the time as the database has it, until the block ends. False if stopped before.

    Raises SetupProblem if the database is too old or not migrated.
    """
    async with AsyncExitStack() as kept:

        async def look() -> None:
            async with AsyncExitStack() as tried:
                await tried.enter_async_context(
                    open_database(url, pool_min=pool_min, pool_max=pool_max, statement_cache=statement_cache)
                )
                await ledger.sync_clock()
                await kept.enter_async_context(tried.pop_all())

        yield await until_there(look, say, stopped)


@contextmanager
def stop_noticed() -> Iterator[Callable[[], bool]]:
    """Whether this process was told to stop, beside what is done about it anyway.

    For what uvicorn waits for as it starts: it looks at no signal before. A signal may have come before this block, while
    the application was imported: then it is known to uvicorn's server, whose method handles it.
    """
    told: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def note(number: int, frame: FrameType | None) -> None:
        told.append(number)
        before = handlers[signal.Signals(number)]
        if callable(before):
            before(number, frame)

    handlers = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    servers = [getattr(handler, "__self__", None) for handler in handlers.values()]
    try:
        yield lambda: bool(told) or any(getattr(server, "should_exit", False) for server in servers)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, SetupProblem) else f"The database cannot be used: {type(error).__name__}."
