"""Delivery of the feed to webhooks (docs/adr/0063).

A look at a webhook: claim it, read what is due, send it, side by side but in order for each account, and record what came
of it. While an endpoint takes nothing, looks become rarer and try little.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import orjson
from standardwebhooks.webhooks import Webhook

from jobs.webhook_http import Answer, Sender
from models.currencies import open_books
from models.event_kinds import DeliveryStatus, EventKind, WebhookPause
from models.ledger import Ledger
from models.operations.deliver_webhooks import (
    Claim,
    Delivery,
    Record,
    claim_webhook,
    is_as_claimed,
    record_look,
    release_webhook,
)
from models.operations.prune_webhooks import prune_webhooks
from models.reads.events import EVENTS, key_of
from models.reads.webhook_work import Asked, Item, Work, due_webhooks, read_work
from models.webhooks import ATTEMPTS_AFTER, JITTER, parse_url
from schema.event_json import event_json, instant_json
from schema.event_rights import kinds_with
from schema.ids import global_id

JOB: Final = "webhooks"
INTERVAL_S: Final = 1.0
PATIENCE_S: Final = 10.0
SIDE_BY_SIDE: Final = 16
"""Tenants whose webhooks one process delivers at a time: one whose endpoints are slow keeps no other waiting."""
PRUNING_INTERVAL_S: Final = 3600.0
EVENTS_AT_ONCE: Final = 100
"""Of one look."""
REQUESTS_AT_ONCE: Final = 8
"""To one endpoint."""
PROBES: Final = 4
"""Events, and requests at a time, for an endpoint that takes nothing."""
FAILURES: Final = 3
"""After so many, and nothing taken, a look tries no more."""
SENDING_S: Final = 5.0
"""After this long, a look begins no more requests."""
WATCHED_S: Final = 1.0
"""While requests are under way, whether the webhook is as it was is looked at this often."""
LOOKING_S: Final = 4.0
"""After this long, a step begins no more looks: a process that is told to stop has to come to its end."""
MAX_LOOKS: Final = 1_000
SOONEST: Final = timedelta(seconds=5)
LATEST: Final = timedelta(minutes=5)
"""How long an endpoint that takes nothing is left alone: a quarter of the time since it did, within these."""
GONE: Final = 410
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def deliver(ledger: Ledger, tenant_id: UUID) -> int:
    """Deliver some of what is due to the tenant's webhooks. Returns the number of attempts, 0 if nothing is due."""
    due = await due_webhooks(ledger, tenant_id)
    oldest = None if due.oldest is None else due.oldest.timestamp()
    ledger.metrics.webhooks.looked(tenant_id, due.paused, oldest, active=due.active)
    if due.due:
        await open_books(tenant_id)
    looks = (_Looks(ledger, tenant_id, webhook_id).take() for webhook_id in due.due)
    found = await asyncio.gather(*looks, return_exceptions=True)
    failures = [each for each in found if isinstance(each, BaseException)]
    if failures:
        raise failures[0]
    return sum(each for each in found if isinstance(each, int))


async def prune(ledger: Ledger, tenant_id: UUID) -> int:
    """Delete some outdated deliveries. Returns their number, 0 if none is left."""
    return await prune_webhooks(ledger, tenant_id)


def message_id(tenant_id: UUID, item: Item) -> str:
    """The webhook-id: the same for each attempt, and for each time that an event is replayed; another one for an event that
    has its position in a restored or copied database (docs/adr/0072)."""
    if item.view is not None:
        recorded = (item.view.recorded_at - _EPOCH) // timedelta(microseconds=1)
        return f"evt_{tenant_id.hex}_{item.view.position}_{recorded}"
    assert item.waiting is not None  # noqa: S101 - a ping has a row
    return f"ping_{item.waiting.id.hex}"


def message_body(webhook_id: UUID, item: Item, now: datetime) -> str:
    """Body of a request, as JSON."""
    if item.view is None:
        told = {"type": "PING", "timestamp": instant_json(now), "data": {"webhookId": global_id("Webhook", webhook_id)}}
    else:
        told = {
            "type": item.view.kind,
            "timestamp": instant_json(item.view.occurred_at),
            "cursor": EVENTS.cursor(key_of(item.view)),
            "data": event_json(item.view),
        }
    return orjson.dumps(told).decode()


