"""Clients that follow and stop reading: each costs a queue that is bounded, is dropped, and catches up by its cursor."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import pytest

from app.cli.serve import take_port
from app.postgres.embedded import Urls
from auth.roles import Role
from gateway.websocket.limits import SocketLimits
from models.ledger import Ledger
from models.operations.keep_feed import keep_feed
from models.reads.live import LiveFeed, LiveLimits
from models.reads.paging import Key
from schema.types.live import cursor_of
from tests.app.test_streams import stream, streams_of
from tests.app.test_websocket_ledger import sockets_of
from tests.support import sockets
from tests.support.sockets import opened, token, until
from tests.support.tenants import Tenant, make_tenant

QUEUE: Final = 120
PEOPLE: Final = 50
BULKS: Final = 10
EVENTS: Final = PEOPLE * BULKS
WIDE: Final = " ".join(f"m{n}: movements {{ accountId asset amount hash previousHash }}" for n in range(14))
LIVE: Final = f"""subscription($after: String) {{ events(after: $after, types: [CREDIT_ADJUSTED]) {{ cursor
  node {{ position ... on MovementEvent {{ {WIDE} }} }} }} }}"""
"""Its messages are so large that those of all events are more than the system takes for a client that does not read."""


@pytest.fixture
async def ledger(database: Urls) -> AsyncIterator[Ledger]:
    ledger = Ledger()
    yield ledger
    await ledger.close()


@pytest.fixture
async def tenant(ledger: Ledger) -> Tenant:
    return await make_tenant(ledger)


@pytest.fixture
async def people(tenant: Tenant) -> list[UUID]:
    people = [await tenant.customer(f"c{n}") for n in range(PEOPLE)]
    await keep_feed(tenant.ledger, tenant.id)
    return people


@pytest.fixture(autouse=True)
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the system, for what a server has sent and nobody has read: else it takes megabytes."""

    @contextmanager
    def small(host: str, port: int) -> Iterator[socket.socket]:
        with take_port(host, port) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8_192)
            yield listener

    monkeypatch.setattr(sockets, "take_port", small)


def waiting(live: LiveFeed) -> int:
    """Events that are kept for those who follow."""
    return sum(len(follower.queue) for channel in live._channels.values() for follower in channel.joined)


def is_given_up(live: LiveFeed) -> bool:
    """Whether whoever follows has too much to read: then nothing waits for them any more."""
    following = [follower for channel in live._channels.values() for follower in channel.joined]
    return live.metrics.dropped > 0 or any(follower.failure is not None for follower in following)


async def much_happens(tenant: Tenant, people: list[UUID], live: LiveFeed) -> None:
    """More than is kept for anybody, read by the channel in pieces."""
    for _ in range(BULKS):
        await tenant.bulk(*((person, 1) for person in people))
        await keep_feed(tenant.ledger, tenant.id)
        live.look_again()
        await asyncio.sleep(0.05)
        assert waiting(live) <= QUEUE


class Followed:
    """What one client was told over all of its connections."""

    def __init__(self) -> None:
        self.positions: list[int] = []
        self.cursor: str | None = None

    def note(self, payload: dict[str, Any]) -> str | None:
        """Note a message. Returns the code with which it ended, if it did."""
        if "errors" in payload:
            return str(payload["errors"][0]["extensions"]["code"])
        told = payload["data"]["events"]
        self.positions.append(int(told["node"]["position"]))
        self.cursor = told["cursor"]
        return None

    def check(self) -> None:
        assert self.positions == sorted(set(self.positions))
        assert len(self.positions) == EVENTS


@pytest.mark.parametrize("returns", [True, False])
async def test_a_socket(ledger: Ledger, tenant: Tenant, people: list[UUID], *, returns: bool) -> None:
    live, followed = LiveFeed(LiveLimits(queue=QUEUE)), Followed()
    limits = SocketLimits(send_timeout=60 if returns else 0.5)
    bearer = token(tenant=tenant.slug, role=Role.MANAGER)
    async with sockets_of(ledger, live=live, limits=limits) as base:
        async with opened(base) as client:
            await client.begin(bearer)
            await client.subscribe("s", LIVE)
            await until(lambda: live.joined)
            client.connection.transport.pause_reading()
            await much_happens(tenant, people, live)
            if returns:
                await until(lambda: is_given_up(live))
                client.connection.transport.resume_reading()
                while (code := followed.note(_payload(await client.receive()))) is None:
                    pass
                assert code == "TOO_SLOW"
            await until(lambda: live.followers == 0)
            client.connection.transport.abort()
        assert 0 <= len(followed.positions) < EVENTS
        async with opened(base) as client:
            await client.begin(bearer)
            await client.subscribe("s", LIVE, variables={"after": followed.cursor or await _before(tenant)})
            while len(followed.positions) < EVENTS:
                assert followed.note(_payload(await client.receive())) is None
    followed.check()
    assert live.metrics.dropped == 1 or not returns


def _payload(message: dict[str, Any]) -> dict[str, Any]:
    """An error that ends a subscription comes without the rest of a message."""
    payload = message["payload"]
    return {"errors": payload} if message["type"] == "error" else payload


async def _before(tenant: Tenant) -> str:
    """The cursor of one who had seen all that was there before."""
    ((position,),) = await tenant.rows(
        "SELECT min(position) - 1 FROM feed WHERE tenant_id = $1 AND kind = 'CREDIT_ADJUSTED'"
    )
    return cursor_of(Key((position,)))


@pytest.mark.parametrize("returns", [True, False])
async def test_a_stream(ledger: Ledger, tenant: Tenant, people: list[UUID], *, returns: bool) -> None:
    live, followed = LiveFeed(LiveLimits(queue=QUEUE)), Followed()
    limits = SocketLimits(send_timeout=60 if returns else 0.5)
    bearer = token(tenant=tenant.slug, role=Role.MANAGER)
    async with streams_of(ledger, live, limits) as client:
        async with stream(client, LIVE, bearer) as told:
            await until(lambda: live.joined)
            await much_happens(tenant, people, live)
            if returns:
                await until(lambda: is_given_up(live))
                while (code := followed.note((await told.next())[1])) is None:
                    pass
                assert code == "TOO_SLOW"
                assert await told.next() == ("complete", None)
            await until(lambda: live.followers == 0)
        async with stream(client, LIVE, bearer, after=followed.cursor or await _before(tenant)) as told:
            while len(followed.positions) < EVENTS:
                assert followed.note((await told.next())[1]) is None
    followed.check()
