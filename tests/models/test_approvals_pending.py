"""How many requests of one person's wait for approval is bounded, and the bound is true for requests at once."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

import models.posting
from models.commands import Actor, Asker
from models.errors import TooManyPending
from models.ledger import Ledger
from models.loading.approvals import count_pending_requests
from models.planning.requesting import MAX_PENDING
from models.session import TenantConnection
from models.units import Posted, Refused, Replayed, Result
from tests.support.approvals import approve, ask, reject, row, withdraw
from tests.support.clock import Clock
from tests.support.tenants import MANAGER, STAFF, Tenant
from tests.support.units import adjustment, post

SAM_OF_A_CLIENT = Actor(STAFF.subject, "PARTNER", client="app")


async def pending(tenant: Tenant, subject: str = STAFF.subject) -> int:
    sql = """SELECT count(*) FROM approval_requests
        WHERE tenant_id = $1 AND requested_subject = $2 AND status = 'PENDING' AND expires_at > $3"""
    ((number,),) = await tenant.rows(sql, subject, tenant.clock())
    assert isinstance(number, int)
    return number


async def copied(tenant: Tenant, request: UUID, copies: int) -> None:
    """More of the same, without the work of asking for each."""
    await tenant.execute(
        """INSERT INTO approval_requests (tenant_id, id, operation, command, customer_id, status, requested_by_id,
            requested_subject, created_at, expires_at)
        SELECT tenant_id, u.id, operation, command, customer_id, status, requested_by_id,
            requested_subject, created_at, expires_at
        FROM approval_requests r, unnest($3::uuid[]) AS u(id) WHERE tenant_id = $1 AND r.id = $2""",
        request,
        [uuid4() for _ in range(copies)],
    )


async def with_room_for(tenant: Tenant, customer: UUID, room: int) -> UUID:
    """The id of one of as many of Sam's requests as leave this room."""
    request = await ask(tenant, customer)
    await copied(tenant, request, MAX_PENDING - room - 1)
    return request


async def test_one_more_than_may_wait_is_refused(tenant: Tenant, anna: UUID) -> None:
    await with_room_for(tenant, anna, 1)
    await ask(tenant, anna)
    async with tenant.refused("TOO_MANY_PENDING") as told:
        await ask(tenant, anna)
    assert told.value.field == ("requestApproval",)
    assert str(MAX_PENDING) in str(told.value)
    assert await pending(tenant) == MAX_PENDING


async def test_it_is_the_person_who_counts_and_not_the_token_or_the_operation(tenant: Tenant, anna: UUID) -> None:
    await with_room_for(tenant, anna, 0)
    reward = await tenant.reward(5_000)
    for sam in (Actor(STAFF.subject, "MANAGER"), Actor(STAFF.subject, "STAFF", client="till")):
        async with tenant.refused("TOO_MANY_PENDING"):
            await ask(tenant, anna, actor=sam, propose_only=True)
    async with tenant.refused("TOO_MANY_PENDING"):
        await tenant.give(anna, reward, deduct_points=False, actor=STAFF, request_approval=True)
    await ask(tenant, anna, actor=Actor("sue", "STAFF"))


async def test_a_partner_s_client_and_a_person_of_the_same_subject_are_two(tenant: Tenant, anna: UUID) -> None:
    """And so are two clients; what a client asks for with several tokens is one's."""
    await copied(tenant, await ask(tenant, anna, actor=SAM_OF_A_CLIENT), MAX_PENDING - 1)
    for sam in (SAM_OF_A_CLIENT, Actor(STAFF.subject, "PARTNER", client="app", name="Another token")):
        async with tenant.refused("TOO_MANY_PENDING"):
            await ask(tenant, anna, actor=sam)
    await with_room_for(tenant, anna, 1)
    await ask(tenant, anna, actor=Actor(STAFF.subject, "PARTNER", client="another"))
    await ask(tenant, anna, actor=Actor(STAFF.subject, "PARTNER"))
    await ask(tenant, anna)
    async with tenant.refused("TOO_MANY_PENDING"):
        await ask(tenant, anna)


