"""Work of delivering: which webhooks have something due, what waits there, and the events that follow."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from models.event_kinds import DeliveryStatus, EventKind, WebhookStatus
from models.ledger import Ledger
from models.lookups import each
from models.reads.events import EVENTS, EventView
from models.session import GENERIC_PLANS, TenantConnection, tenant_transaction
from models.webhook_order import Chains

MAX_WAITING: Final = 1_000
"""Deliveries of one webhook that may wait. With more, its cursor stays where it is."""
MAX_PINGS: Final = 20
POSITIONS_AT_ONCE: Final = 1_000
"""How far one look goes along the feed, if it finds few events of the kinds that are wanted."""

_DUE: Final = """
    select w.id, w.status, n.now,
           (w.claimed_until is null or w.claimed_until <= n.now) and (w.ping_at is not null or (
               w.status = 'ACTIVE' and (w.look_at is null or w.look_at <= n.now)
               and (w.due_at <= n.now or w.position < h.position))) is true as due,
           case when w.status = 'ACTIVE' and w.settled < h.position then (
                select recorded_at from feed where tenant_id = $1 and position > w.settled
                 order by position limit 1) end as oldest
      from webhooks w
      cross join (select coalesce($2::timestamptz, clock_timestamp()) as now) n
      left join feed_heads h on h.tenant_id = $1 and h.id = $1
     where w.tenant_id = $1 and w.deleted_at is null
     order by w.due_at nulls last, w.id"""
_HEAD: Final = "select position, pruned from feed_heads where tenant_id = $1 and id = $1"
_WAITING: Final = """
    select id, position, kind, status, attempts, created_at, next_at from webhook_deliveries
     where tenant_id = $1 and webhook_id = $2 and status in ('WAITING', 'RETRYING')
     order by position nulls first, id limit $3"""
_KEYS: Final = f"""
    select t.position, t.customer_id, case when t.kind = '{EventKind.CUSTOMER_MERGED}' then t.subject_id end as survivor_id,
           array(select distinct account_id from entries where tenant_id = $1 and transaction_id = t.id) as accounts
      from {each("position bigint")} k join feed t on t.tenant_id = $1 and t.position = k.position"""
_AT: Final = f"""
    select {EVENTS.columns}
      from {each("position bigint")} k join feed t on t.tenant_id = $1 and t.position = k.position"""
_AFTER: Final = f"""
    select {EVENTS.columns} from feed t
     where t.tenant_id = $1 and t.position > $2 and t.position <= $3 and t.kind = any($4::text[])
     order by t.position limit $5"""


@dataclass(frozen=True, slots=True)
class Due:
    """due: the webhooks to look at now. active: whether any is delivered to. paused: how many Scrip has stopped. oldest:
    when the oldest event was recorded that an active webhook has not got; None if there is none."""

    due: tuple[UUID, ...]
    active: bool
    paused: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that is not over. position, kind: None for a ping. keys: what it keeps its order by; empty for a ping."""

    id: UUID
    position: int | None
    kind: EventKind | None
    status: DeliveryStatus
    attempts: int
    created_at: datetime
    next_at: datetime | None
    keys: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Next:
    """events: those that follow, in their order. through: the position up to which these are all."""

    events: tuple[EventView, ...]
    through: int


async def due_webhooks(ledger: Ledger, tenant_id: UUID) -> Due:
    """The tenant's webhooks that have something to deliver and that no worker has."""
    async with tenant_transaction(tenant_id, read_only=True, settings=GENERIC_PLANS) as connection:
        now = await connection.instant(ledger.clock.given)
        rows = await connection.raw.fetch(_DUE, tenant_id, now)
    return Due(
        tuple(row["id"] for row in rows if row["due"]),
        any(row["status"] == WebhookStatus.ACTIVE for row in rows),
        sum(row["status"] == WebhookStatus.PAUSED for row in rows),
        min((row["oldest"] for row in rows if row["oldest"] is not None), default=None),
    )


@dataclass(frozen=True, slots=True)
class Item:
    """A delivery to make, or one that stays behind. waiting: None for an event that follows the cursor. view: None for a
    ping, and for what stays behind. tried: whether it may be tried now, but for those before it. keys: what it keeps its
    order by; empty for a ping."""

    waiting: Waiting | None
    view: EventView | None
    tried: bool
    keys: frozenset[UUID]

    @property
    def position(self) -> int | None:
        """The event's; None for a ping."""
        if self.waiting is not None:
            return self.waiting.position
        return None if self.view is None else self.view.position

    @property
    def kind(self) -> EventKind | None:
        """The event's; None for a ping."""
        if self.waiting is not None:
            return self.waiting.kind
        return None if self.view is None else self.view.kind

    @property
    def is_ping(self) -> bool:
        return self.position is None

    @property
    def is_lost(self) -> bool:
        """Whether it is to be tried, and its event is gone, or is not to be told to this webhook any more."""
        return self.tried and not self.is_ping and self.view is None


