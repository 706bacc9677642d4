"""The feed of events: a tenant's, of some kinds, or one person's. The cursor of an event is its position."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from models.event_kinds import EventKind
from models.feed import OF_ACTIONS, OF_TRANSACTIONS
from models.lookups import each
from models.reads.columns import columns, parsed, rows
from models.reads.keys import BadPage, integer_key
from models.reads.paging import Condition, Key, Listing, Through
from models.reads.session import ReadSession

_MOVING: Final = ", ".join(f"'{kind}'" for kind in sorted(set(OF_TRANSACTIONS.values())))
_AUDITED: Final = ", ".join(f"'{kind}'" for kind in sorted(set(OF_ACTIONS.values())))


def _among(*kinds: EventKind) -> str:
    return "t.kind in ({})".format(", ".join(f"'{kind}'" for kind in kinds))


# Of each account that a transaction moved: the last of its entries, and how many there are.
_MOVEMENTS: Final = f"""
    case when t.kind in ({_MOVING}) then (
         select jsonb_agg(jsonb_build_array(m.account_id, a.asset, m.minor, m.entries, l.sequence, l.balance_after_minor,
                                            encode(l.hash, 'hex'), encode(f.previous_hash, 'hex')) order by m.account_id)
           from (select account_id, sum(amount_minor) as minor, count(*) as entries, min(sequence) as first,
                        max(sequence) as last
                   from entries where tenant_id = $1 and transaction_id = t.id group by account_id) m
           cross join lateral (select asset from accounts where tenant_id = $1 and id = m.account_id offset 0) a
           cross join lateral (select sequence, balance_after_minor, hash from entries
                                where tenant_id = $1 and account_id = m.account_id and sequence >= m.last
                                order by sequence limit 1) l
           cross join lateral (select previous_hash from entries
                                where tenant_id = $1 and account_id = m.account_id and sequence >= m.first
                                order by sequence limit 1) f) end"""
_INVOICES: Final = _among(
    EventKind.INVOICE_ISSUED, EventKind.INVOICE_PAID, EventKind.INVOICE_VOIDED, EventKind.ORDER_PAID
)
_PAYMENTS: Final = _among(EventKind.PAYMENT_RECORDED, EventKind.PAYMENT_VOIDED)
_NOTES: Final = _among(EventKind.CREDIT_NOTED, EventKind.CREDIT_NOTE_VOIDED)
_COUPONS: Final = _among(
    EventKind.COUPON_ISSUED, EventKind.COUPON_USED, EventKind.COUPON_REOPENED, EventKind.COUPON_DISABLED
)
# What each kind tells besides: an array, in the order in which its type reads it. A bulk that was tried again since has
# kept how it had ended. PostgreSQL lets no COALESCE pass the policy of a table into an index (it does not count it as
# leakproof), but a CASE.
_FACTS: Final = f"""
    case when {_INVOICES} then (
              select jsonb_build_array(kind, currency, total_minor) from invoices
               where tenant_id = $1 and id = t.subject_id)
         when {_PAYMENTS} then (
              select jsonb_build_array(p.invoice_id, i.currency, p.amount_minor, p.method)
                from payments p join invoices i on i.tenant_id = $1 and i.id = p.invoice_id
               where p.tenant_id = $1 and p.id = t.subject_id)
         when {_NOTES} then (
              select jsonb_build_array(c.invoice_id, i.currency, c.amount_minor)
                from (select invoice_id, amount_minor from credit_notes
                       where tenant_id = $1 and id = case when t.subject_id is null then t.id else t.subject_id end
                      offset 0) c
                cross join lateral (select currency from invoices where tenant_id = $1 and id = c.invoice_id offset 0) i)
         when {_COUPONS} then (
              select jsonb_build_array(reward_id, points_spent_minor) from coupons
               where tenant_id = $1 and id = t.subject_id)
         when {_among(EventKind.TIER_CHANGED)} then (
              select jsonb_build_array(account_id, old_tier, new_tier) from tier_changes
               where tenant_id = $1 and id = t.subject_id)
         when {_among(EventKind.BULK_FINISHED)} then (
              select case when e.ending is null then jsonb_build_array(o.status, o.total, o.succeeded, o.failed)
                          else jsonb_build_array(e.ending->1, o.total, e.ending->2, e.ending->3) end
                from (select status, total, succeeded, failed, command->'endings' as endings from bulk_operations
                       where tenant_id = $1 and id = t.subject_id offset 0) o
                left join lateral (select ending from jsonb_array_elements(o.endings) with ordinality as x(ending, nth)
                                    where (ending->>0)::timestamptz >= t.recorded_at order by nth limit 1) e on true)
         when {_among(EventKind.CREDIT_EXPIRING)} then (
              select jsonb_build_array(a.id, a.asset) from credits c
                join accounts a on a.tenant_id = $1 and a.id = c.account_id
               where c.tenant_id = $1 and c.id = t.subject_id)
         when {_among(EventKind.HOLD_LAPSED)} then (
              select jsonb_build_array(a.id, a.asset) from holds o
                join accounts a on a.tenant_id = $1 and a.id = o.home_id
               where o.tenant_id = $1 and o.id = t.subject_id)
         when {_among(EventKind.CREDIT_HELD)} then (
              select jsonb_build_array(l.account_id, a.asset, l.hold_id, l.minor)
                from (select account_id, hold_id, sum(amount_minor) as minor from hold_lots
                       where tenant_id = $1 and transaction_id = t.id group by account_id, hold_id limit 1) l
                cross join lateral (select asset from accounts where tenant_id = $1 and id = l.account_id offset 0) a)
         when {_among(EventKind.CHECKPOINT_MADE)} then (
              select jsonb_build_array(number, until, size, encode(root, 'hex'), note) from checkpoints
               where tenant_id = $1 and id = t.subject_id)
         when t.kind in ({_AUDITED}) then (
              select jsonb_build_array(action) from audit_events where tenant_id = $1 and id = t.id) end"""


@dataclass(frozen=True, slots=True)
class Movement:
    """The effect of a transaction on one account. sequence, balance_after_minor, digest: of its last entry there; previous:
    the hash of the entry before its first one there, None if there is none. Hashes in hexadecimal digits."""

    account_id: UUID
    asset: str
    amount_minor: int
    entries: int
    sequence: int
    balance_after_minor: int
    digest: str
    previous: str | None


@dataclass(frozen=True, slots=True)
class EventView:
    """facts: what the kind tells besides, as `_FACTS` has it."""

    id: UUID
    position: int
    kind: EventKind
    subject_id: UUID | None
    customer_id: UUID | None
    occurred_at: datetime
    recorded_at: datetime
    amount_minor: int | None
    movements: tuple[Movement, ...] | None
    facts: Any


def _movements(value: Any) -> tuple[Movement, ...]:
    return tuple(Movement(UUID(account_id), *rest) for account_id, *rest in parsed(value))


EVENTS: Final = Listing(
    name="events",
    columns=columns(
        EventView, occurred_at="coalesce(t.occurred_at, t.recorded_at)", movements=_MOVEMENTS, facts=_FACTS
    ),
    table="feed t",
    parent="t.tenant_id",
    keys=(integer_key("t.position"),),
    view=rows(EventView, kind=EventKind, movements=_movements, facts=parsed),
    recorded="recorded_at",
)
"""A tenant's feed: the parent is the tenant."""
PERSONS_EVENTS: Final = replace(
    EVENTS,
    parent="t.customer_id",
    through=Through(
        "(select p.id union all select m.id from customers m where m.tenant_id = $1 and m.merged_into_id = p.id) c",
        "c.id",
    ),
)
"""Events about one person: of all records that are that person's now, each where it stands in the tenant's feed."""


