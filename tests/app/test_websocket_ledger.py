"""WebSockets of the real server: the real schema, the ledger, partner tokens, rate limits, and the process itself."""

import asyncio
import json
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.frames import Frame, Opcode

from app.graphql import socket_view
from app.http.logs import JsonFormatter
from app.http.request_id import RequestIdFilter, RequestIdMiddleware
from app.postgres.embedded import Urls
from app.rate_limits.quotas import rate_limits
from app.tokens.partners import PartnerTokenVerifier
from auth.backend import BearerBackend
from auth.keys import SharedSecret
from auth.partner_tokens import parse
from auth.roles import Role
from auth.tokens import TokenVerifier
from gateway.websocket.limits import SocketLimits
from models.configuration_commands import RevokeToken
from models.customers import UpdateCustomer
from models.ledger import Ledger
from models.operations.partner_tokens import revoke_token
from models.operations.people import update_customer
from models.reads.live import LiveFeed
from models.reads.tenants import TenantDirectory
from models.session import tenant_transaction
from schema.ids import global_id
from tests.app.cli.test_run import Scrip
from tests.support.schema import SCHEMA
from tests.support.sockets import ISSUER, SECRET, Socket, opened, served, token
from tests.support.tenants import ADMIN, Tenant, make_tenant

REVOKED_WITHIN_S: Final = 2.0
ADJUST: Final = """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) {
  replayed userErrors { code } account { available } } }"""
UPSERT: Final = 'mutation { upsertCustomer(input: {externalId: "carol", name: "Carol"}) { userErrors { code } } }'
WAITING: Final = """select count(*) > 0 from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and $1::uuid is not null"""

Start = Callable[..., Scrip]


@pytest.fixture
async def ledger(database: Urls) -> AsyncIterator[Ledger]:
    ledger = Ledger()
    yield ledger
    await ledger.close()


@pytest.fixture
async def tenant(ledger: Ledger) -> Tenant:
    return await make_tenant(ledger)


@asynccontextmanager
async def sockets_of(
    ledger: Ledger,
    rate_limit: str = "0",
    *,
    logs: bool = False,
    live: LiveFeed | None = None,
    limits: SocketLimits | None = None,
) -> AsyncIterator[str]:
    """A server of this ledger's, with WebSockets alone."""
    partner_tokens = PartnerTokenVerifier(ledger)
    verifier = TokenVerifier(SharedSecret(SECRET), ISSUER, ISSUER, lambda: datetime.now(UTC))
    view = socket_view(
        SCHEMA,
        ledger,
        TenantDirectory(),
        BearerBackend(verifier, partner_tokens),
        lambda: datetime.now(UTC),
        refused=lambda *_: None,
        rate_limits=rate_limits(rate_limit, "memory://"),
        logs=logs,
        limits=limits,
        live=live,
    )
    app = RequestIdMiddleware(Starlette(routes=[WebSocketRoute("/graphql", view)]), lambda: uuid4().hex)
    async with served(app) as base:
        yield base
    await partner_tokens.settle()


@pytest.fixture
async def base(ledger: Ledger) -> AsyncIterator[str]:
    async with sockets_of(ledger) as base:
        yield base


def adjustment(customer: str, amount: str, key: str = "k-1") -> dict[str, Any]:
    given = {"customerId": customer, "asset": "GBP", "amount": amount, "reason": "CORRECTION", "idempotencyKey": key}
    return {"variables": {"input": given}}


async def test_a_mutation_posts_once(base: str, tenant: Tenant) -> None:
    customer = global_id("Customer", await tenant.customer())
    async with opened(base) as client:
        await client.begin(token(tenant=tenant.slug, role=Role.MANAGER))
        answers = [(await client.ask(ADJUST, **adjustment(customer, "5.00")))["data"] for _ in range(2)]
    assert [answer["adjustCredit"]["replayed"] for answer in answers] == [False, True]
    assert answers[1]["adjustCredit"]["account"]["available"] == "5.00"


