"""A webhook that is changed while its events are under way: no more goes where it went, or to whom it may not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from standardwebhooks.webhooks import Webhook

from app.postgres.embedded import Urls
from jobs import webhooks as delivering
from jobs import worker
from jobs.signals import signalled
from jobs.webhooks import deliver
from jobs.worker import Job, Quiet, working
from models.configuration_commands import (
    PingWebhook,
    ReplayWebhook,
    RotateWebhookSecret,
    UpdateTenant,
    UpdateWebhook,
    WebhookNamed,
)
from models.errors import Invalid
from models.ledger import Ledger
from models.operations import webhooks
from models.operations.keep_feed import keep_feed
from models.operations.prune_feed import prune_feed
from models.operations.update_tenant import update_tenant
from models.reads.webhook_work import due_webhooks
from models.webhooks import WebhookKey, WebhookSetup
from tests.jobs.test_webhooks import ADDED, accounts_in_order, added, delivered, of_webhook, statuses, told
from tests.support.citus import proof_of
from tests.support.clock import NOON, Clock
from tests.support.following import in_real_time
from tests.support.pausing import Pause
from tests.support.receivers import ALL_RIGHTS, KEY, SETUP, Receiver, Reply, hooked, pinged, receiving
from tests.support.sockets import until
from tests.support.tenants import ADMIN, Tenant

SLOW_S: Final = 30.0
"""Longer than any of these tests: an answer that nobody waits for any more."""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def tenant(database: Urls, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tenant]:
    monkeypatch.setattr(delivering, "WATCHED_S", 0.05)
    tenant = await Tenant.open(Clock(NOON))
    yield tenant
    await tenant.ledger.close()
    proof = await proof_of(tenant.id)
    assert proof.holds, proof.listed


@pytest.fixture
async def live(database: Urls, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tenant]:
    """For what looks at the time of requests."""
    monkeypatch.setattr(delivering, "WATCHED_S", 0.05)
    async with in_real_time() as tenant:
        yield tenant


async def changed_under_way(
    tenant: Tenant, receiver: Receiver, change: Callable[[], Awaitable[None]], under_way: int = 1
) -> int:
    """Begin to deliver to an endpoint that does not answer, change the webhook then, and let it answer from then on.
    The number of requests that it had got."""
    receiver.always(Reply(after_s=SLOW_S))
    look = asyncio.create_task(deliver(tenant.ledger, tenant.id))
    await until(lambda: len(receiver.seen) >= under_way)
    await change()
    receiver.always(Reply())
    async with asyncio.timeout(5):
        await look
    return len(receiver.seen)


async def test_another_url_gets_what_was_under_way(tenant: Tenant, receiver: Receiver) -> None:
    webhook = await hooked(tenant, receiver.url, ADDED)
    people = [await tenant.customer(f"c{n}") for n in range(4)]
    await added(tenant, *people, times=3)

    async def move() -> None:
        moved = UpdateWebhook(webhook, ALL_RIGHTS, receiver.url + "?new")
        await webhooks.update_webhook(tenant.ledger, tenant.id, ADMIN, moved)

    before = await changed_under_way(tenant, receiver, move, under_way=4)
    assert before == 4
    await delivered(tenant)
    later = receiver.seen[before:]
    assert {request.path for request in later} == {"/hook?new"}
    assert len(later) == 12
    assert accounts_in_order(later) == 4
    assert await statuses(tenant) == {"DELIVERED": 12}


async def test_another_url_does_not_wait_for_what_the_old_one_failed(tenant: Tenant, receiver: Receiver) -> None:
    webhook = await hooked(tenant, receiver.url, ADDED)
    await added(tenant, await tenant.customer("anna"), times=2)
    receiver.always(Reply(503))
    for _ in range(3):
        await delivered(tenant)
        tenant.clock.advance(minutes=40)
    await delivered(tenant)
    assert (await of_webhook(tenant, webhook))["failing_since"] is not None
    receiver.always(Reply())
    same = UpdateWebhook(webhook, ALL_RIGHTS, receiver.url, "the same one, by another name")
    await webhooks.update_webhook(tenant.ledger, tenant.id, ADMIN, same)
    assert await delivered(tenant) == 0
    moved = UpdateWebhook(webhook, ALL_RIGHTS, receiver.url + "?new")
    await webhooks.update_webhook(tenant.ledger, tenant.id, ADMIN, moved)
    assert await delivered(tenant) == 2
    assert await statuses(tenant) == {"DELIVERED": 2}


async def test_enabled_while_a_ping_is_under_way_it_waits_for_nothing_that_failed_before(
    tenant: Tenant, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = await hooked(tenant, receiver.url, ADDED)
    named = WebhookNamed(webhook)
    await added(tenant, await tenant.customer("anna"), times=2)
    receiver.always(Reply(503))
    for _ in range(3):
        await delivered(tenant)
        tenant.clock.advance(minutes=40)
    await delivered(tenant)
    await webhooks.disable_webhook(tenant.ledger, tenant.id, ADMIN, named)
    assert (await of_webhook(tenant, webhook))["look_at"] > tenant.clock()
    receiver.always(Reply())
    await webhooks.ping_webhook(tenant.ledger, tenant.id, ADMIN, PingWebhook(webhook, uuid4()))
    pause = Pause(monkeypatch, "jobs.webhooks.record_look")
    look = asyncio.create_task(deliver(tenant.ledger, tenant.id))
    await pause.reached.wait()
    await webhooks.enable_webhook(tenant.ledger, tenant.id, ADMIN, named)
    pause.go_on.set()
    await look
    found = await of_webhook(tenant, webhook)
    assert (found["look_at"], found["failing_since"]) == (None, None)
    await delivered(tenant)
    assert await statuses(tenant) == {"DELIVERED": 3}


async def test_who_may_read_less_stops_what_is_under_way(tenant: Tenant, receiver: Receiver) -> None:
    """The kinds that take a right that whoever changed it has not are told to nobody any more."""
    webhook = await hooked(tenant, receiver.url)
    await update_tenant(tenant.ledger, tenant.id, ADMIN, UpdateTenant(name="Coffee shop"))
    await tenant.adjust(await tenant.customer("anna"), 5)
    await told(tenant)

    async def narrow() -> None:
        await webhooks.update_webhook(tenant.ledger, tenant.id, ADMIN, UpdateWebhook(webhook, frozenset()))

    before = await changed_under_way(tenant, receiver, narrow)
    await delivered(tenant)
    assert {request.told["type"] for request in receiver.seen[before:]} == {"CUSTOMER_CREATED", "CREDIT_ADJUSTED"}


async def test_one_that_is_disabled_or_deleted_gets_no_more(tenant: Tenant, receiver: Receiver) -> None:
    webhook = WebhookNamed(await hooked(tenant, receiver.url, ADDED))
    people = [await tenant.customer(f"c{n}") for n in range(20)]
    await added(tenant, *people)
    for stop in (webhooks.disable_webhook, webhooks.delete_webhook):

        async def change() -> None:
            await stop(tenant.ledger, tenant.id, ADMIN, webhook)  # noqa: B023 - called before the next one

        before = await changed_under_way(tenant, receiver, change)
        assert await delivered(tenant) == 0
        assert len(receiver.seen) == before < 2 * len(people)
        if stop is webhooks.disable_webhook:
            await webhooks.enable_webhook(tenant.ledger, tenant.id, ADMIN, webhook)


async def test_a_secret_that_is_worthless_signs_no_more(live: Tenant, receiver: Receiver) -> None:
    webhook = await hooked(live, receiver.url, ADDED)
    await added(live, *[await live.customer(f"c{n}") for n in range(12)])
    salt = b"paprika_" * 2

    async def rotate() -> None:
        rotated = RotateWebhookSecret(webhook, salt, KEY.fingerprint, 0)
        await webhooks.rotate_webhook_secret(live.ledger, live.id, ADMIN, rotated)

    before = await changed_under_way(live, receiver, rotate)
    await delivered(live)
    new = Webhook(KEY.secret(live.id, webhook, salt))
    later = receiver.seen[before:]
    assert len(later) == 12
    for request in later:
        new.verify(request.body, request.headers)


async def test_a_silent_tenant_is_delivered_as_soon_as_its_feed_grows(
    live: Tenant, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nothing has happened there for so long that it is looked at every quarter of an hour; another process runs
    the relay."""
    later: list[float] = []
    quiets: list[Quiet] = []

    def patient(patience_s: float) -> Quiet:
        quiets.append(Quiet(patience_s, lambda: monotonic() + sum(later)))
        return quiets[-1]

    async def step(ledger: Ledger, tenant_id: UUID) -> int:
        return await deliver(ledger, tenant_id) if tenant_id == live.id else 0

    monkeypatch.setattr(worker, "Quiet", patient)
    await hooked(live, receiver.url, ADDED)
    anna = await live.customer("anna")
    await told(live)
    active, jobs = live.ledger.metrics.webhooks.active, (Job(delivering.JOB, 0.05, step, patience_s=3_600.0),)
    async with signalled(relays=True, delivered=active) as hints, working(live.ledger, jobs, hints):
        await until(lambda: live.id in active)
        later.append(3_600.0)
        await until(lambda: quiets and quiets[0].is_left_out(live.id))
        other = Ledger()
        await live.adjust(anna, 1)
        await keep_feed(other, live.id)
        await until(lambda: receiver.taken)
        await other.close()
    assert receiver.taken[0].told["type"] == "CREDIT_ADJUSTED"


