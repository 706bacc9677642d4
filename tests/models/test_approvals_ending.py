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
from tests.support.shop import MANAGER, STAFF, Clock, Shop


async def test_rejecting_once_with_a_note(shop: Shop, anna: UUID, clock: Clock) -> None:
    request = await ask(shop, anna)
    assert await reject(shop, request, note="Too much")
    before = await shop.fingerprint()
    assert not await reject(shop, request, note="And again")
    assert await shop.fingerprint() == before
    assert await row(shop, request) == ("REJECTED", "maria", clock(), "Too much", None)
    assert await topics(shop, request) == ["approval.requested", "approval.rejected"]
    assert await events(shop, request) == [("approval.rejected", "maria", "Too much")]
    for decide, actor in ((reject, SECOND), (approve, MANAGER), (approve, SECOND), (withdraw, STAFF)):
        async with shop.refused("REQUEST_NOT_PENDING") as caught:
            await decide(shop, request, actor)
        assert "rejected" in caught.value.message
    assert await shop.available(anna) == 0


async def test_withdrawing_with_another_token(shop: Shop, anna: UUID, clock: Clock) -> None:
    request = await ask(shop, anna)
    assert await withdraw(shop, request, Actor("sam", "STAFF", client="phone"), note=" ")
    before = await shop.fingerprint()
    assert not await withdraw(shop, request)
    assert await shop.fingerprint() == before
    assert await row(shop, request) == ("WITHDRAWN", "sam", clock(), None, None)
    assert await topics(shop, request) == ["approval.requested", "approval.withdrawn"]
    for decide in (approve, reject):
        async with shop.refused("REQUEST_NOT_PENDING"):
            await decide(shop, request)


async def test_what_was_approved_is_neither_rejected_nor_withdrawn(shop: Shop, anna: UUID) -> None:
    request = await ask(shop, anna)
    await approve(shop, request)
    for decide in (reject, withdraw):
        async with shop.refused("REQUEST_NOT_PENDING"):
            await decide(shop, request)


async def test_a_note_has_its_bound(shop: Shop, anna: UUID) -> None:
    request = await ask(shop, anna)
    for decide, actor in ((approve, MANAGER), (reject, MANAGER), (withdraw, STAFF)):
        async with shop.refused("INVALID"):
            await decide(shop, request, actor, note="x" * 10_001)


async def test_it_expires_the_instant_that_its_time_is_over(shop: Shop, anna: UUID, clock: Clock) -> None:
    in_time, late = await ask(shop, anna), await ask(shop, anna)
    clock.advance(days=7, seconds=-0.001)
    await approve(shop, in_time)
    clock.advance(seconds=0.001)
    for decide, actor in ((approve, MANAGER), (reject, MANAGER), (withdraw, STAFF)):
        async with shop.refused("REQUEST_NOT_PENDING") as caught:
            await decide(shop, late, actor)
        assert "expired" in caught.value.message
    assert (await row(shop, late))[0] == "PENDING"

    assert await expiry.run_once(shop.ledger, shop.tenant_id) == 1
    assert await row(shop, late) == ("EXPIRED", None, None, None, None)
    assert await topics(shop, late) == ["approval.requested", "approval.expired"]
    before = await shop.fingerprint()
    assert await expiry.run_once(shop.ledger, shop.tenant_id) == 0
    assert await shop.fingerprint() == before
    async with shop.refused("REQUEST_NOT_PENDING"):
        await approve(shop, late)


async def test_a_sweep_is_bounded_and_two_at_once_mark_each_once(
    shop: Shop, anna: UUID, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.operations.approvals.EXPIRED_AT_ONCE", 3)
    for _ in range(7):
        await ask(shop, anna)
    waiting = await ask(shop, anna)
    await shop.run("UPDATE tenants SET approval_hours = 1, config_version = config_version + 1 WHERE id = $1")
    soon = await ask(shop, anna)
    assert await expire_requests(shop.ledger, shop.tenant_id) == 0
    clock.advance(hours=1)
    assert await expire_requests(shop.ledger, shop.tenant_id) == 1
    assert ((await row(shop, soon))[0], (await row(shop, waiting))[0]) == ("EXPIRED", "PENDING")
    clock.advance(days=7)
    done = await asyncio.gather(*(expire_requests(shop.ledger, shop.tenant_id) for _ in range(6)))
    assert max(done) == 3
    while left := await expire_requests(shop.ledger, shop.tenant_id):
        done.append(left)
    assert sum(done) == 8
    marked = await shop.rows(
        "SELECT count(*), count(DISTINCT subject_id) FROM outbox WHERE tenant_id = $1 AND topic = 'approval.expired'"
    )
    assert marked == [(9, 9)]


async def test_approved_or_expired_where_the_clocks_of_two_processes_disagree(
    shop: Shop, anna: UUID, clock: Clock
) -> None:
    """One sweeps what the other, by its own time, may still approve: each request is one of the two, and never both."""
    for n in range(5):
        waiting = [await ask(shop, anna, 101 + n) for _ in range(6)]
        (late,) = {at for (at,) in await shop.rows(EXPIRIES, waiting)}
        slow, fast = Ledger(Clock(late - timedelta(seconds=1))), Ledger(Clock(late))
        before = await shop.available(anna)
        try:
            halves = [approve(shop, request, ledger=slow) for request in waiting[:3]]
            *answers, _ = await asyncio.gather(
                *halves,
                *(approve(shop, request, SECOND, ledger=slow) for request in waiting),
                expire_requests(fast, shop.tenant_id),
                return_exceptions=True,
            )
        finally:
            await slow.close()
        await expire_requests(fast, shop.tenant_id)
        ended = [await row(shop, request) for request in waiting]
        assert {(status, made is None) for status, *_, made in ended} <= {("APPROVED", False), ("EXPIRED", True)}
        assert all(isinstance(answer, Outcome | LedgerError) for answer in answers), answers
        refused = {error.code for error in answers if isinstance(error, LedgerError)}
        assert refused <= {"REQUEST_NOT_PENDING"}
        assert len(refused) == (("EXPIRED", True) in {(one[0], one[-1] is None) for one in ended})
        approved = sum(status == "APPROVED" for status, *_ in ended)
        assert await shop.available(anna) == before + approved * (101 + n) * 100
        shop.clock.now = late


EXPIRIES = "SELECT expires_at FROM approval_requests WHERE tenant_id = $1 AND id = ANY($2)"
