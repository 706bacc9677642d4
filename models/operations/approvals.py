"""Four eyes: a second person approves or rejects a pending request; the requester may withdraw it."""

from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import orjson

from models.commands import (
    Actor,
    AdjustCredit,
    Approvable,
    CreateCreditNote,
    CreateOrder,
    GiveReward,
    Outcome,
    RecordPayment,
    RefundSpend,
    ReviveCredit,
    TransferCredit,
)
from models.errors import InvariantViolated, NotFound, OthersRequest, OwnRequest, RequestNotPending
from models.kinds import ApprovalStatus
from models.ledger import Ledger
from models.loading.accounts import lock_customers
from models.money import nonzero_minor
from models.operations.auditing import Doer, doer_of, record_event
from models.operations.create_credit_note import as_note, needs_of_note
from models.operations.give_reward import points_account, price_of
from models.operations.record_payment import needs_of_payment, payment_of
from models.operations.refund_spend import needs_of_refund
from models.operations.replays import replay_of_transaction
from models.operations.revive_credit import needs_of_revival
from models.patience import patiently
from models.planning import adjust, approving, invoices, rewards, transferring
from models.planning.approving import ApproveRequest
from models.planning.drafts import EventDraft
from models.planning.needs import Needs
from models.planning.notes import check_note
from models.planning.requesting import restored
from models.session import TenantConnection, tenant_transaction
from models.statements import tell

EXPIRED_AT_ONCE: Final = 500


async def approve_request(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: ApproveRequest, idempotency_key: str
) -> Outcome:
    """Post a request, once even if approved repeatedly. Raises the LedgerErrors of models/planning/approving.py.

    For a request approved before, returns its transaction, as replayed.
    """
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        row = await _row(connection, command.request_id)
    if row["requested_subject"] == actor.subject:
        raise OwnRequest
    asked = restored(row["operation"], orjson.loads(row["command"]))
    needs = approving.needs(command, await _needs(tenant_id, asked))
    done = await ledger.submit(tenant_id, actor, "approveRequest", command, needs, idempotency_key)
    if isinstance(done, Outcome) and not done.replayed:
        return done
    return await _approved(tenant_id, command.request_id)


async def _needs(tenant_id: UUID, asked: Approvable) -> Needs:
    match asked:
        case AdjustCredit():
            return adjust.needs(asked, nonzero_minor(asked.amount, asked.asset))
        case GiveReward():
            return rewards.needs(asked, await price_of(tenant_id, asked.reward_id))
        case CreateOrder():
            return invoices.order_needs(asked)
        case RefundSpend():
            return await needs_of_refund(tenant_id, asked)
        case RecordPayment():
            return await needs_of_payment(tenant_id, asked)
        case CreateCreditNote():
            return await needs_of_note(tenant_id, asked)
        case TransferCredit():
            return transferring.needs(asked, nonzero_minor(asked.amount, asked.asset))
        case ReviveCredit():
            return await needs_of_revival(tenant_id, asked)