async def test_each_operation_has_a_line_of_its_own_in_the_log(ledger: Ledger, tenant: Tenant) -> None:
    """With who asks, and the id that the operation has."""
    lines: list[dict[str, Any]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            RequestIdFilter().filter(record)
            lines.append(json.loads(JsonFormatter().format(record)))

    log, keep = logging.getLogger("scrip.requests"), Keep()
    level = log.level
    log.addHandler(keep)
    log.setLevel(logging.INFO)
    try:
        async with sockets_of(ledger, logs=True) as base, opened(base) as client:
            await client.begin(token(tenant=tenant.slug))
            await client.ask("{ viewer { subject } }")
            await client.ask('{ nothing(by: "Secretive") }')
    finally:
        log.removeHandler(keep)
        log.setLevel(level)
    first, second = lines
    assert first.pop("duration_ms") > 0
    del first["time"]
    assert first == {
        "level": "info",
        "logger": "scrip.requests",
        "message": "operation",
        "request_id": first["request_id"],
        "actor": "sam",
        "role": "staff",
        "tenant": tenant.slug,
        "operation": "viewer",
        "method": "WEBSOCKET",
        "path": "/graphql",
        "status": "complete",
    }
    assert (second["status"], second["actor"], "operation" in second) == ("error", "sam", False)
    assert [line["request_id"].rpartition(".")[2] for line in lines] == ["1", "2"]
    assert "ecretive" not in json.dumps(lines)


async def test_what_one_may_not_do_by_http_one_may_not_do_here(base: str, tenant: Tenant) -> None:
    customer = global_id("Customer", await tenant.customer())
    async with opened(base) as client:
        await client.begin(token(tenant=tenant.slug, role=Role.STAFF))
        async with tenant.nothing_moves():
            answer = await client.ask(ADJUST, **adjustment(customer, "-5.00"))
    assert answer["data"] == {"adjustCredit": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]


async def test_another_tenants_rows_are_not_there(base: str, tenant: Tenant, ledger: Ledger) -> None:
    other = await make_tenant(ledger)
    node = global_id("Customer", await tenant.customer())
    query = f'{{ node(id: "{node}") {{ id }} customers(first: 1) {{ edges {{ node {{ id }} }} }} }}'
    async with opened(base) as ours, opened(base) as theirs:
        await ours.begin(token(tenant=tenant.slug))
        await theirs.begin(token(tenant=other.slug))
        for _ in range(2):
            assert (await ours.ask(query))["data"]["node"] == {"id": node}
            answer = (await theirs.ask(query))["data"]
            assert answer == {"node": None, "customers": {"edges": []}}


async def test_a_socket_of_a_customer_s_ends_where_their_external_id_goes_to_somebody_else(
    base: str, tenant: Tenant
) -> None:
    carol = await tenant.customer("carol")
    own = "{ viewer { customer { id } } }"
    async with opened(base) as client:
        await client.begin(token(tenant=tenant.slug, role=Role.CUSTOMER, customer="carol"))
        assert (await client.ask(own))["data"] == {"viewer": {"customer": {"id": global_id("Customer", carol)}}}
        await update_customer(tenant.ledger, tenant.id, ADMIN, UpdateCustomer(carol, external_id="caro"))
        await tenant.customer("carol")
        answer = await client.ask(own)
    assert answer["data"] == {"viewer": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]


async def test_the_audit_tells_which_operation_it_was_and_from_where(base: str, tenant: Tenant) -> None:
    async with opened(base, additional_headers={"x-request-id": "the-handshake"}) as client:
        await client.begin(token(tenant=tenant.slug))
        await client.ask("{ viewer { __typename } }")
        assert (await client.ask(UPSERT))["data"]["upsertCustomer"]["userErrors"] == []
    rows = await tenant.fetch(
        "select request_id, address from audit_events where tenant_id = $1 and request_id is not null"
    )
    assert [tuple(row) for row in rows] == [("the-handshake.2", "127.0.0.1")]


@pytest.mark.parametrize("end", ["the client goes", "it completes", "the token expires", "the token is revoked"])
async def test_a_posting_is_made_once_whatever_becomes_of_its_socket(
    base: str, tenant: Tenant, ledger: Ledger, end: str
) -> None:
    row = await tenant.customer()
    await tenant.adjust(row, "1.00")
    customer = global_id("Customer", row)
    again = adjustment(customer, "5.00")
    secret = await tenant.partner_token("credits:add", "ledger:read")
    successor = await tenant.partner_token("credits:add", "ledger:read")
    revoked = end == "the token is revoked"
    lifetime_s = 4 if end == "the token expires" else 3600
    bearer = token(tenant=tenant.slug, role=Role.MANAGER, lifetime_s=lifetime_s)
    async with opened(base) as client:
        await client.begin(f"Bearer {secret.text}" if revoked else bearer)
        async with tenant_transaction(tenant.id) as connection:
            await connection.raw.execute("select from accounts where tenant_id = $1 for update", tenant.id)
            await client.subscribe("1", ADJUST, **again)
            async with asyncio.timeout(10):
                while not (await tenant.fetch(WAITING))[0][0]:  # noqa: ASYNC110 - nobody tells us
                    await asyncio.sleep(0.01)
            if end == "the client goes":
                client.connection.transport.abort()
            elif end == "it completes":
                await client.send({"type": "complete", "id": "1"})
                assert (await client.ask("{ viewer { __typename } }"))["data"]
            elif revoked:
                await revoke_token(ledger, tenant.id, ADMIN, RevokeToken(secret.token_id))
                assert await client.closed() == (4403, "the token has been revoked")
            else:
                assert await client.closed() == (4403, "the token has expired")
    async with opened(base) as client:
        # A key is its client's: of the one whose token is gone, another token asks again.
        await client.begin(f"Bearer {successor.text}" if revoked else token(tenant=tenant.slug, role=Role.MANAGER))
        answer = (await client.ask(ADJUST, **again))["data"]["adjustCredit"]
    # Mostly by the first request, whose posting had begun. Where that was back in memory between two looks at the account
    # when its socket ended, nothing of it is left, and this one posted.
    assert answer["account"]["available"] == "6.00"


async def test_a_revoked_partner_token_ends_its_socket(base: str, tenant: Tenant, ledger: Ledger) -> None:
    secret = (await tenant.partner_token("customers:read")).text
    async with opened(base) as client:
        await client.begin(f"Bearer {secret}")
        assert (await client.ask("{ customers(first: 1) { edges { node { id } } } }"))["data"]
        began = asyncio.get_running_loop().time()
        await revoke_token(ledger, tenant.id, ADMIN, RevokeToken(parse(secret).token_id))
        assert await client.closed() == (4403, "the token has been revoked")
        assert asyncio.get_running_loop().time() - began < REVOKED_WITHIN_S
    async with opened(base) as client:
        await client.send({"type": "connection_init", "payload": {"Authorization": f"Bearer {secret}"}})
        assert await client.closed() == (4403, "the token has been revoked")


async def test_a_rate_limit_refuses_the_operation_and_leaves_the_socket(ledger: Ledger, tenant: Tenant) -> None:
    async with sockets_of(ledger, "5/minute") as base, opened(base) as client:
        await client.begin(token(tenant=tenant.slug))
        async with tenant.nothing_moves():
            answer = await client.ask("mutation { a: " + UPSERT.removeprefix("mutation { ") + " # " + "x" * 3000)
        assert [error["extensions"]["code"] for error in answer["refused"]] == ["RATE_LIMITED"]
        await client.send({"type": "ping"})
        assert await client.receive() == {"type": "pong"}


# The process


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Scrip] = []

    def begin(*arguments: str, **variables: str) -> Scrip:
        started.append(Scrip(*arguments, cwd=tmp_path, SCRIP_JWT_SECRET=SECRET, **variables))
        return started[-1]

    yield begin
    for scrip in started:
        scrip.process.kill()
        scrip.wait()


