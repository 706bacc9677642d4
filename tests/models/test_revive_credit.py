"""What has expired of a credit is put back on it, under a new expiry; and so is what comes back of a spend."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from models.commands import MergeCustomers, NewExpiry, ReviveCredit
from models.errors import ExceedsRemaining
from models.ledger import Ledger
from models.operations.keep_totals import keep_totals
from models.operations.merge_customers import merge_customers
from models.operations.people import erase_customer
from models.operations.revive_credit import preview_revival
from models.reads import accounts, added_up, liability
from models.reads.session import ReadSession
from models.reads.verify import verify
from tests.support.approvals import approve
from tests.support.clock import Clock
from tests.support.holds import held_now, hold, release
from tests.support.tenants import ADMIN, MANAGER, STAFF, Tenant, known

ENTRIES = """SELECT credit_id, counter, amount_minor, lifetime_minor FROM entries
    WHERE tenant_id = $1 AND transaction_id = $2 ORDER BY sequence"""
NEVER = NewExpiry(never=True)


async def moved(tenant: Tenant, transaction_id: UUID | None) -> list[tuple[Any, ...]]:
    return await tenant.rows(ENTRIES, transaction_id)


async def expired(tenant: Tenant, customer: UUID, clock: Clock, amount: int = 50, asset: str = "GBP") -> UUID:
    """A credit of theirs that expired three days ago, and was written off two days ago."""
    credit = await tenant.credit(customer, amount, asset, expires_at=clock() + timedelta(days=1))
    clock.advance(days=2)
    await tenant.expire()
    clock.advance(days=2)
    return credit


async def test_a_part_and_then_the_rest(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """Its id stays, its expiry is new, and the lifetime total is left alone."""
    credit = await expired(tenant, anna, clock, 50, "POINTS")
    done = await tenant.revive(credit, 20, reason="GOODWILL", note="She was ill")
    assert done.credit_id == credit
    assert await moved(tenant, done.transaction_id) == [(credit, "EXPIRED", 20, 0)]
    terms = (
        "SELECT remaining_minor, gone_minor, swept_at, expires_at > $3 FROM credits WHERE tenant_id = $1 AND id = $2"
    )
    assert await tenant.rows(terms, credit, clock()) == [(20, 30, None, True)]
    said = "SELECT kind, reason, limited_minor FROM transactions WHERE tenant_id = $1 AND id = $2"
    assert await tenant.rows(said, done.transaction_id) == [("REVIVAL", "GOODWILL", None)]
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (20, 50)
    async with tenant.refused("EXCEEDS_REMAINING") as caught:
        await tenant.revive(credit, 31)
    assert isinstance(caught.value, ExceedsRemaining)
    assert caught.value.message == "Only 30 POINTS of the credit has expired and was not put back."
    await tenant.revive(credit, expiry=NEVER)
    assert await tenant.available(anna, "POINTS") == 50
    async with tenant.refused("EXCEEDS_REMAINING"):
        await tenant.revive(credit)
    assert (await verify(tenant.id)).holds


async def test_what_expires_again_can_come_back_again(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    credit = await expired(tenant, anna, clock)
    await tenant.revive(credit, 30, NewExpiry(in_days=1))
    await tenant.spend(anna, 10)
    clock.advance(days=5)
    await tenant.expire()
    await tenant.revive(credit, 40)
    async with tenant.refused("EXCEEDS_REMAINING"):
        await tenant.revive(credit, "0.01")
    assert await tenant.available(anna) == 4000
    assert (await verify(tenant.id)).holds


async def test_what_no_sweep_has_seen_expires_first(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    credit = await tenant.credit(anna, 50, expires_in_days=1)
    await tenant.spend(anna, 5)
    clock.advance(days=9)
    done = await tenant.revive(credit, 20)

    assert await moved(tenant, done.transaction_id) == [(credit, "EXPIRED", 2000, 0)]
    ((before,),) = await tenant.rows("SELECT id FROM transactions WHERE tenant_id = $1 AND kind = 'EXPIRY'")
    assert await moved(tenant, before) == [(credit, "EXPIRED", -4500, 0)]
    assert await tenant.available(anna) == 2000
    assert await tenant.expire() == 0
    assert (await verify(tenant.id)).holds


async def test_the_past_stands_still(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """Between its expiry and the sweep it was expired, whatever its expiry is now; and so says every report."""
    credit = await tenant.credit(anna, 50, expires_at=clock() + timedelta(days=1))
    await tenant.credit(anna, 7)
    seen: dict[datetime, tuple[Any, ...]] = {}
    for _ in range(4):  # before it, after it, and swept
        clock.advance(hours=17)
        await _look(tenant, anna, seen)
        if len(seen) == 3:
            await tenant.expire()
            await _look(tenant, anna, seen)
    clock.advance(hours=1)
    await tenant.revive(credit, 20)
    clock.advance(hours=3)
    await _look(tenant, anna, seen)
    clock.advance(hours=1)
    await tenant.spend(anna, 27)
    clock.advance(days=30)
    await _look(tenant, anna, seen)
    for _ in range(2):
        for at, then in seen.items():
            assert await _seen(tenant, anna, at) == then
        await keep_totals(tenant.ledger, tenant.id, transactions=1)
    assert (await verify(tenant.id)).holds


async def _look(tenant: Tenant, customer: UUID, seen: dict[datetime, tuple[Any, ...]]) -> None:
    at = tenant.clock()
    seen[at] = await _seen(tenant, customer, at)
    account = await tenant.account(customer, "GBP")
    assert account is not None
    (balance,), _, _ = seen[at]
    assert (balance.ledger_minor, balance.available_minor) == (account.balance_minor, account.available_minor)


async def _seen(tenant: Tenant, customer: UUID, at: datetime) -> tuple[Any, ...]:
    """The balance, the liability, and by which sources it came, at the instant; the second is the same two ways."""
    account = await tenant.account(customer, "GBP")
    assert account is not None
    session = ReadSession(tenant.id)
    try:
        balances = await accounts.balances_at(session, [(account.id, at)])
        later = at + timedelta(microseconds=1)
        owed = await liability.by_asset(session, at, later)
        assert owed == [liability.LiabilityView(*row) for row in await added_up.by_asset(session, at, later)]
        return tuple(balances), owed, await liability.parts(session, at, later, "UTC")
    finally:
        await session.release()


async def test_what_was_voided_stays_voided(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    voided = await tenant.credit(anna, 50)
    await tenant.void_credit(voided)
    late = await expired(tenant, anna, clock)
    await tenant.revive(late, 20)
    await tenant.void_credit(late)
    for credit in (voided, late):
        async with tenant.refused("CREDIT_NOT_OPEN"):
            await tenant.revive(credit)
    assert await tenant.available(anna) == 0
    assert (await verify(tenant.id)).holds


async def test_what_an_unpaid_order_had_granted_stays_gone(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """Its payment was voided: the money is back, and the credit is not given as well."""
    order = await tenant.order(anna, (await tenant.product(1, "CREDIT"), 50))
    payment = (await tenant.pay(order, 50)).payment_id
    ((granted,),) = await tenant.rows("SELECT credit_id FROM grants WHERE tenant_id = $1")
    await tenant.update_credit(granted, expires_in_days=1)
    clock.advance(days=9)
    await tenant.expire()
    await tenant.void_payment(payment)
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.revive(granted)
    await tenant.pay(order, 50)
    async with tenant.refused("CREDIT_NOT_OPEN"):
        await tenant.revive(granted)
    assert await tenant.available(anna) == 5000


async def test_the_membership_gate(tenant: Tenant, clock: Clock) -> None:
    anna = await tenant.member()
    lessons = await expired(tenant, anna, clock, 5, "SERVICE_CREDITS")
    await tenant.cancel_membership(anna, clock())
    clock.advance(days=90)
    async with tenant.refused("MEMBERSHIP_GRACE_ENDED"):
        await tenant.revive(lessons)
    await erase_customer(tenant.ledger, tenant.id, MANAGER, anna)
    assert await tenant.count("revivals") == 0


async def test_it_counts_as_an_addition(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    credit = await expired(tenant, anna, clock, 250)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.revive(credit, actor=STAFF)
    await tenant.revive(credit, 100, actor=STAFF)
    await tenant.revive(credit, 100, actor=STAFF)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.adjust(anna, 1, actor=STAFF)
    waits = await tenant.revive(credit, actor=STAFF, request_approval=True, note="Please")
    assert await tenant.available(anna) == 20000
    done = await approve(tenant, known(waits.approval_request_id))
    assert done.credit_id == credit
    assert await tenant.available(anna) == 25000
    assert (await verify(tenant.id)).holds


async def test_what_is_held_of_it_takes_the_new_expiry_along_and_counts_no_more(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    """It had not expired: as little as it counts where the expiry of an open credit is put off."""
    credit = await tenant.credit(anna, 250, expires_at=clock() + timedelta(hours=1))
    held = await hold(tenant, anna, 240, minutes=60 * 24 * 9, actor=MANAGER)
    clock.advance(days=2)
    async with tenant.refused("EXCEEDS_REMAINING"):
        await tenant.revive(credit, 11, actor=STAFF)
    done = await tenant.revive(credit, 1, actor=STAFF)
    said = "SELECT limited_minor FROM transactions WHERE tenant_id = $1 AND id = $2"
    assert await tenant.rows(said, done.transaction_id) == [(100,)]
    assert await held_now(tenant, anna) == (100, 24000)
    await release(tenant, held)
    assert await held_now(tenant, anna) == (24100, 0)
    assert (await verify(tenant.id)).holds


async def test_a_request_that_has_been_overtaken(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    credit = await expired(tenant, anna, clock)
    waits = await tenant.revive(credit, propose_only=True, actor=STAFF)
    await tenant.revive(credit, "0.01")
    async with tenant.refused("EXCEEDS_REMAINING"):
        await approve(tenant, known(waits.approval_request_id))


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no expiry": ({"expiry": NewExpiry()}, "EXPIRY_CONFLICT"),
    "two": ({"expiry": NewExpiry(in_days=3, never=True)}, "EXPIRY_CONFLICT"),
    "past": ({"expiry": NewExpiry(at=datetime.fromisoformat("2020-01-01T00:00Z"))}, "EXPIRY_IN_PAST"),
    "a reason that only removes": ({"reason": "POLICY"}, "REASON_DIRECTION"),
    "an unknown reason": ({"reason": "NOPE"}, "REASON_UNKNOWN"),
    "a reason without its note": ({"reason": "OTHER"}, "NOTE_REQUIRED"),
    "nothing": ({"amount": 0}, "AMOUNT_ZERO"),
    "less than nothing": ({"amount": -1}, "INVALID"),
    "too fine": ({"amount": "1.005"}, "AMOUNT_PRECISION"),
    "too much": ({"amount": 51}, "EXCEEDS_REMAINING"),
}


@pytest.mark.parametrize("what", BAD)
async def test_what_cannot_be(tenant: Tenant, anna: UUID, clock: Clock, what: str) -> None:
    credit = await expired(tenant, anna, clock)
    more, code = BAD[what]
    async with tenant.nothing_moves():
        async with tenant.refused(code):
            await tenant.revive(credit, **more)
        async with tenant.refused("NOT_FOUND"):
            await tenant.revive(uuid4())


async def test_after_merges(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """Under any id, on the survivor's account: what expired before it, after it, and where it moved nothing."""
    ann = await tenant.customer(name="Ann")
    gone = await expired(tenant, ann, clock)
    left = await tenant.credit(ann, 40, expires_in_days=30)
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(ann, anna), tenant.key())
    clock.advance(days=60)
    await tenant.expire()
    first = await tenant.revive(gone, 20)
    await tenant.revive(gone, 30)
    await tenant.revive(left, 40)
    assert first.credit_id != gone
    for credit in (gone, left):
        async with tenant.refused("EXCEEDS_REMAINING"):
            await tenant.revive(credit)
    assert await tenant.available(anna) == 9000
    assert (await verify(tenant.id)).holds


