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
from models.commands import AdjustCredit, CreateInvoice, GiveReward, InvoiceLineItem, VoidInvoice
from models.errors import DatabaseAway
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.create_invoice import create_invoice
from models.operations.releasing import void_invoice
from models.reads.verify import verify
from models.sources import RandomSource
from models.units import Failed, Posted, Refused, Replayed, Requeued
from models.writing import write
from tests.support.batch import Batch
from tests.support.holding import transaction_elsewhere
from tests.support.shop import MANAGER, STAFF, Clock, Shop
from tests.support.units import adjustment, post, unit


@asynccontextmanager
async def held(urls: Urls, shop: Shop, customer_id: UUID) -> AsyncIterator[None]:
    """The customer's accounts are locked by somebody else."""
    async with transaction_elsewhere(urls, shop) as connection:
        locked = await connection.fetch("SELECT id FROM accounts WHERE customer_id = $1 FOR NO KEY UPDATE", customer_id)
        assert locked
        yield


async def keys(shop: Shop) -> list[str]:
    return [row[0] for row in await shop.rows("SELECT key FROM idempotency_keys WHERE tenant_id = $1 ORDER BY key")]


# Refusals


async def test_a_refused_unit_is_invisible_and_its_neighbours_are_posted(shop: Shop, anna: UUID) -> None:
    ben, cleo = await shop.customer("Ben"), await shop.customer("Cleo")
    units = [
        await adjustment(shop, anna, 5, key="1"),
        await adjustment(shop, ben, 1001, key="2", actor=STAFF),  # over the limit: it would have opened an account
        await adjustment(shop, anna, -6, key="3"),
        await adjustment(shop, cleo, 7, key="4", note="Hello"),
        await adjustment(shop, anna, 1, key="5"),
    ]
    results = await post(shop, *units)

    assert [type(result) for result in results] == [Posted, Refused, Refused, Posted, Posted]
    assert [result.error.code for result in results if isinstance(result, Refused)] == [
        "LIMIT_EXCEEDED",
        "INSUFFICIENT_BALANCE",
    ]
    assert [amount for _, amount, _ in await shop.entries(anna, "POINTS")] == [5, 1]
    assert await keys(shop) == ["1", "4", "5"]
    accounts = await shop.rows("SELECT customer_id, sequence FROM accounts WHERE tenant_id = $1")
    assert set(accounts) == {(anna, 2), (cleo, 1)}
    counts = {name: count for name, (count, _) in (await shop.fingerprint()).items() if count}
    assert counts == {
        "audit_events": 3,  # the customers themselves
        "limit_rules": 6,  # those of a new tenant
        "accounts": 2,
        "credits": 3,
        "entries": 3,
        "transactions": 3,
        "transaction_texts": 1,
        "outbox": 3,
        "idempotency_keys": 3,
    }


async def test_units_of_a_batch_see_the_units_before_them(shop: Shop, anna: UUID) -> None:
    amounts = (5, -3, -3, 2, -4)
    results = await post(shop, *[await adjustment(shop, anna, amount) for amount in amounts])

    assert [isinstance(result, Posted) for result in results] == [True, True, False, True, True]
    assert await shop.available(anna, "POINTS") == 0


async def test_credits_of_the_same_batch_burn_in_order_too(shop: Shop, anna: UUID) -> None:
    """Soonest expiry first, then the service-restricted, whichever was opened first."""
    tea, asset = await shop.service(), "SERVICE_CREDITS"
    general = await adjustment(shop, anna, 5, asset)
    restricted = await adjustment(shop, anna, 5, asset, service_ids=(tea,))
    expiring = await adjustment(shop, anna, 5, asset, expires_in_days=1)
    results = await post(shop, general, restricted, expiring, await adjustment(shop, anna, -11, asset))

    opened = [result.outcome.credit_id for result in results if isinstance(result, Posted)][:3]
    assert all(isinstance(result, Posted) for result in results)
    assert await shop.remainders(*(credit_id for credit_id in opened if credit_id)) == [4, 0, 0]


