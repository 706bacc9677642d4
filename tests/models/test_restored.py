"""Books that go on from a backup: positions are given again, to other events, and nobody takes these for the ones before."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import asyncpg
import pytest
from tortoise.context import TortoiseContext

from app.postgres.database import tortoise_config
from app.postgres.embedded import DATABASE, OWNER, Urls
from jobs.webhooks import deliver
from models.configuration_commands import FeedPlace, ReplayWebhook
from models.errors import Invalid
from models.ledger import Ledger
from models.operations.create_tenant import create_tenant
from models.operations.keep_feed import keep_feed
from models.operations.webhooks import replay_webhook
from models.reads.events import EVENTS, EventView, check_kept, feed_ends
from models.reads.keys import BadPage
from models.reads.paging import Key, PageRequest, load_pages
from models.reads.session import reading
from models.reads.verify import verify
from models.sources import system_clock
from tests.conftest import cloned_database
from tests.support.citus import given_cluster
from tests.support.clock import Clock
from tests.support.receivers import SETUP, Receiver, hooked, receiving
from tests.support.tenants import ADMIN, Tenant

SLUG: Final = "tea"
pytestmark = pytest.mark.skipif(given_cluster() is not None, reason="copies a database as PostgreSQL alone does")


@asynccontextmanager
async def on(urls: Urls, tenant_id: UUID | None = None) -> AsyncIterator[Tenant]:
    """The tenant there, with nobody else on the database."""
    async with TortoiseContext() as context:
        await context.init(tortoise_config(urls.app))
        ledger = Ledger(webhooks=SETUP)
        if tenant_id is None:
            tenant_id = await create_tenant(ledger, SLUG, "Tea shop", "Europe/London")
        yield Tenant(ledger, Clock(system_clock()), SLUG, tenant_id)
        await ledger.close()


async def told(tenant: Tenant, receiver: Receiver) -> list[EventView]:
    """All events, once they have their positions and were delivered."""
    while await keep_feed(tenant.ledger, tenant.id):
        pass
    while await deliver(tenant.ledger, tenant.id):
        pass
    async with reading(tenant.id) as session:
        page = (await load_pages(session, EVENTS, [tenant.id], PageRequest(limit=100)))[tenant.id]
    return list(page.rows)


async def check(tenant: Tenant, cursor: str) -> None:
    key = EVENTS.mark(cursor).key
    async with reading(tenant.id) as session:
        check_kept(key, await feed_ends(session, key))


def cursor(event: EventView) -> str:
    return EVENTS.cursor(Key((event.position,), recorded=event.recorded_at))


async def test_a_cursor_and_an_id_are_of_one_event(server: Urls, worker_id: str) -> None:
    async with cloned_database(server, f"before_{worker_id}") as first, receiving() as receiver:
        async with on(first) as tenant:
            webhook = await hooked(tenant, receiver.url)
            anna = await tenant.customer("anna")
            await tenant.adjust(anna, 1)
            kept = await told(tenant, receiver)
        async with backup(server, first, f"after_{worker_id}") as second:
            async with on(first, tenant.id) as tenant:
                for _ in range(3):
                    await tenant.adjust(anna, 10)
                lost = (await told(tenant, receiver))[len(kept) :]
            before = {request.position: request.headers["webhook-id"] for request in receiver.taken}
            receiver.taken.clear()
            async with on(second, tenant.id) as tenant:
                for event in lost:  # nothing is there yet
                    with pytest.raises(BadPage, match="ahead of the feed"):
                        await check(tenant, cursor(event))
                for _ in range(5):
                    await tenant.adjust(anna, 20)
                again = await told(tenant, receiver)
                await check(tenant, cursor(kept[-1]))
                await check(tenant, EVENTS.cursor(Key((lost[0].position,))))  # of before cursors said so much
                for event in lost:
                    with pytest.raises(BadPage, match="not in the feed any more"):
                        await check(tenant, cursor(event))
                place = FeedPlace(lost[0].position, lost[0].recorded_at)
                with pytest.raises(Invalid, match="restored since"):
                    await replay_webhook(tenant.ledger, tenant.id, ADMIN, ReplayWebhook(webhook, place))
                from_start = ReplayWebhook(webhook, FeedPlace(0))
                await replay_webhook(tenant.ledger, tenant.id, ADMIN, from_start)
                await told(tenant, receiver)
                proof = await verify(tenant.id)
                assert proof.holds, proof.listed
    after = {request.position: request.headers["webhook-id"] for request in receiver.taken}
    assert [event.position for event in again[: len(kept)]] == [event.position for event in kept]
    assert {event.position for event in lost} <= after.keys()
    for position, sent in before.items():
        assert (after[position] == sent) == (position <= len(kept))


@asynccontextmanager
async def backup(server: Urls, of: Urls, name: str) -> AsyncIterator[Urls]:
    """A copy of the database as it is now, until the block ends."""
    template = of.admin.partition("?")[0].rpartition("/")[2]
    admin = await asyncpg.connect(server.admin.replace(f"/{DATABASE}?", "/postgres?"))
    try:
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER {OWNER}')
        urls = (url.replace(f"/{template}?", f"/{name}?") for url in (of.app, of.owner, of.admin))
        try:
            yield Urls(**dict(zip(("app", "owner", "admin"), urls, strict=True)))
        finally:
            await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close()
