"""A database that goes away under running servers: what clients, health and the log are told, and that all goes on."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx
import pytest
from tortoise.context import TortoiseContext
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from app.postgres.database import migrate, tortoise_config
from app.postgres.embedded import EmbeddedPostgres, Urls
from auth.roles import Role
from auth.tokens import issue
from models.ledger import Ledger
from schema.ids import global_id
from tests.app.cli.test_run import Scrip
from tests.support.postgres import given_programs
from tests.support.proxy import Proxy, proxied
from tests.support.tenants import Tenant, make_tenant

SECRET: Final = "a secret for servers under test, and long enough"
OUTAGE_S: Final = 3.0
SHORT_S: Final = 2.5
"""Longer than the outage flickers."""
TIMEOUT_S: Final = 30.0
CLIENTS: Final = 12
ADJUST: Final = """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) {
  replayed transaction { id } userErrors { code } } }"""
UPSERT: Final = """mutation($input: UpsertCustomerInput!) { upsertCustomer(input: $input) {
  customer { id } userErrors { code } } }"""
CUSTOMERS: Final = "{ viewer { subject } customers(first: 3) { edges { node { id balances { available } } } } }"
BEGUN: Final = "the database cannot be used"
ENDED: Final = "the database can be used again"


class Till:
    """A client of one server, which sends all sorts of requests."""

    def __init__(self, base: str, tenant: Tenant, customer: str, partner: str) -> None:
        self.base = base
        self.http = httpx.AsyncClient(base_url=base, timeout=TIMEOUT_S)
        token = issue(
            SECRET,
            issuer="scrip",
            audience="scrip",
            tenant=tenant.slug,
            subject="till@test",
            role=Role.ADMIN,
            issued_at=datetime.now(UTC),
            lifetime=timedelta(hours=1),
            token_id=uuid4().hex,
        )
        self.token = f"Bearer {token}"
        self.partner = f"Bearer {partner}"
        self.customer = customer
        self.posted: dict[str, str] = {}
        self.slowest = 0.0

    async def graphql(self, query: str, given: Any = None, token: str | None = None) -> httpx.Response:
        began = monotonic()
        body = {"query": query, "variables": {"input": given}}
        response = await self.http.post("/graphql", json=body, headers={"authorization": token or self.token})
        self.slowest = max(self.slowest, monotonic() - began)
        return response

    async def adjust(self, key: str) -> httpx.Response:
        given = {
            "customerId": self.customer,
            "asset": "GBP",
            "amount": "1.00",
            "reason": "CORRECTION",
            "idempotencyKey": key,
        }
        response = await self.graphql(ADJUST, given)
        if response.status_code == 200:
            self.posted[key] = response.json()["data"]["adjustCredit"]["transaction"]["id"]
        return response

    async def mixed(self, number: int) -> httpx.Response:
        """Request `number`, of whatever kind it is that number's turn."""
        kind = number % 6
        headers = {"authorization": self.token}
        if kind == 0:
            return await self.adjust(f"key-{number}")
        if kind == 1:
            return await self.graphql(CUSTOMERS)
        if kind == 2:
            return await self.graphql(UPSERT, {"externalId": f"n-{number}", "name": "Nora"})
        if kind == 3:
            return await self.http.get(f"/statements/{self.customer}.csv", headers=headers)
        if kind == 4:
            return await self.graphql(CUSTOMERS, token=self.partner)
        return await self.http.post(
            "/imports/credits?asset=GBP&reason=CORRECTION",
            content=f"customer,amount\nn-{number},1.00\n",
            headers={**headers, "content-type": "text/csv", "idempotency-key": f"file-{number}"},
        )

    async def status(self, path: str) -> int:
        return (await self.http.get(path)).status_code

    async def until_ready(self) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while await self.status("/health/ready") != 200:  # noqa: ASYNC110 - it is another process's work
                await asyncio.sleep(0.02)


@asynccontextmanager
async def tills(base: str, tenant: Tenant) -> AsyncIterator[Till]:
    customer = global_id("Customer", await tenant.customer())
    partner = await tenant.partner_token("customers:read", "ledger:read")
    till = Till(base, tenant, customer, partner.text)
    try:
        yield till
    finally:
        await till.http.aclose()


