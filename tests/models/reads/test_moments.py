"""Moments that requests share: one transaction, each its own rows, and nobody disturbed by the others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest
from tortoise import connections

from models.errors import Busy
from models.lookups import each
from models.reads import accounts, moments
from models.reads.session import ReadSession
from models.session import CONNECTION_NAME
from tests.support.clock import Clock
from tests.support.tenants import Tenant

WHERE: Final = "select pg_backend_pid() as backend, pg_current_snapshot()::text as moment where $1::uuid is not null"
KEYS: Final = f"select k.id, statement_timestamp() as at from {each('id uuid')} k where $1::uuid is not null"
FAILS: Final = "select 1 / 0 where $1::uuid is not null"

Begin = Callable[[], ReadSession]


def in_use() -> int:
    pool: Any = connections.get(CONNECTION_NAME)
    used: int = pool._pool.get_size() - pool._pool.get_idle_size()
    return used


@pytest.fixture
async def begin(tenant: Tenant) -> AsyncIterator[Begin]:
    """Makes sessions that share; all are closed, and then no connection is held."""
    busy, made = in_use(), []

    def one() -> ReadSession:
        made.append(ReadSession(tenant.id, shares=True))
        return made[-1]

    yield one
    for session in made:
        await session.close()
    assert in_use() == busy


async def where(session: ReadSession) -> tuple[int, str]:
    (row,) = await session.fetch(WHERE)
    return row["backend"], row["moment"]


async def available(session: ReadSession, tenant: Tenant, customer: UUID) -> int:
    (account,) = await accounts.of_customers(session, [customer], tenant.ledger.clock())
    return account.available_minor


async def test_those_who_begin_together_share_a_snapshot_and_its_end(begin: Begin) -> None:
    busy = in_use()
    sessions = [begin() for _ in range(moments.MOST_TOGETHER)]
    assert len(set(await asyncio.gather(*map(where, sessions)))) == 1
    assert in_use() == busy + 1
    for session in sessions[:-1]:
        await session.release()
    assert await where(sessions[-1])
    assert in_use() == busy + 1
    await sessions[-1].release()
    assert in_use() == busy


async def test_no_more_than_a_few_share(begin: Begin) -> None:
    sessions = [begin() for _ in range(moments.MOST_TOGETHER + 1)]
    assert len({backend for backend, _ in await asyncio.gather(*map(where, sessions))}) == 2


async def test_who_begins_later_sees_what_was_posted_meanwhile(begin: Begin, tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, "1.00")
    earlier, later = begin(), begin()
    assert await available(earlier, tenant, anna) == 100
    await tenant.adjust(anna, "1.00")
    assert await available(later, tenant, anna) == 200
    assert await available(earlier, tenant, anna) == 100


async def test_tenants_do_not_share(begin: Begin, clock: Clock) -> None:
    others = await Tenant.open(clock)
    other = ReadSession(others.id, shares=True)
    mine, theirs = await asyncio.gather(where(begin()), where(other))
    await other.close()
    await others.ledger.close()
    assert mine[0] != theirs[0]


async def test_reads_that_search_read_alone(begin: Begin, tenant: Tenant) -> None:
    searching = ReadSession(tenant.id, shares=True, searches=True)
    assert (await where(searching))[0] != (await where(begin()))[0]
    await searching.close()


async def test_look_ups_of_the_same_kind_are_one_statement_and_each_gets_its_own(begin: Begin) -> None:
    mine, theirs, both = uuid4(), uuid4(), uuid4()
    first, second = await asyncio.gather(begin().look_up(KEYS, [mine, both]), begin().look_up(KEYS, [both, theirs]))
    assert [row["id"] for row in first] == [mine, both]
    assert [row["id"] for row in second] == [both, theirs]
    assert len({row["at"] for row in (*first, *second)}) == 1


async def test_look_ups_with_other_values_are_others(begin: Begin) -> None:
    limited = f"{KEYS} limit $3"
    one, two, more = await asyncio.gather(
        begin().look_up(limited, [uuid4(), uuid4()], 1),
        begin().look_up(limited, [uuid4(), uuid4()], 2),
        begin().look_up(KEYS, [uuid4() for _ in range(3)]),
    )
    assert (len(one), len(two), len(more)) == (1, 2, 3)


async def test_more_keys_than_a_statement_takes_are_several(begin: Begin) -> None:
    keys = [[uuid4() for _ in range(moments.MOST_KEYS - 1)] for _ in range(3)]
    found = await asyncio.gather(*(begin().look_up(KEYS, each) for each in keys))
    assert [[row["id"] for row in rows] for rows in found] == keys
    assert len({row["at"] for rows in found for row in rows}) == 3


async def test_whose_statement_fails_is_told_and_who_has_not_read_yet_reads_alone(begin: Begin) -> None:
    failing, other, later = begin(), begin(), begin()
    failed, found = await asyncio.gather(failing.fetch(FAILS), where(other), return_exceptions=True)
    assert isinstance(failed, asyncpg.DivisionByZeroError)
    assert not isinstance(found, BaseException)
    backends = [backend for backend, _ in await asyncio.gather(where(failing), where(other), where(later))]
    assert len(set(backends)) == 3
    assert backends[1] == found[0]


async def test_who_has_read_is_not_given_another_moment_when_anothers_statement_fails(begin: Begin) -> None:
    failing, during, after = begin(), begin(), begin()
    await asyncio.gather(*map(where, (failing, during, after)))
    outcomes = await asyncio.gather(failing.fetch(FAILS), during.fetch(WHERE), return_exceptions=True)
    assert [type(each) for each in outcomes] == [asyncpg.DivisionByZeroError, Busy]
    with pytest.raises(Busy, match="interrupted"):
        await where(after)
    for session in (failing, during, after):
        await session.release()
    assert await asyncio.gather(*map(where, (failing, during, after)))


async def test_none_of_a_requests_reads_is_of_another_moment_then(begin: Begin) -> None:
    """Also those that were asked for beside the first that is told, and those that come after."""
    failing, other = begin(), begin()
    await asyncio.gather(*map(where, (failing, other)))
    outcomes = await asyncio.gather(
        failing.fetch(FAILS), other.fetch(WHERE), other.fetch(WHERE), return_exceptions=True
    )
    assert [type(each) for each in outcomes] == [asyncpg.DivisionByZeroError, Busy, Busy]
    with pytest.raises(Busy, match="interrupted"):
        await where(other)


async def test_what_was_answered_just_before_is_of_the_same_moment_as_what_comes_after(begin: Begin) -> None:
    """Of two reads that were asked for together, one is answered and the other not: neither has been told yet."""
    failing, other = begin(), begin()
    outcomes = await asyncio.gather(
        other.fetch(WHERE),
        failing.fetch(FAILS),
        other.fetch(WHERE),
        other.look_up(KEYS, [uuid4()]),
        return_exceptions=True,
    )
    assert isinstance(outcomes[1], asyncpg.DivisionByZeroError)
    told = [each for each in (outcomes[0], outcomes[2]) if not isinstance(each, Busy)]
    moments_read = {row["moment"] for each in told if isinstance(each, list) for row in each}
    assert len(moments_read) <= 1
    assert all(isinstance(each, list | Busy) for each in told)


async def test_who_fails_alone_keeps_nobody_from_sharing(begin: Begin) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await begin().fetch(FAILS)
    left = begin()
    slow = asyncio.create_task(left.fetch("select pg_sleep(30) where $1::uuid is not null"))
    await asyncio.sleep(0.1)
    slow.cancel()
    await left.close()
    assert len(set(await asyncio.gather(where(begin()), where(begin())))) == 1


async def test_who_leaves_last_does_not_wait_for_a_statement_that_nobody_waits_for(begin: Begin) -> None:
    leaving, staying = begin(), begin()
    assert len(set(await asyncio.gather(where(leaving), where(staying)))) == 1
    slow = asyncio.create_task(leaving.fetch("select pg_sleep(30) where $1::uuid is not null"))
    await asyncio.sleep(0.1)
    slow.cancel()
    await leaving.close()
    async with asyncio.timeout(10):
        await staying.release()


async def test_who_joins_knows_what_is_settled_before_its_own_first_answer(tenant: Tenant) -> None:
    one, other = (ReadSession(tenant.id, settling=True, shares=True) for _ in range(2))
    first = asyncio.create_task(one.fetch(WHERE))
    slow = asyncio.create_task(other.fetch("select pg_sleep(0.3) where $1::uuid is not null"))
    await first
    await other.open()
    assert not slow.done()
    assert other.settled is not None
    assert other.settled == one.settled
    await slow
    await one.close()
    await other.close()


async def test_a_tenant_shares_again_after_a_while(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "ALONE_S", 0.05)
    await asyncio.gather(begin().fetch(FAILS), where(begin()), return_exceptions=True)
    await asyncio.sleep(0.06)
    assert len(set(await asyncio.gather(where(begin()), where(begin())))) == 1


async def test_who_waits_no_more_disturbs_nobody(begin: Begin) -> None:
    leaving, staying = begin(), begin()
    slow = asyncio.create_task(leaving.fetch("select pg_sleep(0.2) where $1::uuid is not null"))
    before = asyncio.create_task(where(staying))
    await asyncio.sleep(0.1)
    slow.cancel()
    await leaving.close()
    assert await before
    assert await before == await where(staying)


async def test_who_leaves_while_its_own_statement_runs_ends_it_if_nobody_else_reads_here(begin: Begin) -> None:
    busy, session = in_use(), begin()
    slow = asyncio.create_task(session.fetch("select pg_sleep(30) where $1::uuid is not null"))
    await asyncio.sleep(0.1)
    slow.cancel()
    async with asyncio.timeout(10):
        await session.close()
    assert in_use() == busy


async def test_it_ends_also_if_who_leaves_last_does_not_wait_for_that(begin: Begin) -> None:
    busy, session = in_use(), begin()
    slow = asyncio.create_task(session.fetch("select pg_sleep(0.3) where $1::uuid is not null"))
    await asyncio.sleep(0.1)
    slow.cancel()
    leaving = asyncio.create_task(session.release())
    await asyncio.sleep(0.05)
    leaving.cancel()
    async with asyncio.timeout(10):
        while in_use() > busy:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)


async def test_while_some_read_the_next_waits_for_company(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "HELD_BACK_S", 30)
    ahead = [begin() for _ in range(moments.MOST_AHEAD)]
    for session in ahead:
        await where(session)
    waiting = asyncio.create_task(where(begin()))
    await asyncio.sleep(0.05)
    joined = asyncio.create_task(where(begin()))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await ahead[0].release()
    async with asyncio.timeout(10):
        assert await waiting == await joined


async def test_the_next_does_not_wait_for_a_slow_one(begin: Begin) -> None:
    for _ in range(moments.MOST_AHEAD):
        await where(begin())
    async with asyncio.timeout(10):
        assert await where(begin())


async def test_a_full_one_does_not_wait(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "HELD_BACK_S", 30)
    for _ in range(moments.MOST_AHEAD):
        await where(begin())
    sessions = [begin() for _ in range(moments.MOST_TOGETHER)]
    async with asyncio.timeout(10):
        assert len(set(await asyncio.gather(*map(where, sessions)))) == 1


async def test_whose_turn_it_is_when_it_is_given_up_holds_nobody_back(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "HELD_BACK_S", 30)
    line = moments._Line()
    made = [moments.Moment(tenant.id, settles=False, settings="", line=line) for _ in range(moments.MOST_AHEAD + 2)]
    ahead, (given_up, next_one) = made[: moments.MOST_AHEAD], made[moments.MOST_AHEAD :]
    for moment in ahead:
        await line.turn(moment)
    turns = [asyncio.create_task(line.turn(moment)) for moment in (given_up, next_one)]
    await asyncio.sleep(0)
    line.let_next(ahead[0])
    turns[0].cancel()
    async with asyncio.timeout(10):
        await turns[1]
    assert turns[0].cancelled()
    line.let_next(ahead[1])
    line.let_next(next_one)
    assert line.is_empty
