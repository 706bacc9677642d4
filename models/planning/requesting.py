"""Requests for a second person's approval: how one is stored, restored and shown. Pure."""

from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from models.commands import (
    Actor,
    AdjustCredit,
    Approvable,
    Asker,
    CreateCreditNote,
    CreateOrder,
    GiveReward,
    NewExpiry,
    Outcome,
    RecordPayment,
    RefundSpend,
    ReviveCredit,
    TransferCredit,
)
from models.errors import InvariantViolated, LedgerError, TooManyPending
from models.kinds import ApprovalStatus
from models.money import to_minor
from models.planning.answering import actor_view
from models.planning.binding import Terms, credit_sold, terms_of
from models.planning.events import emit
from models.planning.notes import kept_note, kept_texts
from models.planning.state import ApprovalState, Books, PostingContext
from models.views import ApprovalRequestView

OPERATIONS: Final[Mapping[str, type[Any]]] = {
    "adjustCredit": AdjustCredit,
    "giveReward": GiveReward,
    "createOrder": CreateOrder,
    "refundSpend": RefundSpend,
    "recordPayment": RecordPayment,
    "createCreditNote": CreateCreditNote,
    "transferCredit": TransferCredit,
    "reviveCredit": ReviveCredit,
}
"""The commands that can be requested, by the name of their operation."""
MAX_PENDING: Final = 1_000
"""Maximum pending requests of one person, over all tokens, or of one subject of a partner's client. All are stored, and
more would hardly ever be decided."""


def waits(
    books: Books, context: PostingContext, operation: str, command: Approvable, refusal: LedgerError | None
) -> Outcome | None:
    """The request that the command becomes, if it only proposes, or needs a second person (`refusal`) and asks for one;
    None if it can be posted. Raises the refusal if it does not ask for one.
    """
    if command.propose_only or (refusal is not None and command.request_approval):
        return request_approval(books, context, operation, command)
    if refusal is not None:
        raise refusal
    return None


def request_approval(books: Books, context: PostingContext, operation: str, command: Approvable) -> Outcome:
    """Record the request: nothing moves, and the command waits, as it came in, for the tenant's lifetime of approvals.

    Raises TooManyPending, as far as `books.pending_requests` counts those pending already.
    """
    if _pending(books, context.actor.asker) >= MAX_PENDING:
        raise TooManyPending(MAX_PENDING, field="proposeOnly" if command.propose_only else "requestApproval")
    if command.customer_id is None:
        raise InvariantViolated(f"{operation} asks for approval, and does not say for whom")
    request = ApprovalState(
        id=context.result_id,
        operation=operation,
        command=_kept(books, command),
        customer_id=command.customer_id,
        status=ApprovalStatus.PENDING,
        requested_by=context.actor,
        created_at=books.now,
        expires_at=books.now + books.config.approval_lifetime,
        terms=terms_of(books, command),
    )
    books.writes.approvals.append(request)
    emit(books, "approval.requested", request.id)
    return Outcome(approval_request_id=request.id, views=(shown(request),))


def _kept(books: Books, command: Any) -> Any:
    """The command without the note and texts of a customer who was erased."""
    kept = {
        "note": kept_note(books, command.customer_id, command.note),
        "texts": kept_texts(books, command.customer_id, command.texts),
    }
    # A command without one of these fields has None there, and None is kept of it.
    changed = {name: value for name, value in kept.items() if getattr(command, name) != value}
    return replace(command, **changed)


def too_many(books: Books) -> bool:
    """Whether more requests were planned than may wait, now that `books.pending_requests` is known."""
    return any(_pending(books, request.requested_by.asker) > MAX_PENDING for request in books.writes.approvals)


def _pending(books: Books, asker: Asker) -> int:
    """The number of this person's or program's pending requests, including those planned."""
    planned = sum(request.requested_by.asker == asker for request in books.writes.approvals)
    return books.pending_requests.get(asker, 0) + planned


