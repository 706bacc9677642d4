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
from models.session import takes_writes

READY_TIMEOUT_S: Final = 2


async def live(_: Request) -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "live"})


def health_routes(ledger: Ledger) -> list[Route]:
    """`/health/live` and `/health/ready`."""

    async def ready(_: Request) -> JSONResponse:
        """The database answers too, takes writes, and has the time that we have; 503 where not, so that no requests are
        sent here."""
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await ledger.sync_clock()
                writable = await takes_writes()
            ledger.clock.check()
        except (DatabaseAway, OSError):
            return JSONResponse({"status": "database out of reach"}, status_code=503)
        except Unavailable as error:
            return JSONResponse({"status": "clock off", "clockSkewSeconds": round(error.skew_s, 3)}, status_code=503)
        if not writable:
            return JSONResponse({"status": "database takes no writes"}, status_code=503)
        return JSONResponse({"status": "ready"})

    return [Route("/health/live", live), Route("/health/ready", ready)]
