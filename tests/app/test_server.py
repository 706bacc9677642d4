"""The server as it runs: processes of `scrip serve` and `scrip run` over HTTP, raced, killed and told to stop."""

import asyncio
import random
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from app.postgres.embedded import Urls
from auth.roles import Role
from auth.tokens import issue
from models.ledger import Ledger
from models.reads.verify import verify
from models.session import tenant_transaction
from schema.ids import global_id
from tests.app.cli.test_run import Scrip, get, wait_for
from tests.support.tenants import Tenant, make_tenant

SECRET: Final = "a secret for servers under test, and long enough"
AT_ONCE: Final = 48
TIMEOUT_S: Final = 30
ADJUST: Final = """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) {
  replayed transaction { id } userErrors { code } } }"""
UPSERT: Final = 'mutation { upsertCustomer(input: {externalId: "carol", name: "Carol"}) { customer { id } } }'
LEDGER: Final = """{ customer(by: {externalId: "carol"}) { account(asset: "GBP") { ledger(first: 100, after: %s) {
  edges { node { sequence transaction { id } } } pageInfo { hasNextPage endCursor } } } } }"""
WAITING: Final = """select count(*) > 0 from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and $1::uuid is not null"""
POSTED: Final = "posted"
REPLAYED: Final = "replayed"

Start = Callable[..., Scrip]
Request = tuple[str, Role, dict[str, Any]]
"""An idempotency key, who asks, and an input of adjustCredit."""
Answers = dict[str, tuple[str, str | None]]
"""By key: posted, replayed or the code of its refusal; and the transaction's id."""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a command. Whatever runs at the end of the test is killed."""
    started: list[Scrip] = []

    def begin(*arguments: str, **variables: str) -> Scrip:
        started.append(Scrip(*arguments, cwd=tmp_path, SCRIP_JWT_SECRET=SECRET, **variables))
        return started[-1]

    yield begin
    for scrip in started:
        scrip.process.kill()
        scrip.wait()
    # Who is killed leaves the folder of the server's socket to the next start, and there is none.
    note = tmp_path / ".scrip" / "socket"
    if note.exists():
        shutil.rmtree(note.read_text(), ignore_errors=True)


@pytest.fixture
async def tenant(database: Urls) -> AsyncIterator[Tenant]:
    ledger = Ledger()
    yield await make_tenant(ledger)
    await ledger.close()


def serve(start: Start, urls: Urls, **variables: str) -> tuple[Scrip, str]:
    """A server of the worker's database, and where it is."""
    scrip = start("serve", DATABASE_URL=urls.app, **variables)
    return scrip, scrip.url()


class Client:
    """Somebody of a tenant's who talks to one server."""

    def __init__(self, base: str, tenant: str) -> None:
        # Connections are left before the server does so: one that is closed while it is written to has no answer.
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE, keepalive_expiry=1)
        self._http = httpx.AsyncClient(base_url=base, limits=limits, timeout=TIMEOUT_S)
        self._tokens = {
            role: issue(
                SECRET,
                issuer="scrip",
                audience="scrip",
                tenant=tenant,
                subject=f"{role.value}@test",
                role=role,
                issued_at=datetime.now(UTC),
                lifetime=timedelta(hours=1),
                token_id=uuid4().hex,
            )
            for role in (Role.STAFF, Role.MANAGER, Role.ADMIN)
        }
        self.answers: Answers = {}
        self.server_may_go = False

    async def send(
        self, query: str, given: dict[str, Any] | None = None, role: Role = Role.ADMIN, **headers: str
    ) -> dict[str, Any]:
        response = await self._http.post(
            "/graphql",
            json={"query": query, "variables": {"input": given}},
            headers={"authorization": f"Bearer {self._tokens[role]}", **headers},
        )
        answer = response.json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    async def adjust(self, request: Request) -> None:
        """Note the answer; nothing, where the server is gone before it gave one, as it may be."""
        key, role, given = request
        try:
            payload = (await self.send(ADJUST, {**given, "idempotencyKey": key}, role))["adjustCredit"]
        except httpx.TransportError:
            if self.server_may_go:
                return
            raise
        if payload["userErrors"]:
            self.answers[key] = payload["userErrors"][0]["code"], None
        else:
            self.answers[key] = REPLAYED if payload["replayed"] else POSTED, payload["transaction"]["id"]

    async def adjust_all(self, requests: Sequence[Request]) -> Answers:
        """Send all of them, so many at once."""
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(request: Request) -> None:
            async with turn:
                await self.adjust(request)

        await asyncio.gather(*map(one, requests))
        return self.answers

    async def until(self, number: int) -> None:
        """Wait for that many answers."""
        async with asyncio.timeout(TIMEOUT_S):
            while len(self.answers) < number:  # noqa: ASYNC110 - what is waited for is another process's work
                await asyncio.sleep(0.002)


