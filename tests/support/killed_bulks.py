"""A worker that is killed in the middle of a bulk, and another one that goes on once its claim has run out."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from datetime import timedelta
from pathlib import Path
from typing import Final

from app.postgres.embedded import Urls
from models.operations import bulk_claims
from models.sources import system_clock
from tests.support.tenants import Tenant

ROOT: Final = Path(__file__).parents[2]


async def work_until_killed(tenant: Tenant, database_urls: Urls) -> None:
    """Have a process work at the tenant's bulks, and kill it once it has posted a chunk."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.bulk_worker", stdin=PIPE, stdout=PIPE, cwd=ROOT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"url": database_urls.app, "tenant": str(tenant.id)}).encode() + b"\n")
    await process.stdin.drain()
    async with asyncio.timeout(60):
        assert await process.stdout.readline() == b"posted\n"
        process.kill()
        await process.wait()


def claims_run_out(tenant: Tenant) -> None:
    """Let so much time pass that nobody's claim is left."""
    tenant.clock.stand_still(system_clock() + bulk_claims.CLAIM + timedelta(seconds=5))
