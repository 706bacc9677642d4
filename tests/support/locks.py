"""In which order a posting locks rows, seen from outside: whatever SQL it sends, and wherever.

A row of those that it locks is held by somebody else; the posting runs until it waits for that one; and what it has
locked by then came before. Nothing is ever written: a posting that has all it wants is stopped there.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from models.ledger import Ledger
from models.posting import Posting
from models.units import Result, Unit
from tests.support.citus import ACTIVITY
from tests.support.tenants import Tenant

TABLES: Final = {
    "customers": "id",
    "accounts": "customer_id, asset",
    "limit_counters": "scope, role, holder, asset, day",
    "invoices": "id",
    "rewards": "id",
    "coupons": "id",
    "approval_requests": "id",
}
"""What is locked, and by what each is put in order."""
PATIENCE_S: Final = 30
A_LOOK_S: Final = 0.002
_WAITING: Final = f"SELECT count(*) FROM {ACTIVITY} WHERE wait_event_type = 'Lock' AND datname = current_database()"


@dataclass(frozen=True, slots=True)
class Row:
    table: str
    key: tuple[Any, ...]
    id: UUID

    def __str__(self) -> str:
        return f"{self.table} {', '.join(map(str, self.key))}"


class Locks:
    """`looking` sees all rows; `holding` is who is in the posting's way. Both are superusers' connections."""

    def __init__(self, tenant: Tenant, looking: "asyncpg.Connection[Any]", holding: "asyncpg.Connection[Any]") -> None:
        self.tenant = tenant
        self._looking = looking
        self._holding = holding

    async def befores(self, *units: Unit) -> dict[Row, set[Row]]:
        """Each row that a batch of these units locks, with those that it has locked before that one."""
        with _stopped_before_writing() as ready:
            everything = await self._before(units, None, ready)
            return {row: await self._before(units, row, ready) for row in everything}

    async def _before(self, units: Sequence[Unit], held: Row | None, ready: asyncio.Event) -> set[Row]:
        ready.clear()
        async with self.held(held):
            posting = self.posting(*units)
            try:
                await self.until_waiting(posting, ready if held is None else None)
                return await self._locked() - {held}
            finally:
                posting.cancel()
                await asyncio.wait({posting})

    def posting(self, *units: Unit) -> "asyncio.Task[list[Result]]":
        """A batch of them, under way."""
        return asyncio.create_task(self.tenant.ledger._poster.post(self.tenant.id, units, wait=True))

    @asynccontextmanager
    async def held(self, row: Row | None) -> AsyncIterator[None]:
        """Nobody else can have the row while the block lasts."""
        async with self._holding.transaction():
            if row is not None:
                sql = f"SELECT FROM {row.table} WHERE tenant_id = $1 AND id = $2 FOR UPDATE"
                await self._holding.execute(sql, self.tenant.id, row.id)
            yield

    async def until_waiting(
        self, posting: "asyncio.Task[list[Result]]", ready: asyncio.Event | None = None, *, waiters: int = 1
    ) -> None:
        """Until the posting is `ready`, or so many wait for a lock."""
        async with asyncio.timeout(PATIENCE_S):
            while not posting.done():
                if ready is not None and ready.is_set():
                    return
                if await self._looking.fetchval(_WAITING) >= waiters:
                    return
                await asyncio.sleep(A_LOOK_S)
        raise AssertionError(f"it did not wait for what is held: {posting.result()}")

    async def _locked(self) -> set[Row]:
        """The rows that anybody holds in any way."""
        rows = {row async for row in self._rows("")}
        free = {row async for row in self._rows("FOR UPDATE SKIP LOCKED")}
        return rows - free

    async def _rows(self, locking: str) -> Any:
        async with self._looking.transaction():
            for table, key in TABLES.items():
                sql = f"SELECT id, {key} FROM {table} WHERE tenant_id = $1 {locking}"
                for row_id, *columns in await self._looking.fetch(sql, self.tenant.id):
                    yield Row(table, tuple(columns), row_id)

    async def rows(self, table: str) -> list[Row]:
        """All of a table's, in their order."""
        found = [row async for row in self._rows("") if row.table == table]
        return sorted(found, key=lambda row: row.key)


@contextmanager
def _stopped_before_writing() -> Iterator[asyncio.Event]:
    ready = asyncio.Event()

    async def stop(*_: object) -> None:
        ready.set()
        await asyncio.Event().wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Posting, "_write", stop)
        yield ready


class UnitRecorder:
    """Units as the operations make them: the tenant asks for them, and nothing is posted."""

    def __init__(self, tenant: Tenant) -> None:
        ledger = Ledger(tenant.clock, tenant.ledger.source)
        ledger._group = self  # type: ignore[assignment]
        self.tenant = Tenant(ledger, tenant.clock, tenant.slug, tenant.id)
        self._units: list[Unit] = []

    async def submit(self, _: UUID, unit: Unit) -> Result:
        self._units.append(unit)
        raise _Taken

    async def __call__(self, *operations: Coroutine[Any, Any, Any]) -> list[Unit]:
        """The units of these, one each."""
        self._units = []
        for operation in operations:
            with pytest.raises((_Taken, ExceptionGroup)):  # a sweep of several accounts raises what each of them did
                await operation
        return self._units


class _Taken(Exception):
    """The unit is there."""
