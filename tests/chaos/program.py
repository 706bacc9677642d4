"""`scrip serve` or `scrip work`, as the chaos starts it: python -m tests.chaos.program serve

It ends with the process that started it. SIGUSR1 sets its wall clock off, SIGUSR2 sets it right again. What a job would do
in a minute it does in a second, and a claim that a dead worker has left ends in seconds, not minutes.
"""

import os
import signal
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Final

from app.cli import main, work
from app.postgres.launch import stop_with_parent
from jobs.worker import JOBS, working
from models import sources
from models.operations import bulk_claims

OFF_S: Final = 9.0
OFTEN_S: Final = 1.0
CLAIM: Final = timedelta(seconds=6)


class WallClock:
    """`datetime`, as models/sources.py needs it."""

    off = timedelta()

    @classmethod
    def now(cls, zone: tzinfo) -> datetime:
        return datetime.now(zone) + cls.off

    @staticmethod
    def fromtimestamp(seconds: float, zone: tzinfo) -> datetime:
        return datetime.fromtimestamp(seconds, zone)


def set_clock(number: int, _: object) -> None:
    WallClock.off = timedelta(seconds=OFF_S if number == signal.SIGUSR1 else 0)


if __name__ == "__main__":
    stop_with_parent(os.getppid(), signal.SIGKILL)
    signal.signal(signal.SIGUSR1, set_clock)
    signal.signal(signal.SIGUSR2, set_clock)
    setattr(sources, "datetime", WallClock)  # noqa: B010 - of another type
    setattr(bulk_claims, "CLAIM", CLAIM)  # noqa: B010 - final
    often = tuple(replace(job, interval_s=min(job.interval_s, OFTEN_S)) for job in JOBS)
    setattr(work, "working", partial(working, jobs=often))  # noqa: B010
    main()
