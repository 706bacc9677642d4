"""The whole audit trail: movements of value (transactions) and other events (audit events), in one list by time.

Indexes exist by customer and by time, and for events by actor, action, request and address; for transactions, notes tell
which parts have an actor, a kind or a reason, and at which instants an amount was moved (trail_search.py).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from models.lookups import each
from models.reads.branches import RECORDS
from models.reads.columns import actor, parsed, who
from models.reads.filtering import minor_bounds
from models.reads.keys import id_key, time_key
from models.reads.paging import Condition, Listing
from models.reads.references import Reference, of_transaction
from models.reads.session import ReadSession
from models.reads.trail_search import Sought, SoughtAmount, SoughtReference, of_events
from models.views import ActorView

# Plain branches, each cast to one type: only then does the planner look into them, and read each in its index's order.
# Several nodes have to be told in each whose it is.
_BOTH: Final = """(
    select x.tenant_id, x.id, x.created_at, x.customer_id, x.actor_id, x.approved_by_id, x.kind::text as kind,
           x.reason::text as reason, null::text as action, null::uuid as subject_id, null::jsonb as details,
           null::text as event_note, null::text as request_id, null::text as address
      from transactions x {}
    union all
    select y.tenant_id, y.id, y.created_at, y.customer_id, y.actor_id, null::uuid, null::text, null::text,
           y.action::text, y.subject_id, y.details, y.note,
           y.request_id::text, y.address::text
      from audit_events y {}) t"""
_TRAIL: Final = _BOTH.format("/* nodes: where x.tenant_id = $1 */", "/* nodes: where y.tenant_id = $1 */")
_ONE: Final = _BOTH.format("where x.tenant_id = $1 and x.id = k.id", "where y.tenant_id = $1 and y.id = k.id")

_SUMS: Final = """
    from (select account_id, amount_minor from entries where tenant_id = $1 and transaction_id = t.id offset 0) e
    cross join lateral (select asset from accounts where tenant_id = $1 and id = e.account_id offset 0) o"""

_HELD: Final = _SUMS.replace("entries", "hold_lots")

# In one go: each sum reads a transaction's entries. Events that moved nothing have none, and no texts of their own.
_COLUMNS: Final = f"""
    t.id, t.created_at, t.customer_id, t.kind, t.reason, t.action, t.subject_id, t.details, t.request_id, t.address,
    {who("actor_id")} as actor, {who("approved_by_id")} as approver,
    case when t.kind is null then t.event_note
         else (select nullif(n.note, '') from transaction_texts n where n.tenant_id = $1 and n.id = t.id) end as note,
    case when t.kind = 'HOLD' then (select array[min(o.asset), null, sum(e.amount_minor)::text] {_HELD})
         when t.kind is not null then (
              select array[case when min(o.asset) = max(o.asset) then min(o.asset) end, sum(e.amount_minor)::text, null]
              {_SUMS}) end as moved"""

# "kind is not null": events that move no value have no entries to search.
_AMOUNT: Final = f"""t.kind is not null and exists (
    select {_SUMS}
   where o.asset = any({{0}}::text[])
     group by o.asset
    having sum(e.amount_minor) between ({{1}}::bigint[])[array_position({{0}}::text[], o.asset::text)]
                                   and ({{2}}::bigint[])[array_position({{0}}::text[], o.asset::text)])"""


@dataclass(frozen=True, slots=True)
class AuditView:
    """kind and reason: of a transaction. action, subject_id and details: of an event that moved nothing.

    request_id, address: of the request that did it, with an action. amount_minor: the sum of the transaction's entries;
    None, like its asset, if it has no entries or several assets. held_minor: of a hold's transaction, what it set aside, or,
    below zero, let go, of its asset.
    """

    id: UUID
    at: datetime
    customer_id: UUID | None
    kind: str | None
    reason: str | None
    action: str | None
    subject_id: UUID | None
    details: Any
    actor: ActorView
    approved_by: ActorView | None
    note: str | None
    asset: str | None
    amount_minor: int | None
    held_minor: int | None
    request_id: str | None
    address: str | None


def _view(row: Any) -> AuditView:
    asset, amount, held = row["moved"] or _NOTHING_MOVED
    return AuditView(
        id=row["id"],
        at=row["created_at"],
        customer_id=row["customer_id"],
        kind=row["kind"],
        reason=row["reason"],
        action=row["action"],
        subject_id=row["subject_id"],
        details=parsed(row["details"]),
        actor=actor(row["actor"]),
        approved_by=None if row["approver"] is None else actor(row["approver"]),
        note=row["note"],
        asset=asset,
        amount_minor=None if asset is None or amount is None else int(amount),
        held_minor=None if held is None else int(held),
        request_id=row["request_id"],
        address=row["address"],
    )


_NOTHING_MOVED: Final = (None, None, None)


AUDIT_TRAIL: Final = Listing(
    name="audit-trail",
    columns=_COLUMNS,
    table=_TRAIL,
    parent="t.tenant_id",
    keys=(time_key("t.created_at"), id_key("t.id")),
    view=_view,
)
"""A tenant's records by time: the parent is the tenant."""

