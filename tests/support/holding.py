"""Somebody else, who holds what is needed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from app.postgres.embedded import Urls
from tests.support.tenants import Tenant


@asynccontextmanager
async def transaction_elsewhere(urls: Urls, tenant: Tenant) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Another process in the middle of a posting, until the block ends; then it gives up."""
    connection = await asyncpg.connect(urls.app)
    try:
        await connection.execute(f"BEGIN; SET LOCAL scrip.tenant = '{tenant.id}'")
        yield connection
    finally:
        await connection.close()
