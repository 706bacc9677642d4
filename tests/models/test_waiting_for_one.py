"""Whoever waits for what somebody else holds delays nobody who does not need it, whatever it is that is held."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models import ledger, patience
from models.commands import Actor
from models.customers import UpsertCustomer
from models.errors import Busy, LedgerError
from models.ledger import Ledger
from models.loading.config_locks import TIERS_LOCK
from models.operations.upsert_customer import upsert_customer
from models.posting import Posting
from models.session import lock_key
from models.units import Result, Unit
from models.ways import Way
from tests.support.approvals import approve, ask
from tests.support.citus import ACTIVITY
from tests.support.clock import Clock
from tests.support.holding import transaction_elsewhere
from tests.support.tenants import MANAGER, STAFF, Tenant

OTHERS: Final = 18
ROUNDS: Final = 15
SOON: Final = 20
"""Seconds for all rounds. Well under what one waits for a lock."""
ROUND_S: Final = 0.4
"""A third of the rounds take less, however busy the machine: before, each of them cost half a second or more."""
ANSWERED: Final = 20
ALTERED_S: Final = 1.5
LAST_TRIES: Final = 10
"""Seconds; a try ends after 100 ms, and a posting's of what cannot be skipped after 500 ms."""
HELD: Final = "SELECT FROM {} WHERE tenant_id = $1 AND {} = $2 FOR UPDATE"

Hold = tuple[str, tuple[object, ...]]
Write = Callable[[int], Awaitable[object]]
Prepare = Callable[[Tenant, UUID], Awaitable[tuple[Hold, Write]]]
"""How it is held (SQL, $1 being the tenant), and what needs it."""


def locking(table: str, row_id: object, column: str = "id") -> Hold:
    return HELD.format(table, column), (row_id,)


async def account(tenant: Tenant, anna: UUID) -> tuple[Hold, Write]:
    await tenant.adjust(anna, 1)
    return locking("accounts", anna, "customer_id"), lambda _: tenant.adjust(anna, 1)


async def customer(tenant: Tenant, anna: UUID) -> tuple[Hold, Write]:
    await tenant.adjust(anna, 1)
    return locking("customers", anna), lambda _: tenant.adjust(anna, 1)


async def new_account(tenant: Tenant, anna: UUID) -> tuple[Hold, Write]:
    sql = """INSERT INTO accounts (tenant_id, id, customer_id, asset, balance_minor, lifetime_minor, sequence, created_at)
        VALUES ($1, gen_random_uuid(), $2, 'GBP', 0, 0, 0, now())"""
    return (sql, (anna,)), lambda _: tenant.adjust(anna, 1)


async def invoice(tenant: Tenant, anna: UUID) -> tuple[Hold, Write]:
    held = await tenant.invoice(anna, 1_000, auto_apply=False)
    return locking("invoices", held), lambda _: tenant.pay(held, 1)


async def invoice_of_an_assignment(tenant: Tenant, anna: UUID) -> tuple[Hold, Write]:
    credit, held = await tenant.credit(anna, 100), await tenant.invoice(anna, 100, auto_apply=False)
    part = (await tenant.assign(credit, (held, 10))).assignment_ids[0]
    return locking("invoices", held), lambda _: tenant.release(part)


async def reward(tenant: Tenant, anna: UUID) -> tuple[Hold, Write]:
    held = await tenant.reward(1, stock=1_000)
    await tenant.adjust(anna, 900, "POINTS")
    return locking("rewards", held), lambda _: tenant.give(anna, held)


async def coupon(tenant: Tenant, anna: UUID) -> tuple[Hold, Write]:
    await tenant.adjust(anna, 9, "POINTS")
    held = (await tenant.give(anna, await tenant.reward(1))).coupon_id
    return locking("coupons", held), lambda _: tenant.use_coupon(held)


async def counter(tenant: Tenant, anna: UUID) -> tuple[Hold, Write]:
    await tenant.adjust(anna, 1, actor=STAFF)
    return locking("limit_counters", STAFF.subject, "holder"), lambda _: tenant.adjust(anna, 1, actor=STAFF)


async def new_counter(tenant: Tenant, anna: UUID) -> tuple[Hold, Write]:
    tim = Actor("tim", "STAFF")
    sql = """INSERT INTO limit_counters (tenant_id, id, scope, role, holder, asset, day, used_minor)
        VALUES ($1, gen_random_uuid(), 'PER_ACTOR_DAY', 'STAFF', 'tim', 'GBP', $2, 0)"""
    return (sql, (tenant.today(),)), lambda _: tenant.adjust(anna, 1, actor=tim)


async def request(tenant: Tenant, anna: UUID) -> tuple[Hold, Write]:
    held = await ask(tenant, anna)
    return locking("approval_requests", held), lambda n: approve(tenant, held, Actor(f"m{n}", "MANAGER"))


