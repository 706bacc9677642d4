"""The feed beside a play: a relay at random moments, a consumer that is restarted at random, and whether they tell what the
reference does."""

import itertools
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from models.feed import OF_ACTIONS, OF_TRANSACTIONS
from models.operations.keep_feed import keep_feed
from models.reads.events import EVENTS, EventView
from models.reads.paging import load_pages, page_request
from models.reads.session import ReadSession
from tests.simulation.names import Names
from tests.simulation.telling import BROUGHT_ABOUT, CHANGED, TRANSACTION, Told
from tests.simulation.telling_more import Telling
from tests.support.tenants import Tenant

AT_ONCE: Final = (2, 7, 1_000)
PAGE: Final = 60
MAX_PAGES: Final = 100_000
_TRANSACTIONS: Final = frozenset(OF_TRANSACTIONS.values())
_CHANGED: Final = frozenset(OF_ACTIONS.values())
_ACCOUNTS: Final = "SELECT id, customer_id FROM accounts WHERE tenant_id = $1"
_NOT_NAMED: Final = ("reversal",)
"""What an event is about that the reference has no number for."""


@dataclass
class Feed:
    """told: what is to be in the feed, in groups of the same instant, each with that. kept, after: what the consumer has,
    and its cursor: both from one moment, whatever has become of it since."""

    tenant: Tenant
    names: Names
    dice: random.Random
    told: list[tuple[datetime, list[Told]]] = field(default_factory=list)
    now: list[Told] = field(default_factory=list)
    kept: list[EventView] = field(default_factory=list)
    after: str | None = None
    restarts: int = 0

    async def begin(self) -> None:
        """What has happened before is not foretold."""
        self.tenant.clock.advance(seconds=1e-6)
        await self._relay()
        await self._consume(crashing=False)
        self.kept = []

    def tell(self, told: Iterable[Told]) -> None:
        """At this instant."""
        self.now += told

    def instant_ends(self, at: datetime) -> None:
        if self.now:
            self.told.append((at, sorted(self.now, key=lambda told: told.part)))
        self.now = []

    async def run(self, reference: Telling) -> None:
        """Perhaps the relay; perhaps a page or several for the consumer."""
        if self.dice.randrange(100) < 35:
            await self._relay()
            self._announce(reference)
        if self.dice.randrange(100) < 25:
            await self._consume(crashing=True)

    def _announce(self, reference: Telling) -> None:
        now = self.tenant.clock()
        self.told += [(now, [told]) for told in reference.announced(now)]

    async def _relay(self) -> None:
        while await keep_feed(self.tenant.ledger, self.tenant.id, self.dice.choice(AT_ONCE)):
            pass

    async def _consume(self, *, crashing: bool) -> None:
        for _ in range(MAX_PAGES):
            first = self.dice.randint(1, PAGE)
            session = ReadSession(self.tenant.id)
            try:
                request = page_request(EVENTS, first, self.after, None, None)
                page = (await load_pages(session, EVENTS, [self.tenant.id], request))[self.tenant.id]
            finally:
                await session.close()
            if crashing and self.dice.randrange(100) < 20:  # before it has put down what it has read
                self.restarts += 1
                continue
            if page.rows:
                self.kept, self.after = [*self.kept, *page.rows], EVENTS.cursor(page.key(-1))
            if not page.has_next or (crashing and self.dice.randrange(100) < 30):
                return

    async def finish(self, reference: Telling) -> list[str]:
        """In words, what the consumer has seen that was not to be told, or the other way round."""
        self.instant_ends(self.tenant.clock())
        self.tenant.clock.advance(seconds=1e-6)
        await self._relay()
        self._announce(reference)
        await self._consume(crashing=True)
        await self._consume(crashing=False)
        whose = dict(await self.tenant.rows(_ACCOUNTS))
        return _gaps(self.kept) or self._unlike(whose)

    def _unlike(self, whose: dict[UUID, UUID]) -> list[str]:
        first = {each: lot for lot, ids in self.names.ids.items() for each in ids}
        place = 0
        for at, group in self.told:
            real = self.kept[place : place + len(group)]
            seen = _in_parts([(_part(event), self._seen(event, whose, first)) for event in real], group)
            expected = _in_parts([(told.part, self._expected(told, at)) for told in group], group)
            if seen != expected:
                return [f"event {place + 1}, {at}: {_difference(seen, expected)}"]
            place += len(group)
        return [f"more is told: {self.kept[place]}"] if len(self.kept) > place else []

    def _seen(self, event: EventView, whose: dict[UUID, UUID], first: dict[UUID, UUID]) -> tuple[Any, ...]:
        moved = sorted(
            (whose[m.account_id], m.asset, m.amount_minor, m.balance_after_minor, m.entries)
            for m in event.movements or ()
        )
        about = None if event.subject_id is None else first.get(event.subject_id, event.subject_id)
        return (event.kind.value, event.customer_id, tuple(moved), about, event.occurred_at, event.amount_minor)

    def _expected(self, told: Told, at: datetime) -> tuple[Any, ...]:
        customers = self.names.customers
        moved = sorted((customers[m.record], m.asset, m.amount, m.balance, m.entries) for m in told.moved)
        customer = None if told.customer is None else customers[told.customer]
        return (told.kind, customer, tuple(moved), self._about(told), told.since or at, told.amount)

    def _about(self, told: Told) -> UUID | None:
        if told.about is None:
            return None
        kind, number = told.about
        rows = self.names.rows
        known = {"credit": self.names.lots, "bulk": self.names.bulks, "request": rows["approval_requests"]}
        return None if kind in _NOT_NAMED else known.get(kind, rows[f"{kind}s"])[number]