def of_kinds(kinds: Collection[EventKind]) -> Listing[EventView]:
    """The tenant's events of these kinds."""
    chosen = tuple(sorted(kinds))
    return replace(
        EVENTS, parent="t.kind", through=Through("(select unnest({0}::text[]) as kind) c", "c.kind", values=(chosen,))
    )


def only(kinds: Collection[EventKind]) -> Condition:
    return Condition("t.kind = any({0}::text[])", (tuple(sorted(kinds)),))


def without(kinds: Collection[EventKind]) -> Condition:
    return Condition("not t.kind = any({0}::text[])", (tuple(sorted(kinds)),))


_POSITION: Final = f"""
    select {EVENTS.columns} from {each("position bigint")} k
      join feed t on t.tenant_id = $1 and t.position = k.position"""


async def at_positions(session: ReadSession, positions: Iterable[int]) -> list[EventView]:
    """The events that are kept at these positions."""
    return [EVENTS.view(row) for row in await session.fetch(_POSITION, list(positions))]


async def records_of(session: ReadSession, person: UUID) -> frozenset[UUID]:
    """The person's own record, and all that were merged into it."""
    rows = await session.fetch("select id from customers where tenant_id = $1 and merged_into_id = $2", person)
    return frozenset((person, *(row["id"] for row in rows)))


def key_of(view: EventView) -> Key:
    """The event's, in each of these lists."""
    return Key((view.position,), recorded=view.recorded_at)


@dataclass(frozen=True, slots=True)
class FeedEnds:
    """oldest: the position of the oldest event that is kept, or of the next one if there is none. newest: the last that
    was given; 0 if none was. recorded: when the event was recorded that is at the position asked about; None if it is not
    kept, or none was asked about."""

    oldest: int
    newest: int
    recorded: datetime | None = None


ENDS: Final = """
    select h.pruned, h.position, f.recorded_at
      from feed_heads h left join feed f on f.tenant_id = $1 and f.position = $2
     where h.tenant_id = $1 and h.id = $1"""


async def feed_ends(session: ReadSession, at: Key | None = None) -> FeedEnds:
    """at: an event's key, to learn what is there by now."""
    rows = await session.fetch(ENDS, None if at is None else at.values[0])
    if not rows:
        return FeedEnds(1, 0)
    return FeedEnds(rows[0]["pruned"] + 1, rows[0]["position"], rows[0]["recorded_at"])


RESTORED: Final = "The books have been restored since. Read them anew, and follow the feed from its beginning."


def check_kept(after: Key | None, ends: FeedEnds) -> None:
    """Raises BadPage if what follows the cursor is not all kept any more, or the cursor is of another feed: ahead of this
    one, or of an event in whose place there is another. ends: with what is there."""
    if after is None:
        return
    (position,) = after.values
    if not isinstance(position, int) or position + 1 < ends.oldest:
        raise BadPage(
            f"Events that followed this cursor have been pruned: the oldest that is kept is {ends.oldest}. Read the books "
            "anew, and follow the feed from there."
        )
    if position > ends.newest:
        raise BadPage(f"This cursor is ahead of the feed. {RESTORED}")
    if None not in (after.recorded, ends.recorded) and after.recorded != ends.recorded:
        raise BadPage(f"This cursor is of an event that is not in the feed any more. {RESTORED}")
