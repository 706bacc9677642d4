"""One request's reads: a read-only transaction that is opened by the first of them and shared by the rest."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

from models.session import ONE_MOMENT, TenantConnection, tenant_transaction


class ReadsOver(Exception):
    """A read that was begun by a request, and came to the connection after the request had been answered."""


class ReadSession:
    """Reads of one tenant, one at a time: a connection runs one statement at a time, and loaders run side by side.

    All of them see one moment of the books, so that the figures of one answer agree. Release it before anything is
    posted and at the end of the request: a request never holds a connection while it waits for a posting, and what it
    reads afterwards sees what was posted. It opens again by itself.
    """

    __slots__ = ("_closed", "_connection", "_lock", "_stack", "tenant_id")

    def __init__(self, tenant_id: UUID) -> None:
        self.tenant_id = tenant_id
        self._lock = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._connection: TenantConnection | None = None
        self._closed = False

    @asynccontextmanager
    async def use(self) -> AsyncIterator[TenantConnection]:
        """The connection, to this block alone. Where the block raises, the transaction is over with it.

        Raises ReadsOver once the request is: what was still to be read then has nobody left to read it.
        """
        async with self._lock:
            if self._closed:
                raise ReadsOver
            if self._connection is None:
                transaction = tenant_transaction(self.tenant_id, read_only=True, settings=ONE_MOMENT)
                self._connection = await self._stack.enter_async_context(transaction)
            try:
                yield self._connection
            except BaseException:
                self._connection = None
                await self._stack.__aexit__(*sys.exc_info())
                raise

    async def fetch(self, sql: str, *arguments: object) -> list[Any]:
        """The rows of one statement, whose $1 is the tenant."""
        async with self.use() as connection:
            rows: list[Any] = await connection.raw.fetch(sql, self.tenant_id, *arguments)
            return rows

    async def fetch_by_ids(self, table: str, columns: str, ids: Iterable[UUID]) -> list[Any]:
        """The rows of `table`, called `t` in `columns`, that have one of these ids. Both are constants of ours."""
        sql = f"select {columns} from {table} t where t.tenant_id = $1 and t.id = any($2::uuid[])"
        return await self.fetch(sql, list(ids))

    async def release(self) -> None:
        """Give the connection back, if there is one."""
        async with self._lock:
            if self._connection is not None:
                self._connection = None
                await self._stack.aclose()

    async def close(self) -> None:
        """Give the connection back for good."""
        self._closed = True
        await self.release()
