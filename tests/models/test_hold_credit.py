"""Value that is held: what is set aside, for how long, and what passes it by."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from models.commands import Outcome
from models.errors import InsufficientBalance
from models.ledger import Ledger
from models.operations.hold_credit import preview_hold
from models.operations.release_hold import release_hold
from models.planning import holding
from models.planning.holding import HoldCredit, ReleaseHold
from models.reads import accounts
from models.reads.session import ReadSession
from models.reads.verify import verify
from models.texts import Texts
from models.views import AccountView
from tests.support.clock import Clock
from tests.support.holds import as_it_is, extend, held_now, hold, id_of, release
from tests.support.tenants import ADMIN, MANAGER, PARTNER, STAFF, Tenant, known

LOTS = """SELECT credit_id, position, amount_minor FROM hold_lots WHERE tenant_id = $1 AND transaction_id = $2
    ORDER BY position"""


@pytest.mark.parametrize(("asset", "one"), [("GBP", 100), ("POINTS", 1), ("SERVICE_CREDITS", 1)])
async def test_it_sets_aside_in_burn_order_and_moves_nothing(tenant: Tenant, anna: UUID, asset: str, one: int) -> None:
    never, soon = await tenant.credit(anna, 5, asset), await tenant.credit(anna, 3, asset, expires_in_days=5)
    outcome = await hold(tenant, anna, 4, asset)

    assert outcome.hold_id == outcome.transaction_id
    assert await tenant.rows(LOTS, outcome.transaction_id) == [(soon, 0, 3 * one), (never, 1, one)]
    assert await tenant.rows("SELECT count(*) FROM entries WHERE tenant_id = $1") == [(2,)]
    kind = "SELECT kind, reason, limited_on FROM transactions WHERE tenant_id = $1 AND id = $2"
    assert await tenant.rows(kind, outcome.transaction_id) == [("HOLD", None, None)]
    assert await held_now(tenant, anna, asset) == (4 * one, 4 * one)
    held = await as_it_is(tenant, outcome)
    assert held.expires_at - held.created_at == timedelta(minutes=15)
    assert (await verify(tenant.id)).holds


async def test_what_is_held_is_neither_spent_nor_held_again(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 10)
    await hold(tenant, anna, 7)
    for asking in (
        tenant.spend(anna, 4),
        hold(tenant, anna, 4),
        tenant.adjust(anna, -4),
        tenant.adjust(anna, -4, credit_id=credit),
    ):
        async with tenant.refused("INSUFFICIENT_BALANCE") as caught:
            await asking
        assert isinstance(caught.value, InsufficientBalance)
        assert caught.value.available == 3
    invoice = await tenant.invoice(anna, 20, auto_apply=False)
    async with tenant.refused("EXCEEDS_REMAINING"):
        await tenant.assign(credit, (invoice, 4))
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.pay(invoice, 4, "ACCOUNT_CREDIT")
    await tenant.spend(anna, 3)
    assert await held_now(tenant, anna) == (0, 700)


async def test_what_applies_itself_passes_it_by(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 10, auto_apply=True)
    await hold(tenant, anna, 7)
    invoice = await tenant.invoice(anna, 20)
    assert await tenant.rows("SELECT credited_minor FROM invoices WHERE tenant_id = $1 AND id = $2", invoice) == [
        (300,)
    ]


async def test_it_is_gone_the_instant_it_passes(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.credit(anna, 10)
    outcome = await hold(tenant, anna, 10, minutes=1)
    clock.advance(seconds=59.999999)
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.spend(anna, 1)
    clock.advance(seconds=1e-6)
    assert await held_now(tenant, anna) == (1000, 0)
    assert (await as_it_is(tenant, outcome)).status(clock()) == "EXPIRED"
    async with tenant.refused("HOLD_ENDED"):
        await release(tenant, outcome)
    await tenant.spend(anna, 10)
    assert (await verify(tenant.id)).holds


async def test_the_sweep_leaves_what_is_held(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    credit = await tenant.credit(anna, 10, expires_at=clock() + timedelta(hours=1))
    outcome = await hold(tenant, anna, 4, minutes=600)
    clock.advance(hours=2)
    assert await held_now(tenant, anna) == (0, 400)
    assert await tenant.expire() == 1
    left = "SELECT remaining_minor, gone_minor, swept_at IS NOT NULL FROM credits WHERE tenant_id = $1 AND id = $2"
    assert await tenant.rows(left, credit) == [(400, 600, True)]
    assert await tenant.expire() == 0
    assert await held_now(tenant, anna) == (0, 400)
    await release(tenant, outcome)  # it falls back into its expiry
    assert await held_now(tenant, anna) == (0, 0)
    assert await tenant.rows(left, credit) == [(0, 1000, True)]
    assert await tenant.expire() == 0
    assert (await verify(tenant.id)).holds


async def test_what_is_released_expires_at_once_as_an_event_of_its_own(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    """Of the credits that have expired, with what was left of them; under the same key and reference. What is still held
    of one stays."""
    first, second = [await tenant.credit(anna, 10, expires_at=clock() + timedelta(hours=hours)) for hours in (1, 2)]
    lasting = await tenant.credit(anna, 10)
    outcome, other = await hold(tenant, anna, 22, minutes=600), await hold(tenant, anna, 3, minutes=600)
    await tenant.update_credit(lasting, expires_in_days=9)
    clock.advance(hours=3)
    again = ReleaseHold(id_of(outcome), texts=Texts("R-1"))
    once, twice = [await release_hold(tenant.ledger, tenant.id, STAFF, again, "k") for _ in range(2)]

    assert twice == Outcome(once.transaction_id, once.account_id, hold_id=once.hold_id, replayed=True)
    assert await tenant.rows(LOTS, once.transaction_id) == [(first, 0, -1000), (second, 1, -1000), (lasting, 2, -200)]
    expiries = """SELECT e.credit_id, e.counter, e.amount_minor, t.idempotency_key, x.reference FROM transactions t
        JOIN entries e ON e.tenant_id = $1 AND e.transaction_id = t.id
        JOIN transaction_texts x ON x.tenant_id = $1 AND x.id = t.id
        WHERE t.tenant_id = $1 AND t.kind = 'EXPIRY' ORDER BY e.sequence"""
    assert await tenant.rows(expiries) == [
        (first, "EXPIRED", -1000, "k", "R-1"),
        (second, "EXPIRED", -1000, "k", "R-1"),
    ]
    assert await held_now(tenant, anna) == (700, 300)
    (shown,) = [view for view in once.views if isinstance(view, AccountView)]
    assert shown == await tenant.account(anna)
    assert await tenant.expire() == 0
    assert other is not None
    assert (await verify(tenant.id)).holds


async def test_it_is_released_and_extended(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.credit(anna, 10)
    outcome = await hold(tenant, anna, 4)
    placed = clock()
    await extend(tenant, outcome, 60)
    assert (await as_it_is(tenant, outcome)).expires_at == placed + timedelta(hours=1)
    for minutes, until, code in (
        (None, None, "INVALID"),
        (30, None, "INVALID"),
        (0, None, "INVALID"),
        (43_201, None, "INVALID"),
        (90, placed + timedelta(hours=3), "EXPIRY_CONFLICT"),
        (None, placed, "EXPIRY_IN_PAST"),
        (None, placed + timedelta(days=30, microseconds=1), "INVALID"),
    ):
        async with tenant.refused(code):
            await extend(tenant, outcome, minutes, until=until)
    await extend(tenant, outcome, until=placed + timedelta(days=30))
    clock.advance(days=29)
    async with tenant.refused("INVALID"):  # the 30 days are counted from when it was placed
        await extend(tenant, outcome, 60 * 24 * 2)
    done = await release(tenant, outcome)
    assert done.hold_id == outcome.hold_id
    assert await held_now(tenant, anna) == (1000, 0)
    assert (await as_it_is(tenant, outcome)).status(clock()) == "RELEASED"
    for again in (release(tenant, outcome), extend(tenant, outcome, 60 * 24)):
        async with tenant.refused("HOLD_ENDED"):
            await again
    assert (await verify(tenant.id)).holds


@pytest.mark.parametrize(
    ("amount", "code"),
    [("0", "AMOUNT_ZERO"), ("-1", "INVALID"), ("0.005", "AMOUNT_PRECISION"), ("9" * 16, "AMOUNT_OUT_OF_RANGE")],
)
async def test_an_amount_that_is_none(tenant: Tenant, anna: UUID, amount: str, code: str) -> None:
    await tenant.credit(anna, 5)
    async with tenant.refused(code):
        await hold(tenant, anna, amount)


async def test_nobody_nothing_no_purpose_and_no_such_time(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    async with tenant.refused("INSUFFICIENT_BALANCE"):  # no account, and none is opened
        await hold(tenant, anna, 1)
    await tenant.credit(anna, 5)
    for note in (None, "", " \n"):
        async with tenant.refused("NOTE_REQUIRED"):
            await hold(tenant, anna, 1, note=note)
    async with tenant.refused("NOT_FOUND"):
        await hold(tenant, uuid4(), 1)
    for minutes, until, code in (
        (0, None, "INVALID"),
        (43_201, None, "INVALID"),
        (15, clock() + timedelta(hours=1), "EXPIRY_CONFLICT"),
        (None, clock(), "EXPIRY_IN_PAST"),
        (None, clock() + timedelta(days=30, microseconds=1), "INVALID"),
    ):
        async with tenant.refused(code):
            await hold(tenant, anna, 1, minutes=minutes, until=until)
    for held in (uuid4(), known((await tenant.spend(anna, 1)).transaction_id)):
        async with tenant.refused("NOT_FOUND"):
            await release(tenant, held)
    await hold(tenant, anna, 1, minutes=43_200)
    await hold(tenant, anna, 1, until=clock() + timedelta(days=30))


async def test_for_an_invoice_that_it_can_pay(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 50)
    ben, invoice = await tenant.customer(name="Ben"), await tenant.invoice(anna, 20, auto_apply=False)
    euros = await tenant.invoice(anna, 20, currency="EUR", auto_apply=False)
    for other, amount, code in (
        (uuid4(), 1, "NOT_FOUND"),
        (await tenant.invoice(ben, 20, auto_apply=False), 1, "CUSTOMER_MISMATCH"),
        (euros, 1, "CURRENCY_MISMATCH"),
        (invoice, 21, "EXCEEDS_DUE"),
    ):
        async with tenant.refused(code):
            await hold(tenant, anna, amount, invoice=other)
    outcome = await hold(tenant, anna, 20, invoice=invoice, note=None)
    assert (await as_it_is(tenant, outcome)).invoice_id == invoice
    await tenant.void_invoice(invoice)  # the hold stays, until it is released or expires
    assert await held_now(tenant, anna) == (3000, 2000)
    async with tenant.refused("INVOICE_NOT_OPEN"):
        await hold(tenant, anna, 1, invoice=invoice)


async def test_services_choose_among_the_credits(tenant: Tenant, anna: UUID) -> None:
    cut, colour = await tenant.service(), await tenant.service()
    for_cut = await tenant.credit(anna, 2, "SERVICE_CREDITS", service_ids=(cut,))
    await tenant.credit(anna, 9, "SERVICE_CREDITS", service_ids=(colour,))
    outcome = await hold(tenant, anna, 1, "SERVICE_CREDITS", services=(cut,))
    assert await tenant.rows(LOTS, outcome.transaction_id) == [(for_cut, 0, 1)]
    async with tenant.refused("INSUFFICIENT_BALANCE") as caught:
        await hold(tenant, anna, 2, "SERVICE_CREDITS", services=(cut,))
    assert isinstance(caught.value, InsufficientBalance)
    assert caught.value.available == 1


async def test_neither_expired_nor_scheduled_value_is_held(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.credit(anna, 5, expires_in_days=1)
    await tenant.credit(anna, 5, effective_on=datetime(2026, 6, 20, tzinfo=UTC).date())
    clock.advance(days=2)
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await hold(tenant, anna, 1)


async def test_each_once_for_a_key(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 5)
    first, again = await hold(tenant, anna, 2, key="h"), await hold(tenant, anna, Decimal("2.00"), key="h")
    assert (first.replayed, again.replayed) == (False, True)
    names = ("transaction_id", "account_id", "hold_id")
    assert [getattr(first, name) for name in names] == [getattr(again, name) for name in names]
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await hold(tenant, anna, 2, key="h", note="Tea")
    longer = [await extend(tenant, first, 60, key="e") for _ in range(2)]
    gone = [await release(tenant, first, key="r") for _ in range(2)]
    for once, twice in (longer, gone):
        assert (once.replayed, twice.replayed) == (False, True)
        assert [getattr(once, name) for name in names] == [getattr(twice, name) for name in names]
    assert await held_now(tenant, anna) == (500, 0)


async def test_it_counts_as_spent_and_giving_back_restores_nothing(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 100)
    await tenant.limit("STAFF", "GBP", kind="SPENDING", adjustment=20, actor_day=30)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await hold(tenant, anna, 21)
    await release(tenant, await hold(tenant, anna, 20))
    async with tenant.refused("LIMIT_EXCEEDED"):
        await hold(tenant, anna, 11)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.spend(anna, 11)
    await hold(tenant, anna, 60, actor=MANAGER)
    await tenant.execute("DELETE FROM limit_rules WHERE tenant_id = $1 AND role = 'PARTNER' AND kind = 'SPENDING'")
    async with tenant.refused("LIMIT_EXCEEDED"):  # partners always have one
        await hold(tenant, anna, 1, actor=PARTNER)
    assert (await verify(tenant.id)).holds


async def test_partners_release_and_extend_what_their_own_client_holds(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 10)
    theirs, staffs = await hold(tenant, anna, 1, actor=PARTNER), await hold(tenant, anna, 1)
    for act in (release(tenant, staffs, actor=PARTNER), extend(tenant, staffs, 60, actor=PARTNER)):
        async with tenant.refused("NOT_FOUND"):
            await act
    await extend(tenant, theirs, 60, actor=PARTNER)
    await release(tenant, theirs, actor=PARTNER)
    await release(tenant, staffs, actor=ADMIN)


async def test_a_partner_voids_nothing_that_others_hold(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 10)
    own, staffs = await hold(tenant, anna, 1, actor=PARTNER), await hold(tenant, anna, 2)
    async with tenant.refused("CREDIT_HELD") as caught:
        await tenant.void_credit(credit, release_holds=True, actor=PARTNER)
    assert "2.00 GBP" in str(caught.value)
    await release(tenant, staffs)
    await tenant.void_credit(credit, release_holds=True, actor=PARTNER)
    async with tenant.refused("HOLD_ENDED"):
        await release(tenant, own, actor=PARTNER)


async def test_an_account_has_so_many_and_no_more(
    tenant: Tenant, anna: UUID, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "MAX_HOLDS", 3)
    await tenant.credit(anna, 10)
    outcomes = [await hold(tenant, anna, 1, minutes=n) for n in (1, 2, 3)]
    async with tenant.refused("TOO_MANY_HOLDS"):
        await hold(tenant, anna, 1)
    clock.advance(minutes=1)  # one has expired
    await hold(tenant, anna, 1)
    async with tenant.refused("TOO_MANY_HOLDS"):
        await hold(tenant, anna, 1)
    await release(tenant, outcomes[2])
    await hold(tenant, anna, 1)


async def test_holds_at_once_from_two_processes(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.credit(anna, 5)
    other = Ledger(clock)
    results = await asyncio.gather(
        *(hold(tenant, anna, 2, ledger=ledger) for ledger in (tenant.ledger, other) * 4), return_exceptions=True
    )
    await other.close()
    assert sum(not isinstance(result, BaseException) for result in results) == 2
    assert all(isinstance(r, InsufficientBalance) for r in results if isinstance(r, BaseException))
    assert await held_now(tenant, anna) == (100, 400)


async def test_the_past_stands_still(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """Whatever becomes of it later: captured, released, extended, gone."""
    await tenant.credit(anna, 10, expires_at=clock() + timedelta(hours=1))
    account = await tenant.account(anna)
    assert account is not None
    seen = {}

    async def look() -> None:
        clock.advance(minutes=1)
        found = await tenant.account(anna)
        assert found is not None
        seen[clock()] = (found.balance_minor, found.available_minor, found.held_minor)
        clock.advance(minutes=1)

    await look()
    first = await hold(tenant, anna, 4, minutes=5)
    await look()
    await extend(tenant, first, 120)
    second = await hold(tenant, anna, 3, minutes=6)
    await look()
    clock.advance(minutes=6)
    await look()
    await release(tenant, first)
    await look()
    third = await hold(tenant, anna, 2, minutes=600)
    clock.advance(hours=1)
    await look()
    await tenant.expire()
    await look()
    await release(tenant, third)
    await look()
    assert (await as_it_is(tenant, second)).status(clock()) == "EXPIRED"
    session = ReadSession(tenant.id)
    try:
        found = await accounts.balances_at(session, [(account.id, at) for at in seen])
    finally:
        await session.release()
    assert [(b.ledger_minor, b.available_minor, b.held_minor) for b in found] == list(seen.values())


async def test_a_preview_writes_nothing(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 10)
    command = HoldCredit(anna, "GBP", Decimal(4), "Table 7")
    preview = await preview_hold(tenant.ledger, tenant.id, STAFF, command)
    assert (preview.available_after_minor, preview.held_after_minor, preview.errors) == (600, 400, ())
    assert [(e.credit_id, e.amount_minor, e.remaining_after_minor) for e in preview.credits] == [(credit, -400, 600)]
    assert await tenant.count("holds") == 0
    refused = await preview_hold(tenant.ledger, tenant.id, STAFF, HoldCredit(anna, "GBP", Decimal(11), "Table 7"))
    assert [error.code for error in refused.errors] == ["INSUFFICIENT_BALANCE"]
    invoice = await tenant.invoice(anna, 3, auto_apply=False)
    refused = await preview_hold(tenant.ledger, tenant.id, STAFF, HoldCredit(anna, "GBP", Decimal(4), None, invoice))
    assert [error.code for error in refused.errors] == ["EXCEEDS_DUE"]