async def test_a_name_alone_stops_nothing(tenant: Tenant, receiver: Receiver) -> None:
    webhook = await hooked(tenant, receiver.url, ADDED)
    version = (await of_webhook(tenant, webhook))["version"]
    more: dict[str, Any]
    for more in ({"description": "Bookkeeping"}, {"kinds": ADDED}, {"url": receiver.url}, {"description": ""}):
        await webhooks.update_webhook(tenant.ledger, tenant.id, ADMIN, UpdateWebhook(webhook, ALL_RIGHTS, **more))
        assert (await of_webhook(tenant, webhook))["version"] == version
    for more in ({"kinds": frozenset({"INVOICE_PAID"})}, {"all_kinds": True}, {"url": receiver.url + "?2"}):
        await webhooks.update_webhook(tenant.ledger, tenant.id, ADMIN, UpdateWebhook(webhook, ALL_RIGHTS, **more))
        version += 1
        assert (await of_webhook(tenant, webhook))["version"] == version


OTHER: Final = WebhookKey(b"the key of another installation of it")


def moved(tenant: Tenant) -> None:
    """To an installation with another key."""
    tenant.ledger.webhooks = WebhookSetup((OTHER,), SETUP.networks, plain_http=True)


async def rotated(tenant: Tenant, webhook_id: UUID) -> None:
    command = RotateWebhookSecret(webhook_id, b"pepper__" * 2, OTHER.fingerprint, 60)
    await webhooks.rotate_webhook_secret(tenant.ledger, tenant.id, ADMIN, command)