@dataclass(frozen=True, slots=True)
class Work:
    """items: in their order. chains: of their indices. position: the cursor once all of them are recorded.
    pruned: whether events are gone that it has not got."""

    items: tuple[Item, ...]
    chains: Chains[int]
    position: int
    pruned: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """Part of a webhook's work that is wanted. active: whether more than pings. most: how much at once; probes: how many of
    the events that follow, while nothing can be delivered."""

    webhook_id: UUID
    position: int
    kinds: frozenset[EventKind]
    now: datetime
    active: bool
    failing: bool
    most: int
    probes: int


async def read_work(tenant_id: UUID, asked: Asked) -> Work:
    """All there is to do for a webhook, in one moment."""
    async with tenant_transaction(tenant_id, read_only=True, one_moment=True, settings=GENERIC_PLANS) as connection:
        return await _read(_Reader(connection), asked)


async def _read(reader: "_Reader", asked: Asked) -> Work:
    chains: Chains[int] = Chains()
    waiting = await reader.waiting(asked.webhook_id)
    tried = [n for n, one in enumerate(waiting) if _put(chains, n, one, asked)]
    # What waited when the webhook was changed is told by what it may be told since: the rest is lost to it.
    wanted = [one.position for n in tried if (one := waiting[n]).position is not None and one.kind in asked.kinds]
    views = await reader.at(wanted)
    chosen = set(tried)
    items = [
        Item(one, None if one.position is None else views.get(one.position), n in chosen, one.keys)
        for n, one in enumerate(waiting)
    ]
    if not asked.active:
        return Work(tuple(items), chains, asked.position)
    room = min(asked.most - len(tried), MAX_WAITING - len(waiting))
    if asked.failing:
        room = 0 if any(waiting[n].position is not None for n in tried) else min(room, asked.probes)
    following = await reader.following(asked.position, asked.kinds, room)
    if following is None:
        return Work(tuple(items), chains, asked.position, pruned=True)
    for view in following.events:
        keys = reader.keys_of(view)
        chains.add(len(items), keys)
        items.append(Item(None, view, tried=True, keys=keys))
    return Work(tuple(items), chains, following.through)


def _put(chains: Chains[int], number: int, one: Waiting, asked: Asked) -> bool:
    """Add what waits to its chains. Returns whether it may be tried now."""
    due = one.next_at is None or one.next_at <= asked.now
    due = due and (asked.active or one.position is None) and number < MAX_PINGS + asked.most
    chains.add(number, one.keys, stuck=not due)
    return not chains.is_stuck(number)


def _keys(
    customer_id: UUID | None, survivor_id: UUID | None, accounts: Collection[UUID], tenant_id: UUID
) -> frozenset[UUID]:
    found = frozenset(accounts).union(each for each in (customer_id, survivor_id) if each is not None)
    return found or frozenset({tenant_id})


class _Reader:
    """Reads in one transaction."""

    def __init__(self, connection: TenantConnection) -> None:
        self._raw = connection.raw
        self._tenant_id = connection.tenant_id

    async def waiting(self, webhook_id: UUID) -> list[Waiting]:
        """Deliveries that wait: pings first, then by position."""
        rows = await self._raw.fetch(_WAITING, self._tenant_id, webhook_id, MAX_WAITING + MAX_PINGS)
        positions = [row["position"] for row in rows if row["position"] is not None]
        found = await self._raw.fetch(_KEYS, self._tenant_id, positions) if positions else []
        keys = {
            row["position"]: _keys(row["customer_id"], row["survivor_id"], row["accounts"], self._tenant_id)
            for row in found
        }
        return [_waiting(row, keys.get(row["position"], frozenset())) for row in rows]

    async def at(self, positions: Sequence[int]) -> dict[int, EventView]:
        """The events at these positions. What was pruned is left out."""
        if not positions:
            return {}
        rows = await self._raw.fetch(_AT, self._tenant_id, list(positions))
        views: list[EventView] = [EVENTS.view(row) for row in rows]
        return {view.position: view for view in views}

    async def following(self, position: int, kinds: Collection[EventKind], most: int) -> Next | None:
        """Events of these kinds after the position, at most so many; None if what follows it is not all kept."""
        head = await self._raw.fetchrow(_HEAD, self._tenant_id)
        if head is None:
            return Next((), position)
        if position < head["pruned"]:
            return None
        until = min(position + POSITIONS_AT_ONCE, head["position"])
        if most <= 0 or until <= position:
            return Next((), position)
        rows = await self._raw.fetch(_AFTER, self._tenant_id, position, until, sorted(kinds), most)
        views = tuple(EVENTS.view(row) for row in rows)
        return Next(views, views[-1].position if len(views) == most else until)

    def keys_of(self, view: EventView) -> frozenset[UUID]:
        """Keys of an event's order: its customer, of a merge the survivor too, and each account that it moved; the tenant if
        it has none of these."""
        survivor = view.subject_id if view.kind is EventKind.CUSTOMER_MERGED else None
        return _keys(view.customer_id, survivor, [one.account_id for one in view.movements or ()], self._tenant_id)


def _waiting(row: Any, keys: frozenset[UUID]) -> Waiting:
    return Waiting(
        id=row["id"],
        position=row["position"],
        kind=None if row["kind"] is None else EventKind(row["kind"]),
        status=DeliveryStatus(row["status"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        next_at=row["next_at"],
        keys=keys,
    )
