"""Requests for a second person's approval: asked for, decided, and looked at."""

from typing import Any
from uuid import UUID, uuid4

from models.commands import Actor, Outcome
from models.ledger import Ledger
from models.operations.approvals import approve_request, reject_request, withdraw_request
from models.planning.approving import ApproveRequest
from tests.support.tenants import MANAGER, STAFF, Tenant

SECOND = Actor("mike", "MANAGER", name="Mike")


async def ask(tenant: Tenant, customer: UUID, amount: str | int = 101, asset: str = "GBP", **more: Any) -> UUID:
    """The id of a new request, of staff unless told."""
    outcome = await tenant.adjust(customer, amount, asset, **{"actor": STAFF, "request_approval": True, **more})
    assert outcome.approval_request_id is not None
    assert outcome.transaction_id is None
    return outcome.approval_request_id


async def ask_order(tenant: Tenant, customer: UUID, *items: tuple[UUID, int], **more: Any) -> UUID:
    """The same of an order, which is only proposed unless told."""
    outcome = await tenant.issue(customer, *items, **{"actor": STAFF, "propose_only": True, **more})
    assert outcome.approval_request_id is not None
    assert outcome.invoice_id is None
    return outcome.approval_request_id


async def approve(
    tenant: Tenant,
    request: UUID,
    actor: Actor = MANAGER,
    *,
    key: str | None = None,
    note: str | None = None,
    version: str | None = None,
    ledger: Ledger | None = None,
) -> Outcome:
    command = ApproveRequest(request, note, version)
    return await approve_request(ledger or tenant.ledger, tenant.id, actor, command, key or uuid4().hex)


async def reject(tenant: Tenant, request: UUID, actor: Actor = MANAGER, note: str | None = None) -> bool:
    return await reject_request(tenant.ledger, tenant.id, actor, request, note)


async def withdraw(tenant: Tenant, request: UUID, actor: Actor = STAFF, note: str | None = None) -> bool:
    return await withdraw_request(tenant.ledger, tenant.id, actor, request, note)


async def row(tenant: Tenant, request: UUID) -> tuple[Any, ...]:
    """Status, who decided, when and why, and the transaction."""
    sql = """SELECT status, decided_subject, decided_at, decision_note, transaction_id FROM approval_requests
        WHERE tenant_id = $1 AND id = $2"""
    (found,) = await tenant.rows(sql, request)
    return found


async def topics(tenant: Tenant, request: UUID) -> list[str]:
    sql = "SELECT topic FROM outbox WHERE tenant_id = $1 AND subject_id = $2 ORDER BY position"
    return [topic for (topic,) in await tenant.rows(sql, request)]


async def events(tenant: Tenant, request: UUID) -> list[tuple[Any, ...]]:
    return await tenant.rows(
        """SELECT e.action, a.subject, e.note FROM audit_events e JOIN actors a ON a.tenant_id = $1 AND a.id = e.actor_id
        WHERE e.tenant_id = $1 AND e.subject_id = $2 ORDER BY e.id""",
        request,
    )
