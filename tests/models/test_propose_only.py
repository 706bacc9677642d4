"""With proposeOnly whatever can wait for a second person waits, also within the limits and for whoever has none."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from models.commands import Actor, AdjustCredit, Outcome
from models.ledger import Ledger
from models.operations.adjust import preview_adjustment
from tests.support.approvals import SECOND, approve, ask, ask_order, events, row, topics, withdraw
from tests.support.clock import Clock
from tests.support.tenants import ADMIN, MANAGER, PARTNER, STAFF, Tenant


@pytest.mark.parametrize("actor", [STAFF, PARTNER, MANAGER, ADMIN], ids=lambda a: a.role)
async def test_it_waits_within_the_limits_and_without_any(tenant: Tenant, anna: UUID, actor: Actor) -> None:
    request = await ask(tenant, anna, 1, actor=actor, request_approval=False, propose_only=True, note="Please")
    assert (await tenant.available(anna), await tenant.count("transactions")) == (0, 0)
    assert await tenant.rows("SELECT used_minor FROM limit_counters WHERE tenant_id = $1 AND used_minor > 0") == []
    posted = await approve(tenant, request, SECOND, note="Yes")
    assert await tenant.available(anna) == 1_00
    assert await row(tenant, request) == ("APPROVED", "mike", tenant.clock(), "Yes", posted.transaction_id)
    assert await topics(tenant, request) == ["approval.requested", "approval.approved"]
    assert await events(tenant, request) == [("approval.approved", "mike", "Yes")]


async def test_it_keeps_its_key(tenant: Tenant, anna: UUID) -> None:
    first = await tenant.adjust(anna, 1, propose_only=True, key="k")
    assert await tenant.adjust(anna, 1, propose_only=True, key="k") == replace(first, replayed=True, views=())
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await tenant.adjust(anna, 1, key="k")


async def test_a_removal_waits_and_takes_what_is_there_when_it_is_approved(tenant: Tenant, anna: UUID) -> None:
    credit = await tenant.credit(anna, 50)
    request = await ask(tenant, anna, -40, actor=MANAGER, propose_only=True)
    assert await tenant.available(anna) == 50_00
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.adjust(anna, -51, propose_only=True)
    await tenant.adjust(anna, -20)
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await approve(tenant, request, SECOND)
    await tenant.credit(anna, 10)
    await approve(tenant, request, SECOND)
    assert await tenant.available(anna) == 0
    assert await tenant.remainders(credit) == [0]


async def test_whatever_refuses_it_refuses_the_proposal(tenant: Tenant, anna: UUID) -> None:
    async with tenant.refused("REASON_UNKNOWN"):
        await tenant.adjust(anna, 1, reason="NOPE", propose_only=True)
    async with tenant.refused("EXPIRY_IN_PAST"):
        await tenant.adjust(anna, 1, expires_at=tenant.clock(), propose_only=True)


@pytest.mark.parametrize("deduct", [True, False])
async def test_rewards_free_and_for_points(tenant: Tenant, anna: UUID, deduct: bool) -> None:
    await tenant.adjust(anna, 100, "POINTS")
    reward = await tenant.reward(10, stock=1)
    asked = await tenant.give(anna, reward, deduct_points=deduct, propose_only=True)
    assert (await tenant.count("coupons"), await tenant.available(anna, "POINTS")) == (0, 100)
    assert asked.approval_request_id is not None
    given = await approve(tenant, asked.approval_request_id, SECOND)
    assert given.coupon_id is not None
    assert await tenant.available(anna, "POINTS") == (90 if deduct else 100)


async def test_orders_with_and_without_credit(tenant: Tenant, anna: UUID) -> None:
    credit, tea = await tenant.product(1, "CREDIT"), await tenant.product(5)
    await tenant.credit(anna, 3, auto_apply=True)
    for products in (((credit, 7), (tea, 1)), ((tea, 1),)):
        request = await ask_order(tenant, anna, *products, actor=MANAGER, auto_apply=True)
        before = await tenant.count("invoices")
        first = await approve(tenant, request, SECOND)
        again = await approve(tenant, request, ADMIN)
        assert again == replace(first, replayed=True, views=())
        assert first.invoice_id is not None
        assert (first.transaction_id, await tenant.count("invoices")) == (None, before + 1)
    kept = await tenant.rows("SELECT status, transaction_id FROM approval_requests WHERE tenant_id = $1")
    assert kept == [("APPROVED", None)] * 2
    assert await tenant.available(anna) == 0  # the first took it
    # Who asked is whose order it is.
    subjects = """SELECT a.subject FROM invoices i JOIN actors a ON a.tenant_id = $1 AND a.id = i.actor_id
        WHERE i.tenant_id = $1"""
    assert await tenant.rows(subjects) == [("maria",)] * 2


async def test_an_order_is_checked_again(tenant: Tenant, anna: UUID) -> None:
    tea = await tenant.product(5)
    request = await ask_order(tenant, anna, (tea, 1), number="A-1")
    await tenant.order(anna, (tea, 1), number="A-1")
    async with tenant.refused("DUPLICATE") as caught:
        await approve(tenant, request)
    assert caught.value.field == ("requestId",)
    assert await withdraw(tenant, request)


async def test_a_hundred_clicks_make_one_order(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    request = await ask_order(tenant, anna, (await tenant.product(1, "CREDIT"), 7))
    other = Ledger(clock)
    try:
        done = await asyncio.gather(
            *(
                approve(tenant, request, (MANAGER, SECOND, ADMIN)[n % 3], ledger=(tenant.ledger, other)[n % 2])
                for n in range(100)
            )
        )
    finally:
        await other.close()
    assert sum(not one.replayed for one in done) == 1
    assert await tenant.count("invoices") == 1
    assert len({one.invoice_id for one in done}) == 1


async def test_the_preview_says_that_it_would_wait(tenant: Tenant, anna: UUID) -> None:
    async def verdict(amount: int, actor: Actor, **more: Any) -> tuple[bool, bool, int]:
        command = AdjustCredit(anna, "GBP", Decimal(amount), "CORRECTION", **more)
        preview = await preview_adjustment(tenant.ledger, tenant.id, actor, command)
        return preview.limit.allowed, preview.limit.approval_required, preview.available_after_minor

    await tenant.credit(anna, 5)
    assert await verdict(1, STAFF) == (True, False, 6_00)
    assert await verdict(1, STAFF, propose_only=True) == (True, True, 5_00)
    assert await verdict(101, STAFF, propose_only=True) == (False, True, 5_00)
    assert await verdict(1, MANAGER, propose_only=True) == (True, True, 5_00)
    assert await verdict(-1, MANAGER, propose_only=True) == (True, True, 5_00)
    assert await verdict(-1, MANAGER) == (True, False, 4_00)


async def test_no_more_than_a_thousand_wait(tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.planning.requesting.MAX_PENDING", 2)
    tea = await tenant.product(5)
    outcomes: list[Outcome] = [
        await tenant.adjust(anna, 1, propose_only=True),
        await tenant.issue(anna, (tea, 1), propose_only=True),
    ]
    assert all(one.approval_request_id for one in outcomes)
    async with tenant.refused("TOO_MANY_PENDING") as caught:
        await tenant.issue(anna, (tea, 1), propose_only=True)
    assert caught.value.field == ("proposeOnly",)