class Stand:
    """A server whose way to its database is a proxy's, and a client."""

    def __init__(self, scrip: Scrip, proxy: Proxy, till: Till) -> None:
        self.scrip = scrip
        self.proxy = proxy
        self.till = till

    def lines(self, text: str) -> int:
        return len([line for line in self.scrip.said if text in line])

    async def outage_is_over(self) -> None:
        """Wait until the log says so: whoever asks the database next notices."""
        async with asyncio.timeout(TIMEOUT_S):
            while not self.lines(ENDED):
                await self.till.status("/health/ready")
                await asyncio.sleep(0.05)

    @property
    def told(self) -> tuple[int, int, int]:
        """Lines of an outage's beginning, of its end, and tracebacks."""
        return self.lines(BEGUN), self.lines(ENDED), self.lines("Traceback")


@asynccontextmanager
async def standing(folder: Path, server: Urls, tenant: Tenant) -> AsyncIterator[Stand]:
    async with proxied(server.app) as proxy:
        scrip = Scrip("serve", cwd=folder, SCRIP_JWT_SECRET=SECRET, DATABASE_URL=proxy.url)
        try:
            base = await asyncio.to_thread(scrip.url)
            async with tills(base, tenant) as till:
                yield Stand(scrip, proxy, till)
        finally:
            scrip.process.kill()
            await asyncio.to_thread(scrip.wait)


@pytest.fixture
async def tenant(database: Urls) -> AsyncIterator[Tenant]:
    ledger = Ledger()
    yield await make_tenant(ledger)
    await ledger.close()


@pytest.fixture
async def stand(tmp_path: Path, database: Urls, tenant: Tenant) -> AsyncIterator[Stand]:
    async with standing(tmp_path, database, tenant) as stand:
        yield stand


def assert_unavailable(response: httpx.Response) -> None:
    assert response.status_code == 503, response.text
    assert int(response.headers["retry-after"]) >= 1
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]


async def through_an_outage(till: Till, seconds: float) -> None:
    """Requests of all kinds for so long; each has to be told that it is one."""
    until = monotonic() + seconds

    async def client(number: int) -> None:
        while monotonic() < until:
            assert_unavailable(await till.mixed(number))
            number += CLIENTS
            await asyncio.sleep(0.02)

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))


async def all_done(till: Till, first: int, number: int) -> None:
    answers = await asyncio.gather(*(till.mixed(first + n) for n in range(number)))
    assert [answer.text for answer in answers if answer.status_code not in (200, 202)] == []


async def test_a_database_that_is_away(stand: Stand) -> None:
    till = stand.till
    await all_done(till, 0, 12)
    before = dict(till.posted)
    await stand.proxy.refuse()
    await through_an_outage(till, OUTAGE_S)
    assert (await till.status("/health/live"), await till.status("/health/ready")) == (200, 503)
    assert till.slowest < TIMEOUT_S / 3
    await stand.proxy.open()
    # Nobody has to wait for anything: the next request finds it back.
    await all_done(till, 0, 48)
    assert before.items() <= till.posted.items()
    await asyncio.sleep(SHORT_S)
    await stand.outage_is_over()
    assert stand.told == (1, 1, 0)


async def test_a_socket_stays(stand: Stand) -> None:
    till = stand.till
    url = f"{till.base.replace('http', 'ws')}/graphql"
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": till.token}}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"

        async def ask(operation: str) -> Any:
            await socket.send(json.dumps({"type": "subscribe", "id": operation, "payload": {"query": CUSTOMERS}}))
            return json.loads(await socket.recv())

        await stand.proxy.refuse()
        refused = await ask("1")
        assert refused["type"] == "error"
        (error,) = refused["payload"]
        assert error["extensions"]["code"] == "UNAVAILABLE"
        assert error["extensions"]["requestId"]
        await stand.proxy.open()
        assert (await ask("2"))["payload"]["data"]["customers"]["edges"]


async def test_connections_that_died_at_rest_cost_nobody_an_error(stand: Stand) -> None:
    for cut in range(4):
        await all_done(stand.till, 24 * cut, 24)
        await stand.proxy.cut()
    assert stand.told == (0, 0, 0)


