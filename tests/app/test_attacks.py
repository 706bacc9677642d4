"""What takes a server long is sent beside ordinary load, to two servers: every answer is an answer, and nobody waits long.

The same corpus as `make bench ONLY=stall` measures, smaller, and with bounds that a busy machine keeps: not to tell whether
something is fast, but that nothing brings a server to a halt.
"""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from app.postgres.embedded import Urls
from auth.roles import Role, Scope
from auth.tokens import issue
from benchmarks.attacks import ATTACKS, Big
from benchmarks.ledger_rows import fill_lots
from models.commands import Actor
from models.ledger import Ledger
from models.reads.verify import verify
from models.session import tenant_transaction
from schema.ids import global_id
from tests.app.cli.test_run import ROOT, Scrip
from tests.support.tenants import Tenant, make_tenant

SECRET: Final = "a secret for servers under attack, and long enough"
CUSTOMERS: Final = 400
SCALE: Final = 0.05
SCALES: Final = {"bulk": 0.25}
"""By the beginning of a name: a bulk of 10,000 rows that is planned in their square takes two minutes, one of 2,500 seven
seconds, one of 1,000 hardly one."""
LONGEST_S: Final = 3.0
"""That /health/live may take beyond what this process is late itself."""
PATIENCE_S: Final = 120
MAX_ADJUSTMENTS: Final = 100_000
PROBE_EVERY_S, ASK_EVERY_S = 0.02, 0.1
PARTNERS: Final = (Scope.CREDITS_ADD, Scope.CREDITS_BULK)
ANSWERS: Final = {200, 202, 400, 401, 413, 429, 503}
ADJUST: Final = """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) {
  transaction { id } userErrors { code } } }"""


@dataclass(frozen=True)
class Stage:
    """Two servers, a tenant with customers large and small, and its tokens."""

    servers: list[Scrip]
    bases: list[str]
    tenant: Tenant
    customers: list[str]
    big: Big
    tokens: dict[str, str]
    database: str


@pytest.fixture(scope="module")
async def ledger(database: Urls) -> AsyncIterator[Ledger]:
    ledger = Ledger()
    yield ledger
    await ledger.close()


@pytest.fixture(scope="module")
def servers(database_urls: Urls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Scrip]]:
    started = [
        Scrip(
            "serve",
            cwd=tmp_path_factory.mktemp("server"),
            DATABASE_URL=database_urls.app,
            SCRIP_JWT_SECRET=SECRET,
            SCRIP_RUN_JOBS="true",
            SCRIP_LOG_LEVEL="warning",
        )
        for _ in range(2)
    ]
    yield started
    for scrip in started:
        scrip.process.terminate()
        scrip.wait()


@pytest.fixture(scope="module")
async def stage(ledger: Ledger, servers: list[Scrip], database_urls: Urls) -> Stage:
    tenant = await make_tenant(ledger)
    async with tenant_transaction(tenant.id) as connection:
        rows = await connection.raw.fetch(
            """INSERT INTO customers (tenant_id, id, external_id, name, created_at, updated_at)
            SELECT $1, id, 'customer-' || n, 'Customer ' || n, now(), now()
            FROM unnest($2::uuid[]) WITH ORDINALITY AS u(id, n) RETURNING id""",
            tenant.id,
            [ledger.source.new_id() for _ in range(CUSTOMERS)],
        )
    customers = [str(global_id("Customer", row["id"])) for row in rows]
    big = await _big(ledger, tenant.id, database_urls)
    tokens = {
        role.value.lower(): issue(
            SECRET,
            issuer="scrip",
            audience="scrip",
            tenant=tenant.slug,
            subject=f"{role.value}@attack",
            role=role,
            issued_at=datetime.now(UTC),
            lifetime=timedelta(hours=1),
            token_id=uuid4().hex,
            scopes=scopes,
        )
        for role, scopes in ((Role.MANAGER, None), (Role.ADMIN, None), (Role.PARTNER, PARTNERS))
    }
    return Stage(servers, [each.url() for each in servers], tenant, customers, big, tokens, database_urls.admin)


async def _big(ledger: Ledger, tenant_id: UUID, urls: Urls) -> Big:
    actor_id = await ledger.actor_id(tenant_id, Actor("filler", "ADMIN"))
    admin = await asyncpg.connect(urls.admin)
    try:
        sizes = [int(size * SCALE) for size in (10_000, 100_000, 100_000, 10_000)]
        made = await fill_lots(admin, tenant_id, actor_id, sizes, int(100_000 * SCALE))
    finally:
        await admin.close()
    return Big(*(str(global_id("Customer", customer)) for customer in made))


