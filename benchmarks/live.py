"""Subscriptions: 5,000 sockets that hear nothing and 500 that hear everything, on one process that runs the jobs too.

Measured are the memory and CPU time of a socket that is open, how long after the answer to a posting its event is at each
of the 500, and the CPU time of a message.
"""

import asyncio
import os
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks.data import CURRENCY, REASON, Tenant, make_tenant, prove
from benchmarks.meter import cpu_now, memory_bytes
from benchmarks.report import milliseconds, print_table
from benchmarks.rig import Rig, Server

IDLE, QUICK_IDLE = 5_000, 500
ACTIVE, QUICK_ACTIVE = 500, 50
POSTINGS, QUICK_POSTINGS = 60, 10
APART_S: Final = 0.5
"""Between two postings."""
RESTING_S, QUICK_RESTING_S = 20.0, 5.0
OPENING: Final = 50
"""Sockets that are opened at a time."""
COMES_S: Final = 30.0
"""The most that an event gets to come to everybody."""
FILES: Final = 65_536

ADJUST: Final = "mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) { userErrors { code } } }"
OWN: Final = "subscription($customer: ID!) { events(customerId: $customer) { cursor node { kind } } }"
EVERYTHING: Final = """subscription { events { cursor node { __typename position kind occurredAt customerId
  ... on MovementEvent { transactionId movements { accountId asset amount balanceAfter sequence hash } } } } }"""


@dataclass(slots=True)
class Heard:
    """When each message came, in seconds of the driver's clock."""

    at: list[float] = field(default_factory=list)


def run(rig: Rig) -> None:
    """Measure and print."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard), hard))
    tenant = make_tenant(rig)
    many = str(2 * (IDLE + ACTIVE))
    settings = {
        "SCRIP_RUN_JOBS": "true",
        "SCRIP_MAX_CONNECTIONS": many,
        "SCRIP_MAX_WEBSOCKETS": many,
        "SCRIP_MAX_WEBSOCKETS_PER_HOLDER": many,
        "SCRIP_MAX_SUBSCRIPTIONS_PER_TENANT": many,
    }
    with rig.server(**settings) as server:
        asyncio.run(_measure(rig, server, tenant))
    prove(rig, tenant)


async def _measure(rig: Rig, server: Server, tenant: Tenant) -> None:
    idle, active = (QUICK_IDLE, QUICK_ACTIVE) if rig.quick else (IDLE, ACTIVE)
    before = memory_bytes(server.pid)
    sockets = await _opened(server, tenant, idle, OWN)
    await asyncio.sleep(2)
    with_idle = memory_bytes(server.pid)
    seconds = QUICK_RESTING_S if rig.quick else RESTING_S
    resting, postgres = await _cpu(rig, server, asyncio.sleep(seconds))
    listening = await _opened(server, tenant, active, EVERYTHING)
    heard = [Heard() for _ in listening]
    hearing = [asyncio.create_task(_hear(each, into)) for each, into in zip(listening, heard, strict=True)]
    await asyncio.sleep(2)
    number = QUICK_POSTINGS if rig.quick else POSTINGS
    delays: list[float] = []
    telling, telling_postgres = await _cpu(rig, server, _tell(server, tenant, heard, number, delays))
    firsts = sorted(_firsts(delays, heard))
    delays.sort()
    messages = len(delays)
    print_table(
        ["subscriptions on one process", ""],
        [
            [f"memory of an idle one, of {idle:,}", f"{(with_idle - before) / idle / 1024:.0f} KB"],
            ["memory of the server with all", f"{memory_bytes(server.pid) / 2**20:.0f} MB"],
            [f"CPU of the server with {idle:,} idle", f"{resting / seconds:.1%} of a core"],
            ["CPU of PostgreSQL meanwhile", f"{postgres / seconds:.1%} of a core"],
            [f"events, each to {active:,}", f"{number:,}"],
            ["messages that came", f"{messages:,} of {number * active:,}"],
            ["from the posting's answer to a subscriber, p50", milliseconds(_share(delays, 0.5))],
            ["the same, p99", milliseconds(_share(delays, 0.99))],
            ["the first of each event's, p50", milliseconds(_share(firsts, 0.5))],
            ["CPU of the server for a message", f"{telling / messages * 1e6:.0f} us"],
            ["CPU of PostgreSQL for an event", f"{telling_postgres / number * 1e3:.1f} ms"],
        ],
    )
    for task in hearing:
        task.cancel()
    await asyncio.gather(*hearing, return_exceptions=True)
    for each in (*sockets, *listening):
        each.transport.abort()


async def _cpu(rig: Rig, server: Server, work: Any) -> tuple[float, float]:
    """Seconds of CPU time of the server and of PostgreSQL while the work goes on."""
    began = cpu_now(server=server.pid, postmaster=rig.postmaster, driver=os.getpid())
    await work
    spent = cpu_now(server=server.pid, postmaster=rig.postmaster, driver=os.getpid()) - began
    return spent.server, spent.postgres


async def _opened(server: Server, tenant: Tenant, number: int, query: str) -> list[ClientConnection]:
    """Sockets, each with a subscription of its own."""
    turns = asyncio.Semaphore(OPENING)

    async def one(n: int) -> ClientConnection:
        async with turns:
            socket = await connect(
                f"ws://127.0.0.1:{server.port}/graphql",
                subprotocols=[Subprotocol("graphql-transport-ws")],
                ping_interval=None,
                proxy=None,
                compression=None,
                open_timeout=60,
            )
            token = tenant.tokens[n % len(tenant.tokens)]
            await socket.send(
                orjson.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}).decode()
            )
            await socket.recv()
            variables = {"customer": tenant.customers[-1 - n]} if "$customer" in query else {}
            payload = {"query": query, "variables": variables}
            await socket.send(orjson.dumps({"type": "subscribe", "id": "1", "payload": payload}).decode())
            return socket

    return list(await asyncio.gather(*(one(n) for n in range(number))))


async def _hear(socket: ClientConnection, into: Heard) -> None:
    async for _ in socket:
        into.at.append(time.perf_counter())


async def _tell(server: Server, tenant: Tenant, heard: Sequence[Heard], number: int, delays: list[float]) -> None:
    """Post one after the other, and note how long after the answer each subscriber heard of it."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client:
        for n in range(number):
            given = {
                "customerId": tenant.customers[n],
                "asset": CURRENCY,
                "amount": "1.00",
                "reason": REASON,
                "idempotencyKey": f"live-{n}",
            }
            answer = await client.post(
                "/graphql",
                json={"query": ADJUST, "variables": {"input": given}},
                headers={"authorization": f"Bearer {tenant.tokens[0]}"},
            )
            posted = time.perf_counter()
            assert answer.json()["data"]["adjustCredit"]["userErrors"] == [], answer.text
            give_up = posted + COMES_S
            while any(len(each.at) <= n for each in heard) and time.perf_counter() < give_up:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            delays.extend(each.at[n] - posted for each in heard if len(each.at) > n)
            await asyncio.sleep(APART_S)


def _firsts(delays: Sequence[float], heard: Sequence[Heard]) -> list[float]:
    """The soonest of each event's delays."""
    return [min(delays[n : n + len(heard)]) for n in range(0, len(delays), len(heard))]


def _share(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
