"""Approvals: a second person approves a request, which is checked again as of now and posted. Pure.

Everything that was checked when it was asked for is checked again on the current books: the reason and its direction, the
customer, the membership gate, dates, room, the reward and its stock, the products, what is left of the spend, can still be
noted, is due or has expired of the credit. A request that can be posted, but whose terms have changed, is refused until it
is approved by its version (models/planning/binding.py).

Days of expiry count from the approval, so that the customer gets the full number; the same goes for a start that was
left blank. A named start or expiry is kept as requested, and one that has passed meanwhile is refused (EXPIRY_IN_PAST).

An approval exists to exceed limits. They bind neither requester nor approver, and the posting does not count against
the requester's daily limit: a manager is responsible for it, and it must not reduce what staff may add by themselves.
"""

from dataclasses import asdict, dataclass, field, replace
from uuid import UUID

from models.commands import (
    LATER,
    AdjustCredit,
    Approvable,
    Command,
    CreateCreditNote,
    CreateOrder,
    GiveReward,
    Outcome,
    RecordPayment,
    RefundSpend,
    ReviveCredit,
    TransferCredit,
)
from models.errors import LedgerError, NotFound, OwnRequest, RequesterNotAllowed, RequestNotPending, TermChange
from models.kinds import ApprovalStatus
from models.planning import (
    adjust,
    credit_notes,
    invoices,
    payments,
    plan_of,
    requesting,
    reviving,
    rewards,
    spending,
    transferring,
)
from models.planning.auditing import audit
from models.planning.binding import Terms, check_bound, credit_sold
from models.planning.events import emit
from models.planning.needs import Needs
from models.planning.notes import check_note, kept_note
from models.planning.persons import followed
from models.planning.state import ApprovalState, Books, PostingContext
from turns.steps import Steps

ADD, REMOVE, GIVE, ISSUE = "credits:add", "credits:remove", "rewards:give", "invoices:write"
REFUND, PAY = "credits:refund", "payments:write"


@dataclass(frozen=True, slots=True)
class ApproveRequest(Command):
    """Post what an approval request asks for. note: the approver's.

    version: of the terms that the approver has seen (models/planning/binding.py); None: those it was requested under.
    """

    request_id: UUID
    note: str | None = None
    version: str | None = field(default=None, metadata=LATER)


def requester_scopes(asked: Approvable, terms: Terms | None) -> frozenset[str]:
    """The scopes that a partner's token needs for its request to be posted. (A test compares them to auth/roles.py.)"""
    match asked:
        case AdjustCredit():
            return frozenset({REMOVE if asked.amount < 0 else ADD})
        case GiveReward():
            return frozenset({GIVE})
        case CreateOrder():
            return frozenset({ISSUE, ADD} if credit_sold(asked, terms) else {ISSUE})
        case RefundSpend():
            return frozenset({REFUND, ADD} if asked.new_expiry.ways else {REFUND})
        case TransferCredit():
            return frozenset({REMOVE, ADD})
        case ReviveCredit():
            return frozenset({ADD})
        case RecordPayment():
            return frozenset({PAY, REFUND})
        case CreateCreditNote():
            return frozenset({REFUND})


def needs(command: ApproveRequest, asked: Needs) -> Needs:
    """The needs of the stored command, and the request; no day counters."""
    return replace(asked, limited=(), sells=(), approvals=(command.request_id,))


@plan_of(ApproveRequest)
def plan(books: Books, context: PostingContext, command: ApproveRequest) -> Steps[Outcome]:
    """Plan the stored command as its requester's, approved by the context's actor; a refusal leaves it pending.

    For a request approved before, return its transaction and post nothing. Raises NotFound, OwnRequest,
    RequestNotPending, RequesterNotAllowed, the stored command's own refusals, and RequestChanged.
    """
    check_note(command.note)
    request = books.approvals.get(command.request_id)
    if request is None:
        raise NotFound("There is no such request.", field=("requestId",))
    if request.requested_by.subject == context.actor.subject:
        raise OwnRequest
    if request.status == ApprovalStatus.APPROVED:
        return Outcome(
            transaction_id=request.transaction_id,
            invoice_id=request.invoice_id,
            approval_request_id=request.id,
            replayed=True,
        )
    status = requesting.shown(request).status(books.now)
    if status != ApprovalStatus.PENDING:
        raise RequestNotPending(status)
    if not request.requester_allowed:
        raise RequesterNotAllowed(request.requested_by.client)
    outcome = yield from _plan_what_was_asked(books, context, request)
    _close(books, context, request, outcome, command.note, check_bound(books, request, command.version))
    return replace(outcome, approval_request_id=request.id, views=(*outcome.views, requesting.shown(request)))


def _plan_what_was_asked(books: Books, context: PostingContext, request: ApprovalState) -> Steps[Outcome]:
    requested = PostingContext(
        request.requested_by, context.key, context.result_id, approved_by=context.actor, texts=request.command.texts
    )
    try:
        return (yield from _plan(books, requested, followed(request.command, books.persons)))
    except LedgerError as error:
        raise error.at("requestId") from None  # it names fields that this input does not have


def _plan(books: Books, context: PostingContext, asked: Approvable) -> Steps[Outcome]:
    match asked:
        case AdjustCredit():
            return adjust.plan(books, context, asked)
        case GiveReward():
            return rewards.plan(books, context, asked)
        case CreateOrder():
            return invoices.plan_order(books, context, asked)
        case RefundSpend():
            return spending.plan_refund(books, context, asked)
        case RecordPayment():
            return payments.plan_approved(books, context, asked)
        case CreateCreditNote():
            return credit_notes.plan(books, context, asked)
        case TransferCredit():
            return transferring.plan(books, context, asked)
        case ReviveCredit():
            return reviving.plan(books, context, asked)


def _close(
    books: Books,
    context: PostingContext,
    request: ApprovalState,
    posted: Outcome,
    note: str | None,
    agreed: tuple[TermChange, ...],
) -> None:
    """agreed: the changes since the request was made that were approved with it."""
    note = kept_note(books, request.customer_id, note)
    books.change(
        request,
        status=ApprovalStatus.APPROVED,
        decided_by=context.actor,
        decided_at=books.now,
        decision_note=note,
        transaction_id=posted.transaction_id,
        invoice_id=posted.invoice_id if posted.transaction_id is None else None,  # an order
    )
    books.writes.touched_approvals.append(request)
    details = {"changes": [asdict(change) for change in agreed]} if agreed else None
    audit(books, context, "approval.approved", request.id, request.customer_id, note, details)
    emit(books, "approval.approved", request.id)
