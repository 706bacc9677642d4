"""Delivery to webhooks: all events, in order for each account, whatever the endpoint does meanwhile."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.postgres.embedded import Urls
from jobs.webhooks import deliver
from models import webhooks as webhook_rules
from models.commands import MergeCustomers
from models.configuration_commands import (
    FeedPlace,
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
from models.operations.merge_customers import merge_customers
from models.operations.prune_feed import prune_feed
from models.operations.prune_webhooks import prune_webhooks
from models.operations.update_tenant import update_tenant
from models.webhooks import WebhookKey, WebhookSetup
from tests.support.citus import proof_of
from tests.support.clock import NOON, Clock
from tests.support.following import in_real_time
from tests.support.receivers import KEY, Receiver, Reply, Request, hooked, receiving, secret_of
from tests.support.tenants import ADMIN, Tenant

ADDED = frozenset({"CREDIT_ADJUSTED"})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def live(database: Urls) -> AsyncIterator[Tenant]:
    async with in_real_time() as tenant:
        yield tenant


@pytest.fixture
async def tenant(database: Urls) -> AsyncIterator[Tenant]:
    tenant = await Tenant.open(Clock(NOON))
    yield tenant
    await tenant.ledger.close()
    proof = await proof_of(tenant.id)
    assert proof.holds, proof.listed


async def told(tenant: Tenant) -> None:
    """What has happened gets its position."""
    tenant.clock.advance(seconds=1)
    while await keep_feed(tenant.ledger, tenant.id):
        pass


async def delivered(tenant: Tenant) -> int:
    """Deliver what is due. The number of attempts."""
    attempts = 0
    for _ in range(100):
        found = await deliver(tenant.ledger, tenant.id)
        attempts += found
        if not found:
            return attempts
    raise AssertionError("it does not come to an end")


async def of_webhook(tenant: Tenant, webhook_id: UUID) -> Any:
    return (await tenant.fetch("SELECT * FROM webhooks WHERE tenant_id = $1 AND id = $2", webhook_id))[0]


async def statuses(tenant: Tenant) -> dict[str, int]:
    return Counter(
        row["status"] for row in await tenant.fetch("SELECT status FROM webhook_deliveries WHERE tenant_id = $1")
    )


def accounts_in_order(requests: list[Request]) -> int:
    """Check that each account's events came in their order, each once. The number of accounts."""
    seen: dict[str, list[int]] = defaultdict(list)
    for request in requests:
        for moved in request.told["data"].get("movements", ()):
            seen[moved["accountId"]].append(moved["sequence"])
    for sequences in seen.values():
        assert sequences == sorted(set(sequences))
    return len(seen)


async def test_each_event_is_delivered_once_and_signed(live: Tenant, receiver: Receiver) -> None:
    webhook = await hooked(live, receiver.url)
    anna = await live.customer("anna")
    await live.adjust(anna, 50, auto_apply=False)
    invoice = await live.invoice(anna, 20)
    await live.pay(invoice, 20)
    await told(live)
    await delivered(live)
    assert await deliver(live.ledger, live.id) == 0
    last = (await live.fetch("SELECT position FROM feed_heads WHERE tenant_id = $1"))[0]["position"]
    assert sorted(receiver.positions) == list(range(1, last + 1))
    signer = Webhook(secret_of(live, webhook))
    for request in receiver.seen:
        assert signer.verify(request.body, request.headers) == request.told
        assert request.headers["webhook-id"].startswith(f"evt_{live.id.hex}_{request.position}_")
        assert request.told["type"] == request.told["data"]["kind"]
        assert request.headers["user-agent"] == "Scrip-Webhooks"
    other = Webhook(KEY.secret(live.id, UUID(int=1), b"x" * 16))
    with pytest.raises(WebhookVerificationError):
        other.verify(receiver.seen[0].body, receiver.seen[0].headers)
    row = await of_webhook(live, webhook)
    assert (row["position"], row["settled"], row["claimed_by"]) == (last, last, None)
    assert await statuses(live) == {"DELIVERED": last}


