"""Whether this process is there, and whether requests should be sent to it: for whatever watches over it.

The first asks nothing of the database: a process that is restarted because that is away is no better off.
"""

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from models.errors import DatabaseAway, Unavailable
from models.ledger import Ledger
from models.session import pool_is_full, takes_writes

READY_TIMEOUT_S: Final = 2
"""Or twice as long, where the pool becomes busy meanwhile."""


async def live(_: Request) -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "live"})


async def _takes_writes(ledger: Ledger) -> bool:
    """Whether the database does, and our clock has been compared with its own.

    A pool that is busy says nothing against it, and is not waited for: whoever uses it keeps the clock. Raises DatabaseAway,
    TimeoutError.
    """
    if not pool_is_full():
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await ledger.sync_clock()
                return await takes_writes()
        except TimeoutError:
            if not pool_is_full():
                raise
    async with asyncio.timeout(READY_TIMEOUT_S):
        return await takes_writes(beside=True)


def health_routes(ledger: Ledger) -> list[Route]:
    """`/health/live` and `/health/ready`."""

    async def ready(_: Request) -> JSONResponse:
        """The database answers too, takes writes, and has the time that we have; 503 where not, so that no requests are
        sent here."""
        try:
            writable = await _takes_writes(ledger)
            ledger.clock.check()
        except (DatabaseAway, OSError):
            return JSONResponse({"status": "database out of reach"}, status_code=503)
        except Unavailable as error:
            return JSONResponse({"status": "clock off", "clockSkewSeconds": round(error.skew_s, 3)}, status_code=503)
        if not writable:
            return JSONResponse({"status": "database takes no writes"}, status_code=503)
        return JSONResponse({"status": "ready"})

    return [Route("/health/live", live), Route("/health/ready", ready)]
