"""Connecting to one of several servers that a URL names, as after a failover: the one that does what is asked.

asyncpg goes on to the next by itself, but not from one that is silent (its machine is gone, and nothing answers), nor from
one that takes a connection and drops it (a proxy in front of a server that is gone). So each is asked by itself.
"""

from typing import Any, Final
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg

from app.problems import OutOfReach
from models.errors import DatabaseAway
from models.outages import is_outage

_ONE_MUST_DECIDE: Final = "prefer-standby"
"""Only who sees all of them knows whether there is a standby."""
_NEXT: Final = (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError, asyncpg.InternalClientError)
"""Errors of one server that say nothing of the next."""


class Hosts:
    """The servers of a URL. The one that was good last is asked first, so that a silent one is waited for once."""

    def __init__(self, url: str) -> None:
        self._urls = each_host(url)
        self._first = 0

    async def connect(self, *, timeout: float, **options: Any) -> Any:  # noqa: ASYNC109 - as asyncpg has it
        """A connection to the first server that is what the URL asks for. timeout: seconds, for all of them together.

        Raises the error of the last that could not be reached; if all could be, and none is what is asked for,
        TargetServerAttributeNotMatched.
        """
        failed: Exception | None = None
        unfit: Exception | None = None
        for number in range(len(self._urls)):
            place = (self._first + number) % len(self._urls)
            try:
                found = await asyncpg.connect(self._urls[place], timeout=timeout / len(self._urls), **options)
            except asyncpg.TargetServerAttributeNotMatched as error:
                unfit = error
            except _NEXT as error:
                failed = error
            else:
                self._first = place
                return found
        raise failed or unfit or OSError("the URL names no server")


def each_host(url: str) -> list[str]:
    """The URL, once for each server that it names."""
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    asked = parse_qs(parts.query).get("target_session_attrs", [""])[-1]
    if "," not in hosts or asked == _ONE_MUST_DECIDE:
        return [url]
    return [urlunsplit(parts._replace(netloc=f"{user}{at}{host}")) for host in hosts.split(",")]


def may_pass(error: BaseException) -> bool:
    """Whether the database could not be reached, or was lost, for a reason that may pass by itself.

    A wrong password does not, nor does a URL that is not understood, or a certificate that is not trusted.
    """
    if isinstance(error, OutOfReach | DatabaseAway):
        return True
    return not isinstance(error, ValueError) and is_outage(error, lost=True, writes=True)
