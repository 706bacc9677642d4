"""The one writer: batches of units on a real database, refusals, constraints, locks held by others."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models import hash_chain, poster, posting, writing
from models.commands import AdjustCredit, GiveReward
from models.errors import DatabaseAway
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.create_invoice import create_invoice
from models.operations.releasing import void_invoice
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.planning.releasing import VoidInvoice
from models.reads.verify import verify
from models.sources import RandomSource
from models.units import Failed, Posted, Refused, Replayed, Requeued
from models.writing import write
from tests.support.batch import Batch
from tests.support.clock import Clock
from tests.support.holding import transaction_elsewhere
from tests.support.tenants import MANAGER, STAFF, Tenant
from tests.support.units import adjustment, post, unit


@asynccontextmanager
async def held(urls: Urls, tenant: Tenant, customer_id: UUID) -> AsyncIterator[None]:
    """The customer's accounts are locked by somebody else."""
    async with transaction_elsewhere(urls, tenant) as connection:
        sql = "SELECT id FROM accounts WHERE tenant_id = $1 AND customer_id = $2 FOR NO KEY UPDATE"
        locked = await connection.fetch(sql, tenant.id, customer_id)
        assert locked
        yield


async def keys(tenant: Tenant) -> list[str]:
    return [row[0] for row in await tenant.rows("SELECT key FROM idempotency_keys WHERE tenant_id = $1 ORDER BY key")]


# Refusals


async def test_a_refused_unit_is_invisible_and_its_neighbours_are_posted(tenant: Tenant, anna: UUID) -> None:
    ben, cleo = await tenant.customer(name="Ben"), await tenant.customer(name="Cleo")
    units = [
        await adjustment(tenant, anna, 5, key="1"),
        await adjustment(tenant, ben, 1001, key="2", actor=STAFF),  # over the limit: it would have opened an account
        await adjustment(tenant, anna, -6, key="3"),
        await adjustment(tenant, cleo, 7, key="4", note="Hello"),
        await adjustment(tenant, anna, 1, key="5"),
    ]
    results = await post(tenant, *units)

    assert [type(result) for result in results] == [Posted, Refused, Refused, Posted, Posted]
    assert [result.error.code for result in results if isinstance(result, Refused)] == [
        "LIMIT_EXCEEDED",
        "INSUFFICIENT_BALANCE",
    ]
    assert [amount for _, amount, _ in await tenant.entries(anna, "POINTS")] == [5, 1]
    assert await keys(tenant) == ["1", "4", "5"]
    accounts = await tenant.rows("SELECT customer_id, sequence FROM accounts WHERE tenant_id = $1")
    assert set(accounts) == {(anna, 2), (cleo, 1)}
    counts = {name: count for name, (count, _) in (await tenant.fingerprint()).items() if count}
    assert counts == {
        "customers": 3,
        "audit_events": 3,  # the customers themselves
        "limit_rules": 9,  # those of a new tenant
        "reasons": 6,
        "accounts": 2,
        "credits": 3,
        "entries": 3,
        "transactions": 3,
        "transaction_texts": 1,
        "idempotency_keys": 3,
        "tenant_slugs": 1,
    }


async def test_units_of_a_batch_see_the_units_before_them(tenant: Tenant, anna: UUID) -> None:
    amounts = (5, -3, -3, 2, -4)
    results = await post(tenant, *[await adjustment(tenant, anna, amount) for amount in amounts])

    assert [isinstance(result, Posted) for result in results] == [True, True, False, True, True]
    assert await tenant.available(anna, "POINTS") == 0


async def test_two_invoices_of_one_number_in_a_batch(tenant: Tenant, anna: UUID) -> None:
    command = CreateInvoice(anna, "A1", "GBP", (InvoiceLineItem("Tea", 1, Decimal(1)),))
    results = await post(tenant, await unit(tenant, command), await unit(tenant, command))

    assert [type(result) for result in results] == [Posted, Refused]


async def test_what_a_neighbour_puts_back_can_be_spent_at_once(tenant: Tenant, anna: UUID) -> None:
    """The account had nothing else to spend, so nothing else of it was read."""
    credit = await tenant.credit(anna, 10, auto_apply=True)
    first = await tenant.invoice(anna, 10)
    batch, lines = Batch(tenant.clock), (InvoiceLineItem("Tea", 1, Decimal(8)),)
    voided, second = await batch.run(
        tenant.id,
        [
            void_invoice(batch.ledger, tenant.id, MANAGER, VoidInvoice(first), "1"),
            create_invoice(batch.ledger, tenant.id, MANAGER, CreateInvoice(anna, "A2", "GBP", lines), "2"),
        ],
    )

    assert await tenant.invoice_state(voided.invoice_id) == ("VOID", 0, 0)
    assert await tenant.invoice_state(second.invoice_id) == ("PAID", 0, 800)
    assert await tenant.remainders(credit) == [200]


