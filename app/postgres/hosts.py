"""Connecting to one of several servers that a URL names, as after a failover: the one that does what is asked.

asyncpg goes on to the next by itself, but not from one that is silent (its machine is gone, and nothing answers), nor from
one that takes a connection and drops it (a proxy in front of a server that is gone). So each is asked by itself.
"""

import os
import re
import ssl
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg

from app.problems import OutOfReach
from models.errors import DatabaseAway
from models.outages import is_outage

_ONE_MUST_DECIDE: Final = "prefer-standby"
"""Only who sees all of them knows whether there is a standby."""
_REFUSED: Final = re.compile(
    r'(SASL|password|"\w+") authentication failed|no such (user|database)|login rejected'
    "|no authentication method is found|empty password returned by client"
)
"""PgBouncer says so, and without an SQLSTATE that would tell it from a server that is away."""
_NO_PEM: Final = "PEM lib"
_NO_TLS: Final = "rejected SSL upgrade"
"""The driver's words."""
_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
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
    if isinstance(error, ValueError) or is_refused(error) or is_of_tls(error) or is_of_authentication(error):
        return False
    return is_outage(error, lost=True, writes=True)


def is_refused(error: BaseException) -> bool:
    """Whether PgBouncer refuses the role, its password or the database."""
    return isinstance(error, asyncpg.ProtocolViolationError) and _REFUSED.match(str(error)) is not None


def is_of_tls(error: BaseException) -> bool:
    """Whether there can be no TLS as the URL asks for it: the server has none, or no certificate is in a file, or it is
    not trusted."""
    if isinstance(error, ssl.SSLError):
        # An error of the connection itself is of the library "SSL", or of none.
        is_of_a_file = error.library not in (None, "SSL") or _NO_PEM in str(error)
        return is_of_a_file or isinstance(error, ssl.SSLCertVerificationError)
    return isinstance(error, ConnectionError) and str(error).endswith(_NO_TLS)


def is_of_authentication(error: BaseException) -> bool:
    """Whether the server asks for an authentication that the driver does not know."""
    return isinstance(error, asyncpg.InterfaceError) and "authentication" in str(error).lower()


def unreadable_file(error: BaseException, url: str) -> str | None:
    """The file for TLS that the error is about, as the URL names it; None if it is about something else.

    The error itself does not name it, and the socket of a server that is not there yet has the same.
    """
    if not isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError):
        return None
    options = parse_qs(urlsplit(url).query)
    for name in _FILES:
        file = options.get(name, [""])[-1]
        if file and not (Path(file).is_file() and os.access(file, os.R_OK)):
            return f"{name}={file}"
    return None
