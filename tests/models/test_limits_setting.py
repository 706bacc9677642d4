"""Rules about limits: set, replaced, removed; which of them binds; what they hold for."""

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from models.commands import Actor, AdjustCredit, Outcome
from models.configuration_commands import RemoveLimit, SetLimit
from models.errors import LimitExceeded
from models.operations import limits
from models.operations.adjust import preview_adjustment
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits, ImportRow
from models.operations.limits import remove_limit, set_limit
from models.operations.run_bulks import run_bulk
from models.planning.calendar import local_date
from models.planning.config import LimitRuleValues
from models.reads.limits import left_today, rules
from models.reads.session import ReadSession
from tests.support.clock import Clock
from tests.support.tenants import ADMIN, MANAGER, PARTNER, STAFF, Tenant

LONDON = ZoneInfo("Europe/London")
SALLY = Actor("sally", "STAFF")
HOLDERS = (STAFF, PARTNER, MANAGER, ADMIN)


async def put(
    tenant: Tenant, role: str, asset: str | None = None, holder: str | None = None, **bounds: str | int | None
) -> LimitRuleValues:
    exact: dict[str, Any] = {kind: None if bound is None else Decimal(bound) for kind, bound in bounds.items()}
    return await set_limit(tenant.ledger, tenant.id, ADMIN, SetLimit(role, asset, holder, **exact))


async def remove(tenant: Tenant, role: str, asset: str | None = None, holder: str | None = None) -> None:
    await remove_limit(tenant.ledger, tenant.id, ADMIN, RemoveLimit(role, asset, holder))


async def stored(tenant: Tenant) -> list[tuple[Any, ...]]:
    return await tenant.rows("SELECT * FROM limit_rules WHERE tenant_id = $1 ORDER BY id")


async def left(tenant: Tenant, actor: Actor) -> dict[str, str]:
    """What the actor is told of their day: by asset, per adjustment and per day, `-` where there is no limit."""
    session = ReadSession(tenant.id)
    try:
        found = await left_today(session, actor, local_date(tenant.clock(), LONDON))
    finally:
        await session.release()
    told = {(one.asset, one.scope): format(one.remaining, "f") for one in found if one.kind == "ADDING"}
    return {
        asset: "/".join(told.get((asset, scope), "-") for scope in ("PER_ADJUSTMENT", "PER_ACTOR_DAY"))
        for asset, _ in told
    }


async def test_the_next_in_line_holds_once_a_rule_goes_for_postings_and_for_what_is_told(
    tenant: Tenant, anna: UUID
) -> None:
    await put(tenant, "STAFF", None, per_adjustment=40)
    await put(tenant, "STAFF", "GBP", per_adjustment=30)
    await put(tenant, "STAFF", None, "sam", per_adjustment=20)
    await put(tenant, "STAFF", "GBP", "sam", per_adjustment="10.5")
    await tenant.adjust(anna, 1)
    for goes, most in ((("GBP", "sam"), "10.50"), ((None, "sam"), "20.00"), (("GBP", None), "30.00"), (None, "40.00")):
        assert (await left(tenant, STAFF))["GBP"] == f"{most}/-"
        async with tenant.refused("LIMIT_EXCEEDED") as caught:
            await tenant.adjust(anna, str(Decimal(most) + Decimal("0.01")), actor=STAFF)
        assert isinstance(caught.value, LimitExceeded)
        assert [format(one.remaining, "f") for one in caught.value.remaining] == [most]
        await tenant.adjust(anna, most, actor=STAFF)
        if goes is not None:
            await remove(tenant, "STAFF", *goes)


async def test_a_rule_replaces_the_whole_one_before_it(tenant: Tenant, anna: UUID) -> None:
    before = await stored(tenant)
    assert await put(tenant, "STAFF", None, per_adjustment="7.5") == LimitRuleValues(
        "STAFF", "MONEY", "", Decimal("7.5"), None, None
    )
    changed = [row for row in await stored(tenant) if row not in before]
    assert [row[2:] for row in changed] == [("STAFF", "MONEY", "", Decimal("7.5"), None, None, "ADDING")]
    assert len(await stored(tenant)) == len(before)
    await put(tenant, "STAFF", None)  # without bounds
    await tenant.adjust(anna, 10_000, actor=STAFF)
    await put(tenant, "STAFF", None, per_actor_day=0)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.adjust(anna, "0.01", actor=STAFF)