async def actions(tenant: Tenant) -> list[str]:
    """What the audit has of webhooks, in its order."""
    sql = "SELECT action FROM audit_events WHERE tenant_id = $1 AND action LIKE 'webhook.%' ORDER BY created_at, id"
    return [row["action"] for row in await tenant.fetch(sql)]


async def test_another_secret_resumes_what_was_paused_for_its_key(tenant: Tenant, receiver: Receiver) -> None:
    webhook = await hooked(tenant, receiver.url, ADDED)
    anna = await tenant.customer("anna")
    receiver.always(Reply(503))
    await added(tenant, anna, times=2)
    await delivered(tenant)
    moved(tenant)
    tenant.clock.advance(minutes=1)
    assert await delivered(tenant) == 0
    assert (await of_webhook(tenant, webhook))["pause_reason"] == "KEY_UNKNOWN"
    receiver.always(Reply())
    await rotated(tenant, webhook)
    row = await of_webhook(tenant, webhook)
    assert (row["status"], row["pause_reason"], row["status_since"]) == ("ACTIVE", None, tenant.clock())
    assert await actions(tenant) == ["webhook.created", "webhook.paused", "webhook.rotated", "webhook.enabled"]
    assert await delivered(tenant) == 2
    assert await statuses(tenant) == {"DELIVERED": 2}
    signer = Webhook(OTHER.secret(tenant.id, webhook, b"pepper__" * 2))
    assert all(signer.sign(one.headers["webhook-id"], tenant.clock(), one.body.decode()) for one in receiver.taken)


