"""Liveness and readiness of this process, for its supervisor and load balancer.

The first asks nothing of the database: restarting a process because the database is away does not help.
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
"""Or twice as long, if the pool becomes busy meanwhile."""


async def live(_: Request) -> JSONResponse:
    """Return 200: the process answers."""
    return JSONResponse({"status": "live"})


async def _takes_writes(ledger: Ledger) -> bool:
    """Whether the database accepts writes, and our clock has been compared with its own.

    A busy pool says nothing against it, and is not waited for: its users keep the clock. Raises DatabaseAway,
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
        """Return 200 if the database answers too, accepts writes, and agrees on the time; otherwise 503, so that no
        requests are sent here."""
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