class _Looks:
    """Looks at one webhook, over the same connections."""

    def __init__(self, ledger: Ledger, tenant_id: UUID, webhook_id: UUID) -> None:
        self._ledger = ledger
        self._tenant_id = tenant_id
        self._webhook_id = webhook_id
        self._sender: Sender | None = None
        self._url = ""

    async def take(self) -> int:
        """Look until nothing is due, or for a while. Returns the number of attempts, or 1 if only the cursor moved."""
        began, attempts = time.monotonic(), 0
        try:
            for _ in range(MAX_LOOKS):
                found = await self._look()
                attempts += found
                if not found or time.monotonic() - began > LOOKING_S:
                    break
        finally:
            if self._sender is not None:
                await self._sender.close()
        return attempts

    async def _look(self) -> int:
        claim = await claim_webhook(self._ledger, self._tenant_id, self._webhook_id)
        if claim is None:
            return 0
        try:
            record, attempts = await self._work(claim)
        except BaseException:
            await asyncio.shield(release_webhook(self._tenant_id, claim))
            raise
        recorded = await record_look(self._ledger, self._tenant_id, claim, record)
        moved = record.position > claim.position
        return max(attempts, 1 if moved else 0) if recorded else 0

    async def _work(self, claim: Claim) -> tuple[Record, int]:
        still = Record((), claim.position, claim.look_at, claim.failing_since)
        keys = [(self._ledger.webhooks.key(fingerprint), salt) for fingerprint, salt in claim.secrets]
        if keys[0][0] is None:
            return await self._unsigned(claim), 0
        work = await read_work(self._tenant_id, _asked(claim))
        if work.pruned:
            return Record((), claim.position, pause=WebhookPause.PRUNED), 0
        secrets = [key.secret(self._tenant_id, claim.webhook_id, salt) for key, salt in keys if key is not None]
        if not work.items:
            return Record((), work.position, still.look_at, still.failing_since), 0
        sender = await self._sender_to(claim.url)
        sending = _Sending(self._tenant_id, claim, work, sender, [Webhook(one) for one in secrets])
        await sending.all()
        for outcome in sending.outcomes:
            self._ledger.metrics.webhooks.count(outcome)
        return sending.record(), len(sending.answers)

    async def _unsigned(self, claim: Claim) -> Record:
        """Without its key nothing can be signed: events wait for another secret, pings are given up."""
        work = await read_work(self._tenant_id, replace(_asked(claim), active=False))
        pings = (one.waiting for one in work.items if one.is_ping and one.waiting is not None)
        given_up = tuple(Delivery(ping.id, None, None, DeliveryStatus.FAILED, ping.attempts) for ping in pings)
        return Record(given_up, claim.position, pause=WebhookPause.KEY_UNKNOWN)

    async def _sender_to(self, url: str) -> Sender:
        if self._sender is None or url != self._url:
            endpoint = parse_url(url)
            if endpoint is None:
                raise ValueError("a webhook's URL is none")
            if self._sender is not None:
                await self._sender.close()
            self._sender, self._url = Sender(self._ledger.webhooks, endpoint, at_once=REQUESTS_AT_ONCE), url
        return self._sender


def _asked(claim: Claim) -> Asked:
    kinds = kinds_with(claim.rights)
    if claim.kinds is not None:
        kinds &= {kind for kind in EventKind if kind in claim.kinds}
    return Asked(
        webhook_id=claim.webhook_id,
        position=claim.position,
        kinds=kinds,
        now=claim.now,
        active=claim.active and (claim.look_at is None or claim.look_at <= claim.now),
        failing=claim.failing_since is not None,
        most=EVENTS_AT_ONCE,
        probes=PROBES,
    )