@asynccontextmanager
async def clients(tenant: str, *bases: str) -> AsyncIterator[list[Client]]:
    """One for each server."""
    made = [Client(base, tenant) for base in bases]
    yield made
    await asyncio.gather(*(client._http.aclose() for client in made))


def adjustment(customer: str, amount: str) -> dict[str, Any]:
    return {"customerId": customer, "asset": "GBP", "amount": amount, "reason": "CORRECTION"}


async def postings(tenant: Tenant) -> dict[str, str]:
    """The id of the transaction that each key stands for, from the books. Each has one transaction."""
    rows = await tenant.fetch("select idempotency_key, id from transactions where tenant_id = $1")
    found: dict[str, str] = {row[0]: global_id("Transaction", row[1]) for row in rows}
    assert len(found) == len(rows)
    keys = await tenant.fetch("select key, result_id from idempotency_keys where tenant_id = $1")
    assert {row[0]: global_id("Transaction", row[1]) for row in keys} == found
    return found


async def check_books(tenant: Tenant) -> None:
    """Sums of entries are the balances, sequences have no gap, and the proof of the books holds."""
    wrong = await tenant.fetch(
        """select a.id from accounts a left join entries e on e.tenant_id = $1 and e.account_id = a.id
        where a.tenant_id = $1 group by a.id, a.balance_minor, a.sequence
        having sum(e.amount_minor) <> a.balance_minor or count(*) <> a.sequence or max(e.sequence) <> a.sequence
            or min(e.sequence) <> 1 or count(distinct e.sequence) <> a.sequence"""
    )
    assert wrong == []
    proof = await verify(tenant.id)
    assert proof.holds, proof.listed


NUMBER: Final = 500
"""Requests. Each goes to both servers, so a thousand are sent."""
CUT_SHORT: Final = 240
"""Requests to a server that is killed when it has answered a quarter of them."""


def clashing(customers: Sequence[str]) -> list[Request]:
    """Staff adding within limits that do not suffice, managers adding and removing, on few accounts."""
    dice = random.Random(20261122)  # noqa: S311 - the same requests every time
    requests: list[Request] = []
    for n in range(NUMBER):
        role, least, most = dice.choice(((Role.STAFF, 1, 9), (Role.MANAGER, 1, 9), (Role.MANAGER, -12, -1)))
        amount = f"{dice.randint(least, most)}.{dice.randint(10, 99)}"
        requests.append((f"k-{n}", role, adjustment(dice.choice(customers), amount)))
    return requests


async def test_two_servers_and_a_thousand_clashing_requests(start: Start, tenant: Tenant, database_urls: Urls) -> None:
    customers = [global_id("Customer", await tenant.customer()) for _ in range(4)]
    requests = clashing(customers)
    bases = [serve(start, database_urls)[1] for _ in range(2)]
    async with clients(tenant.slug, *bases) as both:
        shuffled = [random.Random(n).sample(requests, NUMBER) for n in range(2)]  # noqa: S311 - not a secret
        first, second = await asyncio.gather(*map(Client.adjust_all, both, shuffled))

    assert len(first) == len(second) == NUMBER
    codes = Counter(code for code, _ in (*first.values(), *second.values()))
    assert set(codes) == {POSTED, REPLAYED, "INSUFFICIENT_BALANCE", "LIMIT_EXCEEDED"}, codes
    posted = await postings(tenant)
    for key, *_ in requests:
        outcomes = sorted(code for code, _ in (first[key], second[key]))
        named = {made for _, made in (first[key], second[key]) if made is not None}
        # Posted by one at most; and where it was, the other one's answer names the same or had come before.
        assert outcomes.count(POSTED) == (1 if key in posted else 0), (key, outcomes)
        assert named == ({posted[key]} if key in posted else set())
    await check_books(tenant)
    await _check_limits(tenant)


async def _check_limits(tenant: Tenant) -> None:
    """What staff added is within 200 a customer and 500 in all, and used them up."""
    rows = await tenant.fetch(
        """select t.customer_id, sum(e.amount_minor) from entries e
        join transactions t on t.tenant_id = $1 and t.id = e.transaction_id
        join actors a on a.tenant_id = $1 and a.id = t.actor_id and a.role = 'STAFF'
        where e.tenant_id = $1 group by 1"""
    )
    assert max(row[1] for row in rows) <= 20_000
    assert 49_000 < sum(row[1] for row in rows) <= 50_000