def restored(operation: str, values: Mapping[str, Any]) -> Approvable:
    """The stored command, with all its fields. A field added later has its default."""
    command = OPERATIONS.get(operation)
    if command is None:
        raise InvariantViolated(f"an approval request of {operation!r}")
    restored_command: Approvable = _read(command, values)
    return restored_command


def _read(kind: Any, value: Any) -> Any:
    """A JSON value converted to the field's type."""
    if value is None:
        return None
    if get_origin(kind) in (UnionType, Union):
        (kind,) = (one for one in get_args(kind) if one is not type(None))
    if isinstance(kind, type) and is_dataclass(kind):
        kinds = get_type_hints(kind)
        return kind(**{name: _read(kinds[name], each) for name, each in value.items()})
    if get_origin(kind) is tuple:
        return tuple(_read(get_args(kind)[0], each) for each in value)
    if kind in (datetime, date):
        return kind.fromisoformat(value)
    return kind(value) if kind in (Decimal, UUID) else value


def shown(request: ApprovalState) -> ApprovalRequestView:
    """The request as the API shows it."""
    return ApprovalRequestView(
        id=request.id,
        operation=request.operation,
        stored_status=request.status,
        customer_id=request.customer_id,
        **what_is_asked(request.command, request.terms),
        requested_by=actor_view(request.requested_by),
        created_at=request.created_at,
        expires_at=request.expires_at,
        decided_by=_maybe(request.decided_by),
        decided_at=request.decided_at,
        decision_note=request.decision_note,
        transaction_id=request.transaction_id,
        invoice_id=request.invoice_id,
    )


def what_is_asked(command: Approvable, terms: Terms | None) -> dict[str, Any]:
    """The fields of the view that show the stored command."""
    asked: dict[str, Any] = dict.fromkeys(
        ("asset", "amount_minor", "reason", "note", "reward_id", "expires_in_days", "credit_expires_at", "effective_on")
    )
    asked |= {"asked": command, "terms": terms, "service_ids": ()}
    match command:
        case AdjustCredit():
            asked |= {
                "asset": command.asset,
                "amount_minor": to_minor(command.amount, command.asset),
                "reason": command.reason,
                "note": command.note,
                "expires_in_days": command.expires_in_days,
                "credit_expires_at": command.expires_at,
                "effective_on": command.effective_on,
                "service_ids": command.service_ids,
            }
        case GiveReward():
            asked |= {"note": command.note, "reward_id": command.reward_id}
        case CreateOrder():
            sold_minor = to_minor(credit_sold(command, terms), command.currency)
            asked |= {"asset": command.currency, "amount_minor": sold_minor}
        case CreateCreditNote(amount=Decimal() as amount, asset=str(asset)):
            asked |= {"asset": asset, "amount_minor": to_minor(amount, asset), "note": command.note}
        case RefundSpend(amount=Decimal() as amount, asset=str(asset)):
            asked |= {"asset": asset, "amount_minor": to_minor(amount, asset), "note": command.note}
            asked |= _expiry(command.new_expiry)
        case TransferCredit():
            amount_minor = to_minor(command.amount, command.asset)
            asked |= {"asset": command.asset, "amount_minor": amount_minor, "note": command.note}
        case ReviveCredit(amount=Decimal() as amount, asset=str(asset)):
            asked |= {"asset": asset, "amount_minor": to_minor(amount, asset), "note": command.note}
            asked |= {"reason": command.reason} | _expiry(command.new_expiry)
        case RecordPayment(kept=Decimal() as kept, asset=str(asset)):
            asked |= {"asset": asset, "amount_minor": to_minor(kept, asset)}
    return asked


def _expiry(expiry: NewExpiry) -> dict[str, Any]:
    return {"expires_in_days": 0 if expiry.never else expiry.in_days, "credit_expires_at": expiry.at}


def _maybe(actor: Actor | None) -> Any:
    return None if actor is None else actor_view(actor)
