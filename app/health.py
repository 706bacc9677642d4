"""Whether this process is there, and whether requests should be sent to it: for whatever watches over it."""

import asyncio
from typing import Final

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from models.errors import Unavailable
from models.ledger import Ledger

READY_TIMEOUT_S: Final = 2


async def live(_: Request) -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "live"})


def health_routes(ledger: Ledger) -> list[Route]:
    """`/health/live` and `/health/ready`."""

    async def ready(_: Request) -> JSONResponse:
        """The database answers too, and has the time that we have; 503 where not, so that no requests are sent here."""
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await ledger.sync_clock()
            ledger.clock.check()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return JSONResponse({"status": "database out of reach"}, status_code=503)
        except Unavailable as error:
            return JSONResponse({"status": "clock off", "clockSkewSeconds": round(error.skew_s, 3)}, status_code=503)
        return JSONResponse({"status": "ready"})

    return [Route("/health/live", live), Route("/health/ready", ready)]
