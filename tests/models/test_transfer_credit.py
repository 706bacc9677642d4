"""Value moves between two customers: one posting of two transactions, and every credit stays what it was."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from models.commands import MergeCustomers, TransferCredit
from models.errors import CreditSpent
from models.ledger import Ledger
from models.operations.merge_customers import merge_customers
from models.operations.people import erase_customer
from models.operations.transfer_credit import preview_transfer
from models.reads import liability
from models.reads.session import ReadSession
from models.reads.verify import verify
from tests.support.approvals import approve
from tests.support.clock import Clock
from tests.support.tenants import ADMIN, MANAGER, STAFF, Tenant, known

ENTRIES = """SELECT credit_id, counter, amount_minor, lifetime_minor FROM entries
    WHERE tenant_id = $1 AND transaction_id = $2 ORDER BY sequence"""
OTHER = "SELECT received_id FROM transfers WHERE tenant_id = $1 AND id = $2"
LOTS = """SELECT c.amount_minor, c.remaining_minor, c.expires_at, c.starts_at, c.created_at, c.auto_apply, c.counts
    FROM credits c JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id
    WHERE c.tenant_id = $1 AND a.customer_id = $2 ORDER BY c.opened_sequence"""


@pytest.fixture
async def ben(tenant: Tenant) -> UUID:
    return await tenant.customer(name="Ben")


async def counterpart(tenant: Tenant, transaction_id: UUID | None) -> UUID:
    ((found,),) = await tenant.rows(OTHER, transaction_id)
    assert isinstance(found, UUID)
    return found


async def test_two_transactions_of_one_posting(tenant: Tenant, anna: UUID, ben: UUID, clock: Clock) -> None:
    """The credits keep expiry, age and pause, and come in the order in which they were taken."""
    never = await tenant.credit(anna, 5, auto_apply=False)
    clock.advance(hours=1)
    soon = await tenant.credit(anna, 3, expires_in_days=5)
    before = [row[2:6] for row in await tenant.rows(LOTS, anna)]
    clock.advance(hours=1)
    done = await tenant.transfer(anna, ben, "4.50", note="A present")

    other = await counterpart(tenant, done.transaction_id)
    assert await tenant.rows(ENTRIES, done.transaction_id) == [
        (soon, "TRANSFERRED", -300, 0),
        (never, "TRANSFERRED", -150, 0),
    ]
    moved = await tenant.rows(ENTRIES, other)
    assert [row[1:] for row in moved] == [("TRANSFERRED", 300, 0), ("TRANSFERRED", 150, 0)]
    texts = "SELECT note FROM transaction_texts WHERE tenant_id = $1 AND id = ANY($2)"
    assert await tenant.rows(texts, [done.transaction_id, other]) == [("A present",), ("A present",)]
    came = await tenant.rows(LOTS, ben)
    assert [row[:2] for row in came] == [(300, 300), (150, 150)]
    assert [row[2:6] for row in came] == list(reversed(before))
    assert not any(row[6] for row in came)
    assert (await tenant.available(anna), await tenant.available(ben)) == (350, 450)
    assert (await verify(tenant.id)).holds


async def test_the_total_stays_with_who_gave(tenant: Tenant, anna: UUID, ben: UUID) -> None:
    """In every order: what was voided or removed of it later is another's, and counts for nobody."""
    await tenant.tier("Silver", 200)
    credit = await tenant.credit(anna, 300, "POINTS")
    await tenant.transfer(anna, ben, 250, "POINTS")
    (theirs,) = [row[0] for row in await tenant.rows("SELECT id FROM transferred_credits WHERE tenant_id = $1")]
    giver, receiver = await tenant.account(anna, "POINTS"), await tenant.account(ben, "POINTS")
    assert giver is not None
    assert receiver is not None
    assert (giver.available_minor, giver.lifetime_minor) == (50, 300)
    assert (receiver.available_minor, receiver.lifetime_minor) == (250, 0)
    await tenant.void_credit(theirs)
    await tenant.void_credit(credit)

    giver, receiver = await tenant.account(anna, "POINTS"), await tenant.account(ben, "POINTS")
    assert giver is not None
    assert receiver is not None
    assert (giver.balance_minor, giver.lifetime_minor) == (0, 250)
    assert (receiver.balance_minor, receiver.lifetime_minor) == (0, 0)
    assert (await verify(tenant.id)).holds


async def test_off_one_credit(tenant: Tenant, anna: UUID, ben: UUID) -> None:
    soon, never = await tenant.credit(anna, 3, expires_in_days=5), await tenant.credit(anna, 5)
    await tenant.transfer(anna, ben, 4, credit_id=never)

    assert await tenant.remainders(soon, never) == [300, 100]
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.transfer(anna, ben, 2, credit_id=never)
    async with tenant.refused("NOT_FOUND"):
        await tenant.transfer(ben, anna, 1, credit_id=soon)
    await tenant.void_credit(soon)
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.transfer(anna, ben, 1, credit_id=soon)