async def test_each_change_is_in_the_audit_with_before_and_after(tenant: Tenant) -> None:
    await put(tenant, "STAFF", "GBP", "sam", per_adjustment=5)
    await put(tenant, "STAFF", "GBP", "sam", per_adjustment=5)
    await put(tenant, "STAFF", "GBP", "sam", per_adjustment="6.5", per_actor_day=10)
    await put(tenant, "STAFF", "GBP", "sam", per_actor_day=10)
    await remove(tenant, "STAFF", "GBP", "sam")

    name = {"role": "STAFF", "asset": "GBP", "holder": "sam"}
    found = [
        (action, json.loads(details), subject)
        for action, details, subject in await tenant.rows(
            """SELECT e.action, e.details::text, a.subject FROM audit_events e
            JOIN actors a ON a.tenant_id = $1 AND a.id = e.actor_id
            WHERE e.tenant_id = $1 ORDER BY e.created_at, e.id"""
        )
    ]
    assert found == [
        ("limit.set", name | {"perAdjustment": "5.00", "perActorDay": None, "perCustomerDay": None}, ADMIN.subject),
        ("limit.set", name | {"perAdjustment": ["5.00", "6.50"], "perActorDay": [None, "10.00"]}, ADMIN.subject),
        ("limit.set", name | {"perAdjustment": ["6.50", None]}, ADMIN.subject),
        (
            "limit.removed",
            name | {"perAdjustment": None, "perActorDay": "10.00", "perCustomerDay": None},
            ADMIN.subject,
        ),
    ]


async def test_what_is_always_there_cannot_be_removed(tenant: Tenant) -> None:
    await put(tenant, "STAFF", "GBP", per_adjustment=1)
    await put(tenant, "MANAGER", None, per_adjustment=1)
    before = await stored(tenant)
    for role in ("STAFF", "PARTNER"):
        for asset in (None, "SERVICE_CREDITS", "POINTS"):
            async with tenant.refused("INVALID"):
                await remove(tenant, role, asset)
            async with tenant.refused("NOT_FOUND"):
                await remove(tenant, role, asset, "nobody")
    for role, asset in (("STAFF", "EUR"), ("ADMIN", None), ("MANAGER", "POINTS")):
        async with tenant.refused("NOT_FOUND"):
            await remove(tenant, role, asset)
    assert await stored(tenant) == before
    await remove(tenant, "STAFF", "GBP")
    await remove(tenant, "MANAGER")
    assert len(await stored(tenant)) == 9


