"""Value spent for a purpose: what it takes, from where, and within which limits."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from models.commands import Actor, MergeCustomers
from models.configuration_commands import RemoveLimit, SetLimit
from models.errors import InsufficientBalance, LimitExceeded
from models.ledger import Ledger
from models.operations.limits import remove_limit, set_limit
from models.operations.merge_customers import merge_customers
from models.operations.spend_credit import preview_spend
from models.planning.spending import SpendCredit
from models.reads.limits import left_today
from models.reads.session import ReadSession
from models.reads.verify import verify
from tests.support.clock import Clock
from tests.support.tenants import ADMIN, MANAGER, PARTNER, STAFF, Tenant

ENTRIES = """SELECT credit_id, counter, amount_minor, lifetime_minor FROM entries
    WHERE tenant_id = $1 AND transaction_id = $2 ORDER BY sequence"""


async def spent_today(tenant: Tenant) -> list[tuple[str, str, str, int]]:
    sql = """SELECT scope, role, asset, used_minor FROM limit_counters
        WHERE tenant_id = $1 AND scope LIKE 'SPENT%' AND used_minor > 0 ORDER BY scope, role, asset"""
    return await tenant.rows(sql)


@pytest.mark.parametrize(("asset", "one"), [("GBP", 100), ("POINTS", 1), ("SERVICE_CREDITS", 1)])
async def test_it_takes_in_burn_order_and_leaves_the_lifetime_total(
    tenant: Tenant, anna: UUID, asset: str, one: int
) -> None:
    never, soon = await tenant.credit(anna, 5, asset), await tenant.credit(anna, 3, asset, expires_in_days=5)
    outcome = await tenant.spend(anna, 4, asset, note="Two coffees")

    taken = await tenant.rows(ENTRIES, outcome.transaction_id)
    assert taken == [(soon, "SPENT", -3 * one, 0), (never, "SPENT", -one, 0)]
    kind = "SELECT kind, reason, limited_on FROM transactions WHERE tenant_id = $1 AND id = $2"
    assert await tenant.rows(kind, outcome.transaction_id) == [("SPEND", None, None)]
    account = await tenant.account(anna, asset)
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (4 * one, 8 * one)
    assert (await verify(tenant.id)).holds


async def test_services_choose_among_the_credits(tenant: Tenant, anna: UUID) -> None:
    cut, colour = await tenant.service(), await tenant.service()
    for_cut = await tenant.credit(anna, 2, "SERVICE_CREDITS", service_ids=(cut,))
    await tenant.credit(anna, 9, "SERVICE_CREDITS", service_ids=(colour,))
    outcome = await tenant.spend(anna, 1, "SERVICE_CREDITS", services=(cut,))

    assert await tenant.rows(ENTRIES, outcome.transaction_id) == [(for_cut, "SPENT", -1, 0)]
    async with tenant.refused("INSUFFICIENT_BALANCE") as caught:
        await tenant.spend(anna, 2, "SERVICE_CREDITS", services=(cut,))
    assert isinstance(caught.value, InsufficientBalance)
    assert caught.value.available == 1
    await tenant.spend(anna, 10, "SERVICE_CREDITS")  # for none that is named, all of them


async def test_neither_expired_nor_scheduled_value_is_spent(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.credit(anna, 5, expires_in_days=1)
    await tenant.credit(anna, 5, effective_on=datetime(2026, 6, 20, tzinfo=UTC).date())
    clock.advance(days=2)
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.spend(anna, 1)


@pytest.mark.parametrize(
    ("amount", "code"),
    [("0", "AMOUNT_ZERO"), ("-1", "INVALID"), ("0.005", "AMOUNT_PRECISION"), ("9" * 16, "AMOUNT_OUT_OF_RANGE")],
)
async def test_an_amount_that_is_none(tenant: Tenant, anna: UUID, amount: str, code: str) -> None:
    await tenant.credit(anna, 5)
    async with tenant.refused(code):
        await tenant.spend(anna, amount)


async def test_nobody_nothing_and_no_purpose(tenant: Tenant, anna: UUID) -> None:
    async with tenant.refused("INSUFFICIENT_BALANCE"):  # no account, and none is opened
        await tenant.spend(anna, 1)
    await tenant.credit(anna, 5)
    for note in (None, "", " \n"):
        async with tenant.refused("NOTE_REQUIRED"):
            await tenant.spend(anna, 1, note=note)
    async with tenant.refused("NOT_FOUND"):
        await tenant.spend(uuid4(), 1)
    yoga = await tenant.service()
    async with tenant.refused("INVALID"):  # pounds are for anything
        await tenant.spend(anna, 1, services=(yoga,))
    await tenant.credit(anna, 5, "SERVICE_CREDITS")
    async with tenant.refused("NOT_FOUND"):
        await tenant.spend(anna, 1, "SERVICE_CREDITS", services=(uuid4(),))


async def test_once_for_a_key(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 5)
    first, again = await tenant.spend(anna, 2, key="k"), await tenant.spend(anna, Decimal("2.00"), key="k")
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.transaction_id, again.account_id) == (first.transaction_id, first.account_id)
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await tenant.spend(anna, 2, key="k", note="Tea")
    assert await tenant.available(anna) == 300


async def test_spends_at_once_from_two_processes(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.credit(anna, 5)
    other = Tenant(Ledger(clock), clock, tenant.slug, tenant.id)
    tills = (tenant, other) * 4
    results = await asyncio.gather(*(till.spend(anna, 2) for till in tills), return_exceptions=True)
    await other.ledger.close()

    assert sum(not isinstance(result, BaseException) for result in results) == 2
    assert all(isinstance(r, InsufficientBalance) for r in results if isinstance(r, BaseException))
    assert await tenant.available(anna) == 100


# Limits


async def test_unset_is_no_limit_but_for_partners(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 100_000)
    for actor in (STAFF, MANAGER, ADMIN):
        await tenant.spend(anna, 20_000, actor=actor)
    assert await spent_today(tenant) == []
    async with tenant.refused("LIMIT_EXCEEDED") as caught:
        await tenant.spend(anna, "100.01", actor=PARTNER)
    assert isinstance(caught.value, LimitExceeded)
    assert caught.value.message == (
        "Over your limit: you can spend 100.00 GBP at a time, 500.00 GBP more today, 200.00 GBP more of this customer's"
        " today. Ask a manager to do it."
    )
    for _ in range(2):
        await tenant.spend(anna, 100, actor=PARTNER)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.spend(anna, "0.01", actor=PARTNER)
    assert await spent_today(tenant) == [
        ("SPENT_ACTOR_DAY", "PARTNER", "GBP", 20_000),
        ("SPENT_PERSON_DAY", "PARTNER", "GBP", 20_000),
    ]
    assert (await verify(tenant.id)).holds


async def test_everything_that_spends_counts(tenant: Tenant, anna: UUID) -> None:
    """Of pounds spends and payments, of service credits spends and uses."""
    await tenant.limit("STAFF", "MONEY", kind="SPENDING", actor_day=10)
    await tenant.limit("STAFF", "SERVICE_CREDITS", kind="SPENDING", adjustment=2, customer_day=3)
    yoga, bill = await tenant.service(), await tenant.invoice(anna, 50)
    await tenant.credit(anna, 50)
    await tenant.credit(anna, 50, "SERVICE_CREDITS")
    clerk = Tenant(tenant.ledger, tenant.clock, tenant.slug, tenant.id, actor=STAFF)
    await tenant.spend(anna, 4)
    payment = await clerk.pay(bill, 5, "ACCOUNT_CREDIT")
    async with tenant.refused("LIMIT_EXCEEDED"):
        await clerk.pay(bill, 2, "ACCOUNT_CREDIT")
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.spend(anna, 2)
    await clerk.pay(bill, 20, "CARD")
    await tenant.void_payment(payment.payment_id)
    async with tenant.refused("LIMIT_EXCEEDED"):  # what was undone stays counted
        await tenant.spend(anna, 2)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.use(anna, yoga, 3)
    await tenant.use(anna, yoga, 2)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.spend(anna, 2, "SERVICE_CREDITS")
    await tenant.spend(anna, 1, "SERVICE_CREDITS")
    await tenant.spend(anna, 30, actor=MANAGER)
    assert (await verify(tenant.id)).holds


async def test_a_hundred_at_once_never_pass_a_limit_together(tenant: Tenant, clock: Clock) -> None:
    await tenant.limit("STAFF", "MONEY", kind="SPENDING", actor_day=10)
    people = [await tenant.customer() for _ in range(5)]
    for person in people:
        await tenant.credit(person, 50)
    other = Tenant(Ledger(clock), clock, tenant.slug, tenant.id)
    spends = (till.spend(person, 3) for person in people for till in (tenant, other) for _ in range(3))
    results = await asyncio.gather(*spends, return_exceptions=True)
    await other.ledger.close()

    assert sum(not isinstance(result, BaseException) for result in results) == 3
    assert all(isinstance(result, LimitExceeded) for result in results if isinstance(result, BaseException))


async def test_a_merge_adds_up_what_was_spent(tenant: Tenant, anna: UUID) -> None:
    await tenant.limit("STAFF", "MONEY", kind="SPENDING", customer_day=10)
    ann = await tenant.customer(name="Ann")
    for person in (anna, ann):
        await tenant.credit(person, 50)
        await tenant.spend(person, 6 if person == ann else 3)
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(ann, anna), tenant.key())
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.spend(ann, 2)
    await tenant.spend(ann, 1)
    assert (await verify(tenant.id)).holds


async def test_a_rule_is_set_removed_and_shown(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await tenant.credit(anna, 50)
    rule = SetLimit("STAFF", "GBP", per_adjustment=Decimal(5), per_customer_day=Decimal(7), kind="SPENDING")
    await set_limit(tenant.ledger, tenant.id, ADMIN, rule)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.spend(anna, 6)
    session = ReadSession(tenant.id)
    try:
        left = await left_today(session, STAFF, tenant.today())
    finally:
        await session.release()
    assert [(one.scope, format(one.remaining, "f")) for one in left if one.kind == "SPENDING"] == [
        ("PER_ADJUSTMENT", "5.00")
    ]
    await remove_limit(tenant.ledger, tenant.id, ADMIN, RemoveLimit("STAFF", "GBP", kind="SPENDING"))
    await tenant.spend(anna, 6)
    async with tenant.refused("INVALID"):  # partners always have one
        await remove_limit(tenant.ledger, tenant.id, ADMIN, RemoveLimit("PARTNER", "POINTS", kind="SPENDING"))


async def test_a_partner_without_any_rule_spends_nothing(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 50)
    await tenant.execute("DELETE FROM limit_rules WHERE tenant_id = $1 AND kind = 'SPENDING'")
    for actor in (PARTNER, Actor("another", "PARTNER")):
        async with tenant.refused("LIMIT_EXCEEDED"):
            await tenant.spend(anna, "0.01", actor=actor)


# Previews


async def test_a_preview_is_what_it_would_be_and_writes_nothing(tenant: Tenant, anna: UUID) -> None:
    soon, never = await tenant.credit(anna, 3, expires_in_days=5), await tenant.credit(anna, 5)
    async with tenant.nothing_moves():
        seen = await preview_spend(tenant.ledger, tenant.id, PARTNER, SpendCredit(anna, "GBP", Decimal(4), "Coffee"))
        short = await preview_spend(tenant.ledger, tenant.id, PARTNER, SpendCredit(anna, "GBP", Decimal(9), "Coffee"))
        nobody = await preview_spend(tenant.ledger, tenant.id, STAFF, SpendCredit(uuid4(), "GBP", Decimal(9), "Coffee"))
        none = await preview_spend(tenant.ledger, tenant.id, STAFF, SpendCredit(anna, "GBP", Decimal(0), "Coffee"))
    taken = [(effect.credit_id, effect.amount_minor, effect.remaining_after_minor) for effect in seen.credits]
    assert taken == [(soon, -300, 0), (never, -100, 400)]
    assert (seen.available_after_minor, seen.limit.allowed, seen.errors) == (400, True, ())
    assert [left.scope for left in seen.limit.remaining] == ["PER_ADJUSTMENT", "PER_ACTOR_DAY", "PER_CUSTOMER_DAY"]
    for preview, code in ((short, "INSUFFICIENT_BALANCE"), (nobody, "NOT_FOUND"), (none, "AMOUNT_ZERO")):
        assert [error.code for error in preview.errors] == [code]
    await tenant.spend(anna, 4, actor=PARTNER)
    assert await tenant.remainders(soon, never) == [0, 400]
