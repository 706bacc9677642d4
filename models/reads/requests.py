"""Bulk operations with the results of their rows, and approval requests."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from models.commands import Approvable
from models.kinds import ApprovalStatus, BulkStatus
from models.lookups import each
from models.planning.requesting import restored, what_is_asked
from models.reads.branches import RECORDS
from models.reads.columns import actor, columns, parsed, rows, who
from models.reads.keys import id_key, integer_key, time_key
from models.reads.paging import Condition, Listing
from models.reads.session import ReadSession
from models.views import ApprovalRequestView, BulkOperationView
from turns.slices import each_in_slices


@dataclass(frozen=True, slots=True)
class BulkRowView:
    """error: the row's userError, as stored, or None. amount: None if it was not understood. reversal_id: the transaction
    that took it back. Of a row of a reversal: taken_minor, what was taken or put back; used_minor, what was in use; the
    tiers, if the person moved to another. line: of the file, from 1. moved: of a row that sets what is available, what
    it added, or removed below zero; of a dry run, what it would."""

    id: UUID
    operation_id: UUID
    row: int
    asset: str
    customer_id: UUID | None
    amount: Decimal | None
    transaction_id: UUID | None
    error: dict[str, Any] | None
    reversal_id: UUID | None = None
    taken_minor: int | None = None
    used_minor: int | None = None
    tier_before: str | None = None
    tier_after: str | None = None
    line: int | None = None
    moved: Decimal | None = None


_SENDER: Final = "(select {} from actors o where o.tenant_id = $1 and o.id = t.actor_id)"
ROW_ASSET: Final = """coalesce(t.details->>'asset',
    (select o.asset from bulk_operations o where o.tenant_id = $1 and o.id = t.operation_id))"""
ROW_LINE: Final = """coalesce((t.details->>'line')::int, (
    select (o.command->>'first_line')::int + t."row" from bulk_operations o
     where o.tenant_id = $1 and o.id = t.operation_id))"""
_ROW: Final = columns(
    BulkRowView,
    row='t."row"',
    asset=ROW_ASSET,
    reversal_id="(select m.transaction_id from reversed_rows m where m.tenant_id = $1 and m.id = t.id)",
    taken_minor="(t.details->>'taken_minor')::bigint",
    used_minor="(t.details->>'used_minor')::bigint",
    tier_before="t.details->>'tier_before'",
    tier_after="t.details->>'tier_after'",
    line=ROW_LINE,
    moved="(t.details->>'moved')::numeric",
)
_row: Final = rows(BulkRowView, error=parsed)

_OPERATION: Final = columns(
    BulkOperationView,
    sent_by=who("actor_id"),
    digest="t.command->>'digest'",
    sums="t.command->'sums'",
    mode="coalesce(t.command->>'mode', 'ADJUST')",
    file="t.command->'file'",
    retries="coalesce((t.command->>'retries')::int, 0)",
    removes="coalesce((t.command->>'removes')::boolean, true)",
)
_operation: Final = rows(BulkOperationView, sent_by=actor, file=parsed, sums=parsed)
_APPROVAL: Final = f"""
    t.id, t.operation, t.command, t.customer_id, t.status, t.created_at, t.expires_at, t.decided_at, t.decision_note,
    t.transaction_id, t.invoice_id, t.terms, {who("requested_by_id")} as requester,
    {who("decided_by_id")} as decider"""


BULK_ROWS: Final = Listing("bulk-rows", _ROW, "bulk_rows t", "t.operation_id", (integer_key('t."row"', bits=32),), _row)
"""An operation's rows, in the order they came in."""

OPERATIONS: Final = Listing(
    "bulk-operations",
    _OPERATION,
    "bulk_operations t",
    "t.tenant_id",
    (time_key("t.created_at"), id_key("t.id")),
    _operation,
)
"""All of a tenant's bulks, reversals and dry runs included: the parent is the tenant."""

REVERSALS: Final = replace(OPERATIONS, name="bulk-reversals", parent="t.reverses_id")
"""The reversals of a bulk, dry runs included."""

