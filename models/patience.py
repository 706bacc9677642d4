"""Operations that wait for a row locked by another transaction: in memory, not on a connection that others need."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

import asyncpg

from models.errors import Busy

LONGEST_WAIT_S: Final = 25.0
"""Longest wait for others before BUSY: longer than the largest bulk, and shorter than an operation's timeout
(SCRIP_EXECUTION_TIMEOUT)."""
FIRST_PAUSE_S: Final = 0.02
LONGEST_PAUSE_S: Final = 0.5
MAX_TRIES: Final = 1_000

P = ParamSpec("P")
T = TypeVar("T")


def patiently(operation: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Retry a function that could not lock a row within its transaction's lock timeout (`WRITER_LOCK_WAIT` in
    models/session.py). Between two tries it holds no connection and no lock. Raises Busy after `LONGEST_WAIT_S`.
    """

    @wraps(operation)
    async def tried(*args: P.args, **kwargs: P.kwargs) -> T:
        ends = asyncio.get_running_loop().time() + LONGEST_WAIT_S
        pause = FIRST_PAUSE_S
        for _ in range(MAX_TRIES):
            try:
                return await operation(*args, **kwargs)
            except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
                if asyncio.get_running_loop().time() + pause > ends:
                    break
            await asyncio.sleep(jittered(pause))
            pause = min(2 * pause, LONGEST_PAUSE_S)
        raise Busy

    return tried


def jittered(pause_s: float) -> float:
    """The pause with jitter, so that callers that started together do not retry together."""
    return pause_s * (0.5 + random.random())  # noqa: S311 - jitter, not a secret
