"""What a request has made is gone with it. Nothing of it waits for the garbage collector: after long answers, that would
stand still for everybody to free it all at once."""

import asyncio
import gc
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.types import Message

from app.postgres.embedded import Urls
from auth.roles import Role
from auth.tokens import issue
from benchmarks.adjust import DOCUMENT as ADJUST
from models.ledger import Ledger
from schema.ids import global_id
from tests.app.test_hardening import SECRET, app_of
from tests.support.sockets import opened, served
from tests.support.tenants import Tenant, make_tenant

REQUESTS: Final = 5
CUSTOMERS: Final = 50
ENOUGH_TIMERS: Final = 1_000
PAGE: Final = """query($id: ID!) { node(id: $id) { ... on Customer { id name
  balances { asset available credits(first: 5) { edges { node { id remaining } } } }
  ledger(first: 10) { edges { node { sequence amount transaction { id kind } } } pageInfo { hasNextPage } }
  invoices(first: 5) { edges { node { id number due } } } } } }"""
LIST: Final = "{ customers(first: 50) { edges { node { id name balances { asset available } } } } }"
LONG_LISTS: Final = """{ customers(first: 50) { edges { node { id balances { credits(first: 20) { edges { node { id } } } }
  ledger(first: 20) { edges { node { sequence transaction { id } } } } } } } }"""
FRAGMENTS: Final = """query($id: ID!, $first: Int) { node(id: $id) { ...Person } }
  fragment Person on Customer { id ledger(first: $first) { edges { node { sequence } } } }"""
AUDIT: Final = "{ auditTrail(first: 1) { edges { node { at } } } partnerTokens { edges { node { id } } } }"
INVOICE: Final = """mutation($input: CreateInvoiceInput!) {
  createInvoice(input: $input) { userErrors { code } invoice { id } } }"""
BULK: Final = "mutation($input: BulkCreditInput!) { bulkCredit(input: $input) { userErrors { code } } }"
PREVIEW: Final = "query($input: AdjustCreditInput!) { adjustmentPreview(input: $input) { availableAfter } }"
UPSERT: Final = 'mutation { upsertCustomer(input: {externalId: "carol", name: "Carol"}) { customer { id } } }'
OF_TRANSPORTS: Final = {"_SelectorSocketTransport", "TransportSocket", "socket", "method", "dict", "tuple"}
"""What is left of a transport of asyncio's own loop, which holds itself. The server's loop, uvloop, has others."""

Body = dict[str, Any] | bytes
Case = tuple[Role | None, Callable[["Shop"], Body]]


class Shop:
    """A tenant, and its server's app without a network. fresh: numbers that were not used before."""

    def __init__(self, app: Starlette, tenant: Tenant, customer: str) -> None:
        self.app = app
        self.customer = customer
        self._fresh = count()
        self.tokens = {role: _token(tenant.slug, role) for role in Role}

    def adjustment(self, **changes: Any) -> dict[str, Any]:
        """An input of adjustCredit."""
        given = {"customerId": self.customer, "asset": "GBP", "amount": "1.50", "reason": "GOODWILL", **changes}
        return {"input": {**given, "idempotencyKey": self.fresh()}}

    def fresh(self) -> str:
        return f"n-{next(self._fresh)}"

    async def send(
        self, role: Role | None, body: Body, *, method: str = "POST", path: str = "/graphql", **headers: str
    ) -> tuple[int, bytes]:
        """Status and body of the answer."""
        if role is not None:
            headers = {"authorization": f"Bearer {self.tokens[role]}", **headers}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content_type": "application/json", **headers}
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        waiting: list[Message] = [{"type": "http.request", "body": raw, "more_body": False}]
        sent: list[Message] = []

        async def receive() -> Message:
            return waiting.pop() if waiting else await asyncio.get_running_loop().create_future()  # the client stays

        async def send(message: Message) -> None:
            sent.append(message)

        await asyncio.create_task(self.app(scope, receive, send))
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def _token(tenant: str, role: Role) -> str:
    return issue(
        SECRET,
        issuer="scrip",
        audience="scrip",
        tenant=tenant,
        subject="ann@test",
        role=role,
        issued_at=datetime.now(UTC),
        lifetime=timedelta(hours=1),
        token_id=uuid4().hex,
        customer="ann" if role is Role.CUSTOMER else None,
        client_id="app" if role is Role.PARTNER else None,
    )


