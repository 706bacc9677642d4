"""Runs the jobs: all of them once, or each at its interval until told to stop.

A job works on one tenant at a time, in bounded steps, and keeps no state between them: if its process dies, the next
step continues from there, here or on another machine. So any number of workers may run at once.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from jobs import bulk, checkpoints, expiry, feed, keys, standings, totals, webhooks
from models.currencies import open_books
from models.errors import Busy, DatabaseAway, Unavailable
from models.ledger import Ledger
from models.ledger_metrics import JobMetrics
from models.operations.keep_feed import JOB as FEED
from models.reads.verify import TenantName, every_tenant
from models.signals import Hints
from models.sources import system_clock

log = logging.getLogger(__name__)

MAX_ROUNDS: Final = 1_000_000
"""Maximum rounds of a job without a pause, while it keeps finding work."""
STOP_LIMIT_S: Final = 25.0
"""Seconds that a running step may take to end once the process is told to stop. The rest is done next time."""
PRUNING_AFTER_S: Final = 120.0
"""Seconds after which a new process prunes for the first time."""


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of background work.

    step: does some of the work of one tenant, and returns how much; 0 if none is left.

    interval_s: seconds to wait after a round that found nothing more. patience_s: a tenant for whom nothing was found is
    left out for a quarter of the time since something was, at most this. side_by_side: at how many tenants it is at a
    time; with more than one, a round does not wait for those that take longer. amounts: whether a step tells amounts or
    posts them, and so has to know the decimal places of the tenant's currencies. first_after_s: seconds until the first
    round: what is not urgent gives way to what is late when a process starts.
    """

    name: str
    interval_s: float
    step: Callable[[Ledger, UUID], Awaitable[int]]
    patience_s: float = 0.0
    side_by_side: int = 1
    amounts: bool = True
    first_after_s: float = 0.0


class Quiet:
    """Tenants for whom a job has found nothing, and since when; `clock` gives monotonic seconds. found: told of each for
    whom it has found something."""

    def __init__(self, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.found: Callable[[UUID], None] = lambda _: None
        self._patience_s = patience_s
        self._clock = clock
        self._found: dict[UUID, float] = {}
        self._asked: dict[UUID, float] = {}

    def is_left_out(self, tenant_id: UUID) -> bool:
        asked = self._asked.get(tenant_id)
        if asked is None:
            return False
        quiet_s = asked - self._found[tenant_id]
        return self._clock() - asked < min(self._patience_s, quiet_s / 4)

    def note(self, tenant_id: UUID, found: int) -> None:
        now = self._asked[tenant_id] = self._clock()
        if found or tenant_id not in self._found:
            self._found[tenant_id] = now
        if found:
            self.found(tenant_id)

    def stir(self, tenant_id: UUID) -> None:
        """Something may have happened there just now: it is looked at in the next rounds."""
        self._found[tenant_id] = self._clock()
        self._asked.pop(tenant_id, None)

    def keep(self, tenants: Collection[UUID]) -> None:
        """Forget all other tenants."""
        for each in (self._found, self._asked):
            for gone in each.keys() - tenants:
                del each[gone]


JOBS: Final = (
    Job("bulks", bulk.INTERVAL_S, bulk.run_once),
    Job("expiry", expiry.INTERVAL_S, expiry.run_once),
    Job("keys", keys.INTERVAL_S, keys.run_once, amounts=False, first_after_s=PRUNING_AFTER_S),
    Job("totals", totals.INTERVAL_S, totals.run_once, totals.PATIENCE_S, amounts=False),
    Job("standings", standings.INTERVAL_S, standings.run_once, standings.PATIENCE_S, amounts=False),
    Job(FEED, feed.INTERVAL_S, feed.relay, feed.PATIENCE_S, amounts=False),
    Job(checkpoints.NAME, checkpoints.INTERVAL_S, checkpoints.run_once, amounts=False),
    Job("feed_pruning", feed.PRUNING_INTERVAL_S, feed.prune, amounts=False, first_after_s=PRUNING_AFTER_S),
    Job(webhooks.JOB, webhooks.INTERVAL_S, webhooks.deliver, webhooks.PATIENCE_S, webhooks.SIDE_BY_SIDE, amounts=False),
    Job("webhook_pruning", webhooks.PRUNING_INTERVAL_S, webhooks.prune, amounts=False, first_after_s=PRUNING_AFTER_S),
)


async def work_once(ledger: Ledger, tenant: str | None = None, jobs: Sequence[Job] = JOBS) -> dict[str, int]:
    """Do all pending work, for one tenant (its slug) or for all. Returns how much each job did.

    Raises the errors of steps as an ExceptionGroup, after all other work is done.
    """
    done, failures = {}, []
    for job in jobs:
        done[job.name], failed = await _round(ledger, job, asyncio.Event(), tenant)
        failures += failed
    if failures:
        raise ExceptionGroup("jobs failed", failures)
    return done


async def work(ledger: Ledger, stop: asyncio.Event, jobs: Sequence[Job] = JOBS, hints: Hints | None = None) -> None:
    """Run all jobs side by side, each at its interval, until `stop` is set; steps under way are finished then.

    hints: where something was written, so that its events are given their positions at once; and where a feed has grown,
    so that webhooks get it soon.
    """
    quiet = {job.name: Quiet(job.patience_s) for job in jobs}
    if (delivering := quiet.get(webhooks.JOB)) is not None:
        if FEED in quiet:
            quiet[FEED].found = delivering.stir
        if hints is not None:
            hints.grown = delivering.stir
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(ledger, job, stop, quiet[job.name]), name=f"job {job.name}")
        if hints is not None and FEED in quiet:
            hinted = group.create_task(feed.relay_hinted(ledger, hints, quiet[FEED].stir), name="the feed, at once")
            await stop.wait()
            hinted.cancel()