async def test_only_what_is_wanted_and_may_be_read(live: Tenant, receiver: Receiver) -> None:
    await hooked(live, receiver.url, rights=frozenset())
    await hooked(live, receiver.url + "?added", ADDED)
    anna = await live.customer("anna")
    await live.adjust(anna, 5)
    await update_tenant(live.ledger, live.id, ADMIN, UpdateTenant(name="Coffee shop"))
    await told(live)
    await delivered(live)
    by_path = defaultdict(set)
    for request in receiver.taken:
        by_path[request.path].add(request.told["type"])
    assert by_path["/hook"] == {"CUSTOMER_CREATED", "CREDIT_ADJUSTED"}
    assert by_path["/hook?added"] == {"CREDIT_ADJUSTED"}
    assert {row["position"] for row in await live.fetch("SELECT position FROM webhooks WHERE tenant_id = $1")} == {
        (await live.fetch("SELECT position FROM feed_heads WHERE tenant_id = $1"))[0]["position"]
    }


async def test_one_account_that_fails_keeps_its_order_and_stops_no_other(tenant: Tenant, receiver: Receiver) -> None:
    webhook = await hooked(tenant, receiver.url, ADDED)
    people = [await tenant.customer(f"c{n}") for n in range(3)]
    for amount in range(1, 5):
        for person in people:
            await tenant.adjust(person, amount)
    await told(tenant)
    (stuck,) = await tenant.fetch(
        "SELECT min(f.position) AS at FROM feed f WHERE f.tenant_id = $1 AND f.kind = 'CREDIT_ADJUSTED'"
        " AND f.customer_id = $2",
        people[1],
    )
    receiver.decide = lambda request: Reply(500, b"no, not now") if request.position == stuck["at"] else Reply()
    await delivered(tenant)
    assert len(receiver.taken) == 8
    assert accounts_in_order(receiver.taken) == 2
    assert await statuses(tenant) == {"DELIVERED": 8, "RETRYING": 1, "WAITING": 3}
    row = await of_webhook(tenant, webhook)
    assert row["settled"] == stuck["at"] - 1
    assert row["failing_since"] is None
    (failed,) = await tenant.fetch("SELECT * FROM webhook_deliveries WHERE tenant_id = $1 AND status = 'RETRYING'")
    assert (failed["error"], failed["response_status"], failed["response"]) == ("STATUS", 500, "no, not now")
    # What comes later stays behind as well; others do not.
    await tenant.adjust(people[1], 9)
    await tenant.adjust(people[2], 9)
    await told(tenant)
    await delivered(tenant)
    assert await statuses(tenant) == {"DELIVERED": 9, "RETRYING": 1, "WAITING": 4}
    receiver.decide = lambda _: Reply()
    tenant.clock.advance(seconds=6)
    await delivered(tenant)
    assert await statuses(tenant) == {"DELIVERED": 14}
    assert accounts_in_order(receiver.taken) == 3
    row = await of_webhook(tenant, webhook)
    assert row["settled"] == row["position"]


async def test_a_merge_keeps_its_place_among_what_comes_for_the_survivor(tenant: Tenant, receiver: Receiver) -> None:
    await hooked(tenant, receiver.url)
    anna, ann = await tenant.customer("anna"), await tenant.customer("ann")
    await told(tenant)
    await merge_customers(tenant.ledger, tenant.id, ADMIN, MergeCustomers(ann, anna), tenant.key())
    await told(tenant)
    await tenant.adjust(anna, 5)
    await told(tenant)
    rows = await tenant.fetch("SELECT position, kind, customer_id FROM feed WHERE tenant_id = $1 ORDER BY position")
    at = {(row["kind"], row["customer_id"]): row["position"] for row in rows}
    created, merged = at["CUSTOMER_CREATED", anna], at["CUSTOMER_MERGED", ann]
    later = at["CREDIT_ADJUSTED", anna]
    # First what is told of the survivor before, then the merge itself: each fails twice, new and as one that waited.
    for fails, after, others in ((created, {merged, later}, set()), (merged, {later}, {created})):
        receiver.decide = lambda request, fails=fails: Reply(500 if request.position == fails else 204)  # type: ignore[misc]
        for _ in range(2):
            await delivered(tenant)
            tenant.clock.advance(minutes=10)
            assert others <= set(receiver.positions)
            assert after.isdisjoint(receiver.positions)
    receiver.always(Reply())
    tenant.clock.advance(minutes=40)
    await delivered(tenant)
    places = [receiver.positions.index(position) for position in (created, merged, later)]
    assert places == sorted(places)


async def added(tenant: Tenant, *people: UUID, times: int = 1) -> None:
    for _ in range(times):
        for person in people:
            await tenant.adjust(person, 1)
    await told(tenant)