async def test_there_is_an_end_to_them(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_RULES", 10)
    await put(tenant, "STAFF", "GBP", per_adjustment=1)
    async with tenant.refused("INVALID"):
        await put(tenant, "STAFF", "EUR", per_adjustment=1)
    await put(tenant, "STAFF", "GBP", per_adjustment=2)  # one that is there can still be set
    assert len(await stored(tenant)) == 10


@pytest.mark.parametrize(
    ("asset", "bound", "code"),
    [
        ("GBP", "0.001", "AMOUNT_PRECISION"),
        ("JPY", "0.1", "AMOUNT_PRECISION"),
        ("POINTS", "1.5", "AMOUNT_PRECISION"),
        (None, "0.00001", "AMOUNT_PRECISION"),
        ("GBP", "10000000000000.01", "AMOUNT_OUT_OF_RANGE"),
        (None, "1000000000000000.0001", "AMOUNT_OUT_OF_RANGE"),
        (None, "-0.01", "INVALID"),
        ("GBP", "-1", "INVALID"),
    ],
)
@pytest.mark.parametrize("field", ["per_adjustment", "per_actor_day", "per_customer_day"])
async def test_a_bound_that_the_asset_cannot_have(
    tenant: Tenant, asset: str | None, bound: str, code: str, field: str
) -> None:
    before = await stored(tenant)
    async with tenant.refused(code) as caught:
        await put(tenant, "STAFF", asset, **{field: bound})
    first, *others = field.split("_")
    assert caught.value.field == (first + "".join(map(str.capitalize, others)),)
    assert await stored(tenant) == before


@pytest.mark.parametrize(
    ("asset", "holder", "field"),
    [
        ("XXX", None, "asset"),
        ("MONEY", None, "asset"),
        ("GBP", "", "holder"),
        ("GBP", " ", "holder"),
        ("GBP", "x" * 256, "holder"),
    ],
)
async def test_a_rule_for_what_there_is_not(tenant: Tenant, asset: str, holder: str | None, field: str) -> None:
    before = await stored(tenant)
    for refused in (lambda: put(tenant, "STAFF", asset, holder), lambda: remove(tenant, "STAFF", asset, holder)):
        async with tenant.refused("INVALID") as caught:
            await refused()
        assert caught.value.field == (field,)
    assert await stored(tenant) == before


async def test_each_currency_counts_what_it_can_of_a_limit_on_money(tenant: Tenant, anna: UUID) -> None:
    await put(tenant, "STAFF", None, per_adjustment="1.0009")
    for asset, most, more in (("JPY", "1", "2"), ("GBP", "1.00", "1.01"), ("KWD", "1.000", "1.001")):
        async with tenant.refused("LIMIT_EXCEEDED"):
            await tenant.adjust(anna, more, asset, actor=STAFF)
        await tenant.adjust(anna, most, asset, actor=STAFF)


async def import_for(tenant: Tenant, actor: Actor, customer_id: UUID, amount: int) -> str:
    """The end of a file of one row that is worked off for the actor: `posted`, or why not."""
    ((external_id,),) = await tenant.rows(
        "SELECT external_id FROM customers WHERE tenant_id = $1 AND id = $2", customer_id
    )
    whole = ImportCredits(uuid4().hex, asset="POINTS", reason="GOODWILL", error_policy="SKIP_FAILED")
    row = ImportRow(external_id, Decimal(amount))
    outcome = await import_credits(tenant.ledger, tenant.id, actor, whole, [row], uuid4().hex)
    while await run_bulk(tenant.ledger, tenant.id):
        pass
    return await fate(tenant, outcome)


async def fate(tenant: Tenant, outcome: Outcome) -> str:
    """Of the only row of a bulk."""
    sql = "SELECT coalesce(error->>'code', 'posted') FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2"
    ((code,),) = await tenant.rows(sql, outcome.bulk_operation_id)
    return str(code)


@pytest.mark.parametrize("actor", HOLDERS, ids=lambda actor: actor.role)
async def test_a_rule_holds_whatever_way_something_is_added(tenant: Tenant, anna: UUID, actor: Actor) -> None:
    """Also for managers and admins, where there is one."""
    await put(tenant, actor.role, "POINTS", per_adjustment=100, per_actor_day=250)
    dear, cheap = await tenant.reward(101), await tenant.reward(50)
    refusals: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: tenant.adjust(anna, 101, "POINTS", actor=actor),
        lambda: tenant.give(anna, dear, deduct_points=False, actor=actor),
    )
    for refused in refusals:
        async with tenant.refused("LIMIT_EXCEEDED"):
            await refused()
    preview = await preview_adjustment(
        tenant.ledger, tenant.id, actor, AdjustCredit(anna, "POINTS", Decimal(101), "GOODWILL")
    )
    assert (preview.limit.allowed, preview.limit.approval_required) == (False, True)
    assert [error.code for error in preview.errors] == ["LIMIT_EXCEEDED"]
    skipped = await tenant.bulk((anna, 101), actor=actor, error_policy="SKIP_FAILED")
    assert await fate(tenant, skipped) == "LIMIT_EXCEEDED"
    assert await import_for(tenant, actor, anna, 101) == "LIMIT_EXCEEDED"
    assert await tenant.available(anna, "POINTS") == 0

    # Within it each of them goes through, and all share the day: of 250 there are 50 left, then none.
    await tenant.adjust(anna, 100, "POINTS", actor=actor)
    await tenant.give(anna, cheap, deduct_points=False, actor=actor)
    assert await fate(tenant, await tenant.bulk((anna, 50), actor=actor)) == "posted"
    assert (await left(tenant, actor))["POINTS"] == "100/50"
    assert await import_for(tenant, actor, anna, 50) == "posted"
    assert await tenant.available(anna, "POINTS") == 200
    assert (await left(tenant, actor))["POINTS"] == "100/0"
    assert await import_for(tenant, actor, anna, 1) == "LIMIT_EXCEEDED"
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.give(anna, cheap, deduct_points=False, actor=actor)
    if actor.role in ("MANAGER", "ADMIN"):
        await remove(tenant, actor.role, "POINTS")
        await tenant.adjust(anna, 100_000, "POINTS", actor=actor)
        assert await left(tenant, actor) == {}


async def test_the_rows_of_a_bulk_use_the_limits_up_one_after_the_other(tenant: Tenant) -> None:
    people = [await tenant.customer() for _ in range(4)]
    await put(tenant, "MANAGER", "POINTS", per_actor_day=25, per_customer_day=15)
    async with tenant.refused("INVALID"):  # REJECT_ALL
        await tenant.bulk(*((customer, 10) for customer in people))
    rows = [(customer, 10) for customer in (people[0], people[0], people[1], people[2])]
    outcome = await tenant.bulk(*rows, error_policy="SKIP_FAILED", allow_duplicate_customers=True)
    sql = "SELECT row, error->>'code' FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2 ORDER BY row"
    assert await tenant.rows(sql, outcome.bulk_operation_id) == [
        (0, None),
        (1, "LIMIT_EXCEEDED"),
        (2, None),
        (3, "LIMIT_EXCEEDED"),
    ]


