"""The worker: every tenant, every job, at its interval, and nothing that one of them does stops the rest."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import pytest

from app.postgres.embedded import Urls
from jobs.worker import Job, work_once, working
from models.errors import Busy, Unavailable
from models.ledger import Ledger
from models.operations.suspend_tenant import resume_tenant, suspend_tenant
from tests.support.mutating import statements_sent
from tests.support.tenants import ADMIN, Tenant, make_tenant

MOST_WHERE_NOTHING_IS_DUE = 16


@pytest.fixture
async def ledger(database: Urls) -> AsyncIterator[Ledger]:
    ledger = Ledger()
    yield ledger
    await ledger.close()


@pytest.fixture
async def tenants(ledger: Ledger) -> list[Tenant]:
    return [await make_tenant(ledger) for _ in range(2)]


class Steps:
    """Has `left` to do for each of some tenants, one at a step."""

    def __init__(self, tenants: list[Tenant], left: int, *, fails_for: UUID | None = None) -> None:
        self.left = {tenant.id: left for tenant in tenants}
        self.taken: Counter[UUID] = Counter()
        self.fails_for = fails_for
        self.idle = asyncio.Event()

    async def __call__(self, _: Ledger, tenant_id: UUID) -> int:
        if tenant_id not in self.left:
            return 0
        self.taken[tenant_id] += 1
        if tenant_id == self.fails_for:
            raise RuntimeError("no")
        if self.left[tenant_id] == 0:
            self.idle.set()
            return 0
        self.left[tenant_id] -= 1
        return 1


async def test_once_does_all_there_is_and_says_how_much(ledger: Ledger, tenants: list[Tenant]) -> None:
    many, none = Steps(tenants, 3), Steps(tenants, 0)
    jobs = (Job("many", 60, many), Job("none", 60, none))
    assert await work_once(ledger, jobs=jobs) == {"many": 6, "none": 0}
    assert set(many.left.values()) == {0}
    assert await work_once(ledger, tenants[0].slug, (Job("many", 60, many),)) == {"many": 0}
    assert many.taken == {tenants[0].id: 5, tenants[1].id: 4}


async def test_each_round_is_counted(ledger: Ledger, tenants: list[Tenant]) -> None:
    """Also that work is late, as long as it is."""

    class Late(Steps):
        async def __call__(self, ledger: Ledger, tenant_id: UUID) -> int:
            if self.left.get(tenant_id):
                ledger.metrics.job("late").found(40.0 * self.left[tenant_id])
            return await super().__call__(ledger, tenant_id)

    late = Late(tenants, 2)
    assert ledger.metrics.job("late").lag_s == 0
    await work_once(ledger, jobs=(Job("late", 60, late),))
    metrics = ledger.metrics.jobs["late"]
    assert (metrics.rounds, metrics.done, metrics.failures, metrics.lag_s) == (1, 4, 0, 80.0)
    assert metrics.ended_at > 0
    assert metrics.seconds > 0
    late.fails_for = tenants[0].id
    with pytest.raises(ExceptionGroup):
        await work_once(ledger, jobs=(Job("late", 60, late),))
    assert (metrics.rounds, metrics.done, metrics.failures, metrics.lag_s) == (2, 4, 1, 0.0)


async def test_a_suspended_tenant_is_left_alone_until_it_is_resumed(ledger: Ledger, tenants: list[Tenant]) -> None:
    resting, working_on = tenants
    assert await suspend_tenant(ledger, resting.id, ADMIN)
    steps = Steps(tenants, 2)
    assert await work_once(ledger, jobs=(Job("many", 60, steps),)) == {"many": 2}
    assert steps.taken == {working_on.id: 3}
    assert await resume_tenant(ledger, resting.id, ADMIN)
    assert await work_once(ledger, jobs=(Job("many", 60, steps),)) == {"many": 2}


async def test_a_tenant_that_fails_is_left_to_the_next_time_and_the_rest_is_done(
    ledger: Ledger, tenants: list[Tenant]
) -> None:
    failing, after = Steps(tenants, 2, fails_for=tenants[0].id), Steps(tenants, 1)
    with pytest.raises(ExceptionGroup) as caught:
        await work_once(ledger, jobs=(Job("failing", 60, failing), Job("after", 60, after)))
    assert [str(error) for error in caught.value.exceptions] == ["no"]
    assert failing.taken[tenants[0].id] == 1
    assert failing.left[tenants[1].id] == 0
    assert set(after.left.values()) == {0}


@pytest.mark.parametrize("error", [Busy(), Unavailable(9)])
async def test_who_finds_others_at_work_says_so_in_a_line(
    ledger: Ledger, tenants: list[Tenant], error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def step(_: Ledger, tenant_id: UUID) -> int:
        if tenant_id == tenants[0].id:
            raise error
        return 0

    with pytest.raises(ExceptionGroup):
        await work_once(ledger, jobs=(Job("waits", 60, step),))
    (told,) = [each for each in caplog.records if each.name == "jobs.worker"]
    assert (told.levelname, bool(told.exc_info)) == ("WARNING", False)
    assert told.message.startswith(
        f"job waits failed for tenant {tenants[0].slug}; it is retried at the next interval: "
    )
    assert str(error) in told.message
    assert ledger.metrics.jobs["waits"].failures == 1


async def test_it_goes_on_at_its_interval_until_the_block_ends(ledger: Ledger, tenants: list[Tenant]) -> None:
    steady, broken = Steps(tenants, 0), Steps(tenants, 1, fails_for=tenants[0].id)
    async with working(ledger, (Job("steady", 0.001, steady), Job("broken", 0.001, broken))):
        for steps in (steady, broken):
            for _ in range(3):
                steps.idle.clear()
                async with asyncio.timeout(10):
                    await steps.idle.wait()
    taken = steady.taken.total(), broken.taken.total()
    assert min(taken) >= 3
    assert (steady.taken.total(), broken.taken.total()) == taken
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("job")]


async def _until(true: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if true():
            return
        await asyncio.sleep(0.01)


async def test_side_by_side_nobody_waits_for_a_tenant_that_takes_long(ledger: Ledger, tenants: list[Tenant]) -> None:
    slow, quick = tenants
    steps, blocked, begun = Steps(tenants, 3), asyncio.Event(), asyncio.Event()

    async def step(ledger: Ledger, tenant_id: UUID) -> int:
        if tenant_id == slow.id:
            begun.set()
            await blocked.wait()
        return await steps(ledger, tenant_id)

    async with working(ledger, (Job("abreast", 0.001, step, side_by_side=4),)):
        async with asyncio.timeout(20):
            await begun.wait()
            await _until(lambda: not steps.left[quick.id])
        assert steps.taken[slow.id] == 0
        blocked.set()
        async with asyncio.timeout(20):
            await _until(lambda: not steps.left[slow.id])
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("job")]


async def test_side_by_side_once_does_all_there_is(ledger: Ledger, tenants: list[Tenant]) -> None:
    many, failing = Steps(tenants, 3), Steps(tenants, 2, fails_for=tenants[0].id)
    assert await work_once(ledger, jobs=(Job("many", 60, many, side_by_side=2),)) == {"many": 6}
    with pytest.raises(ExceptionGroup):
        await work_once(ledger, jobs=(Job("failing", 60, failing, side_by_side=2),))
    assert failing.left[tenants[1].id] == 0
    assert ledger.metrics.jobs["failing"].failures == 1


async def test_where_nothing_is_due_little_is_asked(ledger: Ledger, tenants: list[Tenant]) -> None:
    """With thousands of tenants, most of them quiet, this is what a round takes."""
    await work_once(ledger, tenants[0].slug)
    with statements_sent() as sent:
        done = await work_once(ledger, tenants[0].slug)
    assert set(done.values()) == {0}
    own = [sql for sql, arguments in sent if tenants[0].id in arguments]
    assert len(own) <= MOST_WHERE_NOTHING_IS_DUE, own


async def test_what_is_not_urgent_begins_later(ledger: Ledger, tenants: list[Tenant]) -> None:
    at_once, later = Steps(tenants, 1), Steps(tenants, 1)
    async with working(ledger, (Job("at once", 0.01, at_once), Job("later", 0.01, later, first_after_s=60.0))):
        async with asyncio.timeout(30):
            await at_once.idle.wait()
    assert not later.taken