async def test_a_dead_endpoint_is_left_alone_more_and_more_then_paused_and_loses_nothing(
    tenant: Tenant, receiver: Receiver
) -> None:
    webhook = await hooked(tenant, receiver.url, ADDED)
    people = [await tenant.customer(f"c{n}") for n in range(10)]
    receiver.decide = lambda _: Reply(503)
    await added(tenant, *people, times=3)
    await delivered(tenant)
    assert 1 <= len(receiver.seen) <= 12
    row = await of_webhook(tenant, webhook)
    assert row["failing_since"] is not None
    assert row["look_at"] > tenant.clock()
    for _ in range(2_000):
        tenant.clock.advance(seconds=150)
        await delivered(tenant)
        row = await of_webhook(tenant, webhook)
        if row["status"] == "PAUSED":
            break
    assert (row["status"], row["pause_reason"]) == ("PAUSED", "FAILING")
    assert 2.6 * 86_400 < (tenant.clock() - NOON).total_seconds() < 3.8 * 86_400
    assert len(receiver.seen) < 600
    audit = await tenant.fetch("SELECT * FROM audit_events WHERE tenant_id = $1 AND action = 'webhook.paused'")
    assert [row["subject_id"] for row in audit] == [webhook]
    before = len(receiver.seen)
    await added(tenant, people[0])
    assert await delivered(tenant) == 0
    assert len(receiver.seen) == before
    receiver.decide = lambda _: Reply()
    await webhooks.enable_webhook(tenant.ledger, tenant.id, ADMIN, WebhookNamed(webhook))
    await delivered(tenant)
    assert await statuses(tenant) == {"DELIVERED": 31}
    assert accounts_in_order(receiver.taken) == 10
    assert len(receiver.taken) == 31


async def test_an_event_that_no_attempt_delivers_is_given_up_if_others_are(tenant: Tenant, receiver: Receiver) -> None:
    await hooked(tenant, receiver.url, ADDED)
    anna, ben = await tenant.customer("anna"), await tenant.customer("ben")
    await added(tenant, anna, ben, anna)
    poison = min(
        (await tenant.fetch("SELECT min(position) FROM feed WHERE tenant_id = $1 AND kind = 'CREDIT_ADJUSTED'"))[0]
    )
    receiver.decide = lambda request: Reply(500) if request.position == poison else Reply()
    for _ in webhook_rules.ATTEMPTS_AFTER:
        await delivered(tenant)
        tenant.clock.advance(hours=24)
    assert await statuses(tenant) == {"DELIVERED": 1, "RETRYING": 1, "WAITING": 1}
    await added(tenant, ben)
    await delivered(tenant)
    assert await statuses(tenant) == {"DELIVERED": 3, "FAILED": 1}
    (failed,) = await tenant.fetch("SELECT * FROM webhook_deliveries WHERE tenant_id = $1 AND status = 'FAILED'")
    assert failed["attempts"] == len(webhook_rules.ATTEMPTS_AFTER) + 1


async def test_gone_pauses_at_once(tenant: Tenant, receiver: Receiver) -> None:
    webhook = await hooked(tenant, receiver.url)
    receiver.decide = lambda _: Reply(410)
    await tenant.customer("anna")
    await told(tenant)
    await delivered(tenant)
    assert (await of_webhook(tenant, webhook))["pause_reason"] == "GONE"


async def test_who_asks_to_be_left_alone_is(tenant: Tenant, receiver: Receiver) -> None:
    webhook = await hooked(tenant, receiver.url)
    receiver.decide = lambda _: Reply(429, headers={"Retry-After": "1800"})
    await tenant.customer("anna")
    await told(tenant)
    await delivered(tenant)
    row = await of_webhook(tenant, webhook)
    assert 1_800 <= (row["look_at"] - tenant.clock()).total_seconds() < 1_900


async def test_both_secrets_sign_while_they_overlap(live: Tenant, receiver: Receiver) -> None:
    webhook = await hooked(live, receiver.url)
    rotated = RotateWebhookSecret(webhook, b"pepper__" * 2, KEY.fingerprint, 60)
    await webhooks.rotate_webhook_secret(live.ledger, live.id, ADMIN, rotated)
    new = KEY.secret(live.id, webhook, b"pepper__" * 2)
    await live.customer("anna")
    await told(live)
    await delivered(live)
    for request in receiver.seen:
        for secret in (secret_of(live, webhook), new):
            Webhook(secret).verify(request.body, request.headers)
    ended = RotateWebhookSecret(webhook, b"paprika_" * 2, KEY.fingerprint, 0)
    await webhooks.rotate_webhook_secret(live.ledger, live.id, ADMIN, ended)
    receiver.seen.clear()
    await live.customer("ben")
    await told(live)
    await delivered(live)
    for request in receiver.seen:
        Webhook(KEY.secret(live.id, webhook, b"paprika_" * 2)).verify(request.body, request.headers)
        for secret in (secret_of(live, webhook), new):
            with pytest.raises(WebhookVerificationError):
                Webhook(secret).verify(request.body, request.headers)


