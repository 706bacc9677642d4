"""What was spent or used is given back, whole or in parts, to the credits that it came from."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from models.commands import Actor, MergeCustomers, RefundSpend
from models.errors import ExceedsRemaining, LimitExceeded
from models.ledger import Ledger
from models.operations.merge_customers import merge_customers
from models.operations.people import erase_customer
from models.operations.refund_spend import preview_refund
from models.reads.verify import verify
from tests.support import holds as holding
from tests.support.approvals import approve
from tests.support.clock import Clock
from tests.support.tenants import MANAGER, PARTNER, STAFF, Tenant, known

ENTRIES = """SELECT credit_id, counter, amount_minor, lifetime_minor FROM entries
    WHERE tenant_id = $1 AND transaction_id = $2 ORDER BY sequence"""


async def moved(tenant: Tenant, transaction_id: UUID | None) -> list[tuple[Any, ...]]:
    return await tenant.rows(ENTRIES, transaction_id)


async def test_all_of_it_goes_back_last_first(tenant: Tenant, anna: UUID) -> None:
    soon, never = await tenant.credit(anna, 3, expires_in_days=5), await tenant.credit(anna, 5)
    spend = await tenant.spend(anna, 7)
    done = await tenant.refund(spend, note="The cup was broken")

    assert await moved(tenant, done.transaction_id) == [(never, "SPENT", 400, 0), (soon, "SPENT", 300, 0)]
    kind = "SELECT kind, reason FROM transactions WHERE tenant_id = $1 AND id = $2"
    assert await tenant.rows(kind, done.transaction_id) == [("REFUND", None)]
    refunds = "SELECT id, spend_id, amount_minor, taken_minor, before_minor FROM refunds WHERE tenant_id = $1"
    assert await tenant.rows(refunds) == [(done.transaction_id, spend.transaction_id, 700, 700, 0)]
    assert await tenant.available(anna) == 800
    async with tenant.refused("EXCEEDS_REMAINING") as caught:
        await tenant.refund(spend)
    assert isinstance(caught.value, ExceedsRemaining)
    assert caught.value.message == "Only 0.00 GBP of the spend has not been given back yet."
    assert (await verify(tenant.id)).holds


async def test_parts_go_on_where_the_last_one_ended(tenant: Tenant, anna: UUID) -> None:
    """Also where the burn order is another by now: an undo follows what was stored."""
    first, second, third = [await tenant.credit(anna, 2, expires_in_days=days) for days in (1, 2, 3)]
    spend = await tenant.spend(anna, 5)
    await tenant.update_credit(third, expires_in_days=1)
    parts = [await tenant.refund(spend, amount) for amount in ("0.50", "2.00", "1.00", "1.50")]

    assert [await moved(tenant, part.transaction_id) for part in parts] == [
        [(third, "SPENT", 50, 0)],
        [(third, "SPENT", 50, 0), (second, "SPENT", 150, 0)],
        [(second, "SPENT", 50, 0), (first, "SPENT", 50, 0)],
        [(first, "SPENT", 150, 0)],
    ]
    async with tenant.refused("EXCEEDS_REMAINING"):
        await tenant.refund(spend, "0.01")
    assert await tenant.remainders(first, second, third) == [200, 200, 200]


async def test_service_credits_also_after_the_grace_period(tenant: Tenant, clock: Clock) -> None:
    """They were used in error (U8): each goes back onto its own lot, once, although nothing may be added any more."""
    anna, yoga = await tenant.member(), await tenant.service()
    lessons = await tenant.credit(anna, 5, "SERVICE_CREDITS", service_ids=(yoga,))
    use, spend = await tenant.use(anna, yoga, 2), await tenant.spend(anna, 1, "SERVICE_CREDITS")
    await tenant.cancel_membership(anna, clock())
    await tenant.execute("UPDATE services SET active = false WHERE tenant_id = $1")
    clock.advance(days=90)
    async with tenant.refused("MEMBERSHIP_GRACE_ENDED"):
        await tenant.adjust(anna, 1, "SERVICE_CREDITS")
    back = await tenant.refund(use)

    assert await moved(tenant, back.transaction_id) == [(lessons, "REDEEMED", 2, 0)]
    await tenant.refund(spend)
    assert await tenant.available(anna, "SERVICE_CREDITS") == 5
    assert (await verify(tenant.id)).holds


async def test_what_has_expired_comes_back_and_expires(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    soon, never = await tenant.credit(anna, 200, "POINTS", expires_in_days=1), await tenant.credit(anna, 50, "POINTS")
    spend = await tenant.spend(anna, 250, "POINTS")
    clock.advance(days=3)
    done = await tenant.refund(spend)

    assert await moved(tenant, done.transaction_id) == [
        (never, "SPENT", 50, 0),
        (soon, "SPENT", 200, 0),
        (soon, "EXPIRED", -200, 0),
    ]
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (50, 250)
    assert await tenant.expire() == 0
    assert (await verify(tenant.id)).holds


async def test_what_was_voided_comes_back_and_is_reversed(tenant: Tenant, anna: UUID) -> None:
    """Out of the lifetime total as well, and the tier follows."""
    await tenant.tier("Silver", 200)
    credit = await tenant.credit(anna, 300, "POINTS")
    spend = await tenant.spend(anna, 250, "POINTS")
    await tenant.void_credit(credit)
    done = await tenant.refund(spend)

    assert await moved(tenant, done.transaction_id) == [(credit, "SPENT", 250, 0), (credit, "REMOVED", -250, -250)]
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.balance_minor, account.lifetime_minor) == (0, 0)
    tiers = "SELECT old_tier, new_tier, transaction_id FROM tier_changes WHERE tenant_id = $1 ORDER BY id"
    assert (await tenant.rows(tiers))[-1] == ("Silver", None, done.transaction_id)
    assert (await verify(tenant.id)).holds


async def test_it_lands_on_whoever_the_record_is_now(tenant: Tenant, anna: UUID) -> None:
    """Also where a merge has left nothing, and so moved nothing; under the id of the spend that there is."""
    ann = await tenant.customer(name="Ann")
    whole = await tenant.credit(ann, 5)
    spend = await tenant.spend(ann, 5)
    points = await tenant.spend((await _with(tenant, ann, 10, "POINTS")), 4, "POINTS")
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(ann, anna), tenant.key())
    await tenant.refund(spend, 2)
    await tenant.refund(spend)
    await tenant.refund(points)

    assert await tenant.available(anna) == 500
    assert await tenant.available(anna, "POINTS") == 10
    assert await tenant.remainders(whole) == [0]
    assert (await verify(tenant.id)).holds


async def _with(tenant: Tenant, customer: UUID, amount: int, asset: str) -> UUID:
    await tenant.credit(customer, amount, asset)
    return customer


async def test_only_what_was_spent_or_used(tenant: Tenant, anna: UUID) -> None:
    added = await tenant.adjust(anna, 50)
    await tenant.credit(anna, 500, "POINTS")
    bill = await tenant.invoice(anna, 10, auto_apply=False)
    others = (
        added,
        await tenant.adjust(anna, -5),
        await tenant.pay(bill, 5, "ACCOUNT_CREDIT"),
        await tenant.give(anna, await tenant.reward(100)),
        await tenant.refund(await tenant.spend(anna, 1)),
    )
    for other in others:
        async with tenant.refused("INVALID"):
            await tenant.refund(other)
    async with tenant.refused("NOT_FOUND"):
        await tenant.refund(uuid4())


@pytest.mark.parametrize(
    ("amount", "code"),
    [("0", "AMOUNT_ZERO"), ("-1", "INVALID"), ("0.005", "AMOUNT_PRECISION"), ("3.01", "EXCEEDS_REMAINING")],
)
async def test_an_amount_that_is_none(tenant: Tenant, anna: UUID, amount: str, code: str) -> None:
    await tenant.credit(anna, 5)
    spend = await tenant.spend(anna, 3)
    async with tenant.refused(code):
        await tenant.refund(spend, amount)


async def test_once_for_a_key(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 5)
    spend = await tenant.spend(anna, 3)
    first, again = await tenant.refund(spend, 1, key="k"), await tenant.refund(spend, 1, key="k")
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.transaction_id, again.account_id) == (first.transaction_id, first.account_id)
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await tenant.refund(spend, 2, key="k")
    assert await tenant.available(anna) == 300


async def test_parts_at_once_never_give_back_more_than_was_taken(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """In one batch and from two processes."""
    await tenant.credit(anna, 9)
    spend = await tenant.spend(anna, 5)
    other = Ledger(clock)
    parts = (tenant.refund(spend, 2, ledger=ledger) for ledger in (tenant.ledger, other) for _ in range(4))
    results = await asyncio.gather(*parts, return_exceptions=True)
    await other.close()

    assert sum(not isinstance(result, BaseException) for result in results) == 2
    assert all(isinstance(result, ExceedsRemaining) for result in results if isinstance(result, BaseException))
    assert await tenant.available(anna) == 800
    assert (await verify(tenant.id)).holds


async def test_the_database_refuses_it_too(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 9)
    spend = await tenant.spend(anna, 5)
    done = await tenant.refund(spend, 2)
    sql = "INSERT INTO refunds VALUES ($2, $1, $3, $4, $5, $6)"
    for amount, taken, before, refusal in (
        (100, 500, 0, asyncpg.UniqueViolationError),
        (301, 500, 200, asyncpg.CheckViolationError),
    ):
        with pytest.raises(refusal):
            await tenant.execute(sql, done.transaction_id, spend.transaction_id, amount, taken, before)


async def test_credit_that_an_order_sold_is_not_used_any_more(tenant: Tenant, anna: UUID) -> None:
    gift = await tenant.product(10, "CREDIT")
    order = await tenant.order(anna, (gift, 1))
    payment = await tenant.pay(order, 10)
    spend = await tenant.spend(anna, 4)
    async with tenant.refused("CREDIT_SPENT"):
        await tenant.void_payment(payment.payment_id)
    await tenant.refund(spend, 3)
    async with tenant.refused("CREDIT_SPENT"):
        await tenant.void_payment(payment.payment_id)
    await tenant.refund(spend)
    await tenant.void_payment(payment.payment_id)
    assert await tenant.available(anna) == 0


async def test_an_erased_customers_spend_comes_back_without_the_note(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 5)
    spend = await tenant.spend(anna, 3, note="For Anna's dog")
    await erase_customer(tenant.ledger, tenant.id, MANAGER, anna)
    done = await tenant.refund(spend, note="Anna asked for it")
    notes = "SELECT id FROM transaction_texts WHERE tenant_id = $1 AND note <> ''"
    assert await tenant.rows(notes) == []
    assert await tenant.available(anna) == 500
    assert done.transaction_id is not None


# Rights, limits and a second person


async def test_a_partner_gives_back_what_its_own_client_spent(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 50)
    theirs, ours = await tenant.spend(anna, 3), await tenant.spend(anna, 3, actor=PARTNER)
    other = Actor(PARTNER.subject, "PARTNER", client="till")
    for spend, actor in ((theirs, PARTNER), (ours, other), (theirs, other)):
        async with tenant.refused("NOT_FOUND"):
            await tenant.refund(spend, actor=actor)
    await tenant.refund(ours, 1, actor=Actor("another program", "PARTNER", client=PARTNER.client))
    await tenant.refund(ours, 1)  # a manager gives back anybody's
    await tenant.refund(theirs)


async def test_a_partner_gives_back_what_its_own_client_held_whoever_captured_it(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 50)
    held, others = await holding.hold(tenant, anna, 5, actor=PARTNER), await holding.hold(tenant, anna, 5)
    other = Actor(PARTNER.subject, "PARTNER", client="till")
    captured, not_theirs = await holding.capture(tenant, held), await holding.capture(tenant, others)
    for spend, actor in ((captured, other), (not_theirs, PARTNER)):
        async with tenant.refused("NOT_FOUND"):
            await tenant.refund(spend, actor=actor)
    await tenant.refund(captured, 2, actor=PARTNER)
    await tenant.refund(captured)
    assert await tenant.available(anna) == 4500


async def test_it_counts_under_the_limits_on_adding_with_its_whole_amount(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 500)
    spends = [await tenant.spend(anna, 120) for _ in range(2)]
    async with tenant.refused("LIMIT_EXCEEDED") as caught:
        await tenant.refund(spends[0], actor=STAFF)
    assert isinstance(caught.value, LimitExceeded)
    assert {left.kind for left in caught.value.remaining} == {"ADDING"}
    await tenant.refund(spends[0], 100, actor=STAFF)
    await tenant.refund(spends[1], 60, actor=STAFF)
    async with tenant.refused("LIMIT_EXCEEDED"):  # 200 for one customer in a day
        await tenant.adjust(anna, 41, actor=STAFF)
    limited = """SELECT limited_asset, limited_minor FROM transactions
        WHERE tenant_id = $1 AND kind = 'REFUND' ORDER BY id"""
    assert await tenant.rows(limited) == [("GBP", 10_000), ("GBP", 6_000)]
    assert (await verify(tenant.id)).holds


async def test_over_a_limit_it_waits_for_a_second_person(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 500)
    spend = await tenant.spend(anna, 300)
    asked = await tenant.refund(spend, actor=STAFF, request_approval=True, note="Please", key="k")
    assert (asked.transaction_id, await tenant.available(anna)) == (None, 20_000)
    again = await tenant.refund(spend, actor=STAFF, request_approval=True, note="Please", key="k")
    assert (again.approval_request_id, again.replayed) == (asked.approval_request_id, True)
    await tenant.refund(spend, 20)  # meanwhile; and so not all of what was asked for is left
    async with tenant.refused("EXCEEDS_REMAINING") as caught:
        await approve(tenant, known(asked.approval_request_id))
    assert caught.value.field == ("requestId",)

    other = await tenant.refund(spend, 280, actor=STAFF, request_approval=True)
    done = await approve(tenant, known(other.approval_request_id))
    people = """SELECT a.subject, b.subject, t.kind, t.limited_on FROM transactions t
        JOIN actors a ON a.tenant_id = $1 AND a.id = t.actor_id JOIN actors b ON b.tenant_id = $1 AND b.id = t.approved_by_id
        WHERE t.tenant_id = $1 AND t.id = $2"""
    assert await tenant.rows(people, done.transaction_id) == [("sam", "maria", "REFUND", None)]
    assert await tenant.available(anna) == 50_000
    assert (await verify(tenant.id)).holds


async def test_it_can_be_proposed_and_follows_a_merge(tenant: Tenant, anna: UUID) -> None:
    ann = await tenant.customer(name="Ann")
    await tenant.credit(ann, 5)
    spend = await tenant.spend(ann, 5)
    asked = await tenant.refund(spend, propose_only=True, actor=STAFF)
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(ann, anna), tenant.key())
    await approve(tenant, known(asked.approval_request_id))
    assert await tenant.available(anna) == 500
    assert (await verify(tenant.id)).holds


# Previews


async def test_a_preview_is_what_it_would_be_and_writes_nothing(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    soon, never = await tenant.credit(anna, 90, expires_in_days=1), await tenant.credit(anna, 50)
    spend = await tenant.spend(anna, 120)
    clock.advance(days=3)
    transaction_id = known(spend.transaction_id)

    def asked(amount: str | None = None, **more: Any) -> RefundSpend:
        return RefundSpend(transaction_id, None if amount is None else Decimal(amount), **more)

    async with tenant.nothing_moves():
        whole = await preview_refund(tenant.ledger, tenant.id, MANAGER, asked())
        over = await preview_refund(tenant.ledger, tenant.id, STAFF, asked())
        waits = await preview_refund(tenant.ledger, tenant.id, STAFF, asked(request_approval=True))
        much = await preview_refund(tenant.ledger, tenant.id, STAFF, asked("120.01"))
    effects = [(effect.credit_id, effect.amount_minor, effect.remaining_after_minor) for effect in whole.credits]
    assert effects == [(never, 3000, 5000), (soon, 9000, 0), (soon, -9000, 0)]
    assert (whole.available_after_minor, whole.errors, whole.limit.allowed) == (5000, (), True)
    assert [error.code for error in over.errors] == ["LIMIT_EXCEEDED"]
    assert (over.limit.allowed, over.limit.approval_required) == (False, True)
    assert (waits.errors, waits.credits, waits.limit.approval_required) == ((), (), True)
    assert [error.code for error in much.errors] == ["EXCEEDS_REMAINING"]
    await tenant.refund(spend)
    assert await tenant.remainders(soon, never) == [0, 5000]


async def test_a_preview_of_a_merged_records_spend(tenant: Tenant, anna: UUID) -> None:
    ann = await tenant.customer(name="Ann")
    await tenant.credit(ann, 5)
    spend = await tenant.spend(ann, 5)
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(ann, anna), tenant.key())
    seen = await preview_refund(tenant.ledger, tenant.id, MANAGER, RefundSpend(known(spend.transaction_id)))
    assert (seen.errors, seen.available_after_minor) == ((), 500)
    assert [effect.amount_minor for effect in seen.credits] == [500]


async def test_the_past_says_what_it_said(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """What was spent then was not there then, though it has come back since."""
    credit = await tenant.credit(anna, 5, expires_at=clock() + timedelta(days=9))
    clock.advance(days=1)
    spend, then = await tenant.spend(anna, 4), clock()
    clock.advance(days=1)
    await tenant.refund(spend)
    left = """SELECT sum(amount_minor) FROM entries WHERE tenant_id = $1 AND credit_id = $2 AND created_at <= $3"""
    assert await tenant.rows(left, credit, then) == [(100,)]
    assert await tenant.remainders(credit) == [500]


# What must not come of it


async def test_a_request_about_someone_erased_keeps_no_note(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 5)
    spend = await tenant.spend(anna, 3)
    await erase_customer(tenant.ledger, tenant.id, MANAGER, anna)
    asked = await tenant.refund(spend, propose_only=True, actor=STAFF, note="Anna Smith asked", key="k")

    notes = "SELECT command ->> 'note' FROM approval_requests WHERE tenant_id = $1"
    assert await tenant.rows(notes) == [(None,)]
    again = await tenant.refund(spend, propose_only=True, actor=STAFF, note="Anna Smith asked", key="k")
    assert (again.approval_request_id, again.replayed) == (asked.approval_request_id, True)


@pytest.mark.parametrize(("actor", "available"), [(STAFF, 0), (PARTNER, 0), (MANAGER, 5_00)])
async def test_what_expired_meanwhile_lives_on_by_a_manager_alone(
    tenant: Tenant, anna: UUID, clock: Clock, actor: Actor, available: int
) -> None:
    """A credit that is spent is open to changes, but past its expiry a later one would revive what comes back."""
    credit = await tenant.credit(anna, 5, expires_in_days=1)
    spend = await tenant.spend(anna, 5)
    clock.advance(timedelta(days=9))
    if available:
        await tenant.update_credit(credit, never_expires=True, actor=actor)
    else:
        async with tenant.refused("CREDIT_NOT_OPEN"):
            await tenant.update_credit(credit, never_expires=True, actor=actor)
        await tenant.update_credit(credit, note="Looked at", actor=actor)
    await tenant.refund(spend)

    assert await tenant.available(anna) == available


async def test_a_preview_that_is_refused_half_way_shows_what_there_is(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 10)
    await tenant.credit(anna, 10)
    await tenant.credit(anna, 9_999_999_999_900)
    spend = await tenant.spend(anna, 20)
    await tenant.credit(anna, 88)  # there is room for one of the two
    there = await tenant.available(anna)
    preview = await preview_refund(tenant.ledger, tenant.id, MANAGER, RefundSpend(known(spend.transaction_id)))

    assert [error.code for error in preview.errors] == ["AMOUNT_OUT_OF_RANGE"]
    assert preview.available_after_minor == there
