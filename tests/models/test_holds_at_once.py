"""Two server processes that hold, capture, release, extend, spend and sweep on one account; also where one is killed."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest

from app.postgres.embedded import Urls
from models.reads.verify import verify
from models.sources import system_clock
from tests.support.holds import held_now, hold
from tests.support.tenants import Tenant

ROOT: Final = Path(__file__).parents[2]
EACH: Final = 500
LONGEST_SECONDS: Final = 2.5
"""After which every hold that the storm has placed or extended is over."""
OVER_HELD: Final = """
    SELECT c.id FROM credits c JOIN hold_lots l ON l.tenant_id = $1 AND l.credit_id = c.id
    JOIN holds h ON h.tenant_id = $1 AND h.id = l.hold_id AND h.expires_at > clock_timestamp()
    WHERE c.tenant_id = $1 GROUP BY c.id, c.remaining_minor HAVING sum(l.amount_minor) > c.remaining_minor"""


async def process(tenant: Tenant, customer: UUID, urls: Urls, seed: int) -> Process:
    """One of the two, connected and waiting for the start."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.holds_storm", stdin=PIPE, stdout=PIPE, cwd=ROOT
    )
    orders = {"url": urls.app, "tenant": str(tenant.id), "customer": str(customer), "seed": seed, "number": EACH}
    assert started.stdin is not None
    assert started.stdout is not None
    started.stdin.write(json.dumps(orders).encode() + b"\n")
    assert await started.stdout.readline() == b"ready\n"
    return started


async def watched(tenant: Tenant, running: "asyncio.Future[list[tuple[bytes, bytes]]]") -> None:
    """Look on from outside: of no credit more is held than is left of it, at any moment."""
    while not running.done():
        assert await tenant.rows(OVER_HELD) == []
        await asyncio.sleep(0.05)


async def check_nothing_is_stranded(tenant: Tenant, anna: UUID) -> None:
    """Once all is over, each penny that came is there, was spent or has expired; and all that is there can be spent."""
    await asyncio.sleep(LONGEST_SECONDS)
    tenant.clock.stand_still(system_clock())
    await tenant.expire()
    available, held = await held_now(tenant, anna)
    account = await tenant.account(anna)
    assert account is not None
    assert (available, held) == (account.balance_minor, 0)
    if available:
        await hold(tenant, anna, f"{available / 100:.2f}")
    assert await held_now(tenant, anna) == (0, available)
    proof = await verify(tenant.id)
    assert proof.holds, proof.listed


@pytest.mark.parametrize("killed", [False, True])
async def test_a_thousand_clashing_requests_on_one_account(
    tenant: Tenant, anna: UUID, database_urls: Urls, killed: bool
) -> None:
    tenant.clock.stand_still(system_clock())  # the two go by the real time
    for days in (None, 1, 2):
        await tenant.credit(anna, 60, expires_in_days=days)
    for milliseconds in (300, 900):
        await tenant.credit(anna, 40, expires_at=tenant.clock() + timedelta(seconds=2, milliseconds=milliseconds))
    both = [await process(tenant, anna, database_urls, seed) for seed in (1, 2)]
    running = asyncio.gather(*(one.communicate(b"go\n") for one in both))
    watching = asyncio.create_task(watched(tenant, running))
    if killed:
        await asyncio.sleep(0.7)
        both[0].kill()
    answers = [json.loads(out) for (out, _), one in zip(await running, both, strict=True) if one.returncode == 0]
    await watching

    assert len(answers) == (1 if killed else 2)
    told = sum(map(Counter, answers), Counter[str]())
    assert {answer.split()[1] for answer in told} <= {
        *("done", "INSUFFICIENT_BALANCE", "HOLD_ENDED", "EXCEEDS_REMAINING", "INVALID", "EXPIRY_IN_PAST", "NOT_FOUND")
    }, told
    for done in ("hold done", "capture done", "release done", "spend done", "capture HOLD_ENDED"):
        assert told[done] > 0, told
    await check_nothing_is_stranded(tenant, anna)
