"""The whole of it at once: an endpoint that does all that endpoints do wrong, and leads inside wherever it can.

It times out, answers 500, redirects to where clouds keep their secrets, hangs up, and its name stands for addresses of
this machine's for a while. Then it is well again, and has got everything, in order for each account.
"""

import asyncio
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from typing import Any, Final
from uuid import UUID

import httpcore
import pytest

from app.postgres.embedded import Urls
from jobs import webhooks
from jobs.webhook_http import Sender
from tests.jobs.test_webhook_kills import firsts_in_order
from tests.jobs.test_webhooks import delivered, of_webhook, statuses, told
from tests.support.citus import proof_of
from tests.support.clock import NOON, Clock
from tests.support.receivers import SETUP, Reply, Request, hooked, receiving
from tests.support.tenants import Tenant

NAME: Final = "hook.example"
PUBLIC, INSIDE, METADATA = "127.0.0.1", "127.0.0.2", "169.254.169.254"
"""The one address that requests may go to, and two that they may not."""
TIMEOUT_S: Final = 0.2
LED_INSIDE: Final = ([INSIDE], [METADATA], [INSIDE, METADATA])
"""What the name stands for when it leads where it should not."""
PEOPLE: Final = 12
EVENTS: Final = 6 * 4 * PEOPLE


@pytest.fixture
async def tenant(database: Urls) -> AsyncIterator[Tenant]:
    tenant = await Tenant.open(Clock(NOON))
    yield tenant
    await tenant.ledger.close()
    proof = await proof_of(tenant.id)
    assert proof.holds, proof.listed


@pytest.fixture
async def inside() -> AsyncIterator[list[str]]:
    """Who has come to a server that is nobody's business, at the port that it is given."""
    came: list[str] = []

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(str(writer.get_extra_info("peername")))
        writer.close()

    server = await asyncio.start_server(serve, INSIDE, 0)
    came.append(str(server.sockets[0].getsockname()[1]))
    yield came
    server.close()


class World:
    """What the name stands for, and which addresses were connected to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stands_for = [PUBLIC]
        self.connected: Counter[str] = Counter()
        real = socket.getaddrinfo

        def look_up(host: str, port: int, *rest: Any, **more: Any) -> list[Any]:
            if host != NAME:
                return real(host, port, *rest, **more)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.stands_for]

        connect = httpcore.AnyIOBackend.connect_tcp

        async def noted(backend: Any, host: str, *rest: Any, **more: Any) -> Any:
            self.connected[host] += 1
            return await connect(backend, host, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", noted)
        monkeypatch.setattr(webhooks, "Sender", partial(Sender, timeout_s=TIMEOUT_S))


def wrong_answers(inside_port: str) -> list[Reply]:
    """The endpoint's, one after the other."""
    places = (
        f"http://{METADATA}/latest/meta-data/iam/security-credentials/",
        f"http://{INSIDE}:{inside_port}/inside",
        f"http://localhost:{inside_port}/inside",
    )
    return [
        Reply(after_s=2 * TIMEOUT_S),  # it takes it, and says so too late
        Reply(500, b"not now"),
        *(Reply(status, headers={"Location": where}) for status, where in zip((302, 307, 308), places, strict=True)),
        Reply(0),
    ]


async def test_everything_arrives_in_order_and_nothing_private_is_reached(
    tenant: Tenant, inside: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dice, world = random.Random(14), World(monkeypatch)  # noqa: S311 - dice
    people = [await tenant.customer(f"c{n}") for n in range(PEOPLE)]
    async with receiving() as receiver:
        webhook = await hooked(tenant, f"http://{NAME}:{receiver.port}/hook", frozenset({"CREDIT_ADJUSTED"}))
        tenant.ledger.webhooks = replace(SETUP, networks=(ip_network(f"{PUBLIC}/32"),))
        for number, wrong in enumerate(wrong_answers(inside[0])):
            # All goes wrong, then half, then nothing; and then the name stands for something else.
            for share, stands_for in ((1.0, [PUBLIC]), (0.5, [PUBLIC]), (0.0, [PUBLIC]), (0.0, LED_INSIDE[number % 3])):
                await _happened(tenant, dice.choices(people, k=PEOPLE))
                receiver.decide = partial(_answer, dice, wrong, share)
                world.stands_for = stands_for
                await delivered(tenant)
            world.stands_for = [PUBLIC]
        outcomes = tenant.ledger.metrics.webhooks.attempts
        assert outcomes.keys() >= {"delivered", "timeout", "status", "redirect", "address"}
        assert outcomes.keys() & {"protocol", "connection"}
        receiver.decide = lambda _: Reply()
        for _ in range(100):
            tenant.clock.advance(minutes=30)
            await delivered(tenant)
            if (await statuses(tenant)).keys() == {"DELIVERED"}:
                break
        row = await of_webhook(tenant, webhook)
    assert (row["status"], row["settled"], await statuses(tenant)) == ("ACTIVE", row["position"], {"DELIVERED": EVENTS})
    assert len({request.headers["webhook-id"] for request in receiver.taken}) == EVENTS
    assert firsts_in_order(receiver.taken) == PEOPLE
    assert world.connected.keys() == {PUBLIC}
    assert inside[1:] == []
    assert {request.path for request in receiver.seen} == {"/hook"}


def _answer(dice: random.Random, wrong: Reply, share: float, _: Request) -> Reply:
    return wrong if dice.random() < share else Reply()


async def _happened(tenant: Tenant, people: list[UUID]) -> None:
    for person in people:
        await tenant.adjust(person, 1)
    tenant.clock.advance(minutes=6)
    await told(tenant)
