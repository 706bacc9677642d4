"""Bulk operations with the fate of their rows, and approval requests."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from models.reads.paging import Condition, Listing, integer_key
from models.reads.session import ReadSession
from models.views import ActorView, ApprovalRequestView, BulkOperationView

_OPERATION: Final = "t.id, t.status, t.asset, t.total, t.processed, t.succeeded, t.failed"
_ROW: Final = """
    t."row", t.customer_id, t.amount, t.transaction_id, t.error, coalesce(t.details->>'asset',
    (select o.asset from bulk_operations o where o.tenant_id = t.tenant_id and o.id = t.operation_id)) as asset"""
_APPROVALS: Final = """
    select t.id, t.status, t.expires_at, a.subject, a.name, a.role, nullif(a.client, '') as client,
           b.id as decider, b.subject as by_subject, b.name as by_name, b.role as by_role,
           nullif(b.client, '') as by_client
      from approval_requests t
      join actors a on a.tenant_id = $1 and a.id = t.requested_by_id
      left join actors b on b.tenant_id = $1 and b.id = t.decided_by_id
     where t.tenant_id = $1 and t.id = any($2::uuid[])"""


@dataclass(frozen=True, slots=True)
class BulkRowView:
    """error: the userError that the row got, as it was stored, or None. amount: None where it was not understood."""

    row: int
    asset: str
    customer_id: UUID | None
    amount: Decimal | None
    transaction_id: UUID | None
    error: dict[str, Any] | None


def _operation(row: Any) -> BulkOperationView:
    return BulkOperationView(
        id=row["id"], status=row["status"], asset=row["asset"], total=row["total"], processed=row["processed"],
        succeeded=row["succeeded"], failed=row["failed"],
    )  # fmt: skip


def _row(row: Any) -> BulkRowView:
    error = row["error"]
    return BulkRowView(
        row=row["row"], asset=row["asset"], customer_id=row["customer_id"], amount=row["amount"],
        transaction_id=row["transaction_id"],
        error=json.loads(error) if isinstance(error, str) else error,
    )  # fmt: skip


BULK_ROWS: Final = Listing("bulk-rows", _ROW, "bulk_rows t", "t.operation_id", (integer_key('t."row"', bits=32),), _row)
"""An operation's rows, in the order they came in."""

ONLY_FAILED: Final = Condition("t.error is not null")


async def operations_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[BulkOperationView]:
    return [_operation(row) for row in await session.fetch_by_ids("bulk_operations", _OPERATION, ids)]


def _approval(row: Any) -> ApprovalRequestView:
    decider = None
    if row["decider"] is not None:
        decider = ActorView(row["by_subject"], row["by_name"], row["by_role"], row["by_client"])
    return ApprovalRequestView(
        id=row["id"], stored_status=row["status"],
        requested_by=ActorView(row["subject"], row["name"], row["role"], row["client"]), decided_by=decider,
        expires_at=row["expires_at"],
    )  # fmt: skip


async def approvals_by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[ApprovalRequestView]:
    return [_approval(row) for row in await session.fetch(_APPROVALS, list(ids))]