async def test_two_invoices_of_one_number_in_a_batch(shop: Shop, anna: UUID) -> None:
    command = CreateInvoice(anna, "A1", "GBP", (InvoiceLineItem("Tea", 1, Decimal(1)),))
    results = await post(shop, await unit(shop, command), await unit(shop, command))

    assert [type(result) for result in results] == [Posted, Refused]


async def test_what_a_neighbour_puts_back_can_be_spent_at_once(shop: Shop, anna: UUID) -> None:
    """The account had nothing else to spend, so nothing else of it was read."""
    credit = await shop.credit(anna, 10, auto_apply=True)
    first = await shop.invoice(anna, 10)
    batch, lines = Batch(shop.clock), (InvoiceLineItem("Tea", 1, Decimal(8)),)
    voided, second = await batch.run(
        shop.tenant_id,
        [
            void_invoice(batch.ledger, shop.tenant_id, MANAGER, VoidInvoice(first), "1"),
            create_invoice(batch.ledger, shop.tenant_id, MANAGER, CreateInvoice(anna, "A2", "GBP", lines), "2"),
        ],
    )

    assert await shop.invoice_state(voided.invoice_id) == ("VOID", 0, 0)
    assert await shop.invoice_state(second.invoice_id) == ("PAID", 0, 800)
    assert await shop.remainders(credit) == [200]


async def test_a_key_that_a_refusal_frees_can_be_used_again(shop: Shop, anna: UUID) -> None:
    async with shop.refused("INSUFFICIENT_BALANCE"):
        await shop.adjust(anna, -5, "POINTS", key="k")
    outcome = await shop.adjust(anna, 5, "POINTS", key="k")
    assert not outcome.replayed


async def test_refusals_open_no_counters_of_customers_that_nobody_is(shop: Shop) -> None:
    await post(shop, *[await adjustment(shop, uuid4(), 5, actor=STAFF) for _ in range(3)])
    assert await shop.rows("SELECT scope FROM limit_counters WHERE tenant_id = $1") == []


# What the database refuses


async def test_a_constraint_that_trips_spares_the_neighbours(
    shop: Shop, anna: UUID, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ben = await shop.customer("Ben")
    right = hash_chain.transaction_digest

    def wrong_for_ben(**facts: Any) -> bytes:
        return b"short" if facts["customer_id"] == ben else right(**facts)

    monkeypatch.setattr(writing, "transaction_digest", wrong_for_ben)
    units = [await adjustment(shop, c, 5, key=str(n)) for n, c in enumerate((anna, ben, anna))]
    with caplog.at_level(logging.WARNING):
        results = await post(shop, *units)

    assert [type(result) for result in results] == [Posted, Failed, Posted]
    failure = results[1]
    assert isinstance(failure, Failed)
    assert isinstance(failure.error, asyncpg.CheckViolationError)
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]  # one by one, and the culprit
    assert await shop.available(anna, "POINTS") == 10
    assert await shop.account(ben, "POINTS") is None
    assert await keys(shop) == ["0", "2"]

    monkeypatch.undo()
    again = await post(shop, units[1])
    assert isinstance(again[0], Posted)


