"""A subscription that goes on: reading a stream of events, and what to do once it ends."""

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx

from scrip_client.errors import Fault, ScripError, faults_of
from scrip_client.operations_base import Subscription
from scrip_client.retrying import Answered, Retries, body_of_answer, failure

MAX_FAILURES: Final = 20
"""A stream that could not be had so many times in a row is given up."""
_PASSES: Final = frozenset(
    {"BUSY", "RATE_LIMITED", "TIMEOUT", "TOO_MANY_SUBSCRIPTIONS", "TOO_SLOW", "UNAUTHENTICATED", "UNAVAILABLE"}
)
"""Codes after which the same subscription may be had again, UNAUTHENTICATED with another token."""
BROKE_OFF: Final = ConnectionError("The stream broke off.")


class Events:
    """Events of a stream, put together from its bytes. (A line ends with a line feed, and with nothing else that is
    called a line's end somewhere: texts have these.)"""

    def __init__(self) -> None:
        self._rest = b""
        self._event = ""
        self._data: list[bytes] = []

    def take(self, piece: bytes) -> Iterator[tuple[str, Any]]:
        """The events that end within this piece, and their data."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"event:"):
                self._event = line[6:].decode().strip()
            elif line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line.strip() and self._event:
                text = b"\n".join(self._data).strip()
                yield self._event, json.loads(text) if text else None
                self._event, self._data = "", []


class Place:
    """Where a subscription is: itself with the last cursor, and how often it failed since then.

    is_faulty: a message had an error, or the stream was refused. Nothing more is read of that stream: what comes behind
    the message would be told in its place.
    """

    def __init__(self, subscription: Subscription[Any], retries: Retries, *, renewable: bool) -> None:
        self.subscription = subscription
        self.is_over = False
        self.is_faulty = False
        self._resumes = "$after" in subscription.text
        self._retries = retries
        self._renewable = renewable
        self._failures = 0
        self._unauthenticated = False
        self._error: Exception = BROKE_OFF

    def begin(self) -> Subscription[Any]:
        """The subscription to ask for."""
        self.is_faulty = False
        return self.subscription

    def messages(self, event: str, result: Any) -> Iterator[Any]:
        """The message of an event, if it has one. It is worked off once the next is asked for. Raises ScripError."""
        if event == "complete":
            self.is_over = True
        if event != "next":
            return
        faults = faults_of(result)
        if faults:
            self._judge(ScripError(faults))
            return
        message = result["data"][self.subscription.field]
        yield message
        self._failures, self._unauthenticated, self._error = 0, False, BROKE_OFF
        if self._resumes and message and message.get("cursor"):
            self.subscription = self.subscription.having(after=message["cursor"])

    def refused(self, response: httpx.Response) -> None:
        """Take note of an answer that is no stream. Raises ScripError if the same will not be had again."""
        body = body_of_answer(response)
        self._judge(failure(Answered(response, body), faults_of(body)))

    def broke(self, error: httpx.TransportError) -> None:
        """Take note of a connection that failed."""
        self._failures += 1
        self._error = error

    def pause(self) -> float:
        """Seconds until it is asked for again. Raises ScripError once it has failed too often in a row."""
        if self._failures > MAX_FAILURES:
            raise ScripError([Fault("NO_STREAM", f"{type(self._error).__name__}: {self._error}")]) from self._error
        asked = self._error.retry_after if isinstance(self._error, ScripError) else None
        self._failures = max(self._failures, 1)
        return max(asked or 0, self._retries.pause(self._failures))

    def _judge(self, error: ScripError) -> None:
        """Raise the error, unless the same may be had again."""
        self.is_faulty = True
        self._failures += 1
        self._error = error
        codes = {fault.code for fault in error.faults}
        if not codes <= _PASSES and error.status not in (429, 502, 503, 504):
            raise error
        if "UNAUTHENTICATED" in codes:
            if self._unauthenticated or not self._renewable:
                raise error
            self._unauthenticated = True
