"""A consumer that crashes, beside two servers, two relays, and somebody who kills these: it misses nothing."""

import asyncio
import json
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from app.postgres.embedded import Urls
from models.operations.keep_feed import keep_feed
from models.reads.events import EVENTS, EventView
from models.reads.paging import load_pages, page_request
from models.reads.session import ReadSession
from tests.models.test_keep_feed import unbroken
from tests.support.following import in_real_time
from tests.support.tenants import Tenant

ROOT: Final = Path(__file__).parents[2]
THINGS: Final = 120
KILLS: Final = 4
PAGE: Final = 7
MAX_PAGES: Final = 100_000


@pytest.fixture
async def live(database: Urls) -> AsyncIterator[Tenant]:
    async with in_real_time() as tenant:
        yield tenant


class Consumer:
    """What it has worked off is kept together with its cursor; in a third of the cases it dies just before that."""

    def __init__(self, tenant: Tenant, dice: random.Random) -> None:
        self.tenant, self.dice = tenant, dice
        self.kept: tuple[str | None, tuple[EventView, ...]] = (None, ())
        self.seen_again = 0

    async def page(self) -> bool:
        """Work off a page. Whether there was anything."""
        after, events = self.kept
        session = ReadSession(self.tenant.id)
        try:
            request = page_request(EVENTS, PAGE, after, None, None)
            page = (await load_pages(session, EVENTS, [self.tenant.id], request))[self.tenant.id]
        finally:
            await session.close()
        if page.rows and self.dice.random() < 1 / 3:
            self.seen_again += len(page.rows)
            return True
        if page.rows:
            self.kept = EVENTS.cursor(page.key(-1), page.settled), events + page.rows
        return bool(page.rows)

    async def follow(self, over: asyncio.Event) -> None:
        for _ in range(MAX_PAGES):
            ends = over.is_set()
            if not await self.page():
                if ends:
                    return
                await asyncio.sleep(0.005)


async def started(tenant: Tenant, database: Urls, **orders: Any) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.feed_worker", stdin=PIPE, stdout=PIPE, cwd=ROOT
    )
    assert process.stdin is not None
    line = {"url": database.app, "tenant": str(tenant.id), "slug": tenant.slug, **orders}
    process.stdin.write(json.dumps(line).encode() + b"\n")
    await process.stdin.drain()
    return process


async def relaying(tenant: Tenant, database: Urls) -> Process:
    process = await started(tenant, database, role="relay")
    assert process.stdout is not None
    assert await process.stdout.readline() == b"relaying\n"
    return process


async def killed(process: Process) -> None:
    process.kill()
    await process.wait()


async def told(process: Process) -> dict[str, int]:
    output, _ = await process.communicate()
    assert process.returncode == 0
    answer: dict[str, int] = json.loads(output)
    return answer


async def test_a_consumer_sees_each_event_once(live: Tenant, database: Urls) -> None:
    dice = random.Random(61)  # noqa: S311 - dice
    await live.tier("Gold", 500)
    people = [await live.customer(f"c{n}") for n in range(4)]
    relays = [await relaying(live, database) for _ in range(2)]
    over, consumer = asyncio.Event(), Consumer(live, dice)
    following = asyncio.create_task(consumer.follow(over))
    names = [str(person) for person in people]
    servers = [
        await started(live, database, role="server", people=names, number=THINGS, seed=seed) for seed in range(2)
    ]
    storms = [asyncio.create_task(told(server)) for server in servers]
    try:
        for _ in range(KILLS):
            await asyncio.sleep(dice.uniform(0.1, 0.5))
            await killed(relays.pop(0))
            relays.append(await relaying(live, database))
        for storm in storms:
            assert (await storm)["add OK"] > 1
    finally:
        for process in relays:
            await killed(process)
    while await keep_feed(live.ledger, live.id):
        pass
    over.set()
    await following
    _, events = consumer.kept
    assert consumer.seen_again > 0
    assert [event.position for event in events] == list(range(1, len(events) + 1))
    assert unbroken(list(events)) > THINGS
    for table, where in (("transactions", ""), ("outbox", ""), ("audit_events", "AND action = 'customer.created'")):
        rows = await live.rows(f"SELECT id FROM {table} WHERE tenant_id = $1 {where}")
        ids = [row[0] for row in rows]
        assert sorted(event.id for event in events if event.id in set(ids)) == sorted(ids), table