async def key(tenant: Tenant, anna: UUID) -> tuple[Hold, Write]:
    sql = """INSERT INTO idempotency_keys
            (tenant_id, key, client, shared, kept, sealed, operation, input_hash, result_id, created_at)
        VALUES ($1, 'k', '', false, false, true, 'adjustCredit', sha256(''), gen_random_uuid(), now())"""
    return (sql, ()), lambda _: tenant.adjust(anna, 1, key="k")


async def currency(tenant: Tenant, anna: UUID) -> tuple[Hold, Write]:
    sql = """INSERT INTO currencies (tenant_id, id, code, exponent, first_used_at)
        VALUES ($1, gen_random_uuid(), 'CHF', 2, now())"""
    return (sql, ()), lambda _: tenant.adjust(anna, 1, "CHF")


async def tiers(tenant: Tenant, anna: UUID) -> tuple[Hold, Write]:
    sql = f"SELECT pg_advisory_xact_lock({TIERS_LOCK}, {lock_key(tenant.id)}) WHERE $1::uuid IS NOT NULL"
    return (sql, ()), lambda _: tenant.adjust(anna, 1, "POINTS")


KINDS: Final = (
    account,
    customer,
    new_account,
    invoice,
    invoice_of_an_assignment,
    reward,
    coupon,
    counter,
    new_counter,
    request,
    key,
    currency,
    tiers,
)


