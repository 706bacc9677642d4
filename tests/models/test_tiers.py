"""Tiers, and what happens to customers when the thresholds move."""

import asyncio
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from models.configuration_commands import CreateTier, DeleteTier, UpdateTier
from models.errors import LedgerError
from models.ledger import Ledger
from models.operations.tiers import LadderChange, create_tier, delete_tier, update_tier
from models.planning.tiers import Rung, Shift, shifts
from models.session import tenant_transaction
from tests.support.clock import Clock
from tests.support.tenants import ADMIN, Tenant

Change = tuple[str | None, str | None]


async def create(tenant: Tenant, name: str, threshold: int | str) -> UUID:
    return (await create_tier(tenant.ledger, tenant.id, ADMIN, CreateTier(name, Decimal(threshold)))).tier_id


async def update(tenant: Tenant, tier_id: UUID, name: str | None = None, threshold: int | None = None) -> int:
    command = UpdateTier(tier_id, name, None if threshold is None else Decimal(threshold))
    done = await update_tier(tenant.ledger, tenant.id, ADMIN, command)
    assert done == LadderChange(tier_id, done.customers_moved)
    return done.customers_moved


async def delete(tenant: Tenant, tier_id: UUID) -> int:
    return (await delete_tier(tenant.ledger, tenant.id, ADMIN, DeleteTier(tier_id))).customers_moved


async def changes(tenant: Tenant, customer_id: UUID) -> list[Change]:
    """The customer's changes of tier, oldest first."""
    return [
        (old, new)
        for old, new in await tenant.rows(
            """SELECT c.old_tier, c.new_tier FROM tier_changes c
            JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id AND a.customer_id = $2
            WHERE c.tenant_id = $1 ORDER BY c.created_at, c.id""",
            customer_id,
        )
    ]


async def test_a_correction_that_drops_a_tier_and_the_reward_given_before_it(tenant: Tenant, anna: UUID) -> None:
    await create(tenant, "Silver", 500)
    await create(tenant, "Gold", 1000)
    await tenant.adjust(anna, 1200, "POINTS", "PROMOTION")
    coupon = await tenant.give(anna, await tenant.reward(300))
    assert await changes(tenant, anna) == [(None, "Gold")]

    # Of the 1,200 that were a mistake 900 are left: more cannot be corrected away.
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.adjust(anna, -1200, "POINTS", "CORRECTION")
    corrected = await tenant.adjust(anna, -900, "POINTS", "CORRECTION")

    assert await changes(tenant, anna) == [(None, "Gold"), ("Gold", None)]
    rows = await tenant.rows("SELECT transaction_id FROM tier_changes WHERE tenant_id = $1 AND new_tier IS NULL")
    assert rows == [(corrected.transaction_id,)]
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (0, 300)
    # The coupon was paid for, and stays good.
    rows = await tenant.rows("SELECT id, status, points_spent_minor FROM coupons WHERE tenant_id = $1")
    assert rows == [(coupon.coupon_id, "ISSUED", 300)]
    # With its points back they can be corrected away too, and the books are as if nothing had been added.
    await tenant.disable(coupon.coupon_id, refund=True)
    assert await changes(tenant, anna) == [(None, "Gold"), ("Gold", None)]
    await tenant.adjust(anna, -300, "POINTS", "CORRECTION")
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.balance_minor, account.available_minor, account.lifetime_minor) == (0, 0, 0)