ONLY_FAILED: Final = Condition("t.error is not null")

MOST_ADDED_UP: Final = 10_000
"""Maximum rows of a bulk whose amounts are added up when it is read. A file's are when it comes."""

_SUMS: Final = f"""
    select k.id, m.asset, m.amount
      from {each("id uuid")} k
      cross join lateral (select asset, total from bulk_operations where tenant_id = $1 and id = k.id offset 0) o
      cross join lateral (
           select coalesce(r.details->>'asset', o.asset) as asset, sum(r.amount) as amount
             from (select details, amount from bulk_rows where tenant_id = $1 and operation_id = k.id
                    order by "row" limit $3) r
            where r.amount is not null group by 1) m
     where o.total <= $3"""


_FAILED_ROWS: Final = f"""
    select {_ROW} from bulk_rows t
     where t.tenant_id = $1 and t.operation_id = $2 and {ONLY_FAILED.sql} order by t."row" limit $3"""


async def failed_rows(session: ReadSession, operation_id: UUID, number: int) -> list[BulkRowView]:
    """The first bad rows of an operation, at most this many."""
    return [_row(row) for row in await session.fetch(_FAILED_ROWS, operation_id, number)]


async def rows_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[BulkRowView]:
    return [_row(row) for row in await session.fetch_by_ids("bulk_rows", _ROW, ids)]


async def sums(session: ReadSession, ids: Iterable[UUID]) -> dict[UUID, dict[str, Decimal]]:
    """By bulk, what its rows ask for in each asset. A bulk of more than MOST_ADDED_UP rows is left out."""
    found: dict[UUID, dict[str, Decimal]] = {}
    for row in await session.fetch(_SUMS, list(ids), MOST_ADDED_UP):
        found.setdefault(row["id"], {})[row["asset"]] = row["amount"]
    return found


def operation_status(statuses: Iterable[str]) -> Condition:
    """Bulks in one of these states; written into the SQL, so that those under way are found by the index on them."""
    names = ", ".join(f"'{status}'" for status in BulkStatus if status in set(statuses))
    return Condition(f"t.status in ({names})" if names else "false")


def operation_sent_by(subject: str) -> Condition:
    """Bulks sent by this person or program, with any of their tokens."""
    return Condition(f"{_SENDER.format('o.subject')} = {{0}}", (subject,))


def operation_sent_through(holder: str) -> Condition:
    """Bulks that a partner's program sent: through this client, or, if it names none, as this subject."""
    own = "o.role = 'PARTNER' and case when o.client = '' then o.subject else o.client end = {0}"
    return Condition(_SENDER.format(own), (holder,))


# Of a file, and of what takes one back: those of its rows. A file that names none for all of them has one all the same.
_ASSETS: Final = """coalesce(t.command->'sums', (
    select o.command->'sums' from bulk_operations o where o.tenant_id = $1 and o.id = t.reverses_id))"""


def operation_in(asset: str) -> Condition:
    """Bulks of which a row is in this asset."""
    return Condition(
        f"case when {_ASSETS} is null then t.asset = {{0}}::text else jsonb_exists({_ASSETS}, {{0}}::text) end",
        (asset,),
    )


async def operations_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[BulkOperationView]:
    return [_operation(row) for row in await session.fetch_by_ids("bulk_operations", _OPERATION, ids)]


