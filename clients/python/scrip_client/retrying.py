"""Which requests are sent again, and when: the same for the client that waits and the asynchronous one.

`exchange` is a generator that says what to do next, and is told what came of it. Whoever drives it sends and sleeps.
"""

import random
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final

import httpx

from scrip_client.errors import NO_ANSWER, Fault, ScripError, faults_of

FOR_NOW: Final = frozenset({"BUSY", "UNAVAILABLE"})
"""Codes of userErrors that say nothing about the request: nothing was changed, and the same may succeed."""
NOTHING_DONE: Final = frozenset({"BUSY", "RATE_LIMITED"})
"""Codes under which nothing of a request was done, so that even a mutation without a key may be sent again."""
_TRANSIENT: Final = frozenset({408, 429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a request is sent, the first time included, and how long is waited before the next time.

    first, longest: seconds. Each wait is drawn between half of its bound and the bound, which doubles. A server that
    asks for more than `longest` seconds is not waited for: the error says how long it would be.
    """

    attempts: int = 5
    first: float = 0.5
    longest: float = 30.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError("A request is sent once at least.")

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row, from 1."""
        bound = min(self.longest, self.first * 2.0 ** min(failures - 1, 16))
        return bound * (0.5 + random.random() / 2)  # noqa: S311 (it keeps clients apart, and hides nothing)


@dataclass(frozen=True, slots=True)
class Wait:
    """Sleep so many seconds, and then go on."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that is not to be waited for any more, and its body, if that is JSON."""

    response: httpx.Response
    body: Any


Step = Wait | None
"""Wait, or send the request (None)."""
Exchange = Generator[Step, httpx.Response | httpx.TransportError | None, Answered]


def exchange(retries: Retries, *, again: bool, renewable: bool) -> Exchange:
    """Send until there is an answer.

    again: whether it may be sent again after it may have been done: a query, or a mutation with a key. renewable:
    whether asking for the token again may bring another one. Raises ScripError if no answer came.
    """
    renewed = False
    for attempt in range(1, retries.attempts + 1):
        reply = yield None
        if isinstance(reply, httpx.TransportError):
            error = no_answer(reply)
            if attempt == retries.attempts or (error.unknown and not again):
                raise error
            yield Wait(retries.pause(attempt))
            continue
        assert reply is not None  # noqa: S101 (for the type checker)
        answered = Answered(reply, body_of_answer(reply))
        if reply.status_code == 401 and renewable and not renewed:
            renewed = True
            continue
        asked = _retry_after(reply)
        if attempt == retries.attempts or not _for_now(answered, again=again) or (asked or 0) > retries.longest:
            return answered
        yield Wait(max(asked or 0, retries.pause(attempt)))
    return answered


def no_answer(error: httpx.TransportError) -> ScripError:
    """The exception for a request without an answer. What could not be connected to has not been reached."""
    unknown = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return ScripError([Fault(NO_ANSWER, f"{type(error).__name__}: {error}")], unknown=unknown)


def failure(answered: Answered, faults: tuple[Fault, ...]) -> ScripError:
    """The exception for an answer. faults: those of its errors to tell."""
    response = answered.response
    if not faults:
        faults = (Fault(f"HTTP_{response.status_code}", response.text[:200]),)
    return ScripError(
        faults,
        status=response.status_code,
        retry_after=_retry_after(response),
        request_id=response.headers.get("x-request-id"),
        unknown=response.status_code in _TRANSIENT and faults[0].code not in NOTHING_DONE,
    )


def has_key(variables: Any) -> bool:
    """Whether each object in the variables has an idempotency key, and there is one."""
    inputs = [value for value in variables.values() if isinstance(value, dict)]
    return bool(inputs) and all(value.get("idempotencyKey") for value in inputs)


def _for_now(answered: Answered, *, again: bool) -> bool:
    """Whether the same request may be answered otherwise in a while, and may be sent again."""
    codes = {fault.code for fault in faults_of(answered.body)}
    if answered.response.status_code in _TRANSIENT:
        return again or (bool(codes) and codes <= NOTHING_DONE)
    if codes:
        return again and codes == {"BUSY"}
    refusals = _user_error_codes(answered.body)
    return bool(refusals) and refusals <= FOR_NOW


def _user_error_codes(body: Any) -> set[str]:
    """The codes of userErrors, at the top of a file's answer or in the payloads of mutations."""
    if not isinstance(body, dict):
        return set()
    payloads = [body, *(body.get("data") or {}).values()]
    found = [payload.get("userErrors") or () for payload in payloads if isinstance(payload, dict)]
    return {error.get("code", "") for errors in found for error in errors}


def body_of_answer(response: httpx.Response) -> Any:
    """The body, if it is JSON; else None."""
    try:
        return response.json()
    except ValueError:
        return None


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that the answer asks to wait; None if it does not, or says it as a date."""
    told = response.headers.get("retry-after", "")
    return float(told) if told.isascii() and told.isdigit() else None
