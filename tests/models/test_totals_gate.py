"""The quick comparison of totals overlooks nothing that was made for it to overlook."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.operations.keep_totals import keep_latest, keep_totals
from models.reads.verify import verify
from models.reads.verify_totals_gate import TOTALS_CHECKS
from tests.support.tampering import Tampering
from tests.support.tenants import Tenant

EVERY: Final = 5
MICROSECOND: Final = timedelta(microseconds=1)
EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL's, from which it counts an instant's microseconds."""
KINDLESS: Final = """[["EUR",null,null,null,null,3779], ["USD",null,null,null,null,1150], ["GBP",null,null,null,null,4908],
    ["CHF",null,null,null,null,-46], ["POINTS",null,null,null,null,2268], ["SERVICE_CREDITS",null,null,null,null,-3641]]"""
"""Weighted by hashes that start from nothing, the sum of these is 0."""


def of_the_same_hash(instant: datetime) -> datetime:
    """Another instant whose halves, one laid over the other, give what this one's do: so PostgreSQL hashes 64 bits."""
    high, low = divmod((instant - EPOCH) // MICROSECOND, 1 << 32)
    return EPOCH + (((high ^ 1) << 32) + (low ^ 1)) * MICROSECOND


@pytest.fixture
async def tamper(tenant: Tenant, database: Urls) -> AsyncIterator[Tampering]:
    connection = await asyncpg.connect(database.admin)
    yield Tampering(connection, tenant.id)
    for table in ("totals", "totals_amounts", "totals_latest", "totals_seen"):  # as the remedy is
        await connection.execute(f"DELETE FROM {table} WHERE tenant_id = $1", tenant.id)
    await connection.close()


@pytest.fixture
async def expiry(tenant: Tenant, anna: UUID) -> datetime:
    """Of all credits but one, whose expiry is changed; kept in four rows of totals and the latest."""
    expiry = datetime(2027, 1, 1, tzinfo=UTC)
    changed = await tenant.credit(anna, 1, expires_at=datetime(2027, 3, 1, tzinfo=UTC))
    for _ in range(4 * EVERY):
        tenant.clock.advance(seconds=1)
        await tenant.adjust(anna, 1, expires_at=expiry)
    tenant.clock.advance(seconds=1)
    await tenant.update_credit(changed, expires_at=datetime(2027, 2, 1, tzinfo=UTC))
    for _ in range(EVERY + 1):
        tenant.clock.advance(seconds=1)
        await tenant.adjust(anna, 1, expires_at=expiry)
    tenant.clock.advance(seconds=6)
    await keep_totals(tenant.ledger, tenant.id, EVERY)
    assert await keep_latest(tenant.ledger, tenant.id)
    assert (await verify(tenant.id)).holds
    assert not await may_differ(tenant)
    return expiry


async def may_differ(tenant: Tenant) -> bool:
    gate = TOTALS_CHECKS[0].gate
    assert gate is not None
    ((said,),) = await tenant.rows(gate)
    return bool(said)


async def one_of(tenant: Tenant, table: str) -> str:
    """The condition for one of its rows, of which totals have several."""
    if table == "totals_latest":
        return f"tenant_id = '{tenant.id}'"
    second = (await tenant.rows("SELECT id FROM totals WHERE tenant_id = $1 ORDER BY at"))[1]
    return f"id = '{second[0]}'"


async def found(tenant: Tenant) -> set[str]:
    assert await may_differ(tenant)
    return set((await verify(tenant.id)).found)


@pytest.mark.parametrize(
    ("table", "column", "check"),
    [
        ("totals", "credits", "totals of credits"),
        ("totals_latest", "credits", "totals of credits"),
        ("totals", "moved", "totals of movements"),
    ],
)
async def test_an_instant_of_the_same_hash(
    tenant: Tenant, tamper: Tampering, expiry: datetime, table: str, column: str, check: str
) -> None:
    new = of_the_same_hash(expiry)
    hashes = "SELECT count(DISTINCT timestamp_hash_extended(t::timestamp, 5)) FROM unnest($1::timestamp[]) t"
    naive = [each.replace(tzinfo=None) for each in (expiry, new)]
    assert await tamper.connection.fetchval(hashes, naive) == 1, "PostgreSQL tells them apart"
    await tamper(
        table,
        f"UPDATE {table} SET {column} = replace({column}::text, '{expiry.isoformat()}', '{new.isoformat()}')::jsonb"
        f" WHERE {await one_of(tenant, table)}",
    )
    assert check in await found(tenant)


@pytest.mark.parametrize("table", ["totals", "totals_latest"])
@pytest.mark.parametrize("added", [KINDLESS, '[[null, "ADJUSTMENT", null, null, null, 500]]'])
async def test_parts_of_no_kind_or_no_asset(
    tenant: Tenant, tamper: Tampering, expiry: datetime, table: str, added: str
) -> None:
    where = await one_of(tenant, table)
    await tamper(table, f"UPDATE {table} SET credits = credits || '{added}' WHERE {where}")
    assert "totals of credits" in await found(tenant)


async def test_accounts_that_moved_and_when(tenant: Tenant, tamper: Tampering, expiry: datetime) -> None:
    later = "moved_at = moved_at[:1] || (moved_at[2] - interval '1 microsecond') || moved_at[3:]"
    change = f"moved_owed = moved_owed[:1] || (moved_owed[2] + 4)::smallint || moved_owed[3:], {later}"
    await tamper("totals", f"UPDATE totals SET {change} WHERE {await one_of(tenant, 'totals')}")
    assert "totals of movements" in await found(tenant)


async def test_a_counter_without_a_name(tenant: Tenant, tamper: Tampering, expiry: datetime) -> None:
    """In place of none, as a change of expiry has it."""
    which = "SELECT n - 1 FROM jsonb_array_elements(moved) WITH ORDINALITY m(p, n) WHERE p ->> 5 IS NULL LIMIT 1"
    await tamper(
        "totals",
        f"UPDATE totals SET moved = jsonb_set(moved, ARRAY[({which})::text, '5'], '\"\"')"
        f" WHERE tenant_id = '{tenant.id}' AND EXISTS ({which})",
    )
    assert "totals of movements" in await found(tenant)


async def test_an_amount_of_the_same_hash(tenant: Tenant, tamper: Tampering, expiry: datetime) -> None:
    """Whose halves, one laid over the other, give what the right one's do."""
    twin = (1 << 32) + (100 ^ 1)
    change = f"minors = array_replace(minors, 100, {twin}), first_minor = {twin}, last_minor = {twin}"
    await tamper("totals_amounts", f"UPDATE totals_amounts SET {change} WHERE {await one_of(tenant, 'totals_amounts')}")
    assert "totals of amounts" in await found(tenant)