async def test_a_server_killed_in_the_middle_of_writes_loses_and_doubles_nothing(
    start: Start, tenant: Tenant, database_urls: Urls
) -> None:
    customers = [global_id("Customer", await tenant.customer()) for _ in range(4)]
    requests: list[Request] = [(f"k-{n}", Role.MANAGER, adjustment(customers[n % 4], "1.00")) for n in range(CUT_SHORT)]
    scrip, base = serve(start, database_urls)
    _, other = serve(start, database_urls)
    async with clients(tenant.slug, base, other) as (killed, left):
        sending = asyncio.create_task(killed.adjust_all(requests))
        await killed.until(CUT_SHORT // 4)
        killed.server_may_go = True
        scrip.process.kill()
        answered = await sending
        assert CUT_SHORT // 4 <= len(answered) < CUT_SHORT
        there = await postings(tenant)
        assert {key: made for key, (_, made) in answered.items()}.items() <= there.items()
        retried = await left.adjust_all(requests)
    posted = await postings(tenant)
    assert {key: made for key, (_, made) in retried.items()} == posted
    assert len(posted) == CUT_SHORT
    assert all(retried[key][0] == REPLAYED for key in answered)
    await check_books(tenant)
    assert [tuple(row) for row in await tenant.fetch("select balance_minor from accounts where tenant_id = $1")] == [
        (CUT_SHORT // 4 * 100,)
    ] * 4


async def test_killed_with_its_database_it_has_kept_all_that_it_answered(start: Start) -> None:
    """`scrip run`, whose PostgreSQL goes down with it in the middle of writes."""
    scrip = start("run")
    async with clients("demo", scrip.url()) as (client,):
        customer = (await client.send(UPSERT))["upsertCustomer"]["customer"]["id"]
        requests: list[Request] = [(f"k-{n}", Role.MANAGER, adjustment(customer, "1.00")) for n in range(CUT_SHORT)]
        sending = asyncio.create_task(client.adjust_all(requests))
        await client.until(CUT_SHORT // 4)
        client.server_may_go = True
        scrip.process.kill()
        answered = await sending
    assert CUT_SHORT // 4 <= len(answered) < CUT_SHORT

    scrip = start("run")
    async with clients("demo", scrip.url()) as (client,):
        there = await transactions(client)
        assert {made for _, made in answered.values()} <= set(there)
        retried = await client.adjust_all(requests)
        assert {key: made for key, (_, made) in answered.items()}.items() <= {
            key: made for key, (_, made) in retried.items()
        }.items()
        assert sorted(await transactions(client)) == sorted(made for _, made in retried.values() if made)
    proof = start("verify")
    assert proof.wait() == 0, proof.said
    assert scrip.end(signal.SIGTERM) == 0


async def transactions(client: Client) -> list[str]:
    """The transactions on the customer's one account, by sequence, which has no gap."""
    found: list[str] = []
    after = "null"
    while True:
        page = (await client.send(LEDGER % after))["customer"]["account"]["ledger"]
        for edge in page["edges"]:
            found.append(edge["node"]["transaction"]["id"])
            assert edge["node"]["sequence"] == len(found)
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = f'"{page["pageInfo"]["endCursor"]}"'


async def somebody_waits(tenant: Tenant) -> None:
    """Wait until a posting waits for a lock."""
    async with asyncio.timeout(TIMEOUT_S):
        while not (await tenant.fetch(WAITING))[0][0]:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)


async def test_told_to_stop_it_finishes_what_is_under_way(start: Start, tenant: Tenant, database_urls: Urls) -> None:
    row = await tenant.customer()
    customer = global_id("Customer", row)
    await tenant.adjust(row, "1.00")
    scrip, base = serve(start, database_urls)
    requests: list[Request] = [(f"k-{n}", Role.MANAGER, adjustment(customer, "1.00")) for n in range(5)]
    async with clients(tenant.slug, base) as (client,):
        async with tenant_transaction(tenant.id) as connection:
            await connection.raw.execute("select from accounts where tenant_id = $1 for update", tenant.id)
            sending = asyncio.create_task(client.adjust_all(requests))
            await somebody_waits(tenant)
            client.server_may_go = True
            scrip.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(wait_for, lambda: get(f"{base}/health/live") is None)
            assert scrip.process.poll() is None
            assert client.answers == {}
        answered = await sending
    assert await asyncio.to_thread(scrip.wait) == 0
    assert {code for code, _ in answered.values()} == {POSTED}
    posted = await postings(tenant)
    assert {key: made for key, (_, made) in answered.items()}.items() == {
        key: made for key, made in posted.items() if key.startswith("k-")
    }.items()
    assert not [line for line in scrip.said if "Traceback" in line or "ERROR" in line]


@pytest.mark.parametrize(("trusted", "believed"), [("127.0.0.1", "203.0.113.9"), ("10.0.0.0/8", "127.0.0.1")])
async def test_a_proxy_is_believed_about_addresses_where_it_is_trusted(
    start: Start, database_urls: Urls, tenant: Tenant, trusted: str, believed: str
) -> None:
    _, base = serve(start, database_urls, SCRIP_TRUSTED_PROXIES=trusted)
    async with clients(tenant.slug, base) as (client,):
        forwarded: dict[str, Any] = {"x-forwarded-for": "203.0.113.9"}  # a header's name is no name of an argument
        await client.send(UPSERT, **forwarded)
        trail = await client.send('{ auditTrail(action: "customer.created") { edges { node { address } } } }')
    assert [edge["node"]["address"] for edge in trail["auditTrail"]["edges"]] == [believed]