async def test_what_redeeming_refunding_and_expiring_leave_alone(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await create(tenant, "Gold", 1000)
    await tenant.reason("REFUND", removes=False, moves_lifetime=False)
    await tenant.adjust(anna, 1000, "POINTS", expires_in_days=1)
    coupon = await tenant.give(anna, await tenant.reward(400))
    await tenant.adjust(anna, 400, "POINTS", "REFUND")
    await tenant.disable(coupon.coupon_id, refund=True)
    clock.advance(days=3)
    await tenant.expire()

    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (400, 1000)
    assert await changes(tenant, anna) == [(None, "Gold")]


async def test_a_threshold_that_moves_takes_customers_along(tenant: Tenant, anna: UUID) -> None:
    silver, gold = await create(tenant, "Silver", 100), await create(tenant, "Gold", 200)
    people = {points: await tenant.customer() for points in (50, 99, 100, 150, 199, 200, 300)}
    for points, customer in people.items():
        await tenant.adjust(customer, points, "POINTS")
    await tenant.adjust(anna, 500)  # pounds do not count
    before = {points: await changes(tenant, customer) for points, customer in people.items()}

    assert await update(tenant, gold, threshold=150) == 2
    assert await update(tenant, silver, threshold=50) == 2
    assert await update(tenant, gold, threshold=301) == 4
    assert await update(tenant, gold, threshold=301) == 0

    after = {points: (await changes(tenant, customer))[len(before[points]) :] for points, customer in people.items()}
    up, down = ("Silver", "Gold"), ("Gold", "Silver")
    assert after == {
        50: [(None, "Silver")],
        99: [(None, "Silver")],
        100: [],
        150: [up, down],
        199: [up, down],
        200: [down],
        300: [down],
    }
    # As events: what they are about, without a transaction, by nobody but the admin whom the audit names.
    rows = await tenant.rows("SELECT count(*) FROM tier_changes WHERE tenant_id = $1 AND transaction_id IS NULL")
    told = await tenant.rows("SELECT count(*) FROM outbox WHERE tenant_id = $1 AND topic = 'tier.changed'")
    assert (rows, told) == ([(8,)], [(8 + sum(map(len, before.values())),)])
    assert await changes(tenant, anna) == []


async def test_a_new_tier_and_one_that_goes(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 100, "POINTS")
    member = await create(tenant, "Member", 0)
    await create(tenant, "Silver", 101)
    gold = await create(tenant, "Gold", 100)
    assert await changes(tenant, anna) == [(None, "Member"), ("Member", "Gold")]

    assert await delete(tenant, gold) == 1
    assert await delete(tenant, member) == 1
    assert (await changes(tenant, anna))[2:] == [("Gold", "Member"), ("Member", None)]
    # What comes after goes by the ladder as it is now.
    await tenant.adjust(anna, 1, "POINTS")
    assert (await changes(tenant, anna))[4:] == [(None, "Silver")]


async def test_a_new_name_moves_nobody(tenant: Tenant, anna: UUID) -> None:
    gold = await create(tenant, "Gold", 100)
    await tenant.adjust(anna, 100, "POINTS")
    assert await update(tenant, gold, name="Golden") == 0
    await tenant.adjust(anna, -1, "POINTS")
    assert await changes(tenant, anna) == [(None, "Gold"), ("Golden", None)]


async def test_a_new_name_and_threshold_at_once(tenant: Tenant, anna: UUID) -> None:
    gold = await create(tenant, "Gold", 100)
    await tenant.adjust(anna, 100, "POINTS")
    assert await update(tenant, gold, name="Platinum", threshold=101) == 1
    await tenant.adjust(anna, 1, "POINTS")
    assert await changes(tenant, anna) == [(None, "Gold"), ("Gold", None), (None, "Platinum")]


async def test_each_change_is_in_the_audit(tenant: Tenant) -> None:
    tier = await create(tenant, "Gold", 100)
    await update(tenant, tier, name="Golden", threshold=90)
    await update(tenant, tier, name="Golden", threshold=90)
    await delete(tenant, tier)

    rows = await tenant.rows(
        "SELECT action, subject_id, details::text FROM audit_events WHERE tenant_id = $1 ORDER BY created_at, id"
    )
    assert rows == [
        ("tier.created", tier, '{"name": "Gold", "thresholdMinor": 100}'),
        ("tier.updated", tier, '{"name": ["Gold", "Golden"], "thresholdMinor": [100, 90]}'),
        ("tier.deleted", tier, '{"name": "Golden", "thresholdMinor": 90}'),
    ]


async def test_bad_tiers_are_refused(tenant: Tenant, anna: UUID) -> None:
    gold, silver = await create(tenant, "Gold", 100), await create(tenant, "Silver", 50)
    await tenant.adjust(anna, 75, "POINTS")
    for name, threshold, code, field in (
        (" ", 1, "INVALID", "name"),
        ("x" * 201, 1, "INVALID", "name"),
        ("A", -1, "INVALID", "threshold"),
        ("A", "0.5", "AMOUNT_PRECISION", "threshold"),
        ("A", 10**15 + 1, "AMOUNT_OUT_OF_RANGE", "threshold"),
        ("A", 100, "DUPLICATE", "threshold"),
        ("Gold", 1, "DUPLICATE", "name"),
    ):
        async with tenant.refused(code) as caught:
            await create(tenant, name, threshold)
        assert caught.value.field == (field,)
    async with tenant.refused("DUPLICATE"):
        await update(tenant, silver, threshold=100)
    async with tenant.refused("DUPLICATE"):
        await update(tenant, silver, name="Gold")
    for refused in (update(tenant, uuid4(), name="A"), delete(tenant, uuid4())):
        async with tenant.refused("NOT_FOUND"):
            await refused
    assert await tenant.rows("SELECT count(*) FROM tiers WHERE tenant_id = $1 AND id = ANY($2)", [gold, silver]) == [
        (2,)
    ]


async def test_there_are_at_most_a_hundred(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.operations.tiers.MAX_TIERS", 1)
    await create(tenant, "Gold", 100)
    async with tenant.refused("INVALID"):
        await create(tenant, "Silver", 50)


async def test_thresholds_move_while_points_do(tenant: Tenant, clock: Clock) -> None:
    """Each customer's changes of tier follow one on another, whatever came first."""
    gold = await create(tenant, "Gold", 100)
    people = [await tenant.customer() for _ in range(6)]
    other = Tenant(Ledger(clock), clock, tenant.slug, tenant.id)

    async def adjusting(tenant: Tenant) -> None:
        for step in (90, 15, -10, 20, -30, 40):
            await asyncio.gather(*(tenant.adjust(person, step, "POINTS", "CORRECTION") for person in people))

    async def moving() -> None:
        for threshold in (95, 120, 80, 110, 100, 130, 60, 100):
            await update(other, gold, threshold=threshold)

    await asyncio.gather(adjusting(tenant), adjusting(other), moving())
    await other.ledger.close()

    for person in people:
        found = await changes(tenant, person)
        assert found
        assert [old for old, _ in found] == [None, *(new for _, new in found[:-1])]
        assert found[-1][1] == "Gold"  # with 250 points


async def test_a_change_of_the_ladder_waits_for_points_under_way_and_for_no_other_asset(
    tenant: Tenant, anna: UUID
) -> None:
    gold = await create(tenant, "Gold", 100)
    await tenant.adjust(anna, 90, "POINTS")
    async with tenant_transaction(tenant.id) as connection:
        await connection.raw.execute("SELECT FROM accounts WHERE tenant_id = $1 FOR UPDATE", tenant.id)
        waiting = asyncio.create_task(tenant.adjust(anna, 5, "POINTS"))
        await asyncio.sleep(0.1)
        moved = asyncio.create_task(update(tenant, gold, threshold=95))
        bob = await tenant.customer(name="Bob")
        await asyncio.wait_for(tenant.adjust(bob, 1), timeout=5)
    await asyncio.gather(waiting, moved)
    assert await changes(tenant, anna) == [(None, "Gold")]


def test_shifts_cover_each_total_once() -> None:
    a, b, c = uuid4(), uuid4(), uuid4()
    old = [Rung(a, "A", 0), Rung(b, "B", 10)]
    top = 10**15 + 1
    assert shifts(old, old) == []
    assert shifts(old, [Rung(a, "Other name", 0), Rung(b, "B", 10)]) == []
    assert shifts([], old) == [Shift(0, 10, None, "A"), Shift(10, top, None, "B")]
    assert shifts(old, [Rung(b, "B", 10), Rung(a, "A", 20)]) == [Shift(0, 10, "A", None), Shift(20, top, "B", "A")]
    assert shifts(old, [*old, Rung(c, "C", 5)]) == [Shift(5, 10, "A", "C")]
    assert shifts([*old, Rung(c, "C", 5)], old) == [Shift(5, 10, "C", "A")]


async def test_another_tenants_tier_is_no_tier(tenant: Tenant, clock: Clock) -> None:
    other = await Tenant.open(clock)
    theirs = await create(other, "Gold", 100)
    for refused in (update(tenant, theirs, name="Mine"), delete(tenant, theirs)):
        with pytest.raises(LedgerError):
            await refused
    assert await other.rows("SELECT name, threshold_minor FROM tiers WHERE tenant_id = $1") == [("Gold", 100)]
    await other.ledger.close()