async def _approved(tenant_id: UUID, request_id: UUID) -> Outcome:
    """The outcome of approving a request."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        row = await _row(connection, request_id)
    if row["invoice_id"] is not None:
        return Outcome(invoice_id=row["invoice_id"], approval_request_id=request_id, replayed=True)
    if row["transaction_id"] is None:
        raise InvariantViolated(f"approval request {request_id} was approved, and has no transaction")
    posted = await replay_of_transaction(tenant_id, row["transaction_id"])
    if row["operation"] == "recordPayment":
        posted = replace(posted, payment_id=await payment_of(tenant_id, posted.credit_id))
    if posted.account_id is None and row["operation"] == "giveReward":  # a free one moves nothing on it
        posted = replace(posted, account_id=await points_account(tenant_id, row["transaction_id"]))
    asked = restored(row["operation"], orjson.loads(row["command"]))
    if isinstance(asked, CreateCreditNote):
        posted = as_note(posted, asked)
    return replace(posted, approval_request_id=request_id)


async def reject_request(ledger: Ledger, tenant_id: UUID, actor: Actor, request_id: UUID, note: str | None) -> bool:
    """Reject another user's request, so that nothing is posted. False if the same person has rejected it before.

    Raises NotFound, OwnRequest, RequestNotPending, Invalid.
    """
    return await _decide(ledger, tenant_id, actor, request_id, ApprovalStatus.REJECTED, note)


async def withdraw_request(ledger: Ledger, tenant_id: UUID, actor: Actor, request_id: UUID, note: str | None) -> bool:
    """Withdraw one's own request: a person with any of their tokens, a partner's client with its own. False if it was
    withdrawn before.

    Raises NotFound, OthersRequest, RequestNotPending, Invalid.
    """
    return await _decide(ledger, tenant_id, actor, request_id, ApprovalStatus.WITHDRAWN, note)


@patiently
async def _decide(
    ledger: Ledger, tenant_id: UUID, actor: Actor, request_id: UUID, status: str, note: str | None
) -> bool:
    check_note(note)
    doer = await doer_of(ledger, tenant_id, actor)
    async with tenant_transaction(tenant_id) as connection:
        erased = await _erased(connection, request_id)
        note = note if note and note.strip() and not erased else None
        row = await _row(connection, request_id, "FOR NO KEY UPDATE")
        own = row["requested_subject"] == actor.subject
        if own and status == ApprovalStatus.REJECTED:
            raise OwnRequest
        if status == ApprovalStatus.WITHDRAWN and not actor.may_withdraw_of(await _asker(connection, request_id)):
            raise OthersRequest
        if row["status"] == status and row["decided_subject"] == actor.subject:
            return False
        now = await ledger.stamp(connection)
        if row["status"] != ApprovalStatus.PENDING or row["expires_at"] <= now:
            raise RequestNotPending(
                ApprovalStatus.EXPIRED if row["status"] == ApprovalStatus.PENDING else row["status"]
            )
        await connection.raw.execute(
            """UPDATE approval_requests
            SET status = $3, decided_by_id = $4, decided_subject = $5, decided_at = $6, decision_note = $7
            WHERE tenant_id = $1 AND id = $2""",
            tenant_id,
            request_id,
            status,
            doer.id,
            actor.subject,
            now,
            note,
        )
        await _tell(connection, ledger, doer, f"approval.{status.lower()}", row, note)
    return True


async def _asker(connection: TenantConnection, request_id: UUID) -> Actor:
    row = await connection.raw.fetchrow(
        """SELECT a.subject, a.role, nullif(a.client, '') AS client FROM approval_requests r
        JOIN actors a ON a.tenant_id = $1 AND a.id = r.requested_by_id WHERE r.tenant_id = $1 AND r.id = $2""",
        connection.tenant_id,
        request_id,
    )
    return Actor(*row)


async def _erased(connection: TenantConnection, request_id: UUID) -> bool:
    """Whether the request's customer was erased, or the receiver of a transfer. If not, they are locked until this
    transaction ends, so that an erasure finds its note. Locked before the request, as in a posting. Raises NotFound."""
    row = await _row(connection, request_id)
    asked = restored(row["operation"], orjson.loads(row["command"]))
    parties = {row["customer_id"]} | ({asked.to_customer_id} if isinstance(asked, TransferCredit) else set())
    customers = await lock_customers(connection, parties, skip="")
    return any(customer.erased for customer in customers.values())


async def _tell(
    connection: TenantConnection, ledger: Ledger, doer: Doer, what: str, row: Any, note: str | None
) -> None:
    """Record the decision in the audit and in the outbox."""
    await record_event(connection, ledger, doer, what, row["id"], customer_id=row["customer_id"], note=note)
    await connection.raw.execute(
        "INSERT INTO outbox (tenant_id, id, topic, subject_id, created_at) VALUES ($1, $2, $3, $4, $5)",
        connection.tenant_id,
        ledger.source.new_id(),
        what,
        row["id"],
        await ledger.stamp(connection),
    )


@patiently
async def expire_requests(ledger: Ledger, tenant_id: UUID) -> int:
    """Mark requests not decided in time as expired, with an event each: up to 500, so call again until it returns 0.

    They count as expired from that instant, whether or not this has run. Safe to run repeatedly and concurrently: each
    is marked once, and one that is being decided is left to the next sweep.
    """
    async with tenant_transaction(tenant_id) as connection:
        now = await ledger.stamp(connection)
        rows = await connection.raw.fetch(
            # Materialized: a join may run the subquery once for each row, past the limit (seen).
            """WITH due AS MATERIALIZED (
                SELECT id FROM approval_requests WHERE tenant_id = $1 AND status = 'PENDING' AND expires_at <= $2
                ORDER BY expires_at, id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED)
            UPDATE approval_requests r SET status = 'EXPIRED' FROM due
            WHERE r.tenant_id = $1 AND r.id = due.id RETURNING r.id""",
            tenant_id,
            now,
            EXPIRED_AT_ONCE,
        )
        new_id = ledger.source.new_id
        await tell(
            connection.raw, tenant_id, [EventDraft(new_id(), "approval.expired", row["id"], now) for row in rows]
        )
    return len(rows)


async def _row(connection: TenantConnection, request_id: UUID, locking: str = "") -> Any:
    """Raises NotFound."""
    row = await connection.raw.fetchrow(
        f"""SELECT id, operation, command, customer_id, status, requested_subject, decided_subject, expires_at,
            transaction_id, invoice_id
        FROM approval_requests WHERE tenant_id = $1 AND id = $2 {locking}""",
        connection.tenant_id,
        request_id,
    )
    if row is None:
        raise NotFound("There is no such request.", field=("requestId",))
    return row
