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
from tests.support.shop import ADMIN, MANAGER, PARTNER, STAFF, Clock, Shop

SELLING = "SELLING_CREDIT"
SALLY = Actor("sally", "STAFF")


async def put(shop: Shop, role: str, asset: str | None = "GBP", holder: str | None = None, **most: int | None) -> None:
    exact: dict[str, Any] = {name: None if each is None else Decimal(each) for name, each in most.items()}
    await set_limit(shop.ledger, shop.tenant_id, ADMIN, SetLimit(role, asset, holder, kind=SELLING, **exact))


async def sold(shop: Shop) -> list[tuple[str, str, int]]:
    sql = """SELECT holder, asset, used_minor FROM limit_counters
        WHERE tenant_id = $1 AND scope = 'SOLD_ACTOR_DAY' AND used_minor > 0 ORDER BY holder, asset"""
    return await shop.rows(sql)


@pytest.fixture
async def credit(shop: Shop) -> UUID:
    return await shop.product(1, "CREDIT")


async def test_unset_means_none(shop: Shop, anna: UUID, credit: UUID) -> None:
    for actor in (STAFF, PARTNER, MANAGER):
        assert (await shop.issue(anna, (credit, 100_000), actor=actor)).invoice_id is not None
    assert await sold(shop) == []
    assert await shop.rows("SELECT limited_on FROM invoices WHERE tenant_id = $1") == [(None,)] * 3


@pytest.mark.parametrize("actor", [STAFF, PARTNER, MANAGER, ADMIN], ids=lambda a: a.role)
async def test_per_order_and_by_day(shop: Shop, anna: UUID, credit: UUID, clock: Clock, actor: Actor) -> None:
    await put(shop, actor.role, per_adjustment=50, per_actor_day=80)
    tea = await shop.product(1_000)
    await shop.issue(anna, (credit, 20), (credit, 30), (tea, 3), actor=actor)
    await shop.issue(anna, (tea, 3), actor=actor)
    for quantity, left in ((51, ["50.00", "30.00"]), (31, ["50.00", "30.00"])):
        async with shop.refused("LIMIT_EXCEEDED") as caught:
            await shop.issue(anna, (credit, quantity), actor=actor)
        assert isinstance(caught.value, LimitExceeded)
        assert [format(one.remaining, "f") for one in caught.value.remaining] == left
        assert {(one.kind, one.asset) for one in caught.value.remaining} == {(SELLING, "GBP")}
        assert [one.scope for one in caught.value.remaining] == ["PER_ADJUSTMENT", "PER_ACTOR_DAY"]
        assert caught.value.field == ("items",)
        assert caught.value.message == (
            "Over your limit: you can sell 50.00 GBP of credit in one order, 30.00 GBP of credit more today."
            " A manager can approve more."
        )
    await shop.issue(anna, (credit, 30), actor=actor)
    assert await sold(shop) == [(actor.holder, "GBP", 80_00)]
    clock.advance(days=1)
    await shop.issue(anna, (credit, 50), actor=actor)


async def test_it_has_nothing_to_do_with_what_is_added(shop: Shop, anna: UUID, credit: UUID) -> None:
    await put(shop, "STAFF", per_actor_day=500)
    await shop.issue(anna, (credit, 500), actor=STAFF)
    await shop.adjust(anna, 100, actor=STAFF)
    scopes = "SELECT scope, used_minor FROM limit_counters WHERE tenant_id = $1 ORDER BY scope"
    assert await shop.rows(scopes) == [
        ("PER_ACTOR_DAY", 100_00),
        ("PER_CUSTOMER_DAY", 100_00),
        ("SOLD_ACTOR_DAY", 500_00),
    ]


async def test_granting_again_counts_nothing(shop: Shop, anna: UUID, credit: UUID) -> None:
    await put(shop, "STAFF", per_actor_day=50)
    order = (await shop.issue(anna, (credit, 50), actor=STAFF)).invoice_id
    assert order is not None
    for _ in range(3):
        paid = await shop.pay(order, 50)
        assert await shop.available(anna) == 50_00
        await shop.void_payment(paid.payment_id)
    await shop.void_invoice(order)  # nor does undoing give anything back
    assert await sold(shop) == [("sam", "GBP", 50_00)]


async def test_money_the_holder_and_the_currency(shop: Shop, anna: UUID) -> None:
    euros, pounds = await shop.product(1, "CREDIT", "EUR"), await shop.product(1, "CREDIT")
    await put(shop, "STAFF", None, per_adjustment=10)
    await put(shop, "STAFF", "EUR", per_adjustment=20)
    await put(shop, "STAFF", None, "sally", per_adjustment=30)
    for actor, product, currency, most in (
        (STAFF, pounds, "GBP", 10),
        (STAFF, euros, "EUR", 20),
        (SALLY, pounds, "GBP", 30),
        (SALLY, euros, "EUR", 30),
    ):
        await shop.issue(anna, (product, most), currency=currency, actor=actor)
        async with shop.refused("LIMIT_EXCEEDED"):
            await shop.issue(anna, (product, most + 1), currency=currency, actor=actor)
    await remove_limit(shop.ledger, shop.tenant_id, ADMIN, RemoveLimit("STAFF", None, "sally", SELLING))
    async with shop.refused("LIMIT_EXCEEDED"):
        await shop.issue(anna, (pounds, 11), actor=SALLY)
    await remove_limit(shop.ledger, shop.tenant_id, ADMIN, RemoveLimit("STAFF", None, None, SELLING))
    await shop.issue(anna, (pounds, 1_000), actor=SALLY)


