"""An approval binds to what was asked: if that has changed since, it is refused with the difference and a version."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.postgres.embedded import Urls
from models.commands import Actor, CreateOrder, MergeCustomers, OrderItem
from models.configuration_commands import UpdateProduct, UpdateReason, UpdateReward, UpdateService, UpdateTenant
from models.errors import NOT_THAT_VERSION, RequestChanged, TermChange
from models.ledger import Ledger
from models.operations.create_order import create_order
from models.operations.merge_customers import merge_customers
from models.operations.products import update_product
from models.operations.reasons import update_reason
from models.operations.rewards import update_reward
from models.operations.services import update_service
from models.operations.update_tenant import update_tenant
from models.reads import requests
from models.reads.bindings import bindings
from models.reads.session import ReadSession
from models.reads.verify import verify
from tests.support.approvals import SECOND, approve, ask, ask_order, row
from tests.support.clock import Clock
from tests.support.tenants import ADMIN, MANAGER, STAFF, Tenant


async def change(tenant: Tenant, command: Any) -> None:
    operation: Any = {
        UpdateReason: update_reason,
        UpdateReward: update_reward,
        UpdateProduct: update_product,
        UpdateService: update_service,
        UpdateTenant: update_tenant,
    }[type(command)]
    await operation(tenant.ledger, tenant.id, ADMIN, command)


async def refused(tenant: Tenant, request: UUID, **more: Any) -> RequestChanged:
    """How it is refused, with nothing moved and the request still pending."""
    async with tenant.refused("REQUEST_CHANGED") as caught:
        await approve(tenant, request, **more)
    assert (await row(tenant, request))[0] == "PENDING"
    assert isinstance(caught.value, RequestChanged)
    assert caught.value.field == ("requestId",)
    return caught.value


async def shown(tenant: Tenant, request: UUID) -> Any:
    """What a console sees before the click."""
    session = ReadSession(tenant.id)
    try:
        return (await bindings(session, await requests.approvals_by_ids(session, [request])))[request]
    finally:
        await session.release()


async def reward_request(tenant: Tenant, customer: UUID, **more: Any) -> tuple[UUID, UUID]:
    reward = await tenant.reward(1_001, **more)
    asked = await tenant.give(customer, reward, deduct_points=False, actor=STAFF, request_approval=True)
    assert asked.approval_request_id is not None
    return reward, asked.approval_request_id


async def test_a_reason_that_no_longer_moves_the_lifetime_total(tenant: Tenant, anna: UUID) -> None:
    request = await ask(tenant, anna, 1_001, "POINTS")
    asked = await shown(tenant, request)
    assert asked.changes == ()
    await change(tenant, UpdateReason("GOODWILL", moves_lifetime=False))

    error = await refused(tenant, request)
    assert error.changes == (TermChange("reason.movesLifetime", "true", "false"),)
    now = await shown(tenant, request)
    assert (now.changes, now.version) == (error.changes, error.version)
    assert now.version != asked.version
    await refused(tenant, request, version=asked.version)

    posted = await approve(tenant, request, version=error.version)
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (1_001, 0)
    assert posted.transaction_id is not None
    audited = await tenant.rows(
        "SELECT details FROM audit_events WHERE tenant_id = $1 AND action = 'approval.approved' AND subject_id = $2",
        request,
    )
    assert '"reason.movesLifetime"' in audited[0][0]


async def test_what_makes_no_difference_is_no_change(tenant: Tenant, anna: UUID) -> None:
    request = await ask(tenant, anna)
    await change(tenant, UpdateReason("GOODWILL", label="Kindness", removes=True))
    await change(tenant, UpdateReason("PROMOTION", moves_lifetime=False))
    await change(tenant, UpdateTenant(name="Another", time_zone="Asia/Tokyo"))  # no day is counted
    await tenant.limit("STAFF", "MONEY", adjustment=7)
    await approve(tenant, request)
    assert await tenant.available(anna) == 101_00


async def test_a_merge_is_no_change(tenant: Tenant, anna: UUID) -> None:
    reward, request = await reward_request(tenant, anna)
    ben = await tenant.customer(name="Ben")
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(anna, ben), "m")
    assert (await approve(tenant, request)).coupon_id is not None
    assert await tenant.rows("SELECT customer_id, reward_id FROM coupons WHERE tenant_id = $1") == [(ben, reward)]


@pytest.mark.parametrize(
    ("values", "changed"),
    [
        ({"points_cost": Decimal(9_000)}, ("reward.pointsCost", "1001", "9000")),
        ({"points_cost": Decimal(0)}, ("reward.pointsCost", "1001", "0")),
        ({"name": "A car"}, ("reward.name", "Reward", "A car")),
        ({"validity_days": 3}, ("reward.validityDays", "30", "3")),
    ],
)
async def test_a_reward_that_is_another(tenant: Tenant, anna: UUID, values: Any, changed: tuple[str, str, str]) -> None:
    reward, request = await reward_request(tenant, anna, validity_days=30)
    await change(tenant, UpdateReward(reward, **values))
    error = await refused(tenant, request)
    ((field, before, after),) = [(c.field, c.before or "", c.after) for c in error.changes]
    assert (field, before.split(" ", maxsplit=1)[0], after) == changed
    given = await approve(tenant, request, version=error.version)
    assert given.coupon_id is not None


async def test_a_stock_that_goes_down_is_no_change(tenant: Tenant, anna: UUID) -> None:
    reward, request = await reward_request(tenant, anna, stock=3)
    await tenant.give(anna, reward, deduct_points=False)
    await approve(tenant, request)


async def test_it_changed_again(tenant: Tenant, anna: UUID) -> None:
    """Each version stands for what it was told with, and nothing else: not for what it was before either."""
    reward, request = await reward_request(tenant, anna)
    asked = await shown(tenant, request)
    await change(tenant, UpdateReward(reward, points_cost=Decimal(2_000)))
    first = await refused(tenant, request)
    await change(tenant, UpdateReward(reward, points_cost=Decimal(3_000)))
    second = await refused(tenant, request, version=first.version)
    assert [c.after for c in second.changes] == ["3000"]
    assert second.version != first.version
    await change(tenant, UpdateReward(reward, points_cost=Decimal(1_001)))
    assert "reward.pointsCost was 1001, is 3000" in second.message
    third = await refused(tenant, request, version=second.version)
    assert (third.changes, third.version) == ((), asked.version)
    # It is what was asked for, and not what its approver has seen.
    assert third.message == NOT_THAT_VERSION
    await approve(tenant, request)  # as it was asked


async def test_a_request_is_bound_to_the_zone_that_its_days_are_counted_in(tenant: Tenant, anna: UUID) -> None:
    days = await ask(tenant, anna, expires_in_days=3)
    start = await ask(tenant, anna, effective_on=date(2026, 6, 20))
    none = await ask(tenant, anna)
    await change(tenant, UpdateTenant(time_zone="Asia/Tokyo"))
    for request in (days, start):
        error = await refused(tenant, request)
        assert error.changes == (TermChange("timeZone", "Europe/London", "Asia/Tokyo"),)
    await approve(tenant, none)


async def test_an_order_without_a_day_is_of_the_day_of_its_approval(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """In whatever zone is in force then: nothing was asked for by the one before. A day that was named stays."""
    tea = await tenant.product(3)
    blank = await ask_order(tenant, anna, (tea, 1))
    named = await ask_order(tenant, anna, (tea, 1), issued_on=date(2026, 6, 14))
    clock.advance(hours=6)  # the 15th at seven in the evening, and in Tokyo the 16th at three in the morning
    await change(tenant, UpdateTenant(time_zone="Asia/Tokyo"))
    issued = "SELECT issued_on FROM invoices WHERE tenant_id = $1 AND id = $2"
    for request, day in ((blank, date(2026, 6, 16)), (named, date(2026, 6, 14))):
        assert await tenant.rows(issued, (await approve(tenant, request)).invoice_id) == [(day,)]


async def test_a_service_by_another_name(tenant: Tenant, anna: UUID) -> None:
    service = await tenant.service()
    request = await ask(tenant, anna, 11, "SERVICE_CREDITS", service_ids=(service,))
    await change(tenant, UpdateService(service, name="Sauna"))
    error = await refused(tenant, request)
    assert [(c.field, c.after) for c in error.changes] == [("serviceIds.0.name", "Sauna")]
    await approve(tenant, request, version=error.version)


async def test_an_order_at_another_price(tenant: Tenant, anna: UUID) -> None:
    credit, tea = await tenant.product(1, "CREDIT"), await tenant.product("2.50")
    request = await ask_order(tenant, anna, (credit, 50), (tea, 2))
    await change(tenant, UpdateProduct(credit, price=Decimal(2)))
    await change(tenant, UpdateProduct(tea, name="Green tea"))
    error = await refused(tenant, request)
    assert [(c.field, c.before, c.after) for c in error.changes if c.field != "items.1.name"] == [
        ("items.0.unitPrice", "1.00", "2.00")
    ]
    assert [c.after for c in error.changes if c.field == "items.1.name"] == ["Green tea"]
    posted = await approve(tenant, request, version=error.version)
    sql = "SELECT total_minor, creditable_minor FROM invoices WHERE tenant_id = $1 AND id = $2"
    assert await tenant.rows(sql, posted.invoice_id) == [(105_00, 5_00)]


async def test_a_price_that_was_named_stays(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.product(1, "CREDIT")
    command = CreateOrder(anna, "A-1", "GBP", (OrderItem(credit, 50, Decimal(3)),), propose_only=True)
    asked = await create_order(tenant.ledger, tenant.id, STAFF, command, "k")
    assert asked.approval_request_id is not None
    await change(tenant, UpdateProduct(credit, price=Decimal(2)))
    posted = await approve(tenant, asked.approval_request_id)
    assert await tenant.rows("SELECT total_minor FROM invoices WHERE tenant_id = $1") == [(150_00,)]
    assert posted.invoice_id is not None


async def test_what_refuses_by_itself_comes_first(tenant: Tenant, anna: UUID) -> None:
    """It could not be approved by any version."""
    reward, request = await reward_request(tenant, anna)
    await change(tenant, UpdateReward(reward, points_cost=Decimal(2), active=False))
    async with tenant.refused("REWARD_INACTIVE"):
        await approve(tenant, request)


async def test_what_was_asked_before_terms_were_kept(tenant: Tenant, anna: UUID, database_urls: Urls) -> None:
    """It is approved as it was then; whoever names the version that they saw approves that alone."""
    first, second = await ask(tenant, anna, 1_001, "POINTS"), await ask(tenant, anna, 1_001, "POINTS")
    owner: asyncpg.Connection[Any] = await asyncpg.connect(database_urls.owner)
    async with owner.transaction():
        await owner.execute(f"SET LOCAL scrip.tenant = '{tenant.id}'")
        await owner.execute("UPDATE approval_requests SET terms = NULL, command = command - 'propose_only'")
    await owner.close()
    await change(tenant, UpdateReason("GOODWILL", moves_lifetime=False))
    looked_at = await shown(tenant, second)
    assert looked_at.changes is None
    await approve(tenant, first)
    await change(tenant, UpdateReason("GOODWILL", moves_lifetime=True))
    error = await refused(tenant, second, version=looked_at.version)
    assert (error.changes, error.message) == ((), NOT_THAT_VERSION)
    await approve(tenant, second, version=error.version)


async def test_a_change_beside_approvals_posts_one_of_the_two(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    """Whatever is posted is what was asked for, or what its version said."""
    other = Ledger(clock)
    try:
        for _ in range(8):
            reward, request = await reward_request(tenant, anna)
            done: tuple[Any, ...] = await asyncio.gather(
                approve(tenant, request),
                approve(tenant, request, SECOND, ledger=other),
                change(tenant, UpdateReward(reward, name=f"Other {uuid4()}")),
                approve(tenant, request, ledger=other),
                return_exceptions=True,
            )
            clicks = (done[0], done[1], done[3])
            named = "SELECT terms->>'name' FROM coupons WHERE tenant_id = $1 AND reward_id = $2"
            coupons = await tenant.rows(named, reward)
            if coupons:
                assert coupons[0][0].startswith("Reward")
                assert sum(not isinstance(one, Exception) and not one.replayed for one in clicks) == 1
            else:
                assert {one.code for one in clicks} == {"REQUEST_CHANGED"}
    finally:
        await other.close()
    assert (await verify(tenant.id)).holds


async def test_four_eyes_hold_for_what_was_only_proposed(tenant: Tenant, anna: UUID) -> None:
    request = await ask(tenant, anna, 1, actor=MANAGER, propose_only=True)
    async with tenant.refused("INVALID"):
        await approve(tenant, request, Actor("maria", "ADMIN", client="console"))