async def test_a_key_that_a_refusal_frees_can_be_used_again(tenant: Tenant, anna: UUID) -> None:
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.adjust(anna, -5, "POINTS", key="k")
    outcome = await tenant.adjust(anna, 5, "POINTS", key="k")
    assert not outcome.replayed


async def test_refusals_open_no_counters_of_customers_that_nobody_is(tenant: Tenant) -> None:
    await post(tenant, *[await adjustment(tenant, uuid4(), 5, actor=STAFF) for _ in range(3)])
    assert await tenant.rows("SELECT scope FROM limit_counters WHERE tenant_id = $1") == []


# What the database refuses


async def test_a_constraint_that_trips_spares_the_neighbours(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ben = await tenant.customer(name="Ben")
    right = hash_chain.transaction_digest

    def wrong_for_ben(**facts: Any) -> bytes:
        return b"short" if facts["customer_id"] == ben else right(**facts)

    monkeypatch.setattr(writing, "transaction_digest", wrong_for_ben)
    units = [await adjustment(tenant, c, 5, key=str(n)) for n, c in enumerate((anna, ben, anna))]
    with caplog.at_level(logging.WARNING):
        results = await post(tenant, *units)

    assert [type(result) for result in results] == [Posted, Failed, Posted]
    failure = results[1]
    assert isinstance(failure, Failed)
    assert isinstance(failure.error, asyncpg.CheckViolationError)
    said = [record.levelname for record in caplog.records if record.name == "models.poster"]
    assert said == ["WARNING", "ERROR"]  # one by one, and the culprit
    assert await tenant.available(anna, "POINTS") == 10
    assert await tenant.account(ben, "POINTS") is None
    assert await keys(tenant) == ["0", "2"]

    monkeypatch.undo()
    again = await post(tenant, units[1])
    assert isinstance(again[0], Posted)


async def test_a_unit_alone_that_the_database_refuses_moves_nothing(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await tenant.fingerprint()
    monkeypatch.setattr(writing, "entry_hash", lambda *_, **__: b"short")
    with pytest.raises(asyncpg.CheckViolationError):
        await tenant.adjust(anna, 5)
    assert await tenant.fingerprint() == before


class RepeatingCodes(RandomSource):
    """Coupon codes that are not unique: the first `repeats` are the same."""

    def __init__(self, repeats: int) -> None:
        self.repeats = repeats

    def new_coupon_code(self) -> str:
        self.repeats -= 1
        return "SAME" if self.repeats >= 0 else super().new_coupon_code()


@pytest.mark.parametrize(("repeats", "given"), [(3, 3), (999, 1)])
async def test_a_code_that_is_taken_is_drawn_again(database: Urls, clock: Clock, repeats: int, given: int) -> None:
    tenant = await Tenant.open(clock, source=RepeatingCodes(repeats))
    anna, reward = await tenant.customer(), await tenant.reward(0, stock=9)
    results = await post(tenant, *[await unit(tenant, GiveReward(anna, reward, deduct_points=True)) for _ in range(3)])

    assert sum(isinstance(result, Posted) for result in results) == given
    assert all(isinstance(result, Posted | Failed) for result in results)
    assert await tenant.count("coupons") == given
    assert await tenant.rows("SELECT stock FROM rewards WHERE tenant_id = $1") == [(9 - given,)]
    assert (await verify(tenant.id)).holds
    await tenant.ledger.close()


async def test_a_deadlock_is_tried_again(tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    async def deadlock_first(*arguments: Any) -> None:
        await write(*arguments)
        tried.append(1)
        if len(tried) < 3:
            raise asyncpg.DeadlockDetectedError

    monkeypatch.setattr(posting, "write", deadlock_first)
    await tenant.adjust(anna, 5, "POINTS")

    assert len(tried) == 3
    assert await tenant.available(anna, "POINTS") == 5


async def test_what_stays_contended_is_busy_in_the_end(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def always(*_: Any) -> None:
        raise asyncpg.SerializationError

    monkeypatch.setattr(posting, "write", always)
    monkeypatch.setattr(poster, "FIRST_PAUSE_SECONDS", 0.001)
    async with tenant.refused("BUSY"):
        await tenant.adjust(anna, 5, "POINTS")


async def test_a_connection_that_breaks_loses_the_posting_whole(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await tenant.fingerprint()
    tries = 0

    async def break_after(connection: Any, *rest: Any) -> None:
        nonlocal tries
        tries += 1
        await write(connection, *rest)
        connection.raw.terminate()
        await connection.raw.fetchval("SELECT 1")

    monkeypatch.setattr(posting, "write", break_after)
    with pytest.raises(DatabaseAway) as away:
        await tenant.adjust(anna, 5, key="k")
    assert not away.value.unknown
    assert isinstance(away.value.__cause__, asyncpg.InterfaceError)
    assert tries == 2  # once more, on another connection
    assert await tenant.fingerprint() == before

    monkeypatch.undo()
    assert not (await tenant.adjust(anna, 5, key="k")).replayed


# Keys


async def test_a_key_within_one_batch(tenant: Tenant, anna: UUID) -> None:
    same = [await adjustment(tenant, anna, 5, key="k") for _ in range(3)]
    other = await adjustment(tenant, anna, 6, key="k")
    results = await post(tenant, *same, other)

    assert [type(result) for result in results] == [Posted, Replayed, Replayed, Refused]
    assert isinstance(results[1], Replayed)
    assert results[1].result_id == same[0].result_id
    assert isinstance(results[3], Refused)
    assert results[3].error.code == "IDEMPOTENCY_KEY_REUSED"
    assert await tenant.available(anna, "POINTS") == 5


async def test_a_key_whose_first_use_in_the_batch_was_refused(tenant: Tenant, anna: UUID) -> None:
    """The refused one has freed it; the others come again, in a posting of their own."""
    units = [await adjustment(tenant, anna, -5, key="k"), await adjustment(tenant, anna, 5, key="k")]
    assert [type(result) for result in await post(tenant, *units)] == [Refused, Requeued]

    group = tenant.ledger._group
    first, second = await asyncio.gather(*(group.submit(tenant.id, unit) for unit in units))
    assert isinstance(first, Refused)
    assert isinstance(second, Posted)


async def test_a_refused_request_that_comes_many_times_at_once_is_refused_alike(tenant: Tenant, anna: UUID) -> None:
    """However many there are: none is told that the ledger is busy."""
    again = [await adjustment(tenant, anna, -5, key="k") for _ in range(20)]
    of_another = await adjustment(tenant, anna, -5, key="k", actor=STAFF)
    before = await tenant.fingerprint()

    results = await post(tenant, *again, of_another)
    assert [result.error.code for result in results[:-1] if isinstance(result, Refused)] == [
        "INSUFFICIENT_BALANCE"
    ] * 20
    assert isinstance(results[-1], Requeued)  # what binds one need not bind another
    assert await tenant.fingerprint() == before


async def test_a_key_across_postings(tenant: Tenant, anna: UUID) -> None:
    once = await tenant.adjust(anna, "5.00", key="k")
    before = await tenant.fingerprint()
    again = await tenant.adjust(anna, "5.0", key="k")  # the same amount, written in another way

    assert again.replayed
    assert (again.transaction_id, again.account_id, again.credit_id) == (
        once.transaction_id,
        once.account_id,
        once.credit_id,
    )
    assert await tenant.fingerprint() == before


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 6},
        {"asset": "EUR"},
        {"reason": "PROMOTION"},
        {"note": "x"},
        {"expires_in_days": 1},
        {"auto_apply": False},
    ],
)
async def test_a_key_with_another_input_is_refused(tenant: Tenant, anna: UUID, other: dict[str, Any]) -> None:
    await tenant.adjust(anna, 5, key="k")
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await tenant.adjust(anna, **{"amount": 5, **other}, key="k")


async def test_a_key_with_another_operation_is_refused(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 5, key="k")
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await tenant.invoice(anna, 5, key="k")


async def test_a_key_is_the_tenants_own(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.adjust(anna, 5, key="k")
    elsewhere = await Tenant.open(clock)
    outcome = await elsewhere.adjust(await elsewhere.customer(), 5, key="k")
    await elsewhere.ledger.close()
    assert not outcome.replayed


@pytest.mark.parametrize("key", ["", " ", "x" * 256])
async def test_a_key_that_is_none(tenant: Tenant, anna: UUID, key: str) -> None:
    command = AdjustCredit(anna, "GBP", Decimal(5), "GOODWILL")
    async with tenant.refused("INVALID"):
        await adjust_credit(tenant.ledger, tenant.id, MANAGER, command, key)


async def test_an_approval_request_keeps_its_key(tenant: Tenant, anna: UUID) -> None:
    once = await tenant.adjust(anna, 101, actor=STAFF, request_approval=True, key="k")
    again = await tenant.adjust(anna, 101, actor=STAFF, request_approval=True, key="k")

    assert once.approval_request_id is not None
    assert (again.approval_request_id, again.replayed) == (once.approval_request_id, True)
    assert await tenant.count("approval_requests") == 1


async def test_a_key_in_flight_in_two_processes_at_once(tenant: Tenant, anna: UUID) -> None:
    other = Ledger(tenant.clock)
    command = AdjustCredit(anna, "GBP", Decimal(5), "GOODWILL")
    outcomes = await asyncio.gather(
        *(
            adjust_credit(ledger, tenant.id, MANAGER, command, f"k{n % 4}")
            for n in range(16)
            for ledger in (tenant.ledger, other)
        )
    )
    await other.close()

    assert sum(not outcome.replayed for outcome in outcomes) == 4
    assert len({outcome.transaction_id for outcome in outcomes}) == 4
    assert await tenant.available(anna) == 2000


# Locks that others hold

SOON = 15.0
"""Seconds. Well over what a posting takes, well under what one waits for a lock."""


async def test_an_account_that_is_held_stalls_nobody_else(tenant: Tenant, anna: UUID, database_urls: Urls) -> None:
    ben = await tenant.customer(name="Ben")
    await tenant.adjust(anna, 5)
    async with held(database_urls, tenant, anna):
        waiting = asyncio.create_task(tenant.adjust(anna, 1))
        async with asyncio.timeout(SOON):
            for _ in range(5):
                await tenant.adjust(ben, 1)
        assert not waiting.done()
    assert not (await waiting).replayed
    assert (await tenant.available(anna), await tenant.available(ben)) == (600, 500)


async def test_a_bulk_that_waits_stalls_nobody_else(tenant: Tenant, anna: UUID, database_urls: Urls) -> None:
    ben = await tenant.customer(name="Ben")
    await tenant.adjust(anna, 5, "POINTS")
    async with held(database_urls, tenant, anna):
        bulk = asyncio.create_task(tenant.bulk((anna, 1)))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(SOON):
            await tenant.adjust(ben, 1)
        assert not bulk.done()
    await bulk
    assert await tenant.available(anna, "POINTS") == 6


async def test_a_repetition_of_what_waits_stalls_nobody_else(tenant: Tenant, anna: UUID, database_urls: Urls) -> None:
    """Its key is claimed by a posting that waits for a lock."""
    ben = await tenant.customer(name="Ben")
    await tenant.adjust(anna, 5)
    async with held(database_urls, tenant, anna):
        waiting = [asyncio.create_task(tenant.adjust(anna, 1, key="k"))]
        await asyncio.sleep(0.1)
        waiting.append(asyncio.create_task(tenant.adjust(anna, 1, key="k")))
        await asyncio.sleep(0.01)
        async with asyncio.timeout(SOON):
            await tenant.adjust(ben, 1)
    assert sorted([(await task).replayed for task in waiting]) == [False, True]
    assert await tenant.available(anna) == 600


async def test_an_account_that_is_being_made_stalls_nobody_else(
    tenant: Tenant, anna: UUID, database_urls: Urls
) -> None:
    ben = await tenant.customer(name="Ben")
    async with transaction_elsewhere(database_urls, tenant) as connection:
        await connection.execute(
            """INSERT INTO accounts
                (tenant_id, id, customer_id, asset, balance_minor, lifetime_minor, sequence, created_at)
            VALUES ($1, gen_random_uuid(), $2, 'GBP', 0, 0, 0, now())""",
            tenant.id,
            anna,
        )
        waiting = asyncio.create_task(tenant.adjust(anna, 1))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(SOON):
            await tenant.adjust(ben, 1)
        assert not waiting.done()
    await waiting
    assert await tenant.available(anna) == 100


async def test_an_invoice_that_is_held_stalls_nobody_else(tenant: Tenant, anna: UUID, database_urls: Urls) -> None:
    invoice = await tenant.invoice(anna, 10)
    async with transaction_elsewhere(database_urls, tenant) as connection:
        await connection.execute(
            "SELECT 1 FROM invoices WHERE tenant_id = $1 AND id = $2 FOR UPDATE", tenant.id, invoice
        )
        waiting = asyncio.create_task(tenant.pay(invoice, 1))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(SOON):
            await tenant.adjust(anna, 1)
        assert not waiting.done()
    await waiting
    assert await tenant.invoice_state(invoice) == ("PART_PAID", 100, 0)


# Time and size


async def test_time_never_goes_back_on_an_account(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    at = clock()
    await tenant.adjust(anna, 5, expires_at=at + timedelta(hours=1))
    clock.advance(hours=2)
    await tenant.adjust(anna, 1)
    clock.stand_still(at + timedelta(minutes=30))  # somebody has set it right
    await tenant.adjust(anna, -2)  # the credit is good for another half an hour

    times = [
        row[0] for row in await tenant.rows("SELECT created_at FROM entries WHERE tenant_id = $1 ORDER BY sequence")
    ]
    assert times == sorted(times)
    assert times[1:] == [at + timedelta(hours=2)] * 2