def _approval(row: Any) -> ApprovalRequestView:
    decider = row["decider"]
    return ApprovalRequestView(
        id=row["id"],
        operation=row["operation"],
        stored_status=row["status"],
        customer_id=row["customer_id"],
        **what_is_asked(restored(row["operation"], parsed(row["command"])), parsed(row["terms"])),
        requested_by=actor(row["requester"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        decided_by=None if decider is None else actor(decider),
        decided_at=row["decided_at"],
        decision_note=row["decision_note"],
        transaction_id=row["transaction_id"],
        invoice_id=row["invoice_id"],
    )


async def approvals_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[ApprovalRequestView]:
    return [_approval(row) for row in await session.fetch_by_ids("approval_requests", _APPROVAL, ids)]


APPROVALS: Final = Listing(
    "approval-requests",
    _APPROVAL,
    "approval_requests t",
    "t.tenant_id",
    (time_key("t.created_at"), id_key("t.id")),
    _approval,
)
"""A tenant's requests by time: the parent is the tenant."""

CUSTOMER_APPROVALS: Final = replace(APPROVALS, parent="t.customer_id", through=RECORDS)
"""Requests for one person; those brought by a merge are placed at the time of the merge."""

_THROUGH: Final = """(
    select case when o.role = 'PARTNER' then o.client end from actors o
     where o.tenant_id = $1 and o.id = t.requested_by_id)"""
NO_APPROVAL: Final = Condition("false")


def approval_status(statuses: Iterable[str], now: datetime) -> Condition:
    """Requests that have one of these statuses at `now`: one not decided in time has expired, swept or not.

    The stored status is written into the SQL, not passed as a value: a generic plan could not use the index on pending
    requests, and would read all that were ever decided.
    """
    wanted = set(statuses)
    asked = [status for status in ApprovalStatus if status in wanted]
    kept = [
        status
        for status in ApprovalStatus
        if status in asked or (status == ApprovalStatus.PENDING and ApprovalStatus.EXPIRED in asked)
    ]
    if not asked:
        return NO_APPROVAL
    names = ", ".join(f"'{status}'" for status in kept)
    return Condition(
        f"t.status in ({names}) and"
        " case when t.status = 'PENDING' and t.expires_at <= {1} then 'EXPIRED' else t.status end = any({0}::text[])",
        (tuple(asked), now),
    )


def approval_asked_by(subject: str) -> Condition:
    """Requests of this person, with any of their tokens."""
    return Condition("t.requested_subject = {0}", (subject,))


def approval_asked_through(client: str | None) -> Condition:
    """Requests by a partner's program through this client ('' if it names none), or, None, by a person: the same
    subject in both is two requesters."""
    return Condition(f"{_THROUGH} is not distinct from {{0}}::text", (client,))


MOST_COUNTED: Final = 1_000
"""Maximum that waiting requests are counted up to."""
_OTHERS: Final = """
    from approval_requests t
     where t.tenant_id = $1 and t.status = 'PENDING' and t.expires_at > $2 and t.requested_subject <> $3
     order by t.expires_at, t.id limit $4"""
_OTHERS_WAITING: Final = f"select count(*) from (select t.id {_OTHERS}) w"
_WAITING_OF_OTHERS: Final = f"select t.operation, t.command, t.terms {_OTHERS}"
_OWN_WAITING: Final = f"""
    select count(*) from (
        select t.requested_by_id from approval_requests t
         where t.tenant_id = $1 and t.requested_subject = $2 and t.status = 'PENDING' and t.expires_at > $3
         order by t.expires_at limit $4) t
     where {_THROUGH} is not distinct from $5::text"""


async def others_waiting(session: ReadSession, subject: str, now: datetime) -> int:
    """Count the requests that wait and that somebody else made, up to MOST_COUNTED."""
    (row,) = await session.fetch(_OTHERS_WAITING, now, subject, MOST_COUNTED)
    found: int = row["count"]
    return found


async def waiting_of_others(
    session: ReadSession, subject: str, now: datetime
) -> list[tuple[Approvable, dict[str, Any] | None]]:
    """Return what the same requests ask for, with their terms: the soonest to expire, up to MOST_COUNTED."""
    found = await session.fetch(_WAITING_OF_OTHERS, now, subject, MOST_COUNTED)
    return await each_in_slices(
        lambda row: (restored(row["operation"], parsed(row["command"])), parsed(row["terms"])), found
    )


async def own_waiting(session: ReadSession, subject: str, client: str | None, now: datetime) -> int:
    """Count the requests that wait of this person (client None), or of a partner's program through this client, among the
    first MOST_COUNTED of the subject."""
    (row,) = await session.fetch(_OWN_WAITING, subject, now, MOST_COUNTED, client)
    found: int = row["count"]
    return found
