"""Whether this process is there, and whether requests should be sent to it: for whatever watches over it."""

import asyncio
from typing import Final

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tortoise import connections

from app.database import CONNECTION

READY_TIMEOUT_S: Final = 2


async def live(_: Request) -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "live"})


async def ready(_: Request) -> JSONResponse:
    """The database answers too; 503 where it does not, so that no requests are sent here."""
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            await connections.get(CONNECTION).execute_query("SELECT 1")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return JSONResponse({"status": "database out of reach"}, status_code=503)
    return JSONResponse({"status": "ready"})


ROUTES: Final = (Route("/health/live", live), Route("/health/ready", ready))