async def test_services_and_what_is_not_available(tenant: Tenant, clock: Clock) -> None:
    anna, ben, (yoga, judo) = await tenant.member(), await tenant.member(), [await tenant.service() for _ in range(2)]
    await tenant.credit(anna, 3, "SERVICE_CREDITS", service_ids=(yoga,))
    tomorrow = clock().date() + timedelta(days=2)
    await tenant.credit(anna, 3, "SERVICE_CREDITS", effective_on=tomorrow)
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.transfer(anna, ben, 4, "SERVICE_CREDITS")
    await tenant.transfer(anna, ben, 3, "SERVICE_CREDITS")

    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.use(ben, judo, 1)
    await tenant.use(ben, yoga, 2)
    assert (await verify(tenant.id)).holds


async def test_the_receivers_gate_and_limits(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """The giver's membership is in nobody's way."""
    ben = await tenant.member()
    await tenant.credit(anna, 300, actor=MANAGER)
    await tenant.credit(ben, 5, "SERVICE_CREDITS")
    await tenant.cancel_membership(ben, clock())
    clock.advance(days=90)
    cleo = await tenant.member()
    await tenant.transfer(ben, cleo, 2, "SERVICE_CREDITS")
    async with tenant.refused("MEMBERSHIP_GRACE_ENDED"):
        await tenant.transfer(cleo, ben, 1, "SERVICE_CREDITS")
    await tenant.transfer(anna, ben, 100, actor=STAFF)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.transfer(anna, cleo, 101, actor=STAFF)
    await tenant.transfer(anna, ben, 100, actor=STAFF)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.transfer(anna, ben, 1, actor=STAFF)  # of one customer's day
    await tenant.transfer(anna, cleo, 1, actor=STAFF)
    assert (await verify(tenant.id)).holds


async def test_not_to_themselves_nor_to_who_is_gone(tenant: Tenant, anna: UUID, ben: UUID) -> None:
    await tenant.credit(anna, 5)
    ann, gone = await tenant.customer(name="Ann"), await tenant.customer(name="Gone")
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(ann, anna), tenant.key())
    await erase_customer(tenant.ledger, tenant.id, MANAGER, gone)
    for giver, receiver, code in (
        (anna, anna, "INVALID"),
        (anna, ann, "INVALID"),
        (ann, anna, "INVALID"),
        (anna, gone, "INVALID"),
        (anna, tenant.id, "NOT_FOUND"),
        (tenant.id, anna, "NOT_FOUND"),
        (ben, anna, "INSUFFICIENT_BALANCE"),
    ):
        async with tenant.refused(code):
            await tenant.transfer(giver, receiver, 1)
    accounts = "SELECT count(*) FROM accounts WHERE tenant_id = $1"
    assert await tenant.rows(accounts) == [(1,)]  # none was opened for nothing


async def test_of_merged_records(tenant: Tenant, anna: UUID, ben: UUID) -> None:
    """Before and after: by any id, and the pair may become one person."""
    ann = await tenant.customer(name="Ann")
    credit = await tenant.credit(ann, 9)
    await tenant.transfer(ann, ben, 2)
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(ann, anna), tenant.key())
    await tenant.transfer(ann, ben, 3, credit_id=credit)
    await tenant.transfer(ben, ann, 1)
    assert (await tenant.available(anna), await tenant.available(ben)) == (500, 400)
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(ben, anna), tenant.key())

    assert await tenant.available(anna) == 900
    assert (await verify(tenant.id)).holds


async def test_what_comes_back_goes_to_the_giver(tenant: Tenant, anna: UUID, ben: UUID) -> None:
    await tenant.credit(anna, 9)
    spend = await tenant.spend(anna, 4)
    await tenant.transfer(anna, ben, 5)
    theirs = await tenant.spend(ben, 2)
    await tenant.refund(spend)
    await tenant.refund(theirs)

    assert (await tenant.available(anna), await tenant.available(ben)) == (400, 500)
    assert (await verify(tenant.id)).holds


async def test_an_orders_credit_that_was_transferred_is_used(tenant: Tenant, anna: UUID, ben: UUID) -> None:
    """Also if it comes back by another transfer: that is a credit of its own."""
    order = await tenant.order(anna, (await tenant.product(1, "CREDIT"), 50))
    payment = (await tenant.pay(order, 50)).payment_id
    await tenant.transfer(anna, ben, 20)
    await tenant.transfer(ben, anna, 20)
    async with tenant.refused("CREDIT_SPENT") as caught:
        await tenant.void_payment(payment)
    assert isinstance(caught.value, CreditSpent)
    assert caught.value.used == Decimal(20)
    assert await tenant.available(anna) == 5000