@pytest.mark.parametrize("in_line", [2, 0])
@pytest.mark.parametrize("kind", KINDS)
async def test_nobody_notices_who_does_not_need_what_is_held(
    tenant: Tenant, anna: UUID, database_urls: Urls, monkeypatch: pytest.MonkeyPatch, kind: Prepare, in_line: int
) -> None:
    """in_line: 0 as in a process with very few connections."""
    monkeypatch.setattr(ledger, "_most_in_line", lambda: in_line)
    tenant.ledger = Ledger(tenant.clock)
    others = [await tenant.customer(name=f"C{n}") for n in range(OTHERS)]
    (sql, arguments), write = await kind(tenant, anna)
    took = list[float]()
    async with transaction_elsewhere(database_urls, tenant) as connection:
        await connection.execute(sql, tenant.id, *arguments)
        waiting = [asyncio.ensure_future(write(n)) for n in range(OTHERS)]
        async with asyncio.timeout(SOON):
            for n in range(ROUNDS):
                began = monotonic()
                waiting.append(asyncio.ensure_future(write(OTHERS + n)))
                await asyncio.gather(*(tenant.adjust(each, 1) for each in others))
                assert await tenant.available(others[0]) == 100 * (n + 1)  # nor does who reads
                took.append(monotonic() - began)
        assert sorted(took)[ROUNDS // 3] < ROUND_S, took
        assert not any(each.done() for each in waiting)
        # One tries what cannot be skipped; and the last to come may just be trying, before it waits as the others do.
        async with asyncio.timeout(LAST_TRIES):
            while await waiting_in_the_database(tenant) > in_line + 1:  # noqa: ASYNC110 - it is the database's work
                await asyncio.sleep(0.02)
    async with asyncio.timeout(ANSWERED):
        answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert not any(isinstance(each, Busy) for each in answers)
    assert all(isinstance(each, LedgerError) for each in answers if isinstance(each, BaseException)), answers
    assert any(not isinstance(each, BaseException) for each in answers)


async def test_those_who_all_need_what_is_held_are_not_tried_by_halves(
    tenant: Tenant, anna: UUID, database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each half would wait as long as the whole had, and whoever needs nothing of it behind them."""
    once, tried = Posting.once, list[int]()

    async def noted(self: Posting, tenant_id: UUID, units: Sequence[Unit], way: Way) -> list[Result]:
        tried.append(len(units))
        return await once(self, tenant_id, units, way)

    (sql, arguments), write = await new_counter(tenant, anna)
    async with transaction_elsewhere(database_urls, tenant) as connection:
        await connection.execute(sql, tenant.id, *arguments)
        monkeypatch.setattr(Posting, "once", noted)
        waiting = [asyncio.ensure_future(write(n)) for n in range(OTHERS)]
        async with asyncio.timeout(SOON):
            while tenant.ledger.waiting < OTHERS:  # noqa: ASYNC110 - all have been tried, and wait
                await asyncio.sleep(0.02)
        assert sum(number for number in tried if number > 1) <= OTHERS, tried
    async with asyncio.timeout(ANSWERED):
        await asyncio.gather(*waiting)


async def waiting_in_the_database(tenant: Tenant) -> int:
    sql = f"""SELECT count(*) FROM {ACTIVITY}
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND $1::uuid IS NOT NULL"""
    found: int = (await tenant.rows(sql))[0][0]
    return found


async def test_a_bulk_that_waits_for_one_account_holds_none_of_the_others(
    tenant: Tenant, anna: UUID, database_urls: Urls
) -> None:
    people = sorted([await tenant.customer() for _ in range(3)] + [anna])
    held = people[-1]
    for each in people:
        await tenant.adjust(each, 1, "POINTS")
    async with transaction_elsewhere(database_urls, tenant) as connection:
        await connection.execute(HELD.format("accounts", "customer_id"), tenant.id, held)
        bulk = asyncio.create_task(tenant.bulk(*((each, 1) for each in people)))
        another = asyncio.create_task(tenant.bulk((held, 1)))
        await asyncio.sleep(1)  # by now it has found out
        async with asyncio.timeout(SOON):
            for _ in range(ROUNDS):
                await asyncio.gather(*(tenant.adjust(each, 1, "POINTS") for each in people[:-1]))
            await tenant.bulk(*((each, 1) for each in people[:-1]))  # nor does it keep other bulks
        assert not bulk.done()
        assert not another.done()
    await asyncio.gather(bulk, another)
    assert await tenant.available(held, "POINTS") == 3


async def test_who_edits_one_customer_keeps_no_connection_while_waiting(
    tenant: Tenant, anna: UUID, database_urls: Urls
) -> None:
    """More of them than there are connections."""
    name = (await tenant.rows("SELECT external_id FROM customers WHERE tenant_id = $1 AND id = $2", anna))[0][0]
    ben = await tenant.customer(name="Ben")
    async with transaction_elsewhere(database_urls, tenant) as connection:
        await connection.execute(HELD.format("customers", "id"), tenant.id, anna)
        edits = [
            asyncio.create_task(upsert_customer(tenant.ledger, tenant.id, MANAGER, UpsertCustomer(name, f"Anna {n}")))
            for n in range(OTHERS)
        ]
        await asyncio.sleep(1)
        async with asyncio.timeout(SOON):
            for _ in range(ROUNDS):
                await tenant.adjust(ben, 1)
        assert not any(edit.done() for edit in edits)
    await asyncio.gather(*edits)


async def test_two_servers_share_a_hot_account_and_neither_starves(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    other = Tenant(Ledger(clock), clock, tenant.slug, tenant.id)
    await tenant.adjust(anna, 1)

    async def client(one: Tenant) -> None:
        for _ in range(10):
            await one.adjust(anna, 1)

    await asyncio.gather(*(client(one) for one in (tenant, other) for _ in range(10)))
    await other.ledger.close()
    assert await tenant.available(anna) == 20_100


@pytest.mark.parametrize("table", ["customers", "accounts", "entries", "idempotency_keys"])
async def test_a_table_that_somebody_alters_is_waited_for(
    tenant: Tenant, anna: UUID, owner_connection: "asyncpg.Connection[Any]", table: str
) -> None:
    """Nothing in it can be skipped, nor be looked at."""
    ben = await tenant.customer(name="Ben")
    for each in (anna, ben):
        await tenant.adjust(each, 1)
    async with owner_connection.transaction():
        await owner_connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        waiting = [asyncio.create_task(tenant.adjust(each, 1)) for each in (anna, ben) for _ in range(2)]
        waiting.append(asyncio.create_task(tenant.bulk((anna, 1), (ben, 1), asset="GBP")))
        await asyncio.sleep(ALTERED_S)
        assert not any(each.done() for each in waiting)
    async with asyncio.timeout(SOON):
        await asyncio.gather(*waiting)
    assert [await tenant.available(each) for each in (anna, ben)] == [400, 400]


async def test_what_is_never_given_up_is_busy_in_the_end(
    tenant: Tenant, anna: UUID, database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tenant.adjust(anna, 1)
    monkeypatch.setattr(patience, "LONGEST_WAIT_S", 0.3)
    async with transaction_elsewhere(database_urls, tenant) as connection:
        await connection.execute(HELD.format("accounts", "customer_id"), tenant.id, anna)
        async with tenant.refused("BUSY"):
            await tenant.adjust(anna, 1)
        async with tenant.refused("BUSY"):
            await tenant.bulk((anna, 1), asset="GBP")
        assert tenant.ledger.waiting == 0


async def test_nobody_is_kept_by_a_server_that_closes(tenant: Tenant, anna: UUID, database_urls: Urls) -> None:
    await tenant.adjust(anna, 1)
    async with transaction_elsewhere(database_urls, tenant) as connection:
        await connection.execute(HELD.format("accounts", "customer_id"), tenant.id, anna)
        waiting = asyncio.create_task(tenant.adjust(anna, 1))
        await asyncio.sleep(0.3)
        async with asyncio.timeout(SOON):
            await tenant.ledger.close()
            with pytest.raises(Busy):
                await waiting