CUSTOMER_TRAIL: Final = replace(AUDIT_TRAIL, parent="t.customer_id", through=RECORDS)
"""Records about one person; those brought by a merge are placed at the time of the merge."""


NOTHING: Final = Condition("false")


def by_actors(ids: Collection[UUID]) -> Condition:
    """Done by one of these actors: rows of one subject, in any role and through any client."""
    chosen = tuple(sorted(ids))
    return Sought("t.actor_id = any({0}::uuid[])", (chosen,), "ACTOR", tuple(map(str, chosen)))


def with_reason(code: str) -> Condition:
    return Sought("t.reason = {0}", (code,), "REASON", (code,))


def of_kinds(kinds: Collection[str]) -> Condition:
    """Transactions of these kinds."""
    chosen = tuple(sorted({str(kind) for kind in kinds}))
    return Sought("t.kind = any({0}::text[])", (chosen,), "KIND", chosen)


def referenced(reference: Reference) -> Condition:
    """Transactions that have the reference."""
    has = of_transaction(reference, "t.id")
    return SoughtReference(f"t.kind is not null and {has.sql}", has.values, reference.begins)


def of_request(request_id: str) -> Condition:
    """Events of one request."""
    return of_events("request_id", request_id)


def from_address(address: str) -> Condition:
    """Events done, or refused, from one network address."""
    return of_events("address", address)


def between(from_: datetime | None, to: datetime | None) -> tuple[Condition, ...]:
    """Recorded from `from_` on, and before `to`."""
    start = () if from_ is None else (Condition("t.created_at >= {0}", (from_,)),)
    end = () if to is None else (Condition("t.created_at < {0}", (to,), until=to),)
    return start + end


def with_action(action: str) -> Condition:
    """Events without value, such as `reason.created`."""
    return of_events("action", action)


def of_amount(assets: Collection[str], least: Decimal | None, most: Decimal | None) -> Condition:
    """Transactions whose entries in one of `assets` sum up to at least and at most these amounts, in the asset's own
    units."""
    names = tuple(sorted(set(assets)))
    bounds = [minor_bounds(name, least, most) for name in names]
    return SoughtAmount(_AMOUNT, (names, tuple(low for low, _ in bounds), tuple(high for _, high in bounds)))


_BY_IDS: Final = f"select {_COLUMNS} from {each('id uuid')} k cross join lateral {_ONE}"


async def by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[AuditView]:
    return [_view(row) for row in await session.fetch(_BY_IDS, list(ids))]


async def actors_of_subject(session: ReadSession, subject: str) -> list[UUID]:
    rows = await session.fetch("select id from actors where tenant_id = $1 and subject = $2", subject)
    return [row["id"] for row in rows]


async def actors_of_client(session: ReadSession, client: str) -> list[UUID]:
    rows = await session.fetch("select id from actors where tenant_id = $1 and client = $2 and client <> ''", client)
    return [row["id"] for row in rows]
