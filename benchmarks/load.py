"""The load generator, a process of its own: python -m benchmarks.load ORDER.json RESULT

Plain HTTP/1.1 on kept-alive connections, one request at a time on each, as fast as the responses come. Request bytes
are made beforehand but for the idempotency key and the picked id. It says `ready` once every connection is open, and at
SIGTERM waits for responses under way, writes its log and ends.
"""

import asyncio
import json
import random
import re
import signal
import sys
import time
from array import array
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, cast

import uvloop

KEY: Final = "@KEY@"
"""Stands in an order's variables for a fresh idempotency key."""
PICK: Final = "@PICK@"
"""Stands in an order's variables for one of the order's ids, drawn anew for each request."""
OTHER: Final = "@OTHER@"
"""Stands in an order's variables for what belongs to the id drawn last: its invoice, for one."""
LAST_ANSWERS_S: Final = 10
_MARKS: Final = re.compile(f"({KEY}|{PICK}|{OTHER})")


@dataclass(frozen=True, slots=True)
class Order:
    """tokens: one for each connection. ids: all of one length, which the request's length counts on; others: as many, what
    belongs to each.

    expected: a part of every good response. prefix: of the idempotency keys, so that no two runs share one.
    """

    port: int
    tokens: list[str]
    query: str
    variables: dict[str, object]
    ids: list[str]
    expected: str
    prefix: str
    others: list[str] = field(default_factory=list)
    path: str = "/graphql"

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, file: Path) -> "Order":
        return cls(**json.loads(file.read_text()))


@dataclass(frozen=True, slots=True)
class Log:
    """Of each response: the time it came (seconds since 1970), and the seconds after its request. bad: wrong ones."""

    ends: "array[float]"
    latencies: "array[float]"
    bad: list[str]

    def write(self, file: Path) -> None:
        file.write_text(json.dumps([self.ends.tolist(), self.latencies.tolist(), self.bad]))

    @classmethod
    def read(cls, file: Path) -> "Log":
        ends, latencies, bad = json.loads(file.read_text())
        return cls(array("d", ends), array("d", latencies), bad)


class Requests:
    """Makes the bytes of one request after the other."""

    def __init__(self, order: Order) -> None:
        self._path = order.path
        body = json.dumps({"query": order.query, "variables": order.variables}, separators=(",", ":"))
        self._parts = [part.encode() for part in _MARKS.split(body)]
        makers = {KEY: self._key, PICK: self._pick, OTHER: self._other}
        self._slots = [n for n, part in enumerate(self._parts) if part.decode() in makers]
        self._makers: list[Callable[[], bytes]] = [makers[self._parts[n].decode()] for n in self._slots]
        self._ids = [each.encode() for each in order.ids]
        self._others = [each.encode() for each in order.others]
        self._drawn = 0
        self._prefix = order.prefix
        self._count = 0
        self._length = sum(map(len, self._filled()))

    def head(self, token: str) -> bytes:
        """The beginning of a connection's requests."""
        lines = (
            f"POST {self._path} HTTP/1.1",
            "host: localhost",
            f"authorization: Bearer {token}",
            "content-type: application/json",
            "accept: application/json",
            f"content-length: {self._length}",
        )
        return "\r\n".join((*lines, "", "")).encode()

    def body(self) -> bytes:
        return b"".join(self._filled())

    def _filled(self) -> list[bytes]:
        parts = self._parts.copy()
        for slot, make in zip(self._slots, self._makers, strict=True):
            parts[slot] = make()
        return parts

    def _key(self) -> bytes:
        self._count += 1
        return b"%s-%09d" % (self._prefix.encode(), self._count)

    def _pick(self) -> bytes:
        self._drawn = int(random.random() * len(self._ids))  # noqa: S311 - not a secret
        return self._ids[self._drawn]

    def _other(self) -> bytes:
        return self._others[self._drawn]


class Connection(asyncio.Protocol):
    """Sends a request, waits for its response, and so on."""

    def __init__(self, requests: Requests, token: str, expected: bytes, log: Log) -> None:
        self.stopping = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._head = requests.head(token)
        self._expected = expected
        self._log = log
        self._received = b""
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def send(self) -> None:
        request = self._head + self._requests.body()
        self._began = time.time()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, gap, body = self._received.partition(b"\r\n\r\n")
        if not gap or len(body) < _content_length(head):
            return
        now = time.time()
        self._log.ends.append(now)
        self._log.latencies.append(now - self._began)
        if not head.startswith(b"HTTP/1.1 200") or self._expected not in body or b'"errors":' in body:
            self._log.bad.append(self._received.decode(errors="replace"))
        self._received = b""
        if self.stopping:
            self._transport.close()
        else:
            self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.stopping:
            self._log.bad.append(f"connection lost: {error}")
        if not self.done.done():
            self.done.set_result(None)


def _content_length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0])


async def drive(order: Order) -> Log:
    """Keep every connection busy until SIGTERM."""
    loop, log, requests = asyncio.get_running_loop(), Log(array("d"), array("d"), []), Requests(order)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    connections = []
    for token in order.tokens:
        made = Connection(requests, token, order.expected.encode(), log)
        await loop.create_connection(lambda made=made: made, "127.0.0.1", order.port)  # type: ignore[misc]
        connections.append(made)
    for connection in connections:
        connection.send()
    print("ready", flush=True)
    await stop.wait()
    for connection in connections:
        connection.stopping = True
    await asyncio.wait_for(asyncio.gather(*(connection.done for connection in connections)), LAST_ANSWERS_S)
    return log


if __name__ == "__main__":
    uvloop.run(drive(Order.read(Path(sys.argv[1])))).write(Path(sys.argv[2]))
