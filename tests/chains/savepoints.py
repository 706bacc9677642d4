"""A ledger that takes back what it has posted: all its transactions are savepoints of one that is never committed.

So one tenant serves any number of chains, each gone on from where it parts from another. Nothing of the ledger's is
replaced but the pool that its connections come from.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from copy import copy
from typing import Any, Final
from unittest.mock import patch

from models import session
from models.pool import Pool, the_pool
from tests.support.tenants import Tenant

_BEGIN, _COMMIT, _ROLLBACK = "BEGIN ", "COMMIT", "ROLLBACK"
MOST_NESTED: Final = 100


class Savepoints:
    """In place of a connection: one whose BEGIN, COMMIT and ROLLBACK are a savepoint's."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._open = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    async def execute(self, query: str, *arguments: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109
        if query.startswith(_BEGIN):
            self._open += 1
            if self._open > MOST_NESTED:
                raise AssertionError("transactions are begun and never ended")
            query = f"SAVEPOINT posting_{self._open}" + query[query.index(";") :]
        elif query == _COMMIT:
            await self._end(f"RELEASE SAVEPOINT posting_{self._open}")
            return _COMMIT
        elif query == _ROLLBACK:
            name = f"posting_{self._open}"
            await self._end(f"ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}")
            return _ROLLBACK
        status: str = await self._raw.execute(query, *arguments, timeout=timeout)
        return status

    async def _end(self, statement: str) -> None:
        self._open -= 1
        await self._raw.execute(statement)


class OneConnection:
    """In place of the pool: everybody is given the same one."""

    def __init__(self, pool: Pool, raw: Any) -> None:
        self._pool = pool
        self._one = Savepoints(raw)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    async def take(self) -> Any:
        return self._one

    async def give_back(self, raw: Any) -> None:
        """It is kept."""


@asynccontextmanager
async def never_committed() -> AsyncIterator[Any]:
    """All transactions that are begun in the block are a part of one, which is rolled back at its end."""
    pool = the_pool()
    raw = await pool.take()
    try:
        outer = raw.transaction()  # asyncpg nests in none but its own
        await outer.start()
        try:
            with patch.object(session, "the_pool", _always(OneConnection(pool, raw))):
                yield raw
        finally:
            await outer.rollback()
    finally:
        await pool.give_back(raw)


def _always(pool: OneConnection) -> Any:
    return lambda: pool


@asynccontextmanager
async def taken_back(raw: Any, tenant: Tenant, name: str) -> AsyncIterator[None]:
    """What the block posts has never been: not in the database, and not in what the ledger remembers of it."""
    await raw.execute(f"SAVEPOINT {name}")
    with _as_it_was(tenant):
        try:
            yield
        finally:
            await raw.execute(f"ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}")


@contextmanager
def _as_it_was(tenant: Tenant) -> Iterator[None]:
    ledger: Any = tenant.ledger
    persons = ledger._poster._posting._loader.persons
    remembered = (
        (ledger, "_actor_ids", copy(ledger._actor_ids)),
        (persons, "_known", copy(persons._known)),
        (ledger.configurations, "_known", copy(ledger.configurations._known)),
    )
    yield
    for owner, name, before in remembered:
        setattr(owner, name, before)
