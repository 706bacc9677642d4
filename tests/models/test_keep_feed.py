"""The feed: all that happened, once, at gapless positions, in an order in which an account's entries follow each other."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from app.postgres.embedded import Urls
from models.configuration_commands import UpdateTenant
from models.event_kinds import AuditAction, EventKind
from models.feed import NO_NEWS, OF_ACTIONS, OF_TOPICS, OF_TRANSACTIONS, TOLD_OTHERWISE
from models.kinds import ApprovalStatus, BulkStatus, CouponStatus, TransactionKind
from models.ledger import Ledger
from models.operations import keep_feed as keeping
from models.operations.keep_feed import keep_feed
from models.operations.prune_feed import prune_feed
from models.operations.update_tenant import update_tenant
from models.reads.events import EVENTS, EventView
from models.reads.paging import MAX_PAGE, load_pages, page_request
from models.reads.session import ReadSession
from models.reads.verify import verify
from models.session import tenant_transaction
from tests.support.clock import Clock
from tests.support.following import in_real_time
from tests.support.holds import capture, hold, release
from tests.support.logged import logged
from tests.support.tampering import Tampering
from tests.support.tenants import ADMIN, Tenant


async def feed(tenant: Tenant) -> list[EventView]:
    """All that has a position."""
    found: list[EventView] = []
    after: str | None = None
    session = ReadSession(tenant.id)
    try:
        for _ in range(1_000):
            request = page_request(EVENTS, MAX_PAGE, after, None, None)
            page = (await load_pages(session, EVENTS, [tenant.id], request))[tenant.id]
            found += page.rows
            if not page.has_next:
                break
            after = EVENTS.cursor(page.key(-1))
    finally:
        await session.close()
    return found


def unbroken(events: list[EventView]) -> int:
    """Check that positions have no gaps, and that each account's movements follow each other. The number of these."""
    assert [event.position for event in events] == list(range(events[0].position, events[0].position + len(events)))
    heads: dict[UUID, tuple[int, str | None]] = {}
    number = 0
    for event in events:
        for moved in event.movements or ():
            sequence, digest = heads.get(moved.account_id, (0, None))
            assert (moved.sequence - moved.entries, moved.previous) == (sequence, digest), event
            heads[moved.account_id] = (moved.sequence, moved.digest)
            number += 1
    return number


@pytest.fixture
async def live(database: Urls) -> AsyncIterator[Tenant]:
    async with in_real_time() as tenant:
        yield tenant


def kinds(events: list[EventView]) -> list[str]:
    return [event.kind.value for event in events]


async def test_a_day_in_the_feed(live: Tenant) -> None:
    anna = await live.customer("anna")
    await live.adjust(anna, 50, auto_apply=False)
    invoice = await live.invoice(anna, 20)
    payment = await live.pay(invoice, 20)
    await live.void_payment(payment.payment_id)
    credit = await live.credit(anna, 30)
    await live.assign(credit, (invoice, 20))
    await live.spend(anna, 5)
    assert await keep_feed(live.ledger, live.id) > 0
    events = await feed(live)
    assert unbroken(events) == 4
    assert kinds(events) == [
        "CUSTOMER_CREATED",
        "CREDIT_ADJUSTED",
        "INVOICE_ISSUED",
        "PAYMENT_RECORDED",
        "INVOICE_PAID",
        "PAYMENT_VOIDED",
        "CREDIT_ADJUSTED",
        "CREDIT_ASSIGNED",
        "INVOICE_PAID",
        "CREDIT_SPENT",
    ]
    assert {event.customer_id for event in events} == {anna}
    assert [event.recorded_at for event in events] == sorted(event.recorded_at for event in events)
    assert await keep_feed(live.ledger, live.id) == 0
    await live.spend(anna, 1)
    assert await keep_feed(live.ledger, live.id) == 1
    assert (await feed(live))[:-1] == events


