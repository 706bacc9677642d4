"""Runs the jobs: all of them once, or each at its interval until told to stop.

A job works on one tenant at a time, in bounded steps, and keeps no state between them: if its process dies, the next
step continues from there, here or on another machine. So any number of workers may run at once.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from jobs import bulk, checkpoints, expiry, feed, keys, totals
from models.currencies import open_books
from models.errors import DatabaseAway, Unavailable
from models.ledger import Ledger
from models.ledger_metrics import JobMetrics
from models.operations.keep_feed import JOB as FEED
from models.reads.verify import every_tenant
from models.signals import Hints
from models.sources import system_clock

log = logging.getLogger(__name__)

MAX_ROUNDS: Final = 1_000_000
"""Maximum rounds of a job without a pause, while it keeps finding work."""
STOP_LIMIT_S: Final = 25.0
"""Seconds that a running step may take to end once the process is told to stop. The rest is done next time."""


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of background work.

    step: does some of the work of one tenant, and returns how much; 0 if none is left.

    interval_s: seconds to wait after a round that found nothing more. patience_s: a tenant for whom nothing was found is
    left out for a quarter of the time since something was, at most this.
    """

    name: str
    interval_s: float
    step: Callable[[Ledger, UUID], Awaitable[int]]
    patience_s: float = 0.0


class Quiet:
    """Tenants for whom a job has found nothing, and since when; `clock` gives monotonic seconds."""

    def __init__(self, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
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
    Job("keys", keys.INTERVAL_S, keys.run_once),
    Job("totals", totals.INTERVAL_S, totals.run_once),
    Job(FEED, feed.INTERVAL_S, feed.relay, feed.PATIENCE_S),
    Job(checkpoints.NAME, checkpoints.INTERVAL_S, checkpoints.run_once),
    Job("feed_pruning", feed.PRUNING_INTERVAL_S, feed.prune),
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

    hints: where something was written, so that its events are given their positions at once.
    """
    quiet = {job.name: Quiet(job.patience_s) for job in jobs}
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


async def _repeat(ledger: Ledger, job: Job, stop: asyncio.Event, quiet: Quiet) -> None:
    while not stop.is_set():
        try:
            await ledger.check_clock()
            await _round(ledger, job, stop, quiet=quiet)
        except (Unavailable, DatabaseAway) as error:  # logged at a higher level where it was found, once for all jobs
            log.debug("job %s: not now: %s", job.name, error)
        except Exception:
            ledger.metrics.job(job.name).failures += 1
            log.exception("job %s: a round failed", job.name)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), job.interval_s)


async def _round(
    ledger: Ledger, job: Job, stop: asyncio.Event, only: str | None = None, quiet: Quiet | None = None
) -> tuple[int, list[Exception]]:
    """Do all there is, and count it."""
    metrics: JobMetrics = ledger.metrics.job(job.name)
    began = time.perf_counter()
    done, failures = await _all_there_is(ledger, job, stop, only, quiet or Quiet(0.0))
    metrics.end_round(
        seconds=time.perf_counter() - began, done=done, failures=len(failures), now=system_clock().timestamp()
    )
    return done, failures


async def _all_there_is(
    ledger: Ledger, job: Job, stop: asyncio.Event, only: str | None, quiet: Quiet
) -> tuple[int, list[Exception]]:
    """Go over the tenants until no work is left, leaving out those that are suspended. A tenant whose step fails is
    retried at the next interval."""
    done, failures, broken = 0, list[Exception](), set[UUID]()
    for _ in range(MAX_ROUNDS):
        found = 0
        tenants = await every_tenant()
        quiet.keep({tenant.id for tenant in tenants})
        for tenant in tenants:
            if stop.is_set():
                return done + found, failures
            if (
                tenant.suspended
                or tenant.id in broken
                or only not in (None, tenant.slug)
                or quiet.is_left_out(tenant.id)
            ):
                continue
            try:
                await open_books(tenant.id)
                number = await job.step(ledger, tenant.id)
                quiet.note(tenant.id, number)
                found += number
            except DatabaseAway:
                raise  # it is away for all of them
            except Exception as error:  # one tenant's trouble is not the others'
                log.exception("job %s failed for tenant %s; it is retried at the next interval", job.name, tenant.slug)
                failures.append(error)
                broken.add(tenant.id)
        done += found
        if not found:
            break
    return done, failures
