"""What an actor may still do today."""

import asyncio
from contextvars import copy_context
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from models.commands import Actor, AdjustCredit
from models.configuration_commands import SetLimit
from models.errors import LimitExceeded
from models.money import enter_books
from models.operations.adjust import preview_adjustment
from models.operations.limits import set_limit
from models.planning import limits
from models.planning.config import LimitRuleValues
from models.session import tenant_transaction
from tests.support.books import CONFIG
from tests.support.clock import Clock
from tests.support.tenants import PARTNER, STAFF, Tenant

ADMIN = Actor("ada", "ADMIN")


def left(error: LimitExceeded) -> dict[str, Decimal]:
    return {remaining.scope: remaining.remaining for remaining in error.remaining}


def test_a_limit_goes_by_the_places_that_the_books_keep() -> None:
    """Whichever books were asked about before."""
    rule = LimitRuleValues("STAFF", "GBP", "", Decimal(1), None, None)

    def allows(amount_minor: int, places: int) -> bool:
        enter_books({"GBP": places})
        return limits.check(rule, "GBP", amount_minor, by_actor=0, by_customer=0).allowed

    found = [copy_context().run(allows, 1_000, places) for places in (2, 3, 2)]
    assert found == [False, True, False]


@pytest.mark.parametrize(
    ("asset", "most"),
    [("GBP", "100.00"), ("JPY", "100"), ("KWD", "100.000"), ("SERVICE_CREDITS", "10"), ("POINTS", "1000")],
)
@pytest.mark.parametrize("actor", [STAFF, PARTNER], ids=["staff", "partner"])
async def test_a_new_tenants_limit_per_adjustment(
    tenant: Tenant, anna: UUID, actor: Actor, asset: str, most: str
) -> None:
    smallest = Decimal(1).scaleb(Decimal(most).as_tuple().exponent)  # type: ignore[arg-type]
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.adjust(anna, str(Decimal(most) + smallest), asset, actor=actor)
    await tenant.adjust(anna, most, asset, actor=actor)


async def test_per_customer_and_day_with_what_is_left(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 100, actor=STAFF)
    await tenant.adjust(anna, "60.50", actor=STAFF)
    async with tenant.refused("LIMIT_EXCEEDED") as caught:
        await tenant.adjust(anna, "39.51", actor=STAFF)
    assert isinstance(caught.value, LimitExceeded)
    assert left(caught.value) == {
        "PER_ADJUSTMENT": Decimal("100.00"),
        "PER_ACTOR_DAY": Decimal("339.50"),
        "PER_CUSTOMER_DAY": Decimal("39.50"),
    }
    await tenant.adjust(anna, "39.50", actor=STAFF)


async def test_another_member_of_staff_shares_the_customers_day(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 100, actor=STAFF)
    other = Actor("sally", "STAFF")
    await tenant.adjust(anna, 100, actor=other)
    for actor in (STAFF, other):
        async with tenant.refused("LIMIT_EXCEEDED"):
            await tenant.adjust(anna, 1, actor=actor)


async def test_per_actor_and_day_over_customers(tenant: Tenant) -> None:
    for _ in range(5):
        await tenant.adjust(await tenant.customer(), 100, actor=STAFF)
    last = await tenant.customer()
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.adjust(last, "0.01", actor=STAFF)
    await tenant.adjust(last, 1, "EUR", actor=STAFF)  # each currency is counted by itself
    await tenant.adjust(last, 1, actor=Actor("sally", "STAFF"))