async def test_a_limit_that_is_set_at_noon_counts_the_morning(tenant: Tenant, anna: UUID) -> None:
    await put(tenant, "STAFF", "GBP", per_adjustment=100)
    for _ in range(3):
        await tenant.adjust(anna, 100, actor=STAFF)
    await put(tenant, "STAFF", "GBP", per_actor_day=310, per_customer_day=350)
    assert (await left(tenant, STAFF))["GBP"] == "-/10.00"
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.adjust(anna, "10.01", actor=STAFF)
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.adjust(anna, "50.01", actor=SALLY)
    await tenant.adjust(anna, 50, actor=SALLY)
    # Also for whoever has a rule of their own that says nothing of days.
    await put(tenant, "STAFF", "GBP", "sam")
    await tenant.adjust(anna, 500, actor=STAFF)
    await remove(tenant, "STAFF", "GBP", "sam")
    bob = await tenant.customer(name="Bob")
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.adjust(bob, "0.01", actor=STAFF)


async def test_without_any_rule_a_limited_role_may_add_nothing(tenant: Tenant, anna: UUID) -> None:
    reward = await tenant.reward(1)
    await tenant.adjust(anna, 1, "POINTS")
    await tenant.execute("DELETE FROM limit_rules WHERE tenant_id = $1")
    for actor in (STAFF, PARTNER):
        for asset in ("GBP", "POINTS", "SERVICE_CREDITS"):
            async with tenant.refused("LIMIT_EXCEEDED") as caught:
                await tenant.adjust(anna, 1, asset, actor=actor)
            assert isinstance(caught.value, LimitExceeded)
            assert {one.remaining for one in caught.value.remaining} == {Decimal(0)}
        async with tenant.refused("LIMIT_EXCEEDED"):
            await tenant.give(anna, reward, deduct_points=False, actor=actor)
        assert await left(tenant, actor) == {"GBP": "0.00/0.00", "POINTS": "0/0", "SERVICE_CREDITS": "0/0"}
    await tenant.adjust(anna, 1)
    assert await left(tenant, MANAGER) == {}


async def test_what_is_left_of_a_client_is_shared_by_its_tokens(tenant: Tenant, clock: Clock) -> None:
    one, two, other = (Actor(*who) for who in (("a", "PARTNER", "app"), ("b", "PARTNER", "app"), ("a", "PARTNER", "b")))
    await put(tenant, "PARTNER", "GBP", "app", per_adjustment=60, per_actor_day=100)
    await tenant.adjust(await tenant.customer(), 60, actor=one)
    assert (await left(tenant, one))["GBP"] == (await left(tenant, two))["GBP"] == "60.00/40.00"
    assert (await left(tenant, other))["GBP"] == "100.00/500.00"
    bob = await tenant.customer(name="Bob")
    async with tenant.refused("LIMIT_EXCEEDED"):
        await tenant.adjust(bob, 41, actor=two)
    clock.advance(days=1)
    assert (await left(tenant, two))["GBP"] == "60.00/100.00"


async def test_rules_by_role_and_holder(tenant: Tenant, clock: Clock) -> None:
    other = await Tenant.open(clock)
    await put(other, "STAFF", "GBP", "sam", per_adjustment=1)
    await put(tenant, "STAFF", "GBP", "sam", per_adjustment=2)
    await put(tenant, "MANAGER", None, "sam", per_adjustment=3)
    session = ReadSession(tenant.id)

    async def found(role: str | None, holder: str | None) -> list[tuple[str, str, str]]:
        return [(rule.role, rule.asset, rule.holder) for rule in await rules(session, role, holder)]

    role_wide = [("STAFF", asset, "") for asset in ("MONEY", "POINTS", "SERVICE_CREDITS")]
    own = [("MANAGER", "MONEY", "sam"), ("STAFF", "GBP", "sam")]
    assert await found("STAFF", None) == [own[1], *role_wide]
    assert await found(None, "sam") == own
    assert await found("STAFF", "sam") == own[1:]
    assert await found("ADMIN", None) == []
    assert len(await found(None, None)) == 11
    await session.release()
    await other.ledger.close()
