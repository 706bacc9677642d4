"""Webhooks: 100,000 events through one, to an endpoint that refuses one of 500 at first, beside a process that serves.

Measured are the events a second, CPU time and memory of an event, and whether each came, in order for each account.
"""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from ipaddress import ip_network
from typing import Final
from uuid import UUID

import orjson

from app.postgres.database import open_database
from benchmarks.data import CURRENCY, CUSTOMERS, REASON, customer_id, make_tenant, prove
from benchmarks.meter import cpu_now, memory_bytes, memory_peak_bytes
from benchmarks.report import Figure, print_figures
from benchmarks.rig import Rig, Server
from models.commands import Actor, BulkCredit, BulkItem
from models.configuration_commands import CreateWebhook, FeedPlace
from models.kinds import Role
from models.ledger import Ledger
from models.operations.bulk_credit import bulk_credit
from models.operations.keep_feed import keep_feed
from models.operations.webhooks import create_webhook
from models.reads.session import reading
from models.webhooks import WebhookKey, WebhookSetup

EVENTS, QUICK_EVENTS = 100_000, 5_000
REFUSED: Final = 500
"""One event of so many is refused when it first comes."""
LIMIT_S: Final = 3_600
MAX_ROUNDS: Final = 10_000
KEY: Final = "of a benchmark alone and long enough for all of it"
NETWORK: Final = "127.0.0.1/32"
GOOD: Final = b"HTTP/1.1 204 So\r\nContent-Length: 0\r\n\r\n"
BAD: Final = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
_FIRST: Final = """SELECT position FROM feed WHERE tenant_id = $1 AND kind = 'CREDIT_ADJUSTED'
    ORDER BY position DESC OFFSET $2 LIMIT 1"""
ADMIN, MANAGER = Actor("admin", Role.ADMIN), Actor("manager", Role.MANAGER)


@dataclass(slots=True)
class Receiver:
    """wanted: events that are to come. refused: positions that were, once. again: requests for what was there already.
    wrong: events that came before the one that their account has before them."""

    wanted: int
    seen: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    again: int = 0
    wrong: int = 0
    last: dict[str, int] = field(default_factory=dict)
    all_there: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        with suppress(
            asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError
        ):  # the end of the measurement
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                writer.write(GOOD if self._takes(await reader.readexactly(length)) else BAD)
                await writer.drain()
        writer.close()

    def _takes(self, body: bytes) -> bool:
        data = orjson.loads(body)["data"]
        position = int(data["position"])
        if position % REFUSED == 0 and position not in self.refused:
            self.refused.add(position)
            return False
        if position in self.seen:
            self.again += 1
            return True
        self.seen.add(position)
        for moved in data["movements"]:
            account, sequence = moved["accountId"], moved["sequence"]
            self.wrong += sequence != self.last.get(account, sequence - 1) + 1
            self.last[account] = sequence
        if len(self.seen) == self.wanted:
            self.all_there.set()
        return True


def run(rig: Rig) -> None:
    """Measure and print."""
    tenant, wanted = make_tenant(rig), QUICK_EVENTS if rig.quick else EVENTS
    with _listening() as listener:
        asyncio.run(_prepare(rig, tenant.id, wanted, listener.getsockname()[1]))
        settings = {
            "SCRIP_RUN_JOBS": "true",
            "SCRIP_WEBHOOK_KEY": KEY,
            "SCRIP_WEBHOOK_HTTP": "true",
            "SCRIP_WEBHOOK_NETWORKS": NETWORK,
        }
        with rig.server(**settings) as server:
            asyncio.run(_measure(rig, server, listener, wanted))
    prove(rig, tenant)


@contextmanager
def _listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield listener


async def _prepare(rig: Rig, tenant_id: UUID, wanted: int, port: int) -> None:
    """Have enough happen, and a webhook that begins so many events before the end."""
    async with open_database(rig.urls.app, pool_min=1, pool_max=4):
        key = WebhookKey(KEY.encode())
        ledger = Ledger(webhooks=WebhookSetup((key,), (ip_network(NETWORK),), plain_http=True))
        items = tuple(BulkItem(customer_id(n), Decimal(1)) for n in range(1, CUSTOMERS + 1))
        for n in range(max(0, -(-wanted // CUSTOMERS) - 2)):
            await bulk_credit(ledger, tenant_id, MANAGER, BulkCredit(items, CURRENCY, REASON), f"more-{n}")
        for _ in range(MAX_ROUNDS):
            if not await keep_feed(ledger, tenant_id):
                break
        async with reading(tenant_id) as session:  # beside these events there are others
            (first,) = await session.fetch(_FIRST, wanted - 1)
        command = CreateWebhook(
            webhook_id=ledger.source.new_id(),
            url=f"http://127.0.0.1:{port}/",
            secret_salt=ledger.source.new_salt(),
            secret_key=key.fingerprint,
            rights=frozenset(),
            kinds=frozenset({"CREDIT_ADJUSTED"}),
            after=FeedPlace(first["position"] - 1),
        )
        await create_webhook(ledger, tenant_id, ADMIN, command)
        await ledger.close()


async def _measure(rig: Rig, server: Server, listener: socket.socket, wanted: int) -> None:
    receiver = Receiver(wanted)
    before, began = cpu_now(server=server.pid, postmaster=rig.postmaster, driver=os.getpid()), time.perf_counter()
    idle = memory_bytes(server.pid)
    serving = await asyncio.start_server(receiver.serve, sock=listener)
    async with asyncio.timeout(LIMIT_S):
        await receiver.all_there.wait()
    seconds = time.perf_counter() - began
    spent = cpu_now(server=server.pid, postmaster=rig.postmaster, driver=os.getpid()) - before
    serving.close()
    print_figures(
        f"{wanted:,} events to one webhook",
        [
            Figure("delivered", [wanted / seconds], "events a second"),
            Figure("in all", [seconds], "s"),
            Figure("CPU of the server for an event", [spent.server / wanted * 1e6], "us"),
            Figure("CPU of PostgreSQL for an event", [spent.postgres / wanted * 1e6], "us"),
            Figure("memory of the server before", [idle / 2**20], "MB"),
            Figure("the most that it had", [memory_peak_bytes(server.pid) / 2**20], "MB"),
            Figure("events that were refused once", [len(receiver.refused)]),
            Figure("events that came more than once", [receiver.again]),
            Figure("accounts", [len(receiver.last)]),
            Figure("events out of their account's order", [receiver.wrong], most=0),
        ],
    )
    if receiver.wrong:
        raise RuntimeError("an account's events came out of order")