@dataclass(slots=True)
class _Sending:
    """One look's requests, and what came of them. spread: random numbers from 0 to 1."""

    tenant_id: UUID
    claim: Claim
    work: Work
    sender: Sender
    signers: list[Webhook]
    spread: Callable[[], float] = random.random
    began: float = field(default_factory=time.monotonic)
    watched: float = field(default_factory=time.monotonic)
    answers: dict[int, tuple[Answer, datetime]] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    """Those whose events are gone, or are not to be told any more."""
    taken: int = 0
    failed: int = 0

    @property
    def now(self) -> datetime:
        return self.claim.now + timedelta(seconds=time.monotonic() - self.began)

    async def all(self) -> None:
        """Send what is ready, and what is ready after it, until there is no more, or it is of no use, or time is up; or
        somebody has changed the webhook: then what is under way is broken off."""
        queue = deque(n for n in self.work.chains.ready() if self.work.items[n].tried)
        at_once = PROBES if self.claim.failing_since is not None else REQUESTS_AT_ONCE
        running: dict[asyncio.Task[Answer], int] = {}
        try:
            while True:
                while queue and len(running) < at_once and self._goes_on:
                    number = queue.popleft()
                    if self.work.items[number].is_lost:
                        self.lost.add(number)
                        queue += self.work.chains.done(number)
                        continue
                    running[asyncio.create_task(self._send(self.work.items[number]))] = number
                if not running:
                    return
                done, _ = await asyncio.wait(running, timeout=WATCHED_S, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    queue += self._note(running.pop(task), task.result())
                if not await self._may_go_on():
                    return
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _may_go_on(self) -> bool:
        """Whether the webhook is as it was claimed, by the last look at it; one is had each WATCHED_S."""
        if time.monotonic() - self.watched < WATCHED_S:
            return True
        self.watched = time.monotonic()
        return await is_as_claimed(self.tenant_id, self.claim)

    @property
    def _goes_on(self) -> bool:
        return time.monotonic() - self.began < SENDING_S and (self.taken > 0 or self.failed < FAILURES)

    async def _send(self, item: Item) -> Answer:
        now, identity = self.now, message_id(self.tenant_id, item)
        body = message_body(self.claim.webhook_id, item, now)
        headers = {
            "webhook-id": identity,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signer.sign(identity, now, body) for signer in self.signers),
        }
        return await self.sender.send(body.encode(), headers)

    def _note(self, number: int, answer: Answer) -> Iterable[int]:
        """Note an answer. Returns what can be sent since."""
        self.answers[number] = answer, self.now
        ping = self.work.items[number].is_ping
        if answer.error is None:
            self.taken += not ping
            return self.work.chains.done(number)
        self.failed += not ping
        if not ping and self._is_given_up(number):
            return self.work.chains.done(number)
        self.work.chains.failed(number)
        return ()

    def _attempts(self, number: int) -> int:
        waiting = self.work.items[number].waiting
        return 1 if waiting is None else waiting.attempts + 1

    def _is_given_up(self, number: int) -> bool:
        """Whether the last of its attempts has failed, while the endpoint took others."""
        waiting = self.work.items[number].waiting
        if waiting is None or waiting.attempts < len(ATTEMPTS_AFTER):
            return False
        since = self.claim.delivered_at
        return self.taken > 0 or (since is not None and since > waiting.created_at)

    @property
    def outcomes(self) -> Iterable[str]:
        """Each attempt's, for the metrics."""
        for answer, _ in self.answers.values():
            yield "delivered" if answer.error is None else answer.error.lower()

    def record(self) -> Record:
        """All that is to be recorded of it."""
        now = self.now
        deliveries = tuple(self._deliveries(now))
        look_at, failing_since = self.claim.look_at, self.claim.failing_since
        if self.taken:
            look_at = failing_since = None
        elif self.failed:
            failing_since = failing_since or self.claim.now
            look_at = now + self._spread(min(max((now - failing_since) / 4, SOONEST), LATEST))
            look_at = max([look_at, *(now + asked for asked in self._asked_for())])
        return Record(
            deliveries, self.work.position, look_at, failing_since, now if self.taken else None, self._pause()
        )

    def _asked_for(self) -> Iterable[timedelta]:
        for answer, _ in self.answers.values():
            if answer.retry_after_s is not None:
                yield timedelta(seconds=answer.retry_after_s)

    def _pause(self) -> WebhookPause | None:
        events = [n for n in self.answers if not self.work.items[n].is_ping]
        if any(self.answers[n][0].status == GONE for n in events):
            return WebhookPause.GONE
        dead = any(
            self.answers[n][0].error is not None
            and self._attempts(n) > len(ATTEMPTS_AFTER)
            and not self._is_given_up(n)
            for n in events
        )
        return WebhookPause.FAILING if dead else None

    def _spread(self, pause: timedelta) -> timedelta:
        return pause * (1 - JITTER + 2 * JITTER * self.spread())

    def _deliveries(self, now: datetime) -> Iterable[Delivery]:
        """Each item as it is since, but for those of which nothing has changed."""
        open_keys: set[UUID] = set()
        for number, item in enumerate(self.work.items):
            made = self._delivery(number, item, now, behind=not open_keys.isdisjoint(item.keys))
            if made is None or made.status in (DeliveryStatus.WAITING, DeliveryStatus.RETRYING):
                open_keys |= item.keys
            if made is not None:
                yield made

    def _delivery(self, number: int, item: Item, now: datetime, *, behind: bool) -> Delivery | None:
        if number in self.answers:
            return self._answered(number, item, *self.answers[number])
        waiting = item.waiting
        if number in self.lost and waiting is not None:
            return Delivery(waiting.id, waiting.position, waiting.kind, DeliveryStatus.CANCELLED, waiting.attempts)
        due_at = None if behind else now
        if waiting is None:
            return Delivery(None, item.position, item.kind, DeliveryStatus.WAITING, next_at=due_at)
        is_due = waiting.next_at is not None and waiting.next_at <= self.claim.now
        if is_due is (due_at is not None) or (waiting.next_at is not None and not is_due):
            return None
        return Delivery(
            waiting.id, waiting.position, waiting.kind, DeliveryStatus.WAITING, waiting.attempts, next_at=due_at
        )

    def _answered(self, number: int, item: Item, answer: Answer, at: datetime) -> Delivery:
        attempts, status, next_at = self._attempts(number), DeliveryStatus.DELIVERED, None
        if answer.error is not None:
            status = DeliveryStatus.RETRYING
            if item.is_ping or self._is_given_up(number):
                status = DeliveryStatus.FAILED
            else:
                pause = self._spread(ATTEMPTS_AFTER[min(attempts, len(ATTEMPTS_AFTER)) - 1])
                next_at = at + max(pause, timedelta(seconds=answer.retry_after_s or 0))
        return Delivery(
            id=None if item.waiting is None else item.waiting.id,
            position=item.position,
            kind=item.kind,
            status=status,
            attempts=attempts,
            attempted_at=at,
            next_at=next_at,
            duration_ms=answer.duration_ms,
            response_status=answer.status,
            response=answer.body,
            error=answer.error,
        )
