"""Subscriptions as streams of server-sent events, as `graphql-sse` asks for them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from app.graphql import event_streams, graphql_view, socket_view
from app.http.request_id import RequestIdMiddleware
from app.postgres.embedded import Urls
from app.tokens.partners import PartnerTokenVerifier
from auth.backend import BearerBackend, authentication_by
from auth.keys import SharedSecret
from auth.partner_tokens import parse
from auth.roles import Role
from auth.tokens import TokenVerifier
from gateway.websocket.limits import SocketLimits
from models.configuration_commands import RevokeToken
from models.ledger import Ledger
from models.operations.keep_feed import keep_feed
from models.operations.partner_tokens import revoke_token
from models.reads.live import LiveFeed
from models.reads.tenants import TenantDirectory
from tests.support.schema import SCHEMA
from tests.support.sockets import ISSUER, SECRET, served, token, until
from tests.support.tenants import ADMIN, Tenant, make_tenant

LIVE = "subscription($after: String) { events(after: $after) { cursor node { kind } } }"
POSTS = """mutation($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { externalId } } }"""


@pytest.fixture
async def ledger(database: Urls) -> AsyncIterator[Ledger]:
    ledger = Ledger()
    yield ledger
    await ledger.close()


@pytest.fixture
async def tenant(ledger: Ledger) -> Tenant:
    return await make_tenant(ledger)


@pytest.fixture
async def live() -> LiveFeed:
    return LiveFeed()


@asynccontextmanager
async def streams_of(
    ledger: Ledger, live: LiveFeed, limits: SocketLimits | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server of this ledger's."""
    partner_tokens, tenants = PartnerTokenVerifier(ledger), TenantDirectory()
    backend = BearerBackend(
        TokenVerifier(SharedSecret(SECRET), ISSUER, ISSUER, lambda: datetime.now(UTC)), partner_tokens
    )

    def clock() -> datetime:
        return datetime.now(UTC)

    sockets = socket_view(SCHEMA, ledger, tenants, backend, clock, refused=lambda *_: None, limits=limits)
    view = graphql_view(SCHEMA, ledger, tenants)
    streams = event_streams(
        SCHEMA, ledger, tenants, backend, sockets, view, clock=clock, refused=lambda *_: None, live=live
    )
    app = Starlette(routes=[Route("/graphql", streams)], middleware=[authentication_by(backend)])
    async with (
        served(RequestIdMiddleware(app, lambda: uuid4().hex)) as base,
        httpx.AsyncClient(base_url=base.replace("ws:", "http:"), timeout=10) as client,
    ):
        yield client
    assert sockets.sockets.number == 0
    await partner_tokens.settle()