async def test_positions_are_the_same_however_few_are_given_at_once(live: Tenant) -> None:
    people = [await live.customer(f"c{n}") for n in range(3)]
    for person in people:
        await live.adjust(person, 10)
    await live.bulk(*((person, 3) for person in people * 4), allow_duplicate_customers=True)
    while await keep_feed(live.ledger, live.id, 2):
        pass
    events = await feed(live)
    assert unbroken(events) == 15
    assert kinds(events).count("CREDIT_ADJUSTED") == 15
    async with tenant_transaction(live.id) as connection:
        await connection.raw.execute("DELETE FROM feed WHERE tenant_id = $1", live.id)
        await connection.raw.execute(
            "UPDATE feed_heads h SET position = 0, at = n.created_at FROM tenants n WHERE n.id = $1 AND h.tenant_id = $1",
            live.id,
        )
    await keep_feed(live.ledger, live.id)
    assert await feed(live) == events


async def test_what_a_posting_in_flight_may_still_bring_has_no_position(live: Tenant) -> None:
    anna = await live.customer("anna")
    await keep_feed(live.ledger, live.id)
    async with tenant_transaction(live.id) as connection:
        await connection.raw.fetchval("SELECT clock_timestamp()")
        await live.adjust(anna, 1)
        assert await keep_feed(live.ledger, live.id) == 0
    assert await keep_feed(live.ledger, live.id) == 1


async def test_a_relay_leaves_alone_what_another_is_at(live: Tenant) -> None:
    anna = await live.customer("anna")
    await keep_feed(live.ledger, live.id)
    await live.adjust(anna, 1)
    async with tenant_transaction(live.id) as connection:
        await connection.raw.execute("SELECT FROM feed_heads WHERE tenant_id = $1 FOR UPDATE", live.id)
        # What is recorded before this transaction began is settled.
        assert await keep_feed(live.ledger, live.id) == 0
        assert len(await feed(live)) == 1
    assert await keep_feed(live.ledger, live.id) == 1


async def test_several_relays_give_each_position_once(live: Tenant) -> None:
    people = [await live.customer(f"c{n}") for n in range(4)]
    relays = [Ledger() for _ in range(3)]
    over = asyncio.Event()

    async def relay(ledger: Ledger) -> None:
        while not over.is_set():
            await keep_feed(ledger, live.id, 3)
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(relay(each)) for each in relays]
    for n in range(40):
        await asyncio.gather(*(live.adjust(person, n + 1) for person in people))
    over.set()
    await asyncio.gather(*tasks)
    await keep_feed(live.ledger, live.id)
    for each in relays:
        await each.close()
    events = await feed(live)
    assert unbroken(events) == 160
    assert kinds(events).count("CREDIT_ADJUSTED") == 160


