"""The exit status of a command that is told to stop by SIGTERM or SIGHUP. Everything started is stopped on the way out, as
after Ctrl-C."""

import signal
import sys
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)
BY_A_SIGNAL: Final = 128
"""A shell's exit status for a program that a signal ended is this and the signal's number."""


def stop_is_failure() -> None:
    """For a command that ends by itself: stopped half way, it has not done what was asked of it."""
    _end_by(_half_way)


def stop_is_success() -> None:
    """For a command that runs until it is told to stop."""
    _end_by(_done)


def _end_by(handler: "signal._HANDLER") -> None:
    for number in SIGNALS:
        signal.signal(number, handler)


def _half_way(number: int, frame: FrameType | None) -> None:
    sys.exit(BY_A_SIGNAL + number)


def _done(number: int, frame: FrameType | None) -> None:
    sys.exit(0)
