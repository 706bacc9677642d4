"""Workers that are killed while they deliver: everything arrives, in order, and what comes twice has the same id."""

import asyncio
import json
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from app.postgres.embedded import Urls
from models.operations.keep_feed import keep_feed
from tests.support.following import in_real_time
from tests.support.receivers import Receiver, Reply, Request, hooked, receiving
from tests.support.tenants import Tenant

ROOT: Final = Path(__file__).parents[2]
PEOPLE: Final = 12
TIMES: Final = 15
KILLS: Final = 4


@pytest.fixture
async def live(database: Urls) -> AsyncIterator[Tenant]:
    async with in_real_time() as tenant:
        yield tenant


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def working(tenant: Tenant, database: Urls) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.webhook_worker", stdin=PIPE, stdout=PIPE, cwd=ROOT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"url": database.app, "tenant": str(tenant.id)}).encode() + b"\n")
    await process.stdin.drain()
    assert await process.stdout.readline() == b"delivering\n"
    return process


async def killed(process: Process) -> None:
    process.kill()
    await process.wait()


def firsts_in_order(requests: list[Request]) -> int:
    """Check that of each account's events the first to come were in order. The number of accounts."""
    seen: dict[str, int] = {}
    known: set[str] = set()
    for request in requests:
        if request.headers["webhook-id"] not in known:
            known.add(request.headers["webhook-id"])
            for moved in request.told["data"]["movements"]:
                assert moved["sequence"] == seen.get(moved["accountId"], 0) + 1, request.position
                seen[moved["accountId"]] = moved["sequence"]
    return len(seen)


async def test_workers_that_are_killed_lose_nothing(live: Tenant, receiver: Receiver, database: Urls) -> None:
    dice = random.Random(63)  # noqa: S311 - dice
    webhook = await hooked(live, receiver.url, frozenset({"CREDIT_ADJUSTED"}))
    people = [await live.customer(f"c{n}") for n in range(PEOPLE)]
    for _ in range(TIMES):
        for person in people:
            await live.adjust(person, 1)
    while await keep_feed(live.ledger, live.id):
        pass
    refused: set[str] = set()

    def decide(request: Request) -> Reply:
        """One in fifty is refused, once: after two refusals in a row the next attempt is five minutes off."""
        identity = request.headers["webhook-id"]
        if identity in refused or dice.random() >= 0.02:
            return Reply(204, after_s=0.01)
        refused.add(identity)
        return Reply(500, after_s=0.01)

    receiver.decide = decide
    workers = [await working(live, database) for _ in range(2)]
    try:
        for _ in range(KILLS):
            await asyncio.sleep(dice.uniform(0.02, 0.1))
            await killed(workers.pop(0))
            # Its claim would run out by itself, after a minute and a half.
            await live.execute(
                "UPDATE webhooks SET claimed_until = now() WHERE tenant_id = $1 AND claimed_by IS NOT NULL"
            )
            workers.append(await working(live, database))
        async with asyncio.timeout(120):
            while (await waiting(live)) > 0:
                await live.execute("UPDATE webhooks SET look_at = NULL WHERE tenant_id = $1")
                await asyncio.sleep(0.1)
    finally:
        for process in workers:
            await killed(process)
    ids = Counter(request.headers["webhook-id"] for request in receiver.taken)
    assert len(ids) == PEOPLE * TIMES
    assert firsts_in_order(receiver.taken) == PEOPLE
    bodies = {request.headers["webhook-id"]: set[bytes]() for request in receiver.taken}
    for request in receiver.taken:
        bodies[request.headers["webhook-id"]].add(request.body)
    assert all(len(each) == 1 for each in bodies.values())
    (row,) = await live.fetch("SELECT * FROM webhooks WHERE tenant_id = $1 AND id = $2", webhook)
    assert row["status"] == "ACTIVE"


async def waiting(tenant: Tenant) -> int:
    """How many positions are not settled."""
    rows = await tenant.fetch(
        """SELECT h.position - w.settled AS behind FROM webhooks w JOIN feed_heads h ON h.tenant_id = $1
        WHERE w.tenant_id = $1"""
    )
    return int(rows[0]["behind"])