async def test_a_rule_of_one_kind_leaves_the_other_alone(shop: Shop, anna: UUID, credit: UUID) -> None:
    await put(shop, "STAFF", None, per_adjustment=1)
    await shop.adjust(anna, 100, actor=STAFF)
    await set_limit(shop.ledger, shop.tenant_id, ADMIN, SetLimit("STAFF", None, per_adjustment=Decimal(7)))
    async with shop.refused("LIMIT_EXCEEDED"):
        await shop.issue(anna, (credit, 2), actor=STAFF)
    kinds = "SELECT kind, per_adjustment FROM limit_rules WHERE tenant_id = $1 AND role = 'STAFF' AND asset = 'MONEY'"
    assert sorted(await shop.rows(kinds)) == [("ADDING", Decimal(7)), (SELLING, Decimal(1))]


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (SetLimit("STAFF", "POINTS", kind=SELLING), "asset"),
        (SetLimit("STAFF", "SERVICE_CREDITS", kind=SELLING), "asset"),
        (SetLimit("STAFF", "GBP", kind=SELLING, per_customer_day=Decimal(1)), "perCustomerDay"),
        (SetLimit("STAFF", "GBP", kind=SELLING, per_adjustment=Decimal(-1)), "perAdjustment"),
    ],
)
async def test_what_cannot_be_set(shop: Shop, rule: SetLimit, field: str) -> None:
    async with shop.refused("INVALID") as caught:
        await set_limit(shop.ledger, shop.tenant_id, ADMIN, rule)
    assert caught.value.field == (field,)


async def test_over_it_a_second_person_can_be_asked(shop: Shop, anna: UUID, credit: UUID) -> None:
    await put(shop, "STAFF", per_adjustment=50, per_actor_day=60)
    over: dict[str, Any] = {"actor": STAFF, "request_approval": True, "key": "k", "number": "A-1"}
    asked = await shop.issue(anna, (credit, 51), **over)
    assert (asked.invoice_id, await shop.count("invoices")) == (None, 0)
    assert await shop.issue(anna, (credit, 51), **over) == replace(asked, replayed=True, views=())
    request = asked.approval_request_id
    assert request is not None
    posted = await approve(shop, request)
    assert await sold(shop) == []  # what is approved uses up nobody's day
    assert posted.invoice_id is not None
    await shop.pay(posted.invoice_id, 51)
    assert await shop.available(anna) == 51_00
    within = await shop.issue(anna, (credit, 50), actor=STAFF, request_approval=True)
    assert within.invoice_id is not None


async def test_what_is_left_is_told(shop: Shop, anna: UUID, credit: UUID) -> None:
    await put(shop, "STAFF", None, per_adjustment=50, per_actor_day=80)
    await shop.issue(anna, (credit, 20), actor=STAFF)
    session = ReadSession(shop.tenant_id)
    left = await left_today(session, STAFF, local_date(shop.clock(), ZoneInfo("Europe/London")))
    await session.release()
    selling = [(one.scope, one.asset, format(one.remaining, "f")) for one in left if one.kind == SELLING]
    assert selling == [("PER_ADJUSTMENT", "GBP", "50.00"), ("PER_ACTOR_DAY", "GBP", "60.00")]


async def test_a_hundred_orders_at_once_never_pass_the_day_together(
    shop: Shop, anna: UUID, credit: UUID, clock: Clock
) -> None:
    await put(shop, "PARTNER", "GBP", "app", per_actor_day=100)
    people = [await shop.customer() for _ in range(10)]
    other = Ledger(clock)
    try:
        done = await asyncio.gather(
            *(
                shop.issue(
                    people[n % 10],
                    (credit, 7),
                    actor=Actor(f"token {n % 3}", "PARTNER", "app"),
                    ledger=(shop.ledger, other)[n % 2],
                )
                for n in range(100)
            ),
            return_exceptions=True,
        )
    finally:
        await other.close()
    codes = [one.code for one in done if isinstance(one, LedgerError)]
    assert codes == ["LIMIT_EXCEEDED"] * 86  # 100 / 7
    assert await sold(shop) == [("app", "GBP", 98_00)]
    assert await shop.count("invoices") == 14


async def test_a_limit_that_is_set_holds_for_the_next_order_in_every_process(
    shop: Shop, anna: UUID, credit: UUID, clock: Clock
) -> None:
    other = Ledger(clock)
    try:
        await shop.issue(anna, (credit, 5), actor=STAFF, ledger=other)
        await put(shop, "STAFF", per_adjustment=4)
        async with shop.refused("LIMIT_EXCEEDED"):
            await shop.issue(anna, (credit, 5), actor=STAFF, ledger=other)
    finally:
        await other.close()


async def test_a_merge_leaves_the_actors_day_alone(shop: Shop, anna: UUID, credit: UUID) -> None:
    await put(shop, "STAFF", per_actor_day=50)
    await shop.issue(anna, (credit, 20), actor=STAFF)
    command = MergeCustomers(anna, await shop.customer("Ben"))
    await merge_customers(shop.ledger, shop.tenant_id, MANAGER, command, "m")
    assert await sold(shop) == [("sam", "GBP", 20_00)]
    assert (await verify(shop.tenant_id)).holds