def older(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Have the relay be of a version that does not know this kind, topic or action."""
    for constant, value in vars(keeping).items():
        if isinstance(value, str) and f"'{name}'" in value:
            monkeypatch.setattr(keeping, constant, value.replace(f"'{name}'", "'-'"))


@pytest.mark.parametrize("name", ["SPEND", "invoice.created", "tenant.updated"])
async def test_an_older_relay_stops_before_what_it_does_not_know(
    tenant: Tenant,
    clock: Clock,
    anna: UUID,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also before what would be announced then. A newer one goes on from there."""

    async def things() -> None:
        clock.advance(timedelta(seconds=1))
        await tenant.adjust(anna, 50, auto_apply=False, expires_in_days=30)
        clock.advance(timedelta(seconds=1))
        await tenant.spend(anna, 1)
        await tenant.invoice(anna, 2)
        await update_tenant(tenant.ledger, tenant.id, ADMIN, UpdateTenant(name=f"Open at {clock()}"))

    await things()
    with monkeypatch.context() as patch:
        older(patch, name)
        given = await keep_feed(tenant.ledger, tenant.id)
        before = kinds(await feed(tenant))
        assert (len(before), before[-1]) == (given, "CREDIT_ADJUSTED")
        assert "CREDIT_EXPIRING" not in before
        await things()
        clock.advance(days=29)
        for _ in range(3):
            assert await keep_feed(tenant.ledger, tenant.id) == 0
        assert kinds(await feed(tenant)) == before
        assert [record.levelname for record in logged(caplog) if "does not know" in record.message] == ["WARNING"]
        metrics = tenant.ledger.metrics.job("feed")
        metrics.end_round(seconds=0, done=0, now=0)
        assert metrics.lag_s > timedelta(days=28).total_seconds()
    while await keep_feed(tenant.ledger, tenant.id):
        pass
    events = await feed(tenant)
    assert unbroken(events) == 4
    found = Counter(kinds(events))
    told = ("CREDIT_ADJUSTED", "CREDIT_SPENT", "INVOICE_ISSUED", "SETTINGS_CHANGED", "CREDIT_EXPIRING")
    assert [found[kind] for kind in told] == [2] * 5
    proof = await verify(tenant.id)
    assert proof.holds, proof.listed


async def test_an_expiry_is_true_since_it_passed(tenant: Tenant, clock: Clock, anna: UUID) -> None:
    await tenant.adjust(anna, 5, expires_in_days=1)
    clock.advance(days=3)
    assert await tenant.expire() == 1
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    event = (await feed(tenant))[-1]
    assert event.kind is EventKind.CREDIT_EXPIRED
    assert timedelta(days=1) < event.recorded_at - event.occurred_at < timedelta(days=3)


async def test_what_was_revived_since_had_expired_then(tenant: Tenant, clock: Clock, anna: UUID) -> None:
    swept = await tenant.credit(anna, 5, expires_in_days=1)
    unswept = await tenant.credit(anna, 7, "POINTS", expires_in_days=2)
    clock.advance(days=2)
    await tenant.expire()
    clock.advance(days=2)
    await tenant.revive(swept)
    await tenant.revive(unswept)  # it expires in the very posting
    await tenant.void_credit(swept)
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    expired = [event for event in await feed(tenant) if event.kind is EventKind.CREDIT_EXPIRED]
    opened = clock() - timedelta(days=4, seconds=1)
    assert [(event.occurred_at - opened).days for event in expired] == [1, 2]


async def test_a_note_on_what_is_paid_does_not_pay_it_again(tenant: Tenant, clock: Clock, anna: UUID) -> None:
    credit = await tenant.credit(anna, 50)
    invoice = await tenant.invoice(anna, 50)
    await tenant.assign(credit, (invoice, 30))
    await tenant.pay(invoice, 20)
    await tenant.void_note(await tenant.note(invoice, 40))
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    assert kinds(await feed(tenant)).count("INVOICE_PAID") == 1


async def test_a_hold_lapses_once_and_is_true_since_then(tenant: Tenant, clock: Clock, anna: UUID) -> None:
    await tenant.credit(anna, 9)
    await hold(tenant, anna, 5)
    await release(tenant, await hold(tenant, anna, 2))
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    assert kinds(await feed(tenant)).count("CREDIT_HELD") == 3
    placed = clock()
    for _ in range(2):
        clock.advance(hours=1)
        await keep_feed(tenant.ledger, tenant.id)
    (event,) = [event for event in await feed(tenant) if event.kind is EventKind.HOLD_LAPSED]
    assert event.amount_minor == 500
    assert timedelta(minutes=14) < event.occurred_at - placed < timedelta(minutes=16)
    assert event.recorded_at - placed == timedelta(hours=1)


async def test_old_events_are_pruned_and_the_feed_tells(tenant: Tenant, clock: Clock, anna: UUID) -> None:
    await tenant.invoice(anna, 5)
    clock.advance(days=50)
    await tenant.adjust(anna, 1)
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    before = await feed(tenant)
    clock.advance(days=30)
    assert await prune_feed(tenant.ledger, tenant.id) == 0
    clock.advance(days=20)
    assert await prune_feed(tenant.ledger, tenant.id, 1) == len(before) - 1 + 1  # and the outbox's row
    assert await feed(tenant) == before[-1:]
    assert await tenant.rows("SELECT pruned FROM feed_heads WHERE tenant_id = $1") == [(len(before) - 1,)]
    assert not await tenant.rows("SELECT 1 FROM outbox WHERE tenant_id = $1")
    proof = await verify(tenant.id)
    assert proof.holds, proof.listed


async def test_outbox_rows_without_a_position_are_never_pruned(tenant: Tenant, clock: Clock, anna: UUID) -> None:
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    await tenant.invoice(anna, 5)
    clock.advance(days=100)
    await prune_feed(tenant.ledger, tenant.id)
    assert len(await tenant.rows("SELECT 1 FROM outbox WHERE tenant_id = $1")) == 1
    await keep_feed(tenant.ledger, tenant.id)
    assert kinds(await feed(tenant))[-1] == "INVOICE_ISSUED"


TAMPERED = {
    "a position that is gone": ("feed", "DELETE FROM feed WHERE {} AND position = 2", "feed positions"),
    "the last one": ("feed", "DELETE FROM feed WHERE {} AND position = 4", "feed positions"),
    "another kind": ("feed", "UPDATE feed SET kind = 'CREDIT_SPENT' WHERE {} AND position = 2", "event of the feed"),
    "another customer": ("feed", "UPDATE feed SET customer_id = id WHERE {} AND position = 2", "event of the feed"),
    "another id": ("feed", "UPDATE feed SET id = tenant_id WHERE {} AND position = 2", "news in the feed"),
    "another time": (
        "feed",
        "UPDATE feed SET recorded_at = '2020-01-01T00:00:00Z' WHERE {} AND position = 3",
        "feed order",
    ),
    "a head that has gone on": (
        "feed_heads",
        "UPDATE feed_heads SET position = position + 1 WHERE {}",
        "feed positions",
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
async def test_a_wrong_feed_is_found(database: Urls, clock: Clock, owner_connection: Any, how: str) -> None:
    tenant = await Tenant.open(clock)
    anna = await tenant.customer("anna")
    for _ in range(3):
        clock.advance(timedelta(seconds=1))
        await tenant.adjust(anna, 1)
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    assert (await verify(tenant.id)).holds
    table, sql, check = TAMPERED[how]
    await Tampering(owner_connection, tenant.id)(table, sql.format(f"tenant_id = '{tenant.id}'"))
    proof = await verify(tenant.id)
    assert check in proof.found, proof.listed
    await tenant.ledger.close()


def test_each_kind_of_transaction_is_news() -> None:
    assert set(OF_TRANSACTIONS) == set(TransactionKind)
    assert len(set(OF_TRANSACTIONS.values())) == len(TransactionKind)


def test_each_kind_of_event_is_told_by_something() -> None:
    told = {*OF_TRANSACTIONS.values(), *OF_ACTIONS.values(), *(kind for kind, _ in OF_TOPICS.values())}
    assert {*told, EventKind.CREDIT_EXPIRING, EventKind.HOLD_LAPSED, EventKind.ORDER_PAID} == set(EventKind)


NAMES: Final = re.compile(r'"([a-z_]+\.[a-z_]+)"')
OTHERS: Final = {"reward.value"}
"""Names of that form that are no topic and no action."""


def test_each_topic_and_action_is_news_or_known_to_be_none() -> None:
    """Also the next one that somebody writes."""
    root = Path(__file__).parents[2] / "models"
    files = [path for folder in ("planning", "operations") for path in sorted((root / folder).glob("*.py"))]
    named = {name for path in files for name in NAMES.findall(path.read_text())}
    assert len(named) > 30
    assert named - {*OF_TOPICS, *TOLD_OTHERWISE, *OF_ACTIONS, *NO_NEWS} == OTHERS
    assert {*AuditAction} <= {*OF_ACTIONS, *NO_NEWS}
    statuses = {f"approval.{status.lower()}" for status in ApprovalStatus if status != "PENDING"}
    statuses |= {f"coupon.{status.lower()}" for status in CouponStatus if status != "EXPIRED"}
    statuses |= {f"bulk.{status.lower()}" for status in BulkStatus if status not in ("QUEUED", "RUNNING")}
    assert statuses <= set(OF_TOPICS)


async def test_a_capture_that_pays_an_invoice_tells_of_the_payment_first(
    tenant: Tenant, clock: Clock, anna: UUID
) -> None:
    """As every payment does."""
    await tenant.credit(anna, 20)
    invoice = await tenant.invoice(anna, 20)
    await capture(tenant, await hold(tenant, anna, 20), invoice=invoice)
    clock.advance(timedelta(seconds=1))
    await keep_feed(tenant.ledger, tenant.id)
    told = [kind for kind in kinds(await feed(tenant)) if kind in ("PAYMENT_RECORDED", "INVOICE_PAID")]
    assert told == ["PAYMENT_RECORDED", "INVOICE_PAID"]