async def test_liability_keeps_the_source(tenant: Tenant, anna: UUID, ben: UUID) -> None:
    """Over several transfers and a merge; and the trial balance says that they moved nothing in all."""
    cleo = await tenant.customer(name="Cleo")
    order = await tenant.order(anna, (await tenant.product(1, "CREDIT"), 50))
    await tenant.pay(order, 50)
    await tenant.credit(anna, 5, reason="GOODWILL", expires_in_days=400)
    await tenant.transfer(anna, ben, 30)
    await tenant.transfer(ben, cleo, 10)
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(ben, anna), tenant.key())
    await tenant.transfer(anna, cleo, 26)
    session, now = ReadSession(tenant.id), tenant.clock()
    try:
        parts = await liability.parts(session, now, now, "UTC")
        (balance,) = await liability.trial_balance(session, now)
    finally:
        await session.release()

    assert [(p.kind, p.reason, p.outstanding_minor) for p in parts] == [
        ("ADJUSTMENT", "GOODWILL", 500),
        ("ORDER", None, 5000),
    ]
    assert dict(balance.counters)["TRANSFERRED"] == 0
    assert (await verify(tenant.id)).holds


async def test_it_can_wait_for_a_second_person(tenant: Tenant, anna: UUID, ben: UUID) -> None:
    """Both people stand on both transactions, and no limit counts it."""
    await tenant.credit(anna, 300, actor=MANAGER)
    waits = await tenant.transfer(anna, ben, 250, actor=STAFF, request_approval=True)
    assert waits.transaction_id is None
    assert await tenant.available(anna) == 30000
    ann = await tenant.customer(name="Ann")
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(ben, ann), tenant.key())
    done = await approve(tenant, known(waits.approval_request_id))

    assert (await tenant.available(anna), await tenant.available(ann)) == (5000, 25000)
    both = [done.transaction_id, await counterpart(tenant, done.transaction_id)]
    said = "SELECT approved_by_id IS NOT NULL, limited_on FROM transactions WHERE tenant_id = $1 AND id = ANY($2)"
    assert await tenant.rows(said, both) == [(True, None), (True, None)]
    proposed = await tenant.transfer(anna, ann, 1, propose_only=True)
    assert proposed.approval_request_id is not None
    assert (await verify(tenant.id)).holds


async def test_a_key_is_used_once(tenant: Tenant, anna: UUID, ben: UUID) -> None:
    await tenant.credit(anna, 9)
    first = await tenant.transfer(anna, ben, 4, key="k")
    async with tenant.nothing_moves():
        again = await tenant.transfer(anna, ben, 4, key="k")
        async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
            await tenant.transfer(anna, ben, 5, key="k")
    assert again.replayed
    assert (again.transaction_id, again.account_id) == (first.transaction_id, first.account_id)


async def test_both_notes_go_when_either_is_erased(tenant: Tenant, anna: UUID, ben: UUID) -> None:
    await tenant.credit(anna, 9)
    await tenant.transfer(anna, ben, 1, note="From Anna to Ben")
    await tenant.transfer(anna, ben, 1, note="And more", propose_only=True)
    await tenant.transfer(ben, await tenant.customer(name="Cleo"), 1, note="To Cleo")
    await erase_customer(tenant.ledger, tenant.id, ADMIN, ben)

    notes = "SELECT note FROM transaction_texts WHERE tenant_id = $1"
    assert {row[0] for row in await tenant.rows(notes)} == {""}
    asked = "SELECT command->>'note' FROM approval_requests WHERE tenant_id = $1"
    assert await tenant.rows(asked) == [(None,)]
    assert (await verify(tenant.id)).holds


async def test_a_preview_writes_nothing(tenant: Tenant, anna: UUID, ben: UUID) -> None:
    credit = await tenant.credit(anna, 9)
    async with tenant.nothing_moves():
        preview = await preview_transfer(tenant.ledger, tenant.id, STAFF, TransferCredit(anna, ben, "GBP", Decimal(4)))
    assert (preview.available_after_minor, preview.errors) == (500, ())
    assert [(e.credit_id, e.amount_minor) for e in preview.credits] == [(credit, -400)]
    assert preview.received is not None
    assert (preview.received.account_id, preview.received.available_after_minor) == (None, 400)
    assert [(e.credit_id, e.amount_minor) for e in preview.received.credits] == [(None, 400)]
    assert preview.limit.allowed


async def test_crosswise_at_once(tenant: Tenant, anna: UUID, ben: UUID) -> None:
    """Neither waits for the other for ever, no penny appears, and none is lost."""
    for customer in (anna, ben):
        await tenant.credit(customer, 20)
    other = Ledger(source=tenant.ledger.source, clock=tenant.clock)
    try:
        answers: list[Any] = await asyncio.gather(
            *(
                tenant.transfer(giver, receiver, 1, ledger=ledger)
                for _ in range(50)
                for giver, receiver in ((anna, ben), (ben, anna))
                for ledger in (tenant.ledger, other)
            ),
            return_exceptions=True,
        )
    finally:
        await other.close()
    refused = {getattr(answer, "code", repr(answer)) for answer in answers if isinstance(answer, BaseException)}
    assert refused <= {"INSUFFICIENT_BALANCE"}
    assert await tenant.available(anna) + await tenant.available(ben) == 4000
    assert (await verify(tenant.id)).holds
