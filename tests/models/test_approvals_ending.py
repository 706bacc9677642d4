"""Requests that nobody approves: rejected, withdrawn, or expired."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from jobs import expiry
from models.commands import Actor, Outcome
from models.errors import LedgerError
from models.ledger import Ledger
from models.operations.approvals import expire_requests
from tests.support.approvals import SECOND, approve, ask, events, reject, row, topics, withdraw
from tests.support.clock import Clock
from tests.support.tenants import MANAGER, STAFF, Tenant


async def test_rejecting_once_with_a_note(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    request = await ask(tenant, anna)
    assert await reject(tenant, request, note="Too much")
    before = await tenant.fingerprint()
    assert not await reject(tenant, request, note="And again")
    assert await tenant.fingerprint() == before
    assert await row(tenant, request) == ("REJECTED", "maria", clock(), "Too much", None)
    assert await topics(tenant, request) == ["approval.requested", "approval.rejected"]
    assert await events(tenant, request) == [("approval.rejected", "maria", "Too much")]
    for decide, actor in ((reject, SECOND), (approve, MANAGER), (approve, SECOND), (withdraw, STAFF)):
        async with tenant.refused("REQUEST_NOT_PENDING") as caught:
            await decide(tenant, request, actor)
        assert "rejected" in caught.value.message
    assert await tenant.available(anna) == 0


async def test_withdrawing_with_another_token(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    request = await ask(tenant, anna)
    assert await withdraw(tenant, request, Actor("sam", "STAFF", client="phone"), note=" ")
    before = await tenant.fingerprint()
    assert not await withdraw(tenant, request)
    assert await tenant.fingerprint() == before
    assert await row(tenant, request) == ("WITHDRAWN", "sam", clock(), None, None)
    assert await topics(tenant, request) == ["approval.requested", "approval.withdrawn"]
    for decide in (approve, reject):
        async with tenant.refused("REQUEST_NOT_PENDING"):
            await decide(tenant, request)


async def test_what_was_approved_is_neither_rejected_nor_withdrawn(tenant: Tenant, anna: UUID) -> None:
    request = await ask(tenant, anna)
    await approve(tenant, request)
    for decide in (reject, withdraw):
        async with tenant.refused("REQUEST_NOT_PENDING"):
            await decide(tenant, request)


async def test_a_note_has_its_bound(tenant: Tenant, anna: UUID) -> None:
    request = await ask(tenant, anna)
    for decide, actor in ((approve, MANAGER), (reject, MANAGER), (withdraw, STAFF)):
        async with tenant.refused("INVALID"):
            await decide(tenant, request, actor, note="x" * 10_001)


async def test_it_expires_the_instant_that_its_time_is_over(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    in_time, late = await ask(tenant, anna), await ask(tenant, anna)
    clock.advance(days=7, seconds=-0.001)
    await approve(tenant, in_time)
    clock.advance(seconds=0.001)
    for decide, actor in ((approve, MANAGER), (reject, MANAGER), (withdraw, STAFF)):
        async with tenant.refused("REQUEST_NOT_PENDING") as caught:
            await decide(tenant, late, actor)
        assert "expired" in caught.value.message
    assert (await row(tenant, late))[0] == "PENDING"

    assert await expiry.run_once(tenant.ledger, tenant.id) == 1
    assert await row(tenant, late) == ("EXPIRED", None, None, None, None)
    assert await topics(tenant, late) == ["approval.requested", "approval.expired"]
    before = await tenant.fingerprint()
    assert await expiry.run_once(tenant.ledger, tenant.id) == 0
    assert await tenant.fingerprint() == before
    async with tenant.refused("REQUEST_NOT_PENDING"):
        await approve(tenant, late)


async def test_a_sweep_is_bounded_and_two_at_once_mark_each_once(
    tenant: Tenant, anna: UUID, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.operations.approvals.EXPIRED_AT_ONCE", 3)
    for _ in range(7):
        await ask(tenant, anna)
    waiting = await ask(tenant, anna)
    await tenant.execute("UPDATE tenants SET approval_hours = 1, config_version = config_version + 1 WHERE id = $1")
    soon = await ask(tenant, anna)
    assert await expire_requests(tenant.ledger, tenant.id) == 0
    clock.advance(hours=1)
    assert await expire_requests(tenant.ledger, tenant.id) == 1
    assert ((await row(tenant, soon))[0], (await row(tenant, waiting))[0]) == ("EXPIRED", "PENDING")
    clock.advance(days=7)
    done = await asyncio.gather(*(expire_requests(tenant.ledger, tenant.id) for _ in range(6)))
    assert max(done) == 3
    while left := await expire_requests(tenant.ledger, tenant.id):
        done.append(left)
    assert sum(done) == 8
    marked = await tenant.rows(
        "SELECT count(*), count(DISTINCT subject_id) FROM outbox WHERE tenant_id = $1 AND topic = 'approval.expired'"
    )
    assert marked == [(9, 9)]


async def test_approved_or_expired_where_the_clocks_of_two_processes_disagree(
    tenant: Tenant, anna: UUID, clock: Clock
) -> None:
    """One sweeps what the other, by its own time, may still approve: each request is one of the two, and never both."""
    for n in range(5):
        waiting = [await ask(tenant, anna, 101 + n) for _ in range(6)]
        (late,) = {at for (at,) in await tenant.rows(EXPIRIES, waiting)}
        slow, fast = Ledger(Clock(late - timedelta(seconds=1))), Ledger(Clock(late))
        before = await tenant.available(anna)
        try:
            halves = [approve(tenant, request, ledger=slow) for request in waiting[:3]]
            *answers, _ = await asyncio.gather(
                *halves,
                *(approve(tenant, request, SECOND, ledger=slow) for request in waiting),
                expire_requests(fast, tenant.id),
                return_exceptions=True,
            )
        finally:
            await slow.close()
        await expire_requests(fast, tenant.id)
        ended = [await row(tenant, request) for request in waiting]
        assert {(status, made is None) for status, *_, made in ended} <= {("APPROVED", False), ("EXPIRED", True)}
        assert all(isinstance(answer, Outcome | LedgerError) for answer in answers), answers
        refused = {error.code for error in answers if isinstance(error, LedgerError)}
        assert refused <= {"REQUEST_NOT_PENDING"}
        assert len(refused) == (("EXPIRED", True) in {(one[0], one[-1] is None) for one in ended})
        approved = sum(status == "APPROVED" for status, *_ in ended)
        assert await tenant.available(anna) == before + approved * (101 + n) * 100
        tenant.clock.stand_still(late)


EXPIRIES = "SELECT expires_at FROM approval_requests WHERE tenant_id = $1 AND id = ANY($2)"
