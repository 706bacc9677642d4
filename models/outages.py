"""Outages of the database: how to tell one from an error of a statement, and the one line logged for each.

Every failure because the database is away, full or read-only becomes `DatabaseAway` where connections are taken
(models/session.py), so that no code above needs to know the driver's exceptions.
"""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import asyncpg
from tortoise.exceptions import BaseORMException

from models.errors import DatabaseAway

log = logging.getLogger(__name__)

QUIET_S: Final = 2.0
"""An outage is over once a statement has worked and none has failed for this long: a flickering one counts as one."""
WRITES_QUIET_S: Final = 20.0
DOUBT_S: Final = 5.0
"""How long after a failed write this server reports that it is not ready. Then requests find out the state: only a
write can tell whether there is room again."""
_CONNECTIONS: Final = "08"
_RESOURCES: Final = "53"
_SYSTEM: Final = "58"
_CLASSES: Final = (_CONNECTIONS, _RESOURCES, _SYSTEM)
"""SQLSTATE classes: connections, lack of resources (disk, memory, connections), system errors."""
_READ_ONLY: Final = "25006"
_LEAVING: Final = frozenset({"57P01", "57P02", "57P03", "57P04", "57P05"})
"""The server, or this connection's backend, ends, has crashed, is starting, or its database was dropped."""


def cause_of(error: BaseException) -> BaseException:
    """The driver's error, if the ORM has wrapped it."""
    while isinstance(error, BaseORMException) and error.__cause__ is not None:
        error = error.__cause__
    return error


def is_outage(error: BaseException, *, lost: bool, writes: bool) -> bool:
    """Whether a statement failed because the database cannot be used now, and not because of the statement.

    lost: whether its connection is gone. writes: whether it may write; otherwise "read-only" is a bug in Scrip.
    """
    cause = cause_of(error)
    if isinstance(cause, asyncpg.PostgresError):
        state = str(getattr(cause, "sqlstate", None) or "")
        if state == _READ_ONLY:
            return writes
        return state.startswith(_CLASSES) or state in _LEAVING
    return lost and isinstance(cause, OSError | asyncpg.InterfaceError | asyncpg.InternalClientError)


def is_worth_another(error: BaseException, *, lost: bool) -> bool:
    """Whether a retry on another connection may work: this one was lost, or leads to a server that has become a
    standby."""
    return lost or getattr(cause_of(error), "sqlstate", None) == _READ_ONLY


class Outages:
    """One pool's outages: the first failure's time, and the number. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._began: float | None = None
        self._failed_at = 0.0
        self._worked_at: float | None = None
        self._write_failed_at: float | None = None
        self._of_writes = False
        self._failures = 0

    def failed(
        self, error: BaseException, *, unknown: bool = False, again: bool = False, write: bool = False
    ) -> DatabaseAway:
        """Count a failure, and log the first of an outage. Returns the error to raise from it.

        unknown, again: see DatabaseAway. write: whether reading may work all the same.
        """
        now = self._clock()
        if self._began is None:
            self._began, self._failures = now, 0
            log.error("the database cannot be used: %s", _in_a_line(error))
        self._failures += 1
        self._failed_at, self._worked_at, self._of_writes = now, None, write
        if write:
            self._write_failed_at = now
        return DatabaseAway(unknown=unknown, again=again)

    def worked(self, *, write: bool = False) -> None:
        """Note a success. Logs the end of an outage, once it is sure to be over."""
        if self._began is None or (self._of_writes and not write):
            return
        now = self._clock()
        if self._worked_at is None:
            self._worked_at = now
        # A write that finds nothing to do works on a full disk, too.
        if now - self._failed_at >= (WRITES_QUIET_S if self._of_writes else QUIET_S):
            log.warning(
                "the database can be used again, after %.1f s; %d operations failed",
                self._worked_at - self._began,
                self._failures,
            )
            self._began = None

    @property
    def writes_fail(self) -> bool:
        """Whether a write has just failed because the disk is full or the database read-only."""
        return self._write_failed_at is not None and self._clock() - self._write_failed_at < DOUBT_S


def _in_a_line(error: BaseException) -> str:
    cause: Any = cause_of(error)
    return " ".join(f"{type(cause).__name__}: {cause}".split())
