"""The servers seen from outside, by a process of its own: python -m benchmarks.probe ORDERS.json RESULT

It asks each server for /health/live every 10 ms, on a connection of its own. After SIGUSR1 it also does a shop's daily
work, at a pace and not as fast as it can: adjustments and reads, and now and then a limit that is set. At SIGTERM it
writes its results and ends.
"""

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Final, cast

import uvloop

EVERY_S: Final = 0.01
CLIENTS: Final = 6
"""Of ordinary load, for each server and kind."""
PAUSE_S: Final = 0.2
"""Between two requests of one of them: 60 a second together for each server."""
LIMIT_EVERY_S: Final = 0.25
PATIENCE_S: Final = 40
HEALTH, ADJUST, READ, SET_LIMIT, DRIVER = "health", "adjust", "read", "setLimit", "driver"
"""Kinds of observation; the last is this process's own lag, which is not the servers' fault."""
_ADJUST: Final = """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) {
  transaction { id } account { available } userErrors { code } } }"""
_READ: Final = "query($id: ID!) { balances(customerId: $id) { asset available } }"
_SET_LIMIT: Final = "mutation($input: SetLimitInput!) { setLimit(input: $input) { userErrors { code } } }"


@dataclass(frozen=True, slots=True)
class Orders:
    """ports: of the servers. tokens: of staff, one for each client; admin: one who may set limits. customers: ids."""

    ports: list[int]
    tokens: list[str]
    admin: str
    customers: list[str]

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)))


@dataclass(slots=True)
class Seen:
    """By kind: the time of each response (seconds since 1970), and the seconds it took. bad: time, and description."""

    answers: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    bad: list[tuple[float, str]] = field(default_factory=list)

    def note(self, kind: str, began: float) -> None:
        now = time.time()
        self.answers.setdefault(kind, []).append((now, now - began))

    def write(self, file: Path) -> None:
        file.write_text(json.dumps([self.answers, self.bad]))

    @classmethod
    def read(cls, file: Path) -> "Seen":
        answers, bad = json.loads(file.read_text())
        return cls({kind: [(at, took) for at, took in seen] for kind, seen in answers.items()}, [tuple(b) for b in bad])

    def between(self, kind: str, began: float, ended: float) -> list[float]:
        """Seconds that requests sent between then took, sorted. One sent in time and answered later belongs to it."""
        return sorted(took for at, took in self.answers.get(kind, ()) if began <= at - took < ended)


class Line(asyncio.Protocol):
    """A connection that sends one request at a time."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body. Raises ConnectionError, TimeoutError."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(PATIENCE_S):
            return await self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, gap, body = bytes(self._received).partition(b"\r\n\r\n")
        _, _, rest = head.lower().partition(b"\r\ncontent-length:")
        if gap and len(body) >= int(rest.partition(b"\r\n")[0] or 0) and self._answer and not self._answer.done():
            self._received.clear()
            self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"connection lost: {error}"))

    def close(self) -> None:
        self._transport.close()


async def _asking(
    seen: Seen, kind: str, port: int, make: Callable[[], bytes], pace: Callable[[], Awaitable[None]]
) -> None:
    """Ask again and again, on a new connection if the old one is lost."""
    loop = asyncio.get_running_loop()
    while True:
        _, line = await loop.create_connection(Line, "127.0.0.1", port)
        try:
            while True:
                await pace()
                began = time.time()
                status, body = await line.ask(make())
                seen.note(kind, began)
                if status != 200 or b'"errors"' in body:
                    seen.bad.append((time.time(), f"{kind}: {status} {body[:200].decode(errors='replace')}"))
        except (ConnectionError, TimeoutError) as error:
            seen.note(kind, began)
            seen.bad.append((time.time(), f"{kind}: {type(error).__name__} {error}"))
        finally:
            line.close()


async def _health(seen: Seen, port: int) -> None:
    """Each instant that is due counts, also those that come due while waiting for a response."""
    loop = asyncio.get_running_loop()
    _, line = await loop.create_connection(Line, "127.0.0.1", port)
    due = time.time()
    while True:
        await asyncio.sleep(max(0.0, due - time.time()))
        status, _ = await line.ask(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        if status != 200:
            seen.bad.append((time.time(), f"health: {status}"))
        now = time.time()
        while due <= now:
            seen.note(HEALTH, due)
            due += EVERY_S


async def _own_lag(seen: Seen) -> None:
    while True:
        due = time.time() + EVERY_S
        await asyncio.sleep(EVERY_S)
        seen.note(DRIVER, due)


def _request(token: str, query: str, variables: dict[str, object]) -> bytes:
    body = json.dumps({"query": query, "variables": variables}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\naccept: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _ordinary(orders: Orders, seen: Seen) -> list[Awaitable[None]]:
    numbers = count()

    def adjust(token: str) -> bytes:
        given = {
            "customerId": random.choice(orders.customers),  # noqa: S311
            "asset": "GBP",
            "amount": "1.00",
            "reason": "GOODWILL",
            "idempotencyKey": f"probe-{next(numbers)}",
        }
        return _request(token, _ADJUST, {"input": given})

    def read(token: str) -> bytes:
        return _request(token, _READ, {"id": random.choice(orders.customers)})  # noqa: S311

    def set_limit(token: str) -> bytes:
        limit = {"role": "STAFF", "asset": "POINTS", "perAdjustment": str(1_000 + next(numbers))}
        return _request(token, _SET_LIMIT, {"input": limit})

    async def pause() -> None:
        await asyncio.sleep(PAUSE_S * random.uniform(0.5, 1.5))  # noqa: S311

    async def seldom() -> None:
        await asyncio.sleep(LIMIT_EVERY_S)

    tasks: list[Awaitable[None]] = []
    for port in orders.ports:
        for token in orders.tokens[:CLIENTS]:
            tasks.append(_asking(seen, ADJUST, port, lambda token=token: adjust(token), pause))  # type: ignore[misc]
            tasks.append(_asking(seen, READ, port, lambda token=token: read(token), pause))  # type: ignore[misc]
        tasks.append(_asking(seen, SET_LIMIT, port, lambda: set_limit(orders.admin), seldom))
    return tasks


async def watch(orders: Orders) -> Seen:
    """Until SIGTERM."""
    loop, seen = asyncio.get_running_loop(), Seen()
    stop, begin = asyncio.Event(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, begin.set)

    async def shop() -> None:
        await begin.wait()
        await asyncio.gather(*_ordinary(orders, seen))

    work = asyncio.gather(_own_lag(seen), *(_health(seen, port) for port in orders.ports), shop())
    print("ready", flush=True)
    await asyncio.wait([work, asyncio.ensure_future(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        work.result()
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    return seen


if __name__ == "__main__":
    uvloop.run(watch(Orders(**json.loads(Path(sys.argv[1]).read_text())))).write(Path(sys.argv[2]))