async def test_the_database_refuses_more_too(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    credit = await expired(tenant, anna, clock)
    await tenant.revive(credit, 20)
    again = """INSERT INTO revivals (id, tenant_id, transaction_id, credit_id, account_id, lot_id, amount_minor,
            expired_minor, before_minor, expired_at, revived_at)
        SELECT $2::uuid, tenant_id, transaction_id, credit_id, account_id, lot_id, {}, expired_minor, {},
            expired_at, revived_at FROM revivals WHERE tenant_id = $1"""
    with pytest.raises(asyncpg.UniqueViolationError):
        await tenant.execute(again.format(1, 0), uuid4())
    with pytest.raises(asyncpg.CheckViolationError):
        await tenant.execute(again.format(3001, 2000), uuid4())


async def test_at_once_never_more_than_expired(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """From two servers: of ten that ask for two fifths, two get it."""
    credit = await expired(tenant, anna, clock)
    other = Ledger(source=tenant.ledger.source, clock=clock)
    try:
        answers = await asyncio.gather(
            *(tenant.revive(credit, 20, ledger=ledger) for ledger in (tenant.ledger, other) for _ in range(5)),
            return_exceptions=True,
        )
    finally:
        await other.close()
    codes = [getattr(answer, "code", "") for answer in answers]
    assert sorted(codes) == [""] * 2 + ["EXCEEDS_REMAINING"] * 8
    assert await tenant.available(anna) == 4000
    assert (await verify(tenant.id)).holds


async def test_a_preview_writes_nothing(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    credit = await expired(tenant, anna, clock)
    async with tenant.nothing_moves():
        preview = await preview_revival(
            tenant.ledger, tenant.id, MANAGER, ReviveCredit(credit, "GOODWILL", NEVER, Decimal(20))
        )
    (effect,) = preview.credits
    assert (effect.credit_id, effect.amount_minor, effect.remaining_after_minor) == (credit, 2000, 2000)
    assert (effect.expires_at, preview.available_after_minor, preview.errors) == (None, 2000, ())


# A new expiry on the way back


async def test_a_refund_under_a_new_expiry(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """What has expired comes back, expires, and is revived; what has not keeps its own. Nothing else is revived with it."""
    soon, never = await tenant.credit(anna, 8, expires_in_days=1), await tenant.credit(anna, 5)
    spend = await tenant.spend(anna, 7)
    more = await tenant.spend(anna, 2)  # one of the first, one of the second
    clock.advance(days=9)  # one of the first expires, unswept
    await tenant.refund(spend, 3, new_expiry=NewExpiry(in_days=10))
    assert await tenant.remainders(soon, never) == [300, 400]
    await tenant.refund(more, new_expiry=NEVER)
    assert await tenant.remainders(soon, never) == [400, 500]
    async with tenant.refused("EXCEEDS_REMAINING"):
        await tenant.revive(soon, "0.01")
    assert (await verify(tenant.id)).holds


async def test_what_is_held_beside_a_refund_under_a_new_expiry_counts_no_more(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    await tenant.limit("MANAGER", "GBP", adjustment=5)
    await tenant.credit(anna, 25, expires_in_days=1, actor=ADMIN)
    spend, held = await tenant.spend(anna, 5), await hold(tenant, anna, 20, minutes=60 * 24 * 20)
    clock.advance(days=9)
    done = await tenant.refund(spend, new_expiry=NEVER)
    said = "SELECT limited_minor FROM transactions WHERE tenant_id = $1 AND id = $2"
    assert await tenant.rows(said, done.transaction_id) == [(500,)]
    await release(tenant, held)
    assert await held_now(tenant, anna) == (2500, 0)
    assert (await verify(tenant.id)).holds


async def test_only_a_manager_gives_one(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    credit = await tenant.credit(anna, 8, expires_in_days=1)
    spend = await tenant.spend(anna, 8)
    clock.advance(days=9)
    async with tenant.refused("INVALID"):
        await tenant.refund(spend, actor=STAFF, new_expiry=NEVER)
    async with tenant.refused("EXPIRY_CONFLICT"):
        await tenant.refund(spend, new_expiry=NewExpiry(in_days=3, never=True))
    waits = await tenant.refund(spend, 5, actor=MANAGER, new_expiry=NewExpiry(in_days=3), propose_only=True)
    await approve(tenant, known(waits.approval_request_id), actor=ADMIN)
    assert await tenant.remainders(credit) == [500]
    people = """SELECT t.kind, a.subject, b.subject FROM transactions t
        JOIN actors a ON a.tenant_id = $1 AND a.id = t.actor_id
        LEFT JOIN actors b ON b.tenant_id = $1 AND b.id = t.approved_by_id
        WHERE t.tenant_id = $1 AND t.kind IN ('REFUND', 'REVIVAL') ORDER BY t.kind"""
    both = MANAGER.subject, ADMIN.subject
    assert await tenant.rows(people) == [("REFUND", *both), ("REVIVAL", *both)]
    assert (await verify(tenant.id)).holds


async def test_what_was_voided_is_not_renewed(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 8)
    spend = await tenant.spend(anna, 5)
    await tenant.void_credit(credit)
    await tenant.refund(spend, new_expiry=NEVER)
    assert await tenant.remainders(credit) == [0]
    assert (await verify(tenant.id)).holds
