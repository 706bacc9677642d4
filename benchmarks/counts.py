"""Counts of one request, not times: statements that PostgreSQL is sent, and objects left in cycles.

Requests go one after the other over one connection, so that each has its statements for itself: BEGIN and COMMIT count
too. What is left in cycles is counted by the server's own collector, which does not run by itself meanwhile
(benchmarks/with_garbage.py).
"""

import asyncio
import http.client
import os
import re
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Final

import asyncpg

from app.postgres.embedded import APP
from benchmarks.load import Order, Requests
from benchmarks.rig import Rig, Server
from benchmarks.with_garbage import garbage_file

REQUESTS, WARM_UP = 50, 20
LIMIT_S: Final = 30
_STATEMENT: Final = re.compile(rb"LOG:  (?:execute [^:]+|statement): ")

OrderOf = Callable[[Server, str, str], Order]
"""From the server, the kind of request, and the beginning of its keys."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Of one request: the mean over some."""

    statements: float
    garbage: float

    HEAD: ClassVar = ("statements", "objects in cycles")

    def row(self) -> list[str]:
        return [f"{self.statements:.1f}", f"{self.garbage:.1f}"]


def count(rig: Rig, order_of: OrderOf, kinds: Iterable[str]) -> dict[str, Counted]:
    """Of each kind of request. Raises RuntimeError if a response is not as its order expects."""
    found: dict[str, Counted] = {}
    asyncio.run(_log_statements(rig, True))
    with rig.server("benchmarks.with_garbage") as server:
        for n, kind in enumerate(kinds):
            with _connected(server) as connection:
                _send(connection, order_of(server, kind, f"warm-{n}"), WARM_UP)
                _collected(rig, server)
                log = rig.folder / "postgres.log"
                began = log.stat().st_size
                _send(connection, order_of(server, kind, f"count-{n}"), REQUESTS)
                garbage = _collected(rig, server)
            with log.open("rb") as stream:
                stream.seek(began)
                statements = len(_STATEMENT.findall(stream.read()))
            found[kind] = Counted(statements / REQUESTS, garbage / REQUESTS)
    asyncio.run(_log_statements(rig, False))
    return found


async def _log_statements(rig: Rig, wanted: bool) -> None:
    """Whether PostgreSQL notes each statement of the servers that connect from now on."""
    admin = await asyncpg.connect(rig.urls.admin)
    try:
        await admin.execute(f"ALTER ROLE {APP} SET log_statement = '{'all' if wanted else 'none'}'")
    finally:
        await admin.close()


@contextmanager
def _connected(server: Server) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_S)
    try:
        yield connection
    finally:
        connection.close()


def _send(connection: http.client.HTTPConnection, order: Order, number: int) -> None:
    requests = Requests(order)
    headers = {"authorization": f"Bearer {order.tokens[0]}", "content-type": "application/json"}
    for _ in range(number):
        connection.request("POST", order.path, requests.body(), headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200 or order.expected.encode() not in body or b'"errors":' in body:
            raise RuntimeError(f"an answer was not as expected: {body[:500].decode(errors='replace')}")


def _collected(rig: Rig, server: Server) -> int:
    """Let the server collect, and return how many objects it found that nothing but a cycle held."""
    file = garbage_file(rig.folder, server.pid)
    file.unlink(missing_ok=True)
    os.kill(server.pid, signal.SIGUSR1)
    give_up = time.monotonic() + LIMIT_S
    while time.monotonic() < give_up:
        if file.exists():
            return int(file.read_text())
        time.sleep(0.01)
    raise RuntimeError("the server did not say what it has collected")