class Stream:
    """One stream's events: what it says, as (event, data)."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> tuple[str, Any]:
        event, data = "", ""
        async with asyncio.timeout(10):
            async for line in self._lines:
                name, _, value = line.partition(":")
                if name == "event":
                    event = value.strip()
                elif name == "data":
                    data = value.strip()
                elif not line and event:
                    return event, json.loads(data) if data else None
        raise AssertionError("the stream has ended")


@asynccontextmanager
async def stream(
    client: httpx.AsyncClient, query: str, bearer: str | None = None, **variables: Any
) -> AsyncIterator[Stream]:
    headers = {"accept": "text/event-stream"} | ({} if bearer is None else {"authorization": bearer})
    body = {"query": query, "variables": variables}
    async with client.stream("POST", "/graphql", json=body, headers=headers) as response:
        yield Stream(response)


async def test_events_come_and_go_on_from_their_cursor(ledger: Ledger, tenant: Tenant, live: LiveFeed) -> None:
    carol, bearer = await tenant.customer("carol"), token(tenant=tenant.slug, role=Role.MANAGER)
    await keep_feed(ledger, tenant.id)
    async with streams_of(ledger, live) as client:
        async with stream(client, LIVE, bearer) as told:
            assert told.response.headers["content-type"] == "text/event-stream; charset=utf-8"
            await until(lambda: live.joined)
            await tenant.adjust(carol, 1)
            await keep_feed(ledger, tenant.id)
            event, data = await told.next()
            assert (event, data["data"]["events"]["node"]) == ("next", {"kind": "CREDIT_ADJUSTED"})
        await until(lambda: live.followers == 0)
        await tenant.adjust(carol, 1)
        await keep_feed(ledger, tenant.id)
        async with stream(client, LIVE, bearer, after=data["data"]["events"]["cursor"]) as told:
            assert (await told.next())[1]["data"]["events"]["cursor"] != data["data"]["events"]["cursor"]


async def test_queries_and_mutations_have_one_event(ledger: Ledger, tenant: Tenant, live: LiveFeed) -> None:
    bearer = token(tenant=tenant.slug)
    async with streams_of(ledger, live) as client:
        async with stream(client, "{ viewer { subject } }", bearer) as told:
            assert (await told.next())[1]["data"] == {"viewer": {"subject": "sam"}}
            assert await told.next() == ("complete", None)
        async with stream(client, POSTS, bearer, input={"externalId": "ann", "name": "Ann"}) as told:
            assert (await told.next())[1]["data"]["upsertCustomer"] == {"customer": {"externalId": "ann"}}
        asked = {"query": POSTS, "variables": json.dumps({"input": {"externalId": "bob", "name": "Bob"}})}
        headers = {"accept": "text/event-stream", "authorization": bearer}
        async with client.stream("GET", "/graphql", params=asked, headers=headers) as response:
            data = (await Stream(response).next())[1]
        assert [error["extensions"]["code"] for error in data["errors"]] == ["METHOD_NOT_ALLOWED"]
    assert [row[0] for row in await tenant.fetch("select external_id from customers where tenant_id = $1")] == ["ann"]


async def test_what_is_refused_is_an_event_too(ledger: Ledger, tenant: Tenant, live: LiveFeed) -> None:
    async with streams_of(ledger, live) as client:
        for query, bearer, code in (
            ("subscription { nothing }", token(tenant=tenant.slug), "GRAPHQL_VALIDATION_FAILED"),
            (LIVE, token(tenant="unknown"), "UNAUTHENTICATED"),
        ):
            async with stream(client, query, bearer) as told:
                assert [e["extensions"]["code"] for e in (await told.next())[1]["errors"]] == [code]
                assert await told.next() == ("complete", None)
        for sent, challenge in (("Bearer nonsense", 'Bearer error="invalid_token"'), (None, 'Bearer realm="scrip"')):
            async with stream(client, LIVE, sent) as told:
                assert (told.response.status_code, told.response.headers["www-authenticate"]) == (401, challenge)
                error = json.loads(await told.response.aread())["errors"][0]
                assert error["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("end", ["it expires", "it is revoked"])
async def test_a_stream_ends_with_its_token(ledger: Ledger, tenant: Tenant, live: LiveFeed, end: str) -> None:
    secret = (await tenant.partner_token("events:read")).text
    revoked = end == "it is revoked"
    await keep_feed(ledger, tenant.id)
    async with streams_of(ledger, live) as client:
        bearer = f"Bearer {secret}" if revoked else token(tenant=tenant.slug, role=Role.MANAGER, lifetime_s=4)
        async with stream(client, LIVE, bearer) as told:
            await until(lambda: live.joined)
            if revoked:
                await revoke_token(ledger, tenant.id, ADMIN, RevokeToken(parse(secret).token_id))
            data = (await told.next())[1]
            assert [error["extensions"]["code"] for error in data["errors"]] == ["UNAUTHENTICATED"]
            assert await told.next() == ("complete", None)
            await until(lambda: live.followers == 0)


async def test_streams_count_as_sockets(ledger: Ledger, tenant: Tenant, live: LiveFeed) -> None:
    bearer = token(tenant=tenant.slug, role=Role.MANAGER)
    async with streams_of(ledger, live, SocketLimits(max_sockets_per_holder=1)) as client, stream(client, LIVE, bearer):
        await until(lambda: live.joined)
        async with stream(client, LIVE, bearer) as second:
            assert second.response.status_code == 503
            assert second.response.headers["retry-after"] == "1"


async def test_a_server_that_stops_breaks_streams_off(ledger: Ledger, tenant: Tenant, live: LiveFeed) -> None:
    """Without `complete`, so that clients ask again; and it does not wait for them."""
    async with httpx.AsyncClient(timeout=10) as client:
        async with streams_of(ledger, live) as inside:
            client.base_url = inside.base_url
            request = stream(client, LIVE, token(tenant=tenant.slug, role=Role.MANAGER))
            told = await request.__aenter__()
            await until(lambda: live.joined)
        with pytest.raises(httpx.RemoteProtocolError):
            await told.next()
        await request.__aexit__(None, None, None)
    assert live.followers == 0