def _part(event: EventView) -> int:
    if event.kind in _TRANSACTIONS:
        return TRANSACTION
    return CHANGED if event.kind in _CHANGED else BROUGHT_ABOUT


def _in_parts(events: list[tuple[int, tuple[Any, ...]]], group: list[Told]) -> list[Any]:
    """What of an instant has a place is in its order; what has none is sorted: transactions that moved nothing too."""
    parts = [part for part, _ in events]
    found: list[Any] = [parts == sorted(parts)]
    for part in (TRANSACTION, BROUGHT_ABOUT, CHANGED):
        mine = [_comparable(event) for each, event in events if each == part]
        loose = any(told.loose for told in group if told.part == part)
        still = sorted(event for event in mine if part == TRANSACTION and event[2] == "()")
        moving = [event for event in mine if part != TRANSACTION or event[2] != "()"]
        found += [sorted(moving) if loose else moving, still]
    return found


def _comparable(event: tuple[Any, ...]) -> tuple[str, ...]:
    kind, customer, moved, about, *rest = event
    told_of = about if kind not in _SUBJECT_UNTOLD else None
    return (kind, str(customer), str(moved), str(told_of), *map(str, rest))


_SUBJECT_UNTOLD: Final = frozenset({"BULK_FINISHED", "TIER_CHANGED", *_TRANSACTIONS, *_CHANGED})


def _difference(seen: list[Any], expected: list[Any]) -> str:
    pairs = [(list(a), list(b)) for a, b in zip(seen[1:], expected[1:], strict=True) if a != b]
    more = [([each for each in a if each not in b], [each for each in b if each not in a]) for a, b in pairs]
    more = [(told, due) if told or due else (a, b) for (told, due), (a, b) in zip(more, pairs, strict=True)]
    return "; ".join(f"told {a}, was to be {b}" for a, b in more) or "another order"


def _gaps(events: list[EventView]) -> list[str]:
    """Where a position is missing or comes twice, or an account's movements do not follow each other."""
    found = []
    heads: dict[UUID, tuple[int, str | None]] = {}
    for before, event in itertools.pairwise(events):
        if event.position != before.position + 1:
            found.append(f"after {before.position} comes {event.position}")
    for event in events:
        for moved in event.movements or ():
            head = (moved.sequence - moved.entries, moved.previous)
            if head != heads.get(moved.account_id, (0, None)):
                found.append(f"{event} does not follow {heads.get(moved.account_id)}")
            heads[moved.account_id] = (moved.sequence, moved.digest)
    return found