@asynccontextmanager
async def working(ledger: Ledger, jobs: Sequence[Job] = JOBS, hints: Hints | None = None) -> AsyncIterator[None]:
    """Run all jobs for as long as the block lasts. hints: as for `work`."""
    stop = asyncio.Event()
    task = asyncio.create_task(work(ledger, stop, jobs, hints), name="jobs")
    try:
        yield
    finally:
        stop.set()
        try:
            await asyncio.wait_for(task, STOP_LIMIT_S)
        except TimeoutError:
            log.warning("a job did not stop within %g s and was cancelled", STOP_LIMIT_S)


class Abreast:
    """Tenants that a job is at, so many at a time at most; each in a task of its own."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: dict[UUID, asyncio.Task[int]] = {}

    def __contains__(self, tenant_id: UUID) -> bool:
        return tenant_id in self._tasks

    async def begin(self, tenant_id: UUID, steps: Coroutine[Any, Any, int]) -> int:
        """Begin at a tenant, as soon as there is room. Returns how much was done at those that have ended meanwhile."""
        self._tasks[tenant_id] = asyncio.create_task(steps, name=f"job at {tenant_id}")
        if len(self._tasks) >= self._most:
            await asyncio.wait(self._tasks.values(), return_when=asyncio.FIRST_COMPLETED)
        return self.ended()

    def ended(self) -> int:
        """How much was done at those that have ended since. Raises what one of them has raised."""
        over = [tenant_id for tenant_id, task in self._tasks.items() if task.done()]
        tasks = [self._tasks.pop(tenant_id) for tenant_id in over]
        failed = [task for task in tasks if task.exception() is not None]
        return sum(task.result() for task in failed or tasks)

    async def all(self) -> int:
        """Wait for all of them. Returns how much was done."""
        if self._tasks:
            await asyncio.wait(self._tasks.values())
        return self.ended()

    async def stop(self) -> None:
        """Cancel what is still under way."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()


async def _repeat(ledger: Ledger, job: Job, stop: asyncio.Event, quiet: Quiet) -> None:
    abreast = Abreast(job.side_by_side)
    try:
        await _rounds(ledger, job, stop, quiet, abreast)
        with suppress(DatabaseAway):
            await abreast.all()
    finally:
        await abreast.stop()