async def test_the_day_is_the_tenants(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    clock.stand_still(datetime(2026, 6, 15, 22, 59, tzinfo=UTC))
    for _ in range(2):
        await tenant.adjust(anna, 100, actor=STAFF)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.adjust(anna, 1, actor=STAFF)
    clock.stand_still(datetime(2026, 6, 15, 23, tzinfo=UTC))  # midnight in London
    await tenant.adjust(anna, 100, actor=STAFF)


async def test_removing_and_managers_have_none(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 5000)
    await tenant.adjust(anna, 5000, actor=ADMIN)
    await tenant.adjust(anna, -1000, actor=STAFF)
    assert await tenant.count("limit_counters") == 0


async def test_a_refusal_uses_nothing_up(tenant: Tenant, anna: UUID) -> None:
    for _ in range(9):
        async with tenant.refused("LIMIT_EXCEEDED"):
            await tenant.adjust(anna, 101, actor=STAFF)
    await tenant.adjust(anna, 100, actor=STAFF)
    await tenant.adjust(anna, 100, actor=STAFF)


async def test_over_it_an_approval_may_be_requested_and_nothing_moves(tenant: Tenant, anna: UUID) -> None:
    before = await tenant.fingerprint()
    outcome = await tenant.adjust(anna, 101, actor=STAFF, request_approval=True, note="Please")
    after = await tenant.fingerprint()

    assert outcome.approval_request_id is not None
    assert outcome.transaction_id is None
    assert {name for name in after if after[name] != before[name]} <= {
        "approval_requests",
        "idempotency_keys",
        "outbox",
        "currencies",  # the first use of it
    }
    rows = await tenant.rows("SELECT id, status, customer_id FROM approval_requests WHERE tenant_id = $1")
    assert rows == [(outcome.approval_request_id, "PENDING", anna)]
    within = await tenant.adjust(anna, 100, actor=STAFF, request_approval=True)
    assert within.approval_request_id is None  # not asked for what needs none


async def test_an_approval_of_what_is_wrong_is_not_requested(tenant: Tenant, anna: UUID) -> None:
    async with tenant.refused("REASON_UNKNOWN"):
        await tenant.adjust(anna, 101, reason="NOPE", actor=STAFF, request_approval=True)
    async with tenant.refused("EXPIRY_IN_PAST"):
        await tenant.adjust(anna, 101, actor=STAFF, request_approval=True, expires_at=tenant.clock())


async def test_a_hundred_at_once_cannot_pass_it_together(tenant: Tenant, anna: UUID) -> None:
    results = await asyncio.gather(*(tenant.adjust(anna, 7, actor=STAFF) for _ in range(100)), return_exceptions=True)

    posted = [result for result in results if not isinstance(result, BaseException)]
    assert len(posted) == 28  # 200 / 7
    assert all(isinstance(result, LimitExceeded) for result in results if isinstance(result, BaseException))
    assert await tenant.available(anna) == 28 * 700


async def test_an_own_rule_goes_before_the_roles_and_a_currencys_before_moneys(tenant: Tenant, anna: UUID) -> None:
    await tenant.limit("STAFF", "GBP", adjustment=20)
    await tenant.limit("STAFF", "MONEY", holder=STAFF.subject, adjustment=30)
    for actor, asset, most in (
        (STAFF, "GBP", 30),
        (Actor("sally", "STAFF"), "GBP", 20),
        (Actor("sally", "STAFF"), "EUR", 100),
    ):
        async with tenant.refused("LIMIT_EXCEEDED"):
            await tenant.adjust(anna, most + 1, asset, actor=actor)
        await tenant.adjust(anna, most, asset, actor=actor)


async def test_a_partners_limit_is_its_clients(tenant: Tenant) -> None:
    await tenant.limit("PARTNER", "MONEY", actor_day=100)
    await tenant.adjust(await tenant.customer(), 60, actor=Actor("one", "PARTNER", client="app"))
    last = await tenant.customer()
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.adjust(last, 60, actor=Actor("two", "PARTNER", client="app"))
    await tenant.adjust(last, 60, actor=Actor("two", "PARTNER", client="other"))


async def test_a_limit_that_is_lowered_in_the_day_holds_at_once(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 80, actor=STAFF)
    await tenant.limit("STAFF", "MONEY", customer_day=50)
    async with tenant.refused("LIMIT_EXCEEDED") as caught:
        await tenant.adjust(anna, 1, actor=STAFF)
    assert isinstance(caught.value, LimitExceeded)
    assert left(caught.value) == {"PER_CUSTOMER_DAY": Decimal(0)}


async def test_the_preview_says_the_verdict(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 90, actor=STAFF)
    for amount, allowed in ((100, True), (101, False)):
        command = AdjustCredit(anna, "GBP", Decimal(amount), "GOODWILL")
        verdict = (await preview_adjustment(tenant.ledger, tenant.id, STAFF, command)).limit
        assert (verdict.allowed, verdict.approval_required) == (allowed, not allowed)
        remaining = {one.scope: one.remaining for one in verdict.remaining}
        assert remaining == {"PER_ADJUSTMENT": 100, "PER_ACTOR_DAY": 410, "PER_CUSTOMER_DAY": 110}


async def test_more_than_a_day_can_count_is_refused_where_nothing_limits_it(tenant: Tenant, anna: UUID) -> None:
    await set_limit(tenant.ledger, tenant.id, ADMIN, SetLimit("STAFF"))
    await tenant.adjust(anna, 1, actor=STAFF)
    async with tenant_transaction(tenant.id) as connection:
        await connection.raw.execute(
            "UPDATE limit_counters SET used_minor = $2 WHERE tenant_id = $1", tenant.id, limits.MAX_COUNTED - 100
        )
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.adjust(anna, "1.01", actor=STAFF)
    await tenant.adjust(anna, "1.00", actor=STAFF)
    asked = await tenant.adjust(anna, "0.01", actor=STAFF, request_approval=True)
    assert asked.approval_request_id is not None
    await tenant.execute("UPDATE limit_counters SET used_minor = 200 WHERE tenant_id = $1")  # what the books prove


def test_a_fraction_that_the_asset_does_not_have_is_not_allowed_to_be_used() -> None:
    rule = LimitRuleValues("STAFF", "MONEY", "", Decimal("10.5"), None, None)
    assert limits.check(rule, "JPY", 10, by_actor=0, by_customer=0).allowed
    assert not limits.check(rule, "JPY", 11, by_actor=0, by_customer=0).allowed
    assert limits.check(rule, "GBP", 1050, by_actor=0, by_customer=0).allowed


def test_points_and_service_credits_never_fall_under_money() -> None:
    only_money = {("STAFF", "MONEY", ""): LimitRuleValues("STAFF", "MONEY", "", Decimal(1), None, None)}
    config = type(CONFIG)(**{name: getattr(CONFIG, name) for name in CONFIG.__slots__} | {"limits": only_money})
    assert limits.rule_for(config, STAFF, "EUR") is not None
    for asset in ("POINTS", "SERVICE_CREDITS"):
        assert limits.rule_for(config, ADMIN, asset) is None
        # A limited role without a rule may add nothing.
        assert limits.rule_for(config, STAFF, asset) == LimitRuleValues(
            "STAFF", asset, "", Decimal(0), Decimal(0), Decimal(0)
        )
