"""A limit on selling credit: by what an order's credit lines come to, when it is made, per order and by actor and day."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from models.commands import Actor, MergeCustomers
from models.configuration_commands import RemoveLimit, SetLimit
from models.errors import LedgerError, LimitExceeded
from models.ledger import Ledger
from models.operations.limits import remove_limit, set_limit
from models.operations.merge_customers import merge_customers
from models.planning.calendar import local_date
from models.reads.limits import left_today
from models.reads.session import ReadSession
from models.reads.verify import verify
from tests.support.approvals import approve
from tests.support.clock import Clock
from tests.support.tenants import ADMIN, MANAGER, PARTNER, STAFF, Tenant

SELLING = "SELLING_CREDIT"
SALLY = Actor("sally", "STAFF")


async def put(
    tenant: Tenant, role: str, asset: str | None = "GBP", holder: str | None = None, **most: int | None
) -> None:
    exact: dict[str, Any] = {name: None if each is None else Decimal(each) for name, each in most.items()}
    await set_limit(tenant.ledger, tenant.id, ADMIN, SetLimit(role, asset, holder, kind=SELLING, **exact))


async def sold(tenant: Tenant) -> list[tuple[str, str, int]]:
    sql = """SELECT holder, asset, used_minor FROM limit_counters
        WHERE tenant_id = $1 AND scope = 'SOLD_ACTOR_DAY' AND used_minor > 0 ORDER BY holder, asset"""
    return await tenant.rows(sql)


@pytest.fixture
async def credit(tenant: Tenant) -> UUID:
    return await tenant.product(1, "CREDIT")


async def test_unset_means_none(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    for actor in (STAFF, PARTNER, MANAGER):
        assert (await tenant.issue(anna, (credit, 100_000), actor=actor)).invoice_id is not None
    assert await sold(tenant) == []
    assert await tenant.rows("SELECT limited_on FROM invoices WHERE tenant_id = $1") == [(None,)] * 3


@pytest.mark.parametrize("actor", [STAFF, PARTNER, MANAGER, ADMIN], ids=lambda a: a.role)
async def test_per_order_and_by_day(tenant: Tenant, anna: UUID, credit: UUID, clock: Clock, actor: Actor) -> None:
    await put(tenant, actor.role, per_adjustment=50, per_actor_day=80)
    tea = await tenant.product(1_000)
    await tenant.issue(anna, (credit, 20), (credit, 30), (tea, 3), actor=actor)
    await tenant.issue(anna, (tea, 3), actor=actor)
    for quantity, left in ((51, ["50.00", "30.00"]), (31, ["50.00", "30.00"])):
        async with tenant.refused("LIMIT_EXCEEDED") as caught:
            await tenant.issue(anna, (credit, quantity), actor=actor)
        assert isinstance(caught.value, LimitExceeded)
        assert [format(one.remaining, "f") for one in caught.value.remaining] == left
        assert {(one.kind, one.asset) for one in caught.value.remaining} == {(SELLING, "GBP")}
        assert [one.scope for one in caught.value.remaining] == ["PER_ADJUSTMENT", "PER_ACTOR_DAY"]
        assert caught.value.field == ("items",)
        assert caught.value.message == (
            "Over your limit: you can sell 50.00 GBP of credit in one order, 30.00 GBP of credit more today."
            " A manager can approve more."
        )
    await tenant.issue(anna, (credit, 30), actor=actor)
    assert await sold(tenant) == [(actor.holder, "GBP", 80_00)]
    clock.advance(days=1)
    await tenant.issue(anna, (credit, 50), actor=actor)


async def test_it_has_nothing_to_do_with_what_is_added(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    await put(tenant, "STAFF", per_actor_day=500)
    await tenant.issue(anna, (credit, 500), actor=STAFF)
    await tenant.adjust(anna, 100, actor=STAFF)
    scopes = "SELECT scope, used_minor FROM limit_counters WHERE tenant_id = $1 ORDER BY scope"
    assert await tenant.rows(scopes) == [
        ("PER_ACTOR_DAY", 100_00),
        ("PER_CUSTOMER_DAY", 100_00),
        ("SOLD_ACTOR_DAY", 500_00),
    ]


async def test_granting_again_counts_nothing(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    await put(tenant, "STAFF", per_actor_day=50)
    order = (await tenant.issue(anna, (credit, 50), actor=STAFF)).invoice_id
    assert order is not None
    for _ in range(3):
        paid = await tenant.pay(order, 50)
        assert await tenant.available(anna) == 50_00
        await tenant.void_payment(paid.payment_id)
    await tenant.void_invoice(order)  # nor does undoing give anything back
    assert await sold(tenant) == [("sam", "GBP", 50_00)]


async def test_money_the_holder_and_the_currency(tenant: Tenant, anna: UUID) -> None:
    euros, pounds = await tenant.product(1, "CREDIT", "EUR"), await tenant.product(1, "CREDIT")
    await put(tenant, "STAFF", None, per_adjustment=10)
    await put(tenant, "STAFF", "EUR", per_adjustment=20)
    await put(tenant, "STAFF", None, "sally", per_adjustment=30)
    for actor, product, currency, most in (
        (STAFF, pounds, "GBP", 10),
        (STAFF, euros, "EUR", 20),
        (SALLY, pounds, "GBP", 30),
        (SALLY, euros, "EUR", 30),
    ):
        await tenant.issue(anna, (product, most), currency=currency, actor=actor)
        async with tenant.refused("LIMIT_EXCEEDED"):
            await tenant.issue(anna, (product, most + 1), currency=currency, actor=actor)
    await remove_limit(tenant.ledger, tenant.id, ADMIN, RemoveLimit("STAFF", None, "sally", SELLING))
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.issue(anna, (pounds, 11), actor=SALLY)
    await remove_limit(tenant.ledger, tenant.id, ADMIN, RemoveLimit("STAFF", None, None, SELLING))
    await tenant.issue(anna, (pounds, 1_000), actor=SALLY)


async def test_a_rule_of_one_kind_leaves_the_other_alone(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    await put(tenant, "STAFF", None, per_adjustment=1)
    await tenant.adjust(anna, 100, actor=STAFF)
    await set_limit(tenant.ledger, tenant.id, ADMIN, SetLimit("STAFF", None, per_adjustment=Decimal(7)))
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.issue(anna, (credit, 2), actor=STAFF)
    kinds = "SELECT kind, per_adjustment FROM limit_rules WHERE tenant_id = $1 AND role = 'STAFF' AND asset = 'MONEY'"
    assert sorted(await tenant.rows(kinds)) == [("ADDING", Decimal(7)), (SELLING, Decimal(1))]


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (SetLimit("STAFF", "POINTS", kind=SELLING), "asset"),
        (SetLimit("STAFF", "SERVICE_CREDITS", kind=SELLING), "asset"),
        (SetLimit("STAFF", "GBP", kind=SELLING, per_customer_day=Decimal(1)), "perCustomerDay"),
        (SetLimit("STAFF", "GBP", kind=SELLING, per_adjustment=Decimal(-1)), "perAdjustment"),
    ],
)
async def test_what_cannot_be_set(tenant: Tenant, rule: SetLimit, field: str) -> None:
    async with tenant.refused("INVALID") as caught:
        await set_limit(tenant.ledger, tenant.id, ADMIN, rule)
    assert caught.value.field == (field,)


async def test_over_it_a_second_person_can_be_asked(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    await put(tenant, "STAFF", per_adjustment=50, per_actor_day=60)
    over: dict[str, Any] = {"actor": STAFF, "request_approval": True, "key": "k", "number": "A-1"}
    asked = await tenant.issue(anna, (credit, 51), **over)
    assert (asked.invoice_id, await tenant.count("invoices")) == (None, 0)
    assert await tenant.issue(anna, (credit, 51), **over) == replace(asked, replayed=True, views=())
    request = asked.approval_request_id
    assert request is not None
    posted = await approve(tenant, request)
    assert await sold(tenant) == []  # what is approved uses up nobody's day
    assert posted.invoice_id is not None
    await tenant.pay(posted.invoice_id, 51)
    assert await tenant.available(anna) == 51_00
    within = await tenant.issue(anna, (credit, 50), actor=STAFF, request_approval=True)
    assert within.invoice_id is not None


async def test_what_is_left_is_told(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    await put(tenant, "STAFF", None, per_adjustment=50, per_actor_day=80)
    await tenant.issue(anna, (credit, 20), actor=STAFF)
    session = ReadSession(tenant.id)
    left = await left_today(session, STAFF, local_date(tenant.clock(), ZoneInfo("Europe/London")))
    await session.release()
    selling = [(one.scope, one.asset, format(one.remaining, "f")) for one in left if one.kind == SELLING]
    assert selling == [("PER_ADJUSTMENT", "GBP", "50.00"), ("PER_ACTOR_DAY", "GBP", "60.00")]


async def test_a_hundred_orders_at_once_never_pass_the_day_together(
    tenant: Tenant, anna: UUID, credit: UUID, clock: Clock
) -> None:
    await put(tenant, "PARTNER", "GBP", "app", per_actor_day=100)
    people = [await tenant.customer() for _ in range(10)]
    other = Ledger(clock)
    try:
        done = await asyncio.gather(
            *(
                tenant.issue(
                    people[n % 10],
                    (credit, 7),
                    actor=Actor(f"token {n % 3}", "PARTNER", "app"),
                    ledger=(tenant.ledger, other)[n % 2],
                )
                for n in range(100)
            ),
            return_exceptions=True,
        )
    finally:
        await other.close()
    codes = [one.code for one in done if isinstance(one, LedgerError)]
    assert codes == ["LIMIT_EXCEEDED"] * 86  # 100 / 7
    assert await sold(tenant) == [("app", "GBP", 98_00)]
    assert await tenant.count("invoices") == 14


async def test_a_limit_that_is_set_holds_for_the_next_order_in_every_process(
    tenant: Tenant, anna: UUID, credit: UUID, clock: Clock
) -> None:
    other = Ledger(clock)
    try:
        await tenant.issue(anna, (credit, 5), actor=STAFF, ledger=other)
        await put(tenant, "STAFF", per_adjustment=4)
        async with tenant.refused("LIMIT_EXCEEDED"):
            await tenant.issue(anna, (credit, 5), actor=STAFF, ledger=other)
    finally:
        await other.close()


async def test_a_merge_leaves_the_actors_day_alone(tenant: Tenant, anna: UUID, credit: UUID) -> None:
    await put(tenant, "STAFF", per_actor_day=50)
    await tenant.issue(anna, (credit, 20), actor=STAFF)
    command = MergeCustomers(anna, await tenant.customer(name="Ben"))
    await merge_customers(tenant.ledger, tenant.id, MANAGER, command, "m")
    assert await sold(tenant) == [("sam", "GBP", 20_00)]
    assert (await verify(tenant.id)).holds