async def _rounds(ledger: Ledger, job: Job, stop: asyncio.Event, quiet: Quiet, abreast: Abreast) -> None:
    await _wait(stop, job.first_after_s)
    while not stop.is_set():
        try:
            await ledger.check_clock()
            await _round(ledger, job, stop, quiet=quiet, abreast=abreast)
        except (Unavailable, DatabaseAway) as error:  # logged at a higher level where it was found, once for all jobs
            log.debug("job %s: not now: %s", job.name, error)
        except Exception:
            ledger.metrics.job(job.name).failures += 1
            log.exception("job %s: a round failed", job.name)
        await _wait(stop, job.interval_s)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    """At most so long."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def _round(
    ledger: Ledger,
    job: Job,
    stop: asyncio.Event,
    only: str | None = None,
    quiet: Quiet | None = None,
    abreast: Abreast | None = None,
) -> tuple[int, list[Exception]]:
    """Do all there is, and count it. abreast: of a job that goes on at some tenants while the next round begins."""
    metrics: JobMetrics = ledger.metrics.job(job.name)
    began = time.perf_counter()
    round_ = _Round(ledger, job, stop, only, quiet or Quiet(0.0))
    if job.side_by_side > 1:
        done = await round_.abreast(abreast or Abreast(job.side_by_side), wait=abreast is None)
    else:
        done = await round_.all_there_is()
    metrics.end_round(seconds=time.perf_counter() - began, done=done, now=system_clock().timestamp())
    return done, round_.failures


class _Round:
    """A round of a job over the tenants, leaving out those that are suspended. A tenant whose step fails is retried at the
    next interval."""

    def __init__(self, ledger: Ledger, job: Job, stop: asyncio.Event, only: str | None, quiet: Quiet) -> None:
        self._ledger = ledger
        self._job = job
        self._stop = stop
        self._only = only
        self._quiet = quiet
        self._broken: set[UUID] = set()
        self.failures: list[Exception] = []

    async def all_there_is(self) -> int:
        """Go over the tenants until no work is left. Returns how much was done."""
        done = 0
        for _ in range(MAX_ROUNDS):
            found = 0
            for tenant in await self._tenants():
                if self._stop.is_set():
                    return done + found
                found += await self._step(tenant)
            done += found
            if not found:
                break
        return done

    async def abreast(self, at: Abreast, *, wait: bool) -> int:
        """Begin at each tenant that the job is not at already. wait: until no work is left. Returns how much was done."""
        done = at.ended()
        for tenant in await self._tenants():
            if self._stop.is_set():
                break
            if tenant.id not in at:
                done += await at.begin(tenant.id, self._steps(tenant))
        return done + (await at.all() if wait else at.ended())

    async def _steps(self, tenant: TenantName) -> int:
        done = 0
        for _ in range(MAX_ROUNDS):
            found = 0 if self._stop.is_set() else await self._step(tenant)
            done += found
            if not found:
                break
        return done

    async def _tenants(self) -> list[TenantName]:
        tenants = await every_tenant()
        self._quiet.keep({tenant.id for tenant in tenants})
        return [tenant for tenant in tenants if self._has(tenant)]

    def _has(self, tenant: TenantName) -> bool:
        return not (
            tenant.suspended
            or tenant.id in self._broken
            or self._only not in (None, tenant.slug)
            or self._quiet.is_left_out(tenant.id)
        )

    async def _step(self, tenant: TenantName) -> int:
        try:
            if self._job.amounts:
                await open_books(tenant.id)
            number = await self._job.step(self._ledger, tenant.id)
        except DatabaseAway:
            raise  # it is away for all of them
        except Exception as error:  # one tenant's trouble is not the others'
            name, passes = self._job.name, isinstance(error, Busy | Unavailable)
            log.log(
                logging.WARNING if passes else logging.ERROR,
                "job %s failed for tenant %s; it is retried at the next interval%s",
                name,
                tenant.slug,
                f": {error}" if passes else "",
                exc_info=not passes,
            )
            self._ledger.metrics.job(name).failures += 1
            self.failures.append(error)
            self._broken.add(tenant.id)
            return 0
        self._quiet.note(tenant.id, number)
        return number
