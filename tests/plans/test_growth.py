"""What a report or a search reads is as much in a tenant with ten times the history: counted in pages, not in seconds."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.operations.keep_totals import keep_latest, keep_totals
from models.reads import customers, liability
from models.reads.session import ReadSession
from tests.support.clock import Clock
from tests.support.tenants import Tenant

EVERY: Final = 8
SMALL, LARGE = 40, 400
MORE: Final = 1.2
"""Pages, of those in the small tenant: an index may be one level higher."""


@contextmanager
def counted(pages: list[int]) -> Iterator[None]:
    """Each statement of a read session is explained first, and its pages are added."""
    fetch = ReadSession.fetch

    async def explained(self: ReadSession, sql: str, *values: object) -> list[Any]:
        (row,) = await fetch(self, f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *values)
        plan = json.loads(row[0])[0]["Plan"]
        pages[0] += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        return await fetch(self, sql, *values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReadSession, "fetch", explained)
        yield


async def told(tenant: Tenant, transactions: int) -> datetime:
    """Post so many, with expiries, and keep the totals. Returns an instant within one of the parts."""
    people = [await tenant.customer() for _ in range(4)]
    for n in range(transactions):
        tenant.clock.advance(seconds=7)
        if n == transactions // 2:
            middle = tenant.clock()
        amount = -1 if n % 3 == 2 and n >= len(people) else 5
        await tenant.adjust(people[n % 4], amount, expires_in_days=9 if n % 3 == 1 else None)
        if n == EVERY // 2 - 1:
            tenant.clock.advance(seconds=7)
    tenant.clock.advance(seconds=7)
    assert await keep_totals(tenant.ledger, tenant.id, EVERY) == transactions // EVERY
    await keep_latest(tenant.ledger, tenant.id)
    return middle


async def reports(tenant: Tenant, at: datetime) -> list[int]:
    """Pages of each, now and in the past; once all is planned."""
    found = []
    session = ReadSession(tenant.id)
    now = tenant.clock()
    for instant in (now, at):
        for report in (
            lambda: liability.report(session, instant, now, "Europe/London"),  # noqa: B023
            lambda: liability.trial_balance(session, instant),  # noqa: B023
        ):
            pages = [0]
            with counted(pages):
                await report()
            found.append(pages[0])
    await session.release()
    return found


@pytest.mark.usefixtures("database")
async def test_reports_read_as_much_with_ten_times_the_history() -> None:
    found = []
    for transactions in (SMALL, LARGE):
        tenant = await Tenant.open(Clock())
        found.append(await reports(tenant, await told(tenant, transactions)))
        await tenant.ledger.close()
    small, large = found
    assert min(small) > 0
    for few, many in zip(small, large, strict=True):
        assert many <= few * MORE + 2, (small, large)


async def test_a_search_reads_as_much_among_ten_times_the_customers(database: Urls) -> None:
    """A word that all have, beside one that few have."""
    read = []
    for number in (SMALL * 10, LARGE * 10):
        each = await Tenant.open(Clock())
        await each.ledger.close()
        await _named(database, each.id, number)
        session, pages = ReadSession(each.id), [0]
        with counted(pages):
            found = await customers.found_by_beginning(session, "customer 00012")
        await session.release()
        assert found is not None
        assert len(found) == 10
        read.append(pages[0])
    assert read[1] <= read[0] * MORE + 2


async def _named(database: Urls, tenant_id: UUID, number: int) -> None:
    connection = await asyncpg.connect(database.admin)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(
        """INSERT INTO customers (tenant_id, id, external_id, name, created_at, updated_at)
        SELECT $1, gen_random_uuid(), 'c-' || n, 'Customer ' || lpad(n::text, 6, '0'), now(), now()
        FROM generate_series(1, $2::int) n""",
        tenant_id,
        number,
    )
    await connection.execute("ANALYZE customers")
    await connection.close()