async def test_another_secret_alone_resumes_nothing_that_was_stopped_for_other_reasons(
    tenant: Tenant, receiver: Receiver
) -> None:
    disabled, gone = await hooked(tenant, receiver.url), await hooked(tenant, receiver.url + "?gone")
    await webhooks.disable_webhook(tenant.ledger, tenant.id, ADMIN, WebhookNamed(disabled))
    receiver.always(Reply(410))
    await added(tenant, await tenant.customer("anna"))
    await delivered(tenant)
    moved(tenant)
    for webhook, status, reason in ((disabled, "DISABLED", None), (gone, "PAUSED", "GONE")):
        await rotated(tenant, webhook)
        row = await of_webhook(tenant, webhook)
        assert (row["status"], row["pause_reason"]) == (status, reason)


async def test_another_secret_goes_on_from_no_place_that_was_pruned(tenant: Tenant, receiver: Receiver) -> None:
    webhook = await hooked(tenant, receiver.url, ADDED)
    moved(tenant)
    await added(tenant, await tenant.customer("anna"))
    await delivered(tenant)
    tenant.clock.advance(days=91)
    await told(tenant)
    assert await prune_feed(tenant.ledger, tenant.id) > 1
    await rotated(tenant, webhook)
    row = await of_webhook(tenant, webhook)
    assert (row["status"], row["pause_reason"], row["secret_key"]) == ("PAUSED", "PRUNED", OTHER.fingerprint)
    assert (await actions(tenant))[-2:] == ["webhook.rotated", "webhook.paused"]
    with pytest.raises(Invalid, match="Say from where to go on, by replayWebhook"):
        await webhooks.enable_webhook(tenant.ledger, tenant.id, ADMIN, WebhookNamed(webhook))
    await webhooks.replay_webhook(tenant.ledger, tenant.id, ADMIN, ReplayWebhook(webhook))
    await added(tenant, await tenant.customer("bert"))
    assert await delivered(tenant) == 1


async def test_rotated_while_a_worker_finds_its_key_unknown_it_is_not_paused(
    tenant: Tenant, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = await hooked(tenant, receiver.url, ADDED)
    moved(tenant)
    await added(tenant, await tenant.customer("anna"))
    pause = Pause(monkeypatch, "jobs.webhooks.record_look")
    look = asyncio.create_task(deliver(tenant.ledger, tenant.id))
    await pause.reached.wait()
    await rotated(tenant, webhook)
    pause.go_on.set()
    await look
    assert await delivered(tenant) == 1


@pytest.mark.parametrize("status", ["PAUSED", "DISABLED"])
async def test_a_ping_that_nobody_can_sign_is_given_up_at_once(tenant: Tenant, receiver: Receiver, status: str) -> None:
    webhook = await hooked(tenant, receiver.url, ADDED)
    if status == "DISABLED":
        await webhooks.disable_webhook(tenant.ledger, tenant.id, ADMIN, WebhookNamed(webhook))
    moved(tenant)
    await added(tenant, await tenant.customer("anna"))
    await delivered(tenant)
    pings = [await pinged(tenant, webhook) for _ in range(2)]
    await delivered(tenant)
    row = await of_webhook(tenant, webhook)
    assert (row["status"], row["ping_at"]) == (status, None)
    found = await tenant.fetch("SELECT id, status, attempts FROM webhook_deliveries WHERE tenant_id = $1")
    assert {(each["id"], each["status"], each["attempts"]) for each in found} == {(ping, "FAILED", 0) for ping in pings}
    assert (await due_webhooks(tenant.ledger, tenant.id)).due == ()
    assert not receiver.seen