async def test_sessions_that_the_server_ends(
    stand: Stand, owner_connection: "asyncpg.Connection[Any]", database: Urls
) -> None:
    """While they rest, by the server's own word for it; and while they post, where the posting is made once more."""
    for cut in range(6):
        clients = [asyncio.create_task(stand.till.adjust(f"{cut}-{number}")) for number in range(24 * (cut % 2))]
        await asyncio.sleep(0.02)
        admin = await asyncpg.connect(database.admin)
        await admin.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'scrip'"""
        )
        await admin.close()
        for client in clients:
            answer = await client
            if answer.status_code != 200:
                assert_unavailable(answer)
        assert (await stand.till.adjust(f"after {cut}")).status_code == 200
    assert stand.lines("Traceback") == 0


async def test_a_commit_whose_answer_is_lost(stand: Stand) -> None:
    """Nobody can tell; who sends the same again learns it, and it is posted once."""
    till = stand.till
    await till.adjust("first")
    stand.proxy.lose_commits = True
    lost = await till.adjust("lost")
    assert_unavailable(lost)
    assert "same idempotency key" in lost.json()["errors"][0]["message"]
    stand.proxy.lose_commits = False
    again = (await till.adjust("lost")).json()["data"]["adjustCredit"]
    assert again["replayed"]
    once_more = (await till.adjust("lost")).json()["data"]["adjustCredit"]
    assert once_more["transaction"] == again["transaction"]
    balances = await till.graphql("{ customers(first: 1) { edges { node { balances { available } } } } }")
    (edge,) = balances.json()["data"]["customers"]["edges"]
    assert edge["node"]["balances"] == [{"available": "2.00"}]
    assert stand.lines("Traceback") == 0


async def test_a_network_that_swallows_everything(stand: Stand) -> None:
    till = stand.till
    await till.adjust("first")
    await stand.proxy.cut()
    stand.proxy.silent = True
    answers = await asyncio.gather(*(till.mixed(number) for number in range(24)))
    for answer in answers:
        assert_unavailable(answer)
    assert till.slowest < TIMEOUT_S
    assert (await till.status("/health/live"), await till.status("/health/ready")) == (200, 503)
    stand.proxy.silent = False
    await till.until_ready()
    assert (await till.adjust("first")).json()["data"]["adjustCredit"]["replayed"]
    assert stand.lines("Traceback") == 0, "".join(stand.scrip.said)


async def test_a_database_that_takes_no_writes(stand: Stand, database: Urls) -> None:
    """As after a failover to a standby: it is read, and not written to."""
    till = stand.till
    await till.adjust("first")
    owner = await asyncpg.connect(database.owner)
    name = await owner.fetchval("SELECT quote_ident(current_database())")
    try:
        await owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await stand.proxy.cut()
        assert_unavailable(await till.adjust("second"))
        assert (await till.graphql(CUSTOMERS)).status_code == 200
        assert await till.status("/health/ready") == 503
    finally:
        await owner.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await owner.close()
    # Its connections were made while it was: they are replaced, without anybody writing anything.
    await till.until_ready()
    async with asyncio.timeout(TIMEOUT_S):
        while (await till.adjust("second")).status_code != 200:  # noqa: ASYNC110 - it is another process's work
            await asyncio.sleep(0.1)
    assert stand.lines("Traceback") == 0


async def test_a_server_that_is_stopped_and_started_again(tmp_path: Path) -> None:
    """A PostgreSQL of the test's own, in the middle of requests."""
    postgres = EmbeddedPostgres(tmp_path / "own", durable=False, programs=given_programs())
    urls = await asyncio.to_thread(postgres.start)
    try:
        await migrate(urls.owner, urls.app, lambda _: None)
        async with TortoiseContext() as context:
            await context.init(tortoise_config(urls.app))
            ledger = Ledger()
            tenant = await make_tenant(ledger)
            async with standing(tmp_path, urls, tenant) as stand:
                await _stop_and_start(stand, postgres)
            await ledger.close()
    finally:
        await asyncio.to_thread(postgres.stop)


async def _stop_and_start(stand: Stand, postgres: EmbeddedPostgres) -> None:
    told: dict[str, list[int]] = {}
    going = True

    async def client(name: int) -> None:
        number = 0
        while going:
            key = f"{name}-{number}"
            answer = await stand.till.adjust(key)
            if answer.status_code != 200:
                assert_unavailable(answer)
            told.setdefault(key, []).append(answer.status_code)
            number += answer.status_code == 200
            await asyncio.sleep(0.02)

    clients = [asyncio.create_task(client(name)) for name in range(CLIENTS)]
    await asyncio.sleep(1)
    await asyncio.to_thread(postgres.stop)
    await asyncio.sleep(OUTAGE_S)
    again = await asyncio.to_thread(postgres.start)
    stand.proxy.serves(again.app)
    await stand.till.until_ready()
    refused = {key: len(answers) for key, answers in told.items() if answers[0] != 200}
    await asyncio.sleep(SHORT_S)
    going = False
    await asyncio.gather(*clients)
    await stand.outage_is_over()
    assert refused, "it was not away"
    assert stand.told == (1, 1, 0)
    posted = dict(stand.till.posted)
    for key, transaction in posted.items():
        payload = (await stand.till.adjust(key)).json()["data"]["adjustCredit"]
        assert (payload["replayed"], payload["transaction"]["id"]) == (True, transaction)