async def test_a_unit_alone_that_the_database_refuses_moves_nothing(
    shop: Shop, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await shop.fingerprint()
    monkeypatch.setattr(writing, "entry_hash", lambda *_, **__: b"short")
    with pytest.raises(asyncpg.CheckViolationError):
        await shop.adjust(anna, 5)
    assert await shop.fingerprint() == before


class RepeatingCodes(RandomSource):
    """Coupon codes that are not unique: the first `repeats` are the same."""

    def __init__(self, repeats: int) -> None:
        self.repeats = repeats

    def new_coupon_code(self) -> str:
        self.repeats -= 1
        return "SAME" if self.repeats >= 0 else super().new_coupon_code()


@pytest.mark.parametrize(("repeats", "given"), [(3, 3), (999, 1)])
async def test_a_code_that_is_taken_is_drawn_again(database: Urls, clock: Clock, repeats: int, given: int) -> None:
    shop = await Shop.open(clock, source=RepeatingCodes(repeats))
    anna, reward = await shop.customer(), await shop.reward(0, stock=9)
    results = await post(shop, *[await unit(shop, GiveReward(anna, reward, deduct_points=True)) for _ in range(3)])

    assert sum(isinstance(result, Posted) for result in results) == given
    assert all(isinstance(result, Posted | Failed) for result in results)
    assert await shop.count("coupons") == given
    assert await shop.rows("SELECT stock FROM rewards WHERE tenant_id = $1") == [(9 - given,)]
    assert (await verify(shop.tenant_id)).holds
    await shop.ledger.close()


async def test_a_deadlock_is_tried_again(shop: Shop, anna: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    async def deadlock_first(*arguments: Any) -> None:
        await write(*arguments)
        tried.append(1)
        if len(tried) < 3:
            raise asyncpg.DeadlockDetectedError

    monkeypatch.setattr(posting, "write", deadlock_first)
    await shop.adjust(anna, 5, "POINTS")

    assert len(tried) == 3
    assert await shop.available(anna, "POINTS") == 5


async def test_what_stays_contended_is_busy_in_the_end(shop: Shop, anna: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    async def always(*_: Any) -> None:
        raise asyncpg.SerializationError

    monkeypatch.setattr(posting, "write", always)
    monkeypatch.setattr(poster, "FIRST_PAUSE_SECONDS", 0.001)
    async with shop.refused("BUSY"):
        await shop.adjust(anna, 5, "POINTS")


async def test_a_connection_that_breaks_loses_the_posting_whole(
    shop: Shop, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await shop.fingerprint()
    tries = 0

    async def break_after(connection: Any, *rest: Any) -> None:
        nonlocal tries
        tries += 1
        await write(connection, *rest)
        connection.raw.terminate()
        await connection.raw.fetchval("SELECT 1")

    monkeypatch.setattr(posting, "write", break_after)
    with pytest.raises(DatabaseAway) as away:
        await shop.adjust(anna, 5, key="k")
    assert not away.value.unknown
    assert isinstance(away.value.__cause__, asyncpg.InterfaceError)
    assert tries == 2  # once more, on another connection
    assert await shop.fingerprint() == before

    monkeypatch.undo()
    assert not (await shop.adjust(anna, 5, key="k")).replayed


# Keys


async def test_a_key_within_one_batch(shop: Shop, anna: UUID) -> None:
    same = [await adjustment(shop, anna, 5, key="k") for _ in range(3)]
    other = await adjustment(shop, anna, 6, key="k")
    results = await post(shop, *same, other)

    assert [type(result) for result in results] == [Posted, Replayed, Replayed, Refused]
    assert isinstance(results[1], Replayed)
    assert results[1].result_id == same[0].result_id
    assert isinstance(results[3], Refused)
    assert results[3].error.code == "IDEMPOTENCY_KEY_REUSED"
    assert await shop.available(anna, "POINTS") == 5


async def test_a_key_whose_first_use_in_the_batch_was_refused(shop: Shop, anna: UUID) -> None:
    """The refused one has freed it; the others come again, in a posting of their own."""
    units = [await adjustment(shop, anna, -5, key="k"), await adjustment(shop, anna, 5, key="k")]
    assert [type(result) for result in await post(shop, *units)] == [Refused, Requeued]

    group = shop.ledger._group
    first, second = await asyncio.gather(*(group.submit(shop.tenant_id, unit) for unit in units))
    assert isinstance(first, Refused)
    assert isinstance(second, Posted)


async def test_a_refused_request_that_comes_many_times_at_once_is_refused_alike(shop: Shop, anna: UUID) -> None:
    """However many there are: none is told that the ledger is busy."""
    again = [await adjustment(shop, anna, -5, key="k") for _ in range(20)]
    of_another = await adjustment(shop, anna, -5, key="k", actor=STAFF)
    before = await shop.fingerprint()

    results = await post(shop, *again, of_another)
    assert [result.error.code for result in results[:-1] if isinstance(result, Refused)] == [
        "INSUFFICIENT_BALANCE"
    ] * 20
    assert isinstance(results[-1], Requeued)  # what binds one need not bind another
    assert await shop.fingerprint() == before


async def test_a_key_across_postings(shop: Shop, anna: UUID) -> None:
    once = await shop.adjust(anna, "5.00", key="k")
    before = await shop.fingerprint()
    again = await shop.adjust(anna, "5.0", key="k")  # the same amount, written in another way

    assert again.replayed
    assert (again.transaction_id, again.account_id, again.credit_id) == (
        once.transaction_id,
        once.account_id,
        once.credit_id,
    )
    assert await shop.fingerprint() == before


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
async def test_a_key_with_another_input_is_refused(shop: Shop, anna: UUID, other: dict[str, Any]) -> None:
    await shop.adjust(anna, 5, key="k")
    async with shop.refused("IDEMPOTENCY_KEY_REUSED"):
        await shop.adjust(anna, **{"amount": 5, **other}, key="k")


async def test_a_key_with_another_operation_is_refused(shop: Shop, anna: UUID) -> None:
    await shop.adjust(anna, 5, key="k")
    async with shop.refused("IDEMPOTENCY_KEY_REUSED"):
        await shop.invoice(anna, 5, key="k")


async def test_a_key_is_the_tenants_own(shop: Shop, anna: UUID, clock: Clock) -> None:
    await shop.adjust(anna, 5, key="k")
    elsewhere = await Shop.open(clock)
    outcome = await elsewhere.adjust(await elsewhere.customer(), 5, key="k")
    await elsewhere.ledger.close()
    assert not outcome.replayed


@pytest.mark.parametrize("key", ["", " ", "x" * 256])
async def test_a_key_that_is_none(shop: Shop, anna: UUID, key: str) -> None:
    command = AdjustCredit(anna, "GBP", Decimal(5), "GOODWILL")
    async with shop.refused("INVALID"):
        await adjust_credit(shop.ledger, shop.tenant_id, MANAGER, command, key)


async def test_an_approval_request_keeps_its_key(shop: Shop, anna: UUID) -> None:
    once = await shop.adjust(anna, 101, actor=STAFF, request_approval=True, key="k")
    again = await shop.adjust(anna, 101, actor=STAFF, request_approval=True, key="k")

    assert once.approval_request_id is not None
    assert (again.approval_request_id, again.replayed) == (once.approval_request_id, True)
    assert await shop.count("approval_requests") == 1


async def test_a_key_in_flight_in_two_processes_at_once(shop: Shop, anna: UUID) -> None:
    other = Ledger(shop.clock)
    command = AdjustCredit(anna, "GBP", Decimal(5), "GOODWILL")
    outcomes = await asyncio.gather(
        *(
            adjust_credit(ledger, shop.tenant_id, MANAGER, command, f"k{n % 4}")
            for n in range(16)
            for ledger in (shop.ledger, other)
        )
    )
    await other.close()

    assert sum(not outcome.replayed for outcome in outcomes) == 4
    assert len({outcome.transaction_id for outcome in outcomes}) == 4
    assert await shop.available(anna) == 2000


# Locks that others hold

SOON = 2.0
"""Seconds. Well over what a posting takes, well under what one waits for a lock."""


async def test_an_account_that_is_held_stalls_nobody_else(shop: Shop, anna: UUID, database_urls: Urls) -> None:
    ben = await shop.customer("Ben")
    await shop.adjust(anna, 5)
    async with held(database_urls, shop, anna):
        waiting = asyncio.create_task(shop.adjust(anna, 1))
        async with asyncio.timeout(SOON):
            for _ in range(5):
                await shop.adjust(ben, 1)
        assert not waiting.done()
    assert not (await waiting).replayed
    assert (await shop.available(anna), await shop.available(ben)) == (600, 500)


async def test_a_bulk_that_waits_stalls_nobody_else(shop: Shop, anna: UUID, database_urls: Urls) -> None:
    ben = await shop.customer("Ben")
    await shop.adjust(anna, 5, "POINTS")
    async with held(database_urls, shop, anna):
        bulk = asyncio.create_task(shop.bulk((anna, 1)))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(SOON):
            await shop.adjust(ben, 1)
        assert not bulk.done()
    await bulk
    assert await shop.available(anna, "POINTS") == 6


async def test_a_repetition_of_what_waits_stalls_nobody_else(shop: Shop, anna: UUID, database_urls: Urls) -> None:
    """Its key is claimed by a posting that waits for a lock."""
    ben = await shop.customer("Ben")
    await shop.adjust(anna, 5)
    async with held(database_urls, shop, anna):
        waiting = [asyncio.create_task(shop.adjust(anna, 1, key="k"))]
        await asyncio.sleep(0.1)
        waiting.append(asyncio.create_task(shop.adjust(anna, 1, key="k")))
        await asyncio.sleep(0.01)
        async with asyncio.timeout(SOON):
            await shop.adjust(ben, 1)
    assert sorted([(await task).replayed for task in waiting]) == [False, True]
    assert await shop.available(anna) == 600


async def test_an_account_that_is_being_made_stalls_nobody_else(shop: Shop, anna: UUID, database_urls: Urls) -> None:
    ben = await shop.customer("Ben")
    async with transaction_elsewhere(database_urls, shop) as connection:
        await connection.execute(
            """INSERT INTO accounts
                (tenant_id, id, customer_id, asset, balance_minor, lifetime_minor, sequence, created_at)
            VALUES ($1, gen_random_uuid(), $2, 'GBP', 0, 0, 0, now())""",
            shop.tenant_id,
            anna,
        )
        waiting = asyncio.create_task(shop.adjust(anna, 1))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(SOON):
            await shop.adjust(ben, 1)
        assert not waiting.done()
    await waiting
    assert await shop.available(anna) == 100


async def test_an_invoice_that_is_held_stalls_nobody_else(shop: Shop, anna: UUID, database_urls: Urls) -> None:
    invoice = await shop.invoice(anna, 10)
    async with transaction_elsewhere(database_urls, shop) as connection:
        await connection.execute("SELECT 1 FROM invoices WHERE id = $1 FOR UPDATE", invoice)
        waiting = asyncio.create_task(shop.pay(invoice, 1))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(SOON):
            await shop.adjust(anna, 1)
        assert not waiting.done()
    await waiting
    assert await shop.invoice_state(invoice) == ("PART_PAID", 100, 0)


# Time and size


async def test_time_never_goes_back_on_an_account(shop: Shop, anna: UUID, clock: Clock) -> None:
    at = clock()
    await shop.adjust(anna, 5, expires_at=at + timedelta(hours=1))
    clock.advance(hours=2)
    await shop.adjust(anna, 1)
    clock.now = at + timedelta(minutes=30)  # somebody has set it right
    await shop.adjust(anna, -2)  # the credit is good for another half an hour

    times = [row[0] for row in await shop.rows("SELECT created_at FROM entries WHERE tenant_id = $1 ORDER BY sequence")]
    assert times == sorted(times)
    assert times[1:] == [at + timedelta(hours=2)] * 2


async def test_a_spend_finds_credits_behind_those_that_a_neighbour_takes_by_name(shop: Shop, anna: UUID) -> None:
    """More open credits than are read at first, and the first of them is taken from by name in the same batch."""
    first = await shop.credit(anna, 100, "POINTS", expires_in_days=1)
    for _ in range(2):
        await shop.bulk(*[(anna, 1)] * 200, allow_duplicate_customers=True, expires_in_days=2)
    results = await post(
        shop,
        await adjustment(shop, anna, -100, credit_id=first),
        await adjustment(shop, anna, 50),
        await adjustment(shop, anna, -300),
    )

    assert [type(result) for result in results] == [Posted, Posted, Posted]
    assert await shop.available(anna, "POINTS") == 150
    left = await shop.rows(
        "SELECT sum(remaining_minor) FROM credits WHERE tenant_id = $1 AND expires_at IS NOT NULL"
    )  # those that expire went first, though the one that does not was at hand
    assert left == [(100,)]
