"""`scrip work`, and `scrip run` doing the same beside serving, as processes of their own."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from tortoise.context import TortoiseContext

from app.postgres.database import tortoise_config
from app.postgres.embedded import Urls
from models.reads.verify import verify
from tests.conftest import cloned_database
from tests.support.clock import Clock
from tests.support.tenants import Tenant

ROOT = Path(__file__).parents[3]
POOL_MAX = 4
LIMIT_S = 90
"""Far more than any command takes. The files that borrow this run some in a database that other tests have filled."""
EXPIRIES = """SELECT count(*), count(DISTINCT e.credit_id) FROM entries e JOIN transactions t
    ON t.tenant_id = $1 AND t.id = e.transaction_id WHERE e.tenant_id = $1 AND t.kind = 'EXPIRY'"""


@pytest.fixture
async def database(server: Urls, worker_id: str) -> AsyncIterator[Urls]:
    """One without the tenants that other tests have left, all of which the jobs would look at."""
    async with cloned_database(server, f"work_{worker_id}") as urls, TortoiseContext() as context:
        await context.init(tortoise_config(urls.app, pool_max=POOL_MAX))
        yield urls


@pytest.fixture
async def tenant(database: Urls) -> AsyncIterator[Tenant]:
    """One whose credits expired last week, by the real time; nobody has swept since."""
    now = datetime.now(UTC)
    tenant = await Tenant.open(Clock(now - timedelta(days=9)))
    for n in range(40):
        await tenant.credit(await tenant.customer(name=f"C{n}"), 10, expires_in_days=1)
    tenant.clock.stand_still(now)
    yield tenant
    await tenant.ledger.close()
    assert (await verify(tenant.id)).holds


async def scrip(urls: Urls, *arguments: str, **variables: str) -> Process:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCRIP_", "DATABASE_"))}
    environment = {**kept, "DATABASE_URL": urls.app, "SCRIP_MIGRATION_DATABASE_URL": urls.owner, **variables}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", *arguments, cwd=ROOT, env=environment, stdout=PIPE, stderr=PIPE
    )


async def output(process: Process) -> tuple[int | None, str, str]:
    async with asyncio.timeout(LIMIT_S):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


def swept(said: str) -> int:
    """What `--once` says of the sweep."""
    (count,) = (line.removeprefix("expiry: ") for line in said.splitlines() if line.startswith("expiry: "))
    return int(count.split()[0])


async def line(process: Process, wanted: Callable[[str], bool]) -> None:
    """Wait until it says so on standard error."""
    assert process.stderr is not None
    async with asyncio.timeout(LIMIT_S):
        while not wanted((await process.stderr.readline()).decode()):
            assert process.returncode is None


async def test_two_processes_at_once_write_each_expiry_once(tenant: Tenant, database: Urls) -> None:
    both = [await scrip(database, "work", "--once", "--tenant", tenant.slug) for _ in range(2)]
    answers = await asyncio.gather(*(output(one) for one in both))
    assert [status for status, *_ in answers] == [0, 0], answers
    assert sum(swept(out) for _, out, _ in answers) == 40
    assert await tenant.rows(EXPIRIES) == [(40, 40)]
    _, again, _ = await output(await scrip(database, "work", "--once", "--tenant", tenant.slug))
    assert swept(again) == 0
    assert await tenant.rows(EXPIRIES) == [(40, 40)]


async def test_it_works_until_it_is_told_to_stop(tenant: Tenant, database: Urls) -> None:
    process = await scrip(database, "work")
    try:
        await line(process, lambda text: text.startswith("Working: ") and "expiry every 60 s" in text)
        async with asyncio.timeout(LIMIT_S):
            while await tenant.rows(EXPIRIES) != [(40, 40)]:  # noqa: ASYNC110 - another process is waited for
                await asyncio.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        status, _, said = await output(process)
    finally:
        if process.returncode is None:
            process.kill()
    assert status == 0
    assert said.splitlines()[-1] == "Stopped"


async def test_its_health_and_metrics_can_be_asked_for(tenant: Tenant, database: Urls) -> None:
    process = await scrip(database, "work", SCRIP_WORK_PORT="0")
    assert process.stderr is not None
    try:
        said = (await process.stderr.readline()).decode()
        base = said.removeprefix("Health and metrics are at ").strip()
        async with httpx.AsyncClient(base_url=base, timeout=LIMIT_S) as client:
            await line(process, lambda text: text.startswith("Working: "))
            assert (await client.get("/health/ready")).json() == {"status": "ready"}
            text = ""
            async with asyncio.timeout(LIMIT_S):
                while not re.search(r'^scrip_job_rounds_total\{name="expiry"\} [1-9]', text, re.MULTILINE):
                    await asyncio.sleep(0.05)
                    text = (await client.get("/metrics")).text
            assert (await client.get("/graphql")).status_code == 404
        # Nobody swept since last week, and then it was done.
        (lag,) = re.findall(r'^scrip_job_lag_seconds\{name="expiry"\} (\S+)$', text, re.MULTILINE)
        assert float(lag) > timedelta(days=7).total_seconds()
        assert 'scrip_job_ended_timestamp_seconds{name="expiry"}' in text
        process.send_signal(signal.SIGTERM)
        status, _, said = await output(process)
    finally:
        if process.returncode is None:
            process.kill()
    assert status == 0
    assert "Stopped" in said.splitlines()


async def test_scrip_run_works_beside_serving(tenant: Tenant, database: Urls) -> None:
    process = await scrip(database, "run", SCRIP_JWT_SECRET="x" * 32, SCRIP_PORT="0", SCRIP_WORKERS="2")
    try:
        async with asyncio.timeout(LIMIT_S):
            while await tenant.rows(EXPIRIES) != [(40, 40)]:
                assert process.returncode is None
                await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        status, _, said = await output(process)
    finally:
        if process.returncode is None:
            process.kill()
    assert status == 0, said
    assert said.splitlines()[-1] == "Stopped"


async def test_a_tenant_that_is_not_there_is_said(database: Urls) -> None:
    status, _, said = await output(await scrip(database, "work", "--once", "--tenant", "nobody"))
    assert (status, said.partition(". ")[0]) == (1, "scrip: There is no tenant 'nobody'")