@dataclass
class Seen:
    """What others noticed: how long /health/live took, what was posted for them, what else they were answered."""

    health: list[float] = field(default_factory=list)
    own_lag: float = 0.0
    posted: list[str] = field(default_factory=list)
    put_off: int = 0


async def _probe(seen: Seen, client: httpx.AsyncClient) -> None:
    while True:
        began = time.monotonic()
        assert (await client.get("/health/live")).status_code == 200
        seen.health.append(time.monotonic() - began)
        await asyncio.sleep(PROBE_EVERY_S)


async def _watch_ourselves(seen: Seen) -> None:
    while True:
        due = time.monotonic() + PROBE_EVERY_S
        await asyncio.sleep(PROBE_EVERY_S)
        seen.own_lag = max(seen.own_lag, time.monotonic() - due)


async def _adjust(seen: Seen, client: httpx.AsyncClient, customers: Sequence[str], token: str) -> None:
    for n in range(MAX_ADJUSTMENTS):
        given = {"customerId": customers[n % len(customers)], "asset": "GBP", "amount": "1.00", "reason": "GOODWILL"}
        answer = await client.post(
            "/graphql",
            headers={"authorization": f"Bearer {token}"},
            json={"query": ADJUST, "variables": {"input": {**given, "idempotencyKey": uuid4().hex}}},
        )
        body: dict[str, Any] = answer.json()
        payload = (body.get("data") or {}).get("adjustCredit") or {}
        if answer.status_code == 503 or [error["code"] for error in payload.get("userErrors", ())] == ["BUSY"]:
            seen.put_off += 1
        else:
            assert "errors" not in body, body
            seen.posted.append(payload["transaction"]["id"])
        await asyncio.sleep(ASK_EVERY_S)


@asynccontextmanager
async def ordinary_load(stage: Stage) -> AsyncIterator[Seen]:
    """Others who go on with their work, and look whether the servers are there."""
    seen = Seen()

    def client(server: int) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=stage.bases[server], timeout=PATIENCE_S)

    async with client(0) as one, client(1) as two:
        own = stage.customers[CUSTOMERS // 2 : -2]  # those that no attack is aimed at
        asking = (_adjust(seen, each, own, stage.tokens["manager"]) for each in (one, two))
        work = asyncio.gather(_watch_ourselves(seen), _probe(seen, one), _probe(seen, two), *asking)
        yield seen
        if work.done():
            work.result()
        await asyncio.sleep(0.1)
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


def write_orders(stage: Stage, name: str, orders: Path) -> None:
    scale = next((scale for beginning, scale in SCALES.items() if name.startswith(beginning)), SCALE)
    aim = {
        "name": name,
        "bases": stage.bases,
        "tokens": stage.tokens,
        "customers": stage.customers,
        "big": asdict(stage.big),
        "locked": f"customer-{CUSTOMERS - 1}",
        "database": stage.database,
        "tenant": stage.tenant.slug,
        "scale": scale,
    }
    orders.write_text(json.dumps(aim))


async def attack(orders: Path) -> dict[str, int]:
    """What the attacker, a process of its own, was answered: how often what."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.attacks", str(orders), stdout=PIPE, stderr=PIPE, cwd=ROOT
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            said, complaints = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaints.decode()[-2_000:]
    counted = (each.split(" × ") for each in said.decode().strip().split(", ") if each)
    return {what: int(number) for number, what in counted}


@pytest.mark.parametrize("name", ATTACKS)
async def test_nobody_else_notices(stage: Stage, name: str, tmp_path: Path) -> None:
    write_orders(stage, name, tmp_path / "aim.json")
    async with ordinary_load(stage) as seen:
        answers = await attack(tmp_path / "aim.json")
    assert answers
    statuses = {int(what.split()[0]) for what in answers if what[:1].isdigit()}
    assert statuses <= ANSWERS, answers
    assert not {what for what in answers if "INTERNAL" in what or "1006" in what}, answers
    assert all(server.process.poll() is None for server in stage.servers)
    assert seen.posted
    assert max(seen.health) - seen.own_lag < LONGEST_S
    found = await stage.tenant.fetch("select id from transactions where tenant_id = $1")
    assert {global_id("Transaction", row["id"]) for row in found} >= set(seen.posted)


@pytest.fixture(scope="module", autouse=True)
async def proved(stage: Stage) -> AsyncIterator[None]:
    """The books hold after all of it. Not so the order of lists: an attack pours rows in beside the job that keeps it,
    without the lock by which that knows what it has seen."""
    yield
    proof = await verify(stage.tenant.id)
    assert {check: number for check, number in proof.found.items() if check != "standings"} == {}, proof.listed[:5]
    assert proof.entries > 0
