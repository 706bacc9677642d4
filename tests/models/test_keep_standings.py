"""Standings: lists by balance and by activity say what the accounts say, as far as the job has come."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.commands import MergeCustomers
from models.ledger import Ledger
from models.operations import keep_standings as keeping
from models.operations.keep_standings import keep_standings
from models.operations.merge_customers import merge_customers
from models.reads import customers
from models.reads.paging import Condition, Listing, PageRequest, load_pages
from models.reads.session import ReadSession
from models.reads.verify import verify
from tests.support.tampering import Tampering
from tests.support.tenants import MANAGER, Tenant


async def listed(tenant: Tenant, listing: Listing[Any], *conditions: Condition) -> list[UUID]:
    session = ReadSession(tenant.id)
    try:
        pages = await load_pages(session, listing, [tenant.id], PageRequest(limit=100), conditions)
    finally:
        await session.close()
    return [row.id for row in pages[tenant.id].rows]


async def by_balance(tenant: Tenant, asset: str = "GBP", *more: Condition) -> list[UUID]:
    return await listed(tenant, customers.BY_BALANCE, customers.in_asset(asset), *more)


async def keep(tenant: Tenant, transactions: int = 1_000) -> int:
    tenant.clock.advance(seconds=1)
    return await keep_standings(tenant.ledger, tenant.id, transactions)


@pytest.mark.parametrize("at_once", [1, 2, 1_000])
async def test_lists_by_balance_and_activity_say_what_the_accounts_say(tenant: Tenant, at_once: int) -> None:
    people = [await tenant.customer() for _ in range(4)]
    for person, amount in zip(people, (30, 10, 40, 20), strict=True):
        await tenant.adjust(person, amount)
        tenant.clock.advance(seconds=1)
    await tenant.adjust(people[0], -29)
    tenant.clock.advance(seconds=1)
    await tenant.adjust(people[2], 5, "POINTS")
    while await keep(tenant, at_once):
        pass
    ann, bob, cid, dan = people
    assert await by_balance(tenant) == [ann, bob, dan, cid]
    assert await by_balance(tenant, "POINTS") == [cid]
    assert await by_balance(tenant, "GBP", customers.standing(1_000, 2_000)) == [bob, dan]
    assert await listed(tenant, customers.BY_ACTIVITY) == [bob, dan, ann, cid]
    assert await keep(tenant) == 0


async def test_who_has_nothing_left_stands_first_and_who_never_had_an_account_nowhere(tenant: Tenant) -> None:
    ann, bob = await tenant.customer(), await tenant.customer()
    await tenant.customer()
    await tenant.adjust(ann, 5)
    await tenant.adjust(bob, 3)
    await tenant.adjust(ann, -5)
    assert await keep(tenant)
    assert await by_balance(tenant) == [ann, bob]
    assert await by_balance(tenant, "GBP", customers.standing(1, 10**15)) == [bob]


async def test_one_person_stands_once_after_a_merge(tenant: Tenant) -> None:
    ann, old, bob = await tenant.customer(), await tenant.customer(), await tenant.customer()
    for person, amount in ((ann, 5), (old, 7), (bob, 10)):
        await tenant.adjust(person, amount)
    assert await keep(tenant)
    assert await by_balance(tenant) == [ann, old, bob]
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(old, ann), tenant.key())
    assert await keep(tenant)
    assert await by_balance(tenant) == [bob, ann]
    assert (await listed(tenant, customers.BY_ACTIVITY))[-1] == ann


async def test_a_few_are_listed_in_any_order(tenant: Tenant) -> None:
    people = [await tenant.customer(name=name) for name in ("Cid", "Ann", "Bob", "Dan")]
    for person, amount in zip(people, (3, 1, 2, 4), strict=True):
        await tenant.adjust(person, amount)
        tenant.clock.advance(seconds=1)
    assert await keep(tenant)
    cid, ann, bob, _ = people
    session = ReadSession(tenant.id)
    found = {}
    for order in (customers.CUSTOMERS, customers.BY_NAME, customers.BY_BALANCE, customers.BY_ACTIVITY):
        few, conditions = customers.among(order, (bob, cid, ann))
        more = (customers.in_asset("GBP"),) if order is customers.BY_BALANCE else ()
        pages = await load_pages(session, few, [tenant.id], PageRequest(), (*conditions, *more))
        found[order.name.partition("|")[2]] = [row.id for row in pages[tenant.id].rows]
    await session.close()
    assert found == {
        "": [cid, ann, bob],
        "NAME": [ann, bob, cid],
        "BALANCE": [ann, bob, cid],
        "LAST_ACTIVITY": [cid, ann, bob],
    }


async def test_what_is_not_settled_is_taken_later(tenant: Tenant, anna: UUID) -> None:
    """And a row that another process wrote of a later entry stays."""
    await tenant.adjust(anna, 5)
    assert await keep_standings(tenant.ledger, tenant.id) == 0
    tenant.clock.advance(seconds=1)
    assert await keep_standings(tenant.ledger, tenant.id) == 1
    await tenant.execute(
        "UPDATE standings SET sequence = 9, balance_minor = 900 WHERE tenant_id = $1 AND asset = 'GBP'"
    )
    await tenant.adjust(anna, 5)
    assert await keep(tenant) == 1
    rows = await tenant.rows("SELECT balance_minor, sequence FROM standings WHERE tenant_id = $1 AND asset = 'GBP'")
    assert rows == [(900, 9)]
    await tenant.execute(
        "UPDATE standings SET sequence = 2, balance_minor = 1000 WHERE tenant_id = $1 AND asset = 'GBP'"
    )


@pytest.fixture
async def tamper(tenant: Tenant, database: Urls) -> AsyncIterator[Tampering]:
    connection = await asyncpg.connect(database.admin)
    yield Tampering(connection, tenant.id)
    await connection.close()


CORRUPTIONS: Final = {
    "a balance": "balance_minor = balance_minor + 1 WHERE asset <> ''",
    "an entry": "sequence = sequence + 1 WHERE asset <> ''",
    "an asset": "asset = 'EUR' WHERE asset <> ''",
    "an activity": "active_at = '2020-01-01T00:00:00Z' WHERE asset = ''",
}


@pytest.mark.parametrize("what", CORRUPTIONS)
async def test_a_wrong_standing_is_found(tenant: Tenant, anna: UUID, tamper: Tampering, what: str) -> None:
    await tenant.adjust(anna, 5)
    assert await keep(tenant)
    await tenant.adjust(await tenant.customer(), 5)
    assert (await verify(tenant.id)).holds
    await tamper("standings", f"UPDATE standings SET {CORRUPTIONS[what]} AND tenant_id = '{tenant.id}'")
    assert "standings" in (await verify(tenant.id)).found
    await tamper.connection.execute("DELETE FROM standings WHERE tenant_id = $1", tenant.id)
    assert (await verify(tenant.id)).holds
    assert await keep(tenant)
    assert (await verify(tenant.id)).holds


async def test_many_at_one_instant_are_taken_together(tenant: Tenant) -> None:
    people = [await tenant.customer() for _ in range(5)]
    await tenant.bulk(*((person, 1) for person in people))
    assert await keep(tenant, 2) == 1
    assert set(await by_balance(tenant, "POINTS")) == set(people)


async def test_it_goes_on_where_it_stopped(tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MAX_STEPS", 2)
    for _ in range(3):
        await tenant.adjust(anna, 1)
        tenant.clock.advance(timedelta(seconds=1))
    assert [await keep(tenant, 1) for _ in range(3)] == [2, 1, 0]


async def test_without_a_clock_it_follows_the_database_s(anna: UUID, tenant: Tenant) -> None:
    assert isinstance(tenant.ledger, Ledger)
    ledger = Ledger()
    try:
        assert await keep_standings(ledger, tenant.id) == 0
    finally:
        await ledger.close()