@pytest.fixture
async def shop(database: Urls) -> AsyncIterator[Shop]:
    ledger = Ledger()
    tenant = await make_tenant(ledger)
    people = [await tenant.customer("ann"), *[await tenant.customer() for _ in range(CUSTOMERS)]]
    for person in people:
        await tenant.credit(person, "1.00")
    yield Shop(app_of(database, ledger), tenant, global_id("Customer", people[0]))
    await ledger.close()


async def garbage(ask: Callable[[], Any]) -> "Counter[str]":
    """The kinds of objects that the collector finds after several requests, and how many of each.

    The first requests are not counted: something is remembered of each of their kind.
    """
    for _ in range(2):
        await ask()
    await _settled()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(REQUESTS):
            await ask()
        await _settled()
        gc.collect()
        return Counter(type(each).__qualname__ for each in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def _settled() -> None:
    """The requests' last tasks are done, and asyncio has let go of their timers: it does that only once many have been
    cancelled. (The server's loop, uvloop, does it at once.)"""
    await asyncio.sleep(0.05)
    loop = asyncio.get_running_loop()
    for timer in [loop.call_later(60, print) for _ in range(ENOUGH_TIMERS)]:
        timer.cancel()
    await asyncio.sleep(0.01)
    await asyncio.sleep(0)


def operation(text: str, **variables: Any) -> Body:
    return {"query": text, "variables": variables}


CASES: Final[dict[str, Case]] = {
    "an adjustment": (Role.ADMIN, lambda shop: operation(ADJUST, **shop.adjustment())),
    "one that is refused": (
        Role.ADMIN,
        lambda shop: operation(ADJUST, **shop.adjustment(amount="-9999.00", reason="POLICY")),
    ),
    "a value that is none": (Role.ADMIN, lambda shop: operation(ADJUST, **shop.adjustment(amount="x"))),
    "an amount too fine": (Role.ADMIN, lambda shop: operation(ADJUST, **shop.adjustment(amount="1.005"))),
    "a denied field": (Role.STAFF, lambda shop: operation(ADJUST, **shop.adjustment(amount="-1.00", reason="POLICY"))),
    "two denied fields": (Role.STAFF, lambda _: operation(AUDIT)),
    "a customer who asks for others": (Role.CUSTOMER, lambda _: operation(LIST)),
    "nobody": (None, lambda _: operation(LIST)),
    "a bad id": (Role.ADMIN, lambda _: operation(PAGE, id="zz")),
    "a page with lists": (Role.ADMIN, lambda shop: operation(PAGE, id=shop.customer)),
    "a list": (Role.ADMIN, lambda _: operation(LIST)),
    "long lists in a long list": (Role.ADMIN, lambda _: operation(LONG_LISTS)),
    "an invoice": (
        Role.ADMIN,
        lambda shop: operation(
            INVOICE,
            input={
                "customerId": shop.customer,
                "currency": "GBP",
                "number": shop.fresh(),
                "idempotencyKey": shop.fresh(),
                "lines": [{"description": "Tea", "quantity": 1, "unitPrice": "1.00"}],
            },
        ),
    ),
    "a bulk": (
        Role.ADMIN,
        lambda shop: operation(
            BULK,
            input={
                "items": [{"customerId": shop.customer, "amount": "1.00"}] * 600,
                "asset": "GBP",
                "reason": "GOODWILL",
                "allowDuplicateCustomers": True,
                "idempotencyKey": shop.fresh(),
            },
        ),
    ),
    "a preview": (Role.ADMIN, lambda shop: operation(PREVIEW, **shop.adjustment())),
    "a change": (Role.ADMIN, lambda _: operation(UPSERT)),
    "the schema": (Role.ADMIN, lambda _: operation("{ __schema { types { name fields { name } } } }")),
    "a document that was not sent before": (Role.ADMIN, lambda shop: operation(f"{LIST} # {shop.fresh()}")),
    "one with variables and fragments": (
        Role.ADMIN,
        lambda shop: operation(f"{FRAGMENTS} # {shop.fresh()}", first=5, id=shop.customer),
    ),
    "one that does not fit the schema": (Role.ADMIN, lambda shop: operation(f"{{ nothing }} # {shop.fresh()}")),
    "no JSON": (Role.ADMIN, lambda _: b"{"),
}


@pytest.mark.parametrize("name", CASES)
async def test_an_operation_leaves_nothing_to_the_collector(shop: Shop, name: str) -> None:
    role, body = CASES[name]
    found = await garbage(lambda: shop.send(role, body(shop)))
    assert found.total() < REQUESTS, found


async def test_a_file_sent_leaves_nothing_to_the_collector(shop: Shop) -> None:
    async def upload() -> None:
        path = "/imports/credits?asset=GBP&reason=GOODWILL"
        status, _ = await shop.send(
            Role.ADMIN, b"customer,amount\nann,1.00\n", path=path, content_type="text/csv", idempotency_key=shop.fresh()
        )
        assert status == 202

    found = await garbage(upload)
    assert found.total() < REQUESTS, found


async def test_a_file_fetched_leaves_nothing_to_the_collector(shop: Shop) -> None:
    async def download() -> None:
        status, _ = await shop.send(Role.ADMIN, b"", method="GET", path=f"/statements/{shop.customer}.csv")
        assert status == 200

    found = await garbage(download)
    assert found.total() < REQUESTS, found


@pytest.mark.parametrize("name", ["an adjustment", "one that is refused", "a denied field", "a page with lists"])
async def test_an_operation_on_a_websocket_leaves_nothing_to_the_collector(shop: Shop, name: str) -> None:
    role, body = CASES[name]
    assert role is not None
    async with served(shop.app) as base, opened(base) as client:
        await client.begin(f"Bearer {shop.tokens[role]}")

        async def ask() -> None:
            asked = body(shop)
            assert isinstance(asked, dict)
            assert "refused" not in await client.ask(**asked)

        found = await garbage(ask)
    assert found.total() < REQUESTS, found


def request(shop: Shop, *headers: str) -> bytes:
    """An adjustment as it is sent."""
    body = json.dumps(operation(ADJUST, **shop.adjustment()))
    lines = ["POST /graphql HTTP/1.1", "host: localhost", f"authorization: Bearer {shop.tokens[Role.ADMIN]}", *headers]
    return "\r\n".join([*lines, "content-type: application/json", f"content-length: {len(body)}", "", body]).encode()


@pytest.mark.parametrize("closes", ["server", "client"])
async def test_a_connection_for_each_request_leaves_nothing_to_the_collector(shop: Shop, closes: str) -> None:
    loop = asyncio.get_running_loop()
    async with served(shop.app) as base:

        async def ask() -> None:
            with socket.socket() as client:
                client.setblocking(False)
                await loop.sock_connect(client, ("127.0.0.1", int(base.rpartition(":")[2])))
                await loop.sock_sendall(client, request(shop, *(["connection: close"] if closes == "server" else [])))
                answer = b""
                while b'"userErrors":[]' not in answer:
                    piece = await loop.sock_recv(client, 65_536)
                    assert piece, answer
                    answer += piece
                if closes == "server":
                    assert await loop.sock_recv(client, 1) == b""

        found = await garbage(ask)
    assert not found.keys() - OF_TRANSPORTS, found


async def test_requests_on_a_connection_leave_nothing_to_the_collector(shop: Shop) -> None:
    async with served(shop.app) as base:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(base.rpartition(":")[2]))

        async def ask() -> None:
            writer.write(request(shop))
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            assert b'"userErrors":[]' in await reader.readexactly(length)

        found = await garbage(ask)
        writer.close()
        await writer.wait_closed()
    assert found.total() < REQUESTS, found