async def test_the_server_as_it_runs(start: Start, tenant: Tenant, database_urls: Urls) -> None:
    """Its settings hold, it says why it goes, and nothing that clients send stands in its log."""
    scrip = start(
        "serve",
        DATABASE_URL=database_urls.app,
        SCRIP_WEBSOCKET_INIT_TIMEOUT="0.5",
        SCRIP_CORS_ORIGINS="https://a.example",
        SCRIP_MAX_WEBSOCKETS_PER_HOLDER="1",
        SCRIP_LOG_LEVEL="debug",
    )
    base = (await asyncio.to_thread(scrip.url)).replace("http:", "ws:")
    bearer = token(tenant=tenant.slug)
    async with opened(base, origin="https://a.example", path=f"/graphql?token={bearer[7:]}") as client:
        await client.begin(bearer)
        assert (await client.ask("{ viewer { tenant { name } } }"))["data"]["viewer"]
        for frame in ("nonsense", b"binary", "[]", "9" * 5_000, "[" * 100_000):
            async with opened(base) as bad:
                await bad.send(frame)
                assert (await bad.closed())[0] == 4400
        async with opened(base) as bad:
            bad.connection.transport.write(Frame(Opcode.TEXT, b"\xff").serialize(mask=True))
            assert (await bad.closed())[0] == 1007
        async with opened(base) as second:
            await second.send({"type": "connection_init", "payload": {"Authorization": bearer}})
            assert (await second.closed())[0] == 1013
        async with opened(base) as silent:
            assert (await silent.closed())[0] == 4408
        await _too_large(base)
        scrip.process.send_signal(signal.SIGTERM)
        assert (await client.closed())[0] == 1012
    assert await asyncio.to_thread(scrip.wait) == 0
    log = "".join(scrip.said)
    assert "Traceback" not in log
    assert "ERROR" not in log
    assert bearer[7:] not in log


async def _too_large(base: str) -> None:
    """A message is as large as a body may be, and no larger."""
    client: Socket
    for size, code in ((4 * 1024 * 1024 - 100, 4400), (4 * 1024 * 1024 + 1, 1009)):
        async with opened(base) as client:
            if code == 1009:
                assert await client.sends_too_much("x" * size)
            else:
                await client.send("x" * size)
                assert (await client.closed())[0] == code