async def test_a_key_that_is_not_known_here_pauses_until_the_secret_is_rotated(
    tenant: Tenant, receiver: Receiver
) -> None:
    webhook = await hooked(tenant, receiver.url)
    setup = tenant.ledger.webhooks
    other = WebhookKey(b"the key of another installation of it")
    tenant.ledger.webhooks = WebhookSetup((other,), setup.networks, plain_http=True)
    await told(tenant)
    assert await delivered(tenant) == 0
    assert (await of_webhook(tenant, webhook))["pause_reason"] == "KEY_UNKNOWN"
    with pytest.raises(Invalid, match="Rotate it first"):
        await webhooks.enable_webhook(tenant.ledger, tenant.id, ADMIN, WebhookNamed(webhook))
    rotated = RotateWebhookSecret(webhook, b"pepper__" * 2, other.fingerprint, 60)
    await webhooks.rotate_webhook_secret(tenant.ledger, tenant.id, ADMIN, rotated)
    assert await delivered(tenant) > 0
    # Older keys stay good for what was made with them, behind a newer one.
    tenant.ledger.webhooks = WebhookSetup((KEY, other), setup.networks, plain_http=True)
    await tenant.customer("anna")
    await told(tenant)
    assert await delivered(tenant) > 0


async def test_disabled_and_enabled_again_and_deleted(tenant: Tenant, receiver: Receiver) -> None:
    webhook = WebhookNamed(await hooked(tenant, receiver.url, ADDED))
    anna = await tenant.customer("anna")
    await webhooks.disable_webhook(tenant.ledger, tenant.id, ADMIN, webhook)
    await added(tenant, anna, times=2)
    assert await delivered(tenant) == 0
    await webhooks.enable_webhook(tenant.ledger, tenant.id, ADMIN, webhook)
    await delivered(tenant)
    assert len(receiver.taken) == 2
    await webhooks.delete_webhook(tenant.ledger, tenant.id, ADMIN, webhook)
    await added(tenant, anna)
    assert await delivered(tenant) == 0
    assert await prune_webhooks(tenant.ledger, tenant.id, at_once=1) == 3
    assert not await statuses(tenant)


async def test_what_waits_is_not_told_to_whom_it_may_not_be_any_more(tenant: Tenant, receiver: Receiver) -> None:
    """Whoever changes a webhook is told what they may read, of what has waited too."""
    webhook = await hooked(tenant, receiver.url)
    receiver.decide = lambda _: Reply(500)
    await update_tenant(tenant.ledger, tenant.id, ADMIN, UpdateTenant(name="Coffee shop"))
    await tenant.adjust(await tenant.customer("anna"), 5)
    await told(tenant)
    await delivered(tenant)
    assert "SETTINGS_CHANGED" in {request.told["type"] for request in receiver.seen}
    moved = UpdateWebhook(webhook, frozenset(), receiver.url + "?elsewhere")
    await webhooks.update_webhook(tenant.ledger, tenant.id, ADMIN, moved)
    receiver.always(Reply())
    tenant.clock.advance(minutes=10)
    await delivered(tenant)
    there = [request for request in receiver.taken if request.path.endswith("elsewhere")]
    assert {request.told["type"] for request in there} == {"CUSTOMER_CREATED", "CREDIT_ADJUSTED"}
    assert [request.position for request in there] == sorted(request.position for request in there)
    row = await of_webhook(tenant, webhook)
    assert row["settled"] == row["position"]
    kinds = await tenant.fetch("SELECT kind FROM webhook_deliveries WHERE tenant_id = $1 AND status = 'CANCELLED'")
    assert "SETTINGS_CHANGED" in {row["kind"] for row in kinds}


