"""How many requests of one person's wait for approval is bounded, and the bound is true for requests at once."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

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
from tests.support.shop import MANAGER, STAFF, Clock, Shop
from tests.support.units import adjustment, post

SAM_OF_A_CLIENT = Actor(STAFF.subject, "PARTNER", client="app")


async def pending(shop: Shop, subject: str = STAFF.subject) -> int:
    sql = """SELECT count(*) FROM approval_requests
        WHERE tenant_id = $1 AND requested_subject = $2 AND status = 'PENDING' AND expires_at > $3"""
    ((number,),) = await shop.rows(sql, subject, shop.clock())
    assert isinstance(number, int)
    return number


async def copied(shop: Shop, request: UUID, copies: int) -> None:
    """More of the same, without the work of asking for each."""
    await shop.run(
        """INSERT INTO approval_requests (tenant_id, id, operation, command, customer_id, status, requested_by_id,
            requested_subject, created_at, expires_at)
        SELECT tenant_id, gen_random_uuid(), operation, command, customer_id, status, requested_by_id,
            requested_subject, created_at, expires_at
        FROM approval_requests, generate_series(1, $3) WHERE tenant_id = $1 AND id = $2""",
        request,
        copies,
    )


async def with_room_for(shop: Shop, customer: UUID, room: int) -> UUID:
    """The id of one of as many of Sam's requests as leave this room."""
    request = await ask(shop, customer)
    await copied(shop, request, MAX_PENDING - room - 1)
    return request


async def test_one_more_than_may_wait_is_refused(shop: Shop, anna: UUID) -> None:
    await with_room_for(shop, anna, 1)
    await ask(shop, anna)
    async with shop.refused("TOO_MANY_PENDING") as told:
        await ask(shop, anna)
    assert told.value.field == ("requestApproval",)
    assert str(MAX_PENDING) in str(told.value)
    assert await pending(shop) == MAX_PENDING


async def test_it_is_the_person_who_counts_and_not_the_token_or_the_operation(shop: Shop, anna: UUID) -> None:
    await with_room_for(shop, anna, 0)
    reward = await shop.reward(5_000)
    for sam in (Actor(STAFF.subject, "MANAGER"), Actor(STAFF.subject, "STAFF", client="till")):
        async with shop.refused("TOO_MANY_PENDING"):
            await ask(shop, anna, actor=sam, propose_only=True)
    async with shop.refused("TOO_MANY_PENDING"):
        await shop.give(anna, reward, deduct=False, actor=STAFF, request_approval=True)
    await ask(shop, anna, actor=Actor("sue", "STAFF"))


async def test_a_partner_s_client_and_a_person_of_the_same_subject_are_two(shop: Shop, anna: UUID) -> None:
    """And so are two clients; what a client asks for with several tokens is one's."""
    await copied(shop, await ask(shop, anna, actor=SAM_OF_A_CLIENT), MAX_PENDING - 1)
    for sam in (SAM_OF_A_CLIENT, Actor(STAFF.subject, "PARTNER", client="app", name="Another token")):
        async with shop.refused("TOO_MANY_PENDING"):
            await ask(shop, anna, actor=sam)
    await with_room_for(shop, anna, 1)
    await ask(shop, anna, actor=Actor(STAFF.subject, "PARTNER", client="another"))
    await ask(shop, anna, actor=Actor(STAFF.subject, "PARTNER"))
    await ask(shop, anna)
    async with shop.refused("TOO_MANY_PENDING"):
        await ask(shop, anna)


async def test_another_tenants_requests_are_not_counted(shop: Shop, anna: UUID, clock: Clock) -> None:
    await with_room_for(shop, anna, 0)
    other = await Shop.open(clock)
    await ask(other, await other.customer())
    assert await pending(other) == 1
    await other.ledger.close()


async def test_what_needs_no_second_person_goes_on(shop: Shop, anna: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    """And asks nothing of the database about those who do."""
    await with_room_for(shop, anna, 0)
    monkeypatch.delattr(models.posting, "count_pending_requests")
    await shop.adjust(anna, 100, actor=STAFF, request_approval=True)
    await shop.adjust(anna, 101, actor=MANAGER, request_approval=True)
    assert await shop.available(anna) == 201_00


async def test_there_is_room_again_once_one_is_decided(shop: Shop, anna: UUID) -> None:
    request = await with_room_for(shop, anna, 0)
    for ending in (approve, reject, withdraw):
        await ending(shop, request)
        request = await ask(shop, anna)
        async with shop.refused("TOO_MANY_PENDING"):
            await ask(shop, anna)


async def test_there_is_room_again_the_instant_that_they_expire(shop: Shop, anna: UUID, clock: Clock) -> None:
    await with_room_for(shop, anna, 0)
    clock.now += timedelta(hours=168) - timedelta(microseconds=1)
    async with shop.refused("TOO_MANY_PENDING"):
        await ask(shop, anna)
    clock.now += timedelta(microseconds=1)
    request = await ask(shop, anna)
    assert (await row(shop, request))[0] == "PENDING"
    assert await pending(shop) == 1


async def test_those_of_one_batch_fill_it_up_and_leave_their_neighbours_alone(shop: Shop, anna: UUID) -> None:
    await with_room_for(shop, anna, 2)
    asking = [
        await adjustment(shop, anna, 101, "GBP", actor=STAFF, request_approval=True, key=key)
        for key in ("a", "b", "c", "c", "a")
    ]
    within = await adjustment(shop, anna, 7, "GBP", actor=STAFF)
    results = await post(shop, *asking[:3], within, *asking[3:])
    assert [_told(result) for result in results] == ["asked", "asked", "refused", "posted", "refused", "replayed"]
    assert (await pending(shop), await shop.available(anna)) == (MAX_PENDING, 7_00)
    assert await shop.rows("SELECT key FROM idempotency_keys WHERE tenant_id = $1 AND key = 'c'") == []


def _told(result: Result) -> str:
    if isinstance(result, Refused):
        assert isinstance(result.error, TooManyPending)
        return "refused"
    if isinstance(result, Replayed):
        return "replayed"
    assert isinstance(result, Posted)
    return "posted" if result.outcome.transaction_id else "asked"


async def test_at_once_through_two_ledgers_they_never_pass_it(
    shop: Shop, clock: Clock, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each for a customer of its own, in either role: nothing but the bound makes them wait for each other."""
    await with_room_for(shop, anna, 4)
    actors = (STAFF, Actor(STAFF.subject, "MANAGER"))
    units = [
        await adjustment(shop, await shop.customer(), 1_001, "POINTS", actor=actors[n % 2], propose_only=True)
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
            ledger._poster.post(shop.tenant_id, [unit], wait=True)
            for unit, ledger in zip(units, (shop.ledger, shop.ledger, second, second) * 3, strict=True)
        )
    )
    await second.close()
    told = [_told(result) for (result,) in batches]
    assert (told.count("asked"), told.count("refused")) == (4, 8)
    assert await pending(shop) == MAX_PENDING
