"""An endpoint for webhooks on this machine, which answers as it is told, and a tenant's webhooks at it."""

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from models.configuration_commands import CreateWebhook, FeedPlace, PingWebhook
from models.operations.webhooks import create_webhook, ping_webhook
from models.webhooks import WebhookKey, WebhookSetup
from schema.event_rights import NARROWER
from tests.support.tenants import ADMIN, Tenant

KEY: Final = WebhookKey(b"a key of an operator's, for tests only")
SETUP: Final = WebhookSetup(keys=(KEY,), networks=(ipaddress.ip_network("127.0.0.0/8"),), plain_http=True)
ALL_RIGHTS: Final = frozenset(right.name for right in NARROWER.values())
SALT: Final = b"salt" * 4


@dataclass(frozen=True, slots=True)
class Request:
    """As it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def position(self) -> int:
        return int(self.told["data"]["position"])


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered. after_s: how long that takes. A status of 0 hangs up without a word."""

    status: int = 204
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after_s: float = 0.0


class Receiver:
    """seen: all requests, in the order in which they came in. taken: those that were answered well."""

    def __init__(self) -> None:
        self.port = 0
        self.seen: list[Request] = []
        self.taken: list[Request] = []
        self.at_once = self.most_at_once = 0
        self.decide: Callable[[Request], Reply] = lambda _: Reply()
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def positions(self) -> list[int]:
        """Of the events that were taken."""
        return [request.position for request in self.taken]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):  # whoever asked has gone
                while await self._one(reader, writer):
                    pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        request = Request(head[0].split()[1], headers, await reader.readexactly(int(headers["content-length"])))
        self.seen.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        reply = self.decide(request)
        await asyncio.sleep(reply.after_s)
        self.at_once -= 1
        if not reply.status:
            return False
        if reply.status < 300:
            self.taken.append(request)
        more = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        writer.write(
            f"HTTP/1.1 {reply.status} So\r\n{more}Content-Length: {len(reply.body)}\r\n\r\n".encode() + reply.body
        )
        await writer.drain()
        return True

    def always(self, reply: Reply) -> None:
        """Answer so from now on."""
        self.decide = lambda _: reply

    def hang_up(self) -> None:
        for writer in self._open:
            writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """An endpoint that takes everything, until it is told otherwise."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.hang_up()
        server.close()


async def hooked(tenant: Tenant, url: str, kinds: frozenset[str] | None = None, **more: Any) -> UUID:
    """The id of a new webhook of the tenant's, which begins with the feed unless told."""
    tenant.ledger.webhooks = SETUP
    webhook_id = tenant.ledger.source.new_id()
    wanted = {"after": FeedPlace(0), "rights": ALL_RIGHTS, **more}
    command = CreateWebhook(webhook_id, url, SALT, KEY.fingerprint, kinds=kinds, **wanted)
    await create_webhook(tenant.ledger, tenant.id, ADMIN, command)
    return webhook_id


def secret_of(tenant: Tenant, webhook_id: UUID) -> str:
    """The secret of a webhook as `hooked` makes it."""
    return KEY.secret(tenant.id, webhook_id, SALT)


async def pinged(tenant: Tenant, webhook_id: UUID) -> UUID:
    """The id of a ping that waits."""
    ping = PingWebhook(webhook_id, tenant.ledger.source.new_id())
    await ping_webhook(tenant.ledger, tenant.id, ADMIN, ping)
    return ping.delivery_id
