"""A small app with a WebSocket, and a schema that has a subscription: what the tests of the machinery look at."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import strawberry
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import WebSocketRoute

from app.graphql import admission
from app.http.logs import WithoutClientsFaultsFilter, WithoutQueryFilter
from app.http.request_id import RequestIdMiddleware
from auth.backend import BearerBackend, authentication, network_address, principal_of
from auth.keys import SharedSecret
from auth.tokens import TokenVerifier
from gateway.schema import GatewaySchema
from gateway.websocket.limits import SocketLimits
from gateway.websocket.view import SocketView
from tests.support.sockets import ISSUER, MAX_MESSAGE_BYTES, SECRET, served, until


class Seen:
    """What the app has done."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.written: list[str] = []
        self.contexts: list[Context] = []
        self.begun = asyncio.Event()
        self.ended: list[str] = []
        self.refused: list[tuple[str, str | None, str | None]] = []
        self.produced = 0


class Context:
    """As resolvers of this schema know it."""

    def __init__(self, connection: HTTPConnection, seen: Seen) -> None:
        principal = principal_of(connection)
        assert principal is not None
        self.subject = principal.subject
        self.request_id = connection.state.request_id
        self.address = connection.client.host if connection.client else None
        self.seen = seen
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


Info = strawberry.Info[Context, None]


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, info: Info, name: str | None = None) -> str | None:
        return f"Hello, {name or info.context.subject}"

    @strawberry.field
    def big(self, characters: int) -> str | None:
        return "x" * characters

    @strawberry.field
    async def slow(self, info: Info) -> str | None:
        info.context.seen.begun.set()
        try:
            await asyncio.sleep(30)
        finally:
            info.context.seen.ended.append("slow")
        return "done"

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError("the database is at 10.0.0.1")

    @strawberry.field
    def surrogate(self) -> str | None:
        return "\ud800"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def write(self, info: Info, text: str) -> str | None:
        info.context.seen.written.append(text)
        return text


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self, count: int = 3) -> AsyncIterator[int]:
        for n in range(count):
            yield n

    @strawberry.subscription
    async def forever(self, info: Info, characters: int = 1) -> AsyncIterator[str]:
        try:
            while True:
                yield "x" * characters
                info.context.seen.produced += 1
                await asyncio.sleep(0.001)
        finally:
            info.context.seen.ended.append("forever")

    @strawberry.subscription
    async def breaks(self) -> AsyncIterator[int]:
        yield 1
        raise RuntimeError("the database is at 10.0.0.1")


SCHEMA = GatewaySchema(Query, Mutation, Subscription)


def small_limits(**changed: Any) -> SocketLimits:
    """So low that tests reach them."""
    chosen = {"check_interval": 0.1, "max_operations": 3, "max_message_bytes": MAX_MESSAGE_BYTES, **changed}
    return SocketLimits(**chosen)


def make_app(
    seen: Seen, *, limits: SocketLimits | None = None, keys: SharedSecret | None = None, **options: Any
) -> tuple[RequestIdMiddleware, SocketView]:
    async def make_context(connection: HTTPConnection) -> Context:
        context = Context(connection, seen)
        seen.contexts.append(context)
        return context

    def note(reason: str, request_id: str, handshake: HTTPConnection) -> None:
        seen.refused.append((reason, request_id, network_address(handshake)))

    verifier = TokenVerifier(keys or SharedSecret(SECRET), ISSUER, ISSUER, _now)
    view = SocketView(
        SCHEMA,
        make_context,
        admission(BearerBackend(verifier)),
        _now,
        refused=note,
        limits=limits or small_limits(),
        **options,
    )
    routes = [WebSocketRoute("/graphql", view)]
    app = Starlette(routes=routes, middleware=[authentication(verifier)])
    return RequestIdMiddleware(app, lambda: "made-here"), view


def _now() -> datetime:
    return datetime.now(UTC)


class Shared:
    """An app that tests share one after the other: a server for each would take most of their time."""

    def __init__(self, base: str, view: SocketView, seen: Seen) -> None:
        self.base = base
        self.view = view
        self._seen = seen

    async def renewed(self) -> Seen:
        """With nothing left of the test before."""
        await until(lambda: self.view.sockets.number == 0)
        self._seen.forget()
        return self._seen


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[Shared]:
    gc.collect()  # what tests of other files have left is told of now, and not in one that wants silence
    seen = Seen()
    app, view = make_app(seen)
    async with served(app) as base:
        yield Shared(base, view, seen)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that clients send makes the server log an error, but where a test expects one and clears it away."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "websockets.client")  # it shows what the test sends
    caplog.set_level(logging.INFO, "uvicorn.error")  # as the server sets it
    filters = (WithoutQueryFilter(), WithoutClientsFaultsFilter())
    for one in filters:
        caplog.handler.addFilter(one)
    yield
    for one in filters:
        caplog.handler.removeFilter(one)
    said = caplog.get_records("call")
    faults = [record for record in said if record.levelno >= logging.ERROR or record.exc_info]
    assert [(record.name, record.getMessage()) for record in faults] == []
    assert [record.name for record in said if "eyJ" in record.getMessage()] == []