async def test_another_tenants_requests_are_not_counted(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await with_room_for(tenant, anna, 0)
    other = await Tenant.open(clock)
    await ask(other, await other.customer())
    assert await pending(other) == 1
    await other.ledger.close()


async def test_what_needs_no_second_person_goes_on(tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    """And asks nothing of the database about those who do."""
    await with_room_for(tenant, anna, 0)
    monkeypatch.delattr(models.posting, "count_pending_requests")
    await tenant.adjust(anna, 100, actor=STAFF, request_approval=True)
    await tenant.adjust(anna, 101, actor=MANAGER, request_approval=True)
    assert await tenant.available(anna) == 201_00


async def test_there_is_room_again_once_one_is_decided(tenant: Tenant, anna: UUID) -> None:
    request = await with_room_for(tenant, anna, 0)
    for ending in (approve, reject, withdraw):
        await ending(tenant, request)
        request = await ask(tenant, anna)
        async with tenant.refused("TOO_MANY_PENDING"):
            await ask(tenant, anna)


async def test_there_is_room_again_the_instant_that_they_expire(tenant: Tenant, anna: UUID, clock: Clock) -> None:
    await with_room_for(tenant, anna, 0)
    clock.advance(timedelta(hours=168) - timedelta(microseconds=1))
    async with tenant.refused("TOO_MANY_PENDING"):
        await ask(tenant, anna)
    clock.advance(timedelta(microseconds=1))
    request = await ask(tenant, anna)
    assert (await row(tenant, request))[0] == "PENDING"
    assert await pending(tenant) == 1


async def test_those_of_one_batch_fill_it_up_and_leave_their_neighbours_alone(tenant: Tenant, anna: UUID) -> None:
    await with_room_for(tenant, anna, 2)
    asking = [
        await adjustment(tenant, anna, 101, "GBP", actor=STAFF, request_approval=True, key=key)
        for key in ("a", "b", "c", "c", "a")
    ]
    within = await adjustment(tenant, anna, 7, "GBP", actor=STAFF)
    results = await post(tenant, *asking[:3], within, *asking[3:])
    assert [_told(result) for result in results] == ["asked", "asked", "refused", "posted", "refused", "replayed"]
    assert (await pending(tenant), await tenant.available(anna)) == (MAX_PENDING, 7_00)
    assert await tenant.rows("SELECT key FROM idempotency_keys WHERE tenant_id = $1 AND key = 'c'") == []


def _told(result: Result) -> str:
    if isinstance(result, Refused):
        assert isinstance(result.error, TooManyPending)
        return "refused"
    if isinstance(result, Replayed):
        return "replayed"
    assert isinstance(result, Posted)
    return "posted" if result.outcome.transaction_id else "asked"


async def test_at_once_through_two_ledgers_they_never_pass_it(
    tenant: Tenant, clock: Clock, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each for a customer of its own, in either role: nothing but the bound makes them wait for each other."""
    await with_room_for(tenant, anna, 4)
    actors = (STAFF, Actor(STAFF.subject, "MANAGER"))
    units = [
        await adjustment(tenant, await tenant.customer(), 1_001, "POINTS", actor=actors[n % 2], propose_only=True)
        for n in range(12)
    ]

    async def slowly_counted(connection: TenantConnection, askers: set[Asker], now: datetime) -> dict[Asker, int]:
        """So that the others have time to come between the count and what is written by it."""
        counted = await count_pending_requests(connection, askers, now)
        await asyncio.sleep(0.02)
        return counted

    monkeypatch.setattr(models.posting, "count_pending_requests", slowly_counted)
    second = Ledger(clock)
    batches = await asyncio.gather(
        *(
            ledger._poster.post(tenant.id, [unit], wait=True)
            for unit, ledger in zip(units, (tenant.ledger, tenant.ledger, second, second) * 3, strict=True)
        )
    )
    await second.close()
    told = [_told(result) for (result,) in batches]
    assert (told.count("asked"), told.count("refused")) == (4, 8)
    assert await pending(tenant) == MAX_PENDING