async def test_a_replay_sends_the_same_events_with_the_same_ids(tenant: Tenant, receiver: Receiver) -> None:
    webhook = await hooked(tenant, receiver.url, ADDED)
    anna, ben = await tenant.customer("anna"), await tenant.customer("ben")
    await added(tenant, anna, ben, times=3)
    receiver.decide = lambda request: Reply(500) if len(receiver.taken) == 3 else Reply()
    await delivered(tenant)
    receiver.decide = lambda _: Reply()
    first = {request.headers["webhook-id"]: request.body for request in receiver.taken}
    await webhooks.replay_webhook(tenant.ledger, tenant.id, ADMIN, ReplayWebhook(webhook))
    receiver.taken.clear()
    await delivered(tenant)
    again = {request.headers["webhook-id"]: request.body for request in receiver.taken}
    assert len(again) == 6
    assert first.items() <= again.items()
    assert accounts_in_order(receiver.taken) == 2
    assert set(await statuses(tenant)) == {"DELIVERED", "CANCELLED"}
    with pytest.raises(Invalid, match="ahead of the feed"):
        await webhooks.replay_webhook(tenant.ledger, tenant.id, ADMIN, ReplayWebhook(webhook, FeedPlace(10**6)))


async def test_events_stay_until_they_are_delivered_and_a_paused_webhook_has_to_say_where_to_go_on(
    tenant: Tenant, receiver: Receiver
) -> None:
    slow, stopped = await hooked(tenant, receiver.url), await hooked(tenant, receiver.url + "?2")
    anna = await tenant.customer("anna")
    await added(tenant, anna, times=2)
    await webhooks.disable_webhook(tenant.ledger, tenant.id, ADMIN, WebhookNamed(stopped))
    tenant.clock.advance(days=91)
    await told(tenant)
    assert await prune_feed(tenant.ledger, tenant.id) == 0
    assert await delivered(tenant) > 3
    assert await prune_feed(tenant.ledger, tenant.id) > 3
    with pytest.raises(Invalid, match="have been pruned"):
        await webhooks.enable_webhook(tenant.ledger, tenant.id, ADMIN, WebhookNamed(stopped))
    await webhooks.replay_webhook(tenant.ledger, tenant.id, ADMIN, ReplayWebhook(stopped))
    await webhooks.enable_webhook(tenant.ledger, tenant.id, ADMIN, WebhookNamed(stopped))
    await delivered(tenant)
    for webhook in (slow, stopped):
        row = await of_webhook(tenant, webhook)
        assert row["settled"] == row["position"]
    tenant.clock.advance(days=91)
    assert await prune_webhooks(tenant.ledger, tenant.id) > 3
    assert not await statuses(tenant)


async def test_a_ping_is_sent_once_also_to_a_webhook_that_is_stopped(tenant: Tenant, receiver: Receiver) -> None:
    webhook = await hooked(tenant, receiver.url)
    await webhooks.disable_webhook(tenant.ledger, tenant.id, ADMIN, WebhookNamed(webhook))
    await told(tenant)
    for reply, status in ((Reply(), "DELIVERED"), (Reply(500), "FAILED")):
        receiver.always(reply)
        ping = tenant.ledger.source.new_id()
        await webhooks.ping_webhook(tenant.ledger, tenant.id, ADMIN, PingWebhook(webhook, ping))
        assert await delivered(tenant) == 1
        (row,) = await tenant.fetch("SELECT * FROM webhook_deliveries WHERE tenant_id = $1 AND id = $2", ping)
        assert (row["status"], row["attempts"]) == (status, 1)
        assert receiver.seen[-1].told["type"] == "PING"
    assert len(receiver.seen) == 2


async def test_a_hundred_thousand_would_flow_with_few_requests_at_once(live: Tenant, receiver: Receiver) -> None:
    await hooked(live, receiver.url, ADDED)
    people = [await live.customer(f"c{n}") for n in range(40)]
    await added(live, *people, times=8)
    receiver.decide = lambda _: Reply(after_s=0.002)
    await delivered(live)
    assert len(receiver.taken) == 320
    assert accounts_in_order(receiver.taken) == 40
    assert 2 <= receiver.most_at_once <= 8


async def test_several_workers_send_each_event_once(live: Tenant, receiver: Receiver) -> None:
    import asyncio

    await hooked(live, receiver.url, ADDED)
    people = [await live.customer(f"c{n}") for n in range(5)]
    await added(live, *people, times=10)
    others = [Ledger(webhooks=live.ledger.webhooks) for _ in range(3)]

    async def worker(ledger: Ledger) -> None:
        for _ in range(50):
            await deliver(ledger, live.id)

    await asyncio.gather(*(worker(ledger) for ledger in others))
    for ledger in others:
        await ledger.close()
    assert len(receiver.seen) == 50
    assert accounts_in_order(receiver.seen) == 5
