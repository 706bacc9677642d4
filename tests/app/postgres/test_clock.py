"""A server whose clock is off: what it answers, what it tells whoever watches, and how it finds out."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from app.main import create_app
from app.postgres.clock import clock_kept, new_ledger
from app.postgres.embedded import Urls
from app.settings import Settings
from auth.roles import Role
from auth.tokens import issue
from jobs.worker import Job, working
from models.ledger import Ledger
from models.sources import DatabaseClock, system_clock
from schema.ids import global_id
from tests.support.logged import logged
from tests.support.sockets import served
from tests.support.tenants import Tenant, make_tenant

SECRET: Final = "a secret for servers with clocks, and long enough"
ADJUST: Final = """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) {
  replayed transaction { createdAt } userErrors { code message } } }"""
HOURS: Final = timedelta(hours=2)


class Wall:
    """A machine's wall clock, which somebody has set wrong by as much as `off`."""

    def __init__(self) -> None:
        self.off = timedelta()

    def __call__(self) -> datetime:
        return system_clock() + self.off


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def ledger(database: Urls, wall: Wall) -> AsyncIterator[Ledger]:
    ledger = Ledger(DatabaseClock(wall))
    yield ledger
    await ledger.close()


@pytest.fixture
async def tenant(database: Urls) -> AsyncIterator[Tenant]:
    """Made by a server whose clock is right."""
    ledger = Ledger()
    yield await make_tenant(ledger)
    await ledger.close()


def app_of(urls: Urls, ledger: Ledger) -> Starlette:
    return create_app(Settings(database_url=urls.app, jwt_secret=SECRET), ledger)


def client_of(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://scrip")


async def skew(client: httpx.AsyncClient) -> float | None:
    text = (await client.get("/metrics")).text
    values = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "scrip_clock_skew_seconds"
    ]
    return values[0] if values else None


async def test_over_http(database: Urls, tenant: Tenant, ledger: Ledger, wall: Wall) -> None:
    """Two servers of one tenant, one of them two hours ahead."""
    carol = global_id("Customer", await tenant.customer())
    token = issue(
        SECRET,
        issuer="scrip",
        audience="scrip",
        tenant=tenant.slug,
        subject="ann@test",
        role=Role.ADMIN,
        issued_at=datetime.now(UTC),
        lifetime=timedelta(hours=1),
        token_id=uuid4().hex,
    )
    given = {"customerId": carol, "asset": "GBP", "amount": "5.00", "reason": "GOODWILL", "idempotencyKey": "k"}

    async def adjust(client: httpx.AsyncClient) -> Any:
        body = {"query": ADJUST, "variables": {"input": given}}
        answer = await client.post("/graphql", json=body, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        return answer.json()["data"]["adjustCredit"]

    wall.off = HOURS
    async with (
        served(app_of(database, ledger)) as wrong,
        served(app_of(database, tenant.ledger)) as right,
        httpx.AsyncClient(base_url=wrong.replace("ws:", "http:")) as off,
        httpx.AsyncClient(base_url=right.replace("ws:", "http:")) as good,
    ):
        async with tenant.nothing_moves():
            refused = await adjust(off)
        assert [error["code"] for error in refused["userErrors"]] == ["UNAVAILABLE"]
        posted = await adjust(good)  # the key is free
        assert (posted["replayed"], posted["userErrors"]) == (False, [])
        assert abs(datetime.fromisoformat(posted["transaction"]["createdAt"]) - datetime.now(UTC)) < HOURS / 100
        assert (await off.get("/health/ready")).status_code == 503
        assert (await good.get("/health/ready")).json() == {"status": "ready"}


async def test_whoever_watches_is_told(database: Urls, ledger: Ledger, wall: Wall) -> None:
    async with client_of(app_of(database, ledger)) as client:
        assert await skew(client) is None  # the database was not asked yet
        assert (await client.get("/health/ready")).json() == {"status": "ready"}
        assert abs(await skew(client) or 0) < 1
        wall.off = -HOURS
        answer = await client.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json()["status"] == "clock off"
        assert answer.json()["clockSkewSeconds"] == pytest.approx(-7_200, abs=1)
        assert await skew(client) == pytest.approx(-7_200, abs=1)
        assert (await client.get("/health/live")).status_code == 200
        wall.off = timedelta()
        assert (await client.get("/health/ready")).status_code == 200


async def test_a_given_clock_is_never_off(database: Urls) -> None:
    async with client_of(app_of(database, Ledger(lambda: datetime(2020, 1, 1, tzinfo=UTC)))) as client:
        assert (await client.get("/health/ready")).status_code == 200
        assert await skew(client) is None


async def test_the_bound_is_set_from_outside(database: Urls) -> None:
    for bound in (0.5, 30):
        clock = new_ledger(Settings(database_url=database.app, max_clock_skew=bound)).clock
        assert isinstance(clock, DatabaseClock)
        assert clock.max_skew == timedelta(seconds=bound)


async def test_the_database_is_asked_at_the_start_and_again_and_again(
    ledger: Ledger, wall: Wall, caplog: pytest.LogCaptureFixture
) -> None:
    """An idle server notices, too; and says so once."""
    async with clock_kept(ledger, 0.01):
        assert ledger.clock.skew is not None
        wall.off = HOURS
        async with asyncio.timeout(10):
            while not logged(caplog):  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
    assert [(record.name, record.levelname) for record in logged(caplog)] == [("models.sources", "ERROR")]


@pytest.mark.parametrize(("error", "told"), [(OSError("no route"), 0), (asyncpg.QueryCanceledError("by hand"), 2)])
async def test_it_goes_on_asking_when_it_had_no_answer(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, told: int
) -> None:
    caplog.set_level(logging.INFO)
    async with clock_kept(ledger, 0.01):
        asked, answered, sync = 0, asyncio.Event(), ledger.sync_clock

        async def unreachable_at_first() -> None:
            nonlocal asked
            asked += 1
            if asked < 3:
                raise error
            await sync()
            answered.set()

        monkeypatch.setattr(ledger, "sync_clock", unreachable_at_first)
        async with asyncio.timeout(10):
            await answered.wait()
    assert [record.levelname for record in logged(caplog)] == ["ERROR"] * told


@pytest.mark.usefixtures("tenant")
async def test_no_job_is_begun_meanwhile(ledger: Ledger, wall: Wall, caplog: pytest.LogCaptureFixture) -> None:
    taken = asyncio.Event()

    async def step(*_: object) -> int:
        taken.set()
        return 0

    wall.off = HOURS
    async with working(ledger, (Job("some", 0.01, step),)):
        await asyncio.sleep(0.1)
        assert not taken.is_set()
        wall.off = timedelta()
        async with asyncio.timeout(10):
            await taken.wait()
    assert [record.name for record in logged(caplog)] == ["models.sources"]
