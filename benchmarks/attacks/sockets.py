"""Connections that are slow, idle or say too much."""

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from benchmarks.attacks.aim import Aim, Attack, at_once

TOO_LARGE: Final = "x" * 5_000_000
SOCKETS: Final = 20
IDLE: Final = 3_000
SLOW: Final = 50
_LONG: Final = """{ customers(first: 100) { edges { node { id name externalId email
  balances { asset available lifetime } } } } }"""


async def large_messages(aim: Aim) -> None:
    """20 WebSockets that each send 5 MB."""

    async def send(n: int) -> None:
        address = aim.bases[n % len(aim.bases)].replace("http://", "ws://") + "/graphql"
        # Our own ping would time out where the machine is busy, and be what closes.
        async with connect(
            address, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None, ping_interval=None
        ) as socket:
            payload = {"Authorization": f"Bearer {aim.tokens['manager']}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            await socket.recv()
            with suppress(ConnectionClosed):
                await socket.send(TOO_LARGE)
            await socket.wait_closed()
            frame = socket.protocol.close_rcvd
            aim.answers[f"closed with {frame.code if frame else 1006}"] += 1

    await at_once(aim.many(SOCKETS), send)


async def idle(aim: Aim) -> None:
    """Thousands of connections that say nothing, or half a head."""
    async with AsyncExitStack() as held:
        for n in range(aim.many(IDLE)):
            parts = urlsplit(aim.bases[n % len(aim.bases)])
            try:
                _, writer = await asyncio.open_connection(parts.hostname, parts.port)
            except OSError:
                aim.answers["no connection"] += 1
                continue
            held.callback(writer.close)
            if n % 2:
                writer.write(b"POST /graphql HTTP/1.1\r\nhost: localhost\r\nx-slow: ")
            aim.answers["connected"] += 1
        await asyncio.sleep(2)


async def slow_readers(aim: Aim) -> None:
    """Long answers that nobody takes."""
    body = json.dumps({"query": _LONG}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {aim.tokens['admin']}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode()
    async with AsyncExitStack() as held:
        for n in range(aim.many(SLOW)):
            parts = urlsplit(aim.bases[n % len(aim.bases)])
            _, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1)
            held.callback(writer.close)
            writer.write((head + body) * 20)  # twenty requests in a row, as fast as they are taken
            aim.answers["asked"] += 1
        await asyncio.sleep(3)


ATTACKS: Final[dict[str, Attack]] = {
    "WebSocket messages of 5 MB": large_messages,
    "idle connections": idle,
    "slow readers": slow_readers,
}
