"""Somebody else, who holds what is needed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from app.postgres.embedded import Urls
from tests.support.tenants import Tenant


async def begin(connection: "asyncpg.Connection[Any]", tenant: Tenant) -> None:
    """A transaction as the ledger begins one; a message of several statements would not do on several nodes."""
    await connection.execute("BEGIN")
    await connection.execute(f"SET LOCAL scrip.tenant = '{tenant.id}'")


@asynccontextmanager
async def transaction_elsewhere(urls: Urls, tenant: Tenant) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Another process in the middle of a posting, until the block ends; then it gives up."""
    connection = await asyncpg.connect(urls.app)
    try:
        await begin(connection, tenant)
        yield connection
    finally:
        await connection.close()
