"""A second person says yes: what was asked for is posted, checked again as of now. Pure.

All that adjustCredit and giveReward check is checked again on the books as they are: the reason and its direction, the
customer, the membership gate, dates, room, the reward and its stock. Days of expiry count from the approval, so that
the customer gets as many as were meant for them; so does a start that was left blank. A start or an expiry that was
named is kept as it was asked for, and one that has passed meanwhile is refused (EXPIRY_IN_PAST).

Limits are what the approval is there to go past. They bind neither of the two, and what is posted uses up none of the
requester's day: a manager has answered for it, and it must not take from what staff may add by themselves.
"""

from dataclasses import replace
from typing import Final

from models.commands import Approvable, ApproveRequest, GiveReward, Outcome
from models.errors import LedgerError, NotFound, OwnRequest, RequesterNotAllowed, RequestNotPending
from models.planning import adjust, requesting, rewards
from models.planning.auditing import audit
from models.planning.needs import Needs
from models.planning.notes import check_note, kept_note
from models.planning.persons import followed
from models.planning.state import ApprovalState, Books, Origin
from models.planning.steps import Steps

REQUESTER_SCOPES: Final = {"adjustCredit": "credits:add", "giveReward": "rewards:give"}
"""The scope that a partner's token needs, for what it asked for to be posted. (A test compares auth/roles.py.)"""


def needs(command: ApproveRequest, asked: Needs) -> Needs:
    """What the kept command needs, and the request; no day counters."""
    return replace(asked, limited=(), approvals=(command.request_id,))


def plan(books: Books, origin: Origin, command: ApproveRequest) -> Steps[Outcome]:
    """Plan what was asked for, as its requester's, on the approval of the origin's actor; a refusal leaves it pending.

    One that was approved before answers its transaction and posts nothing. Raises NotFound, OwnRequest,
    RequestNotPending, RequesterNotAllowed, and what the kept command is refused with.
    """
    check_note(command.note)
    request = books.approvals.get(command.request_id)
    if request is None:
        raise NotFound("There is no such request.", field=("requestId",))
    if request.requested_by.subject == origin.actor.subject:
        raise OwnRequest
    if request.status == "APPROVED":
        return Outcome(transaction_id=request.transaction_id, approval_request_id=request.id, replayed=True)
    status = requesting.shown(request).status(books.now)
    if status != "PENDING":
        raise RequestNotPending(status)
    if not request.requester_allowed:
        raise RequesterNotAllowed(request.requested_by.client)
    outcome = yield from _plan_what_was_asked(books, origin, request)
    _close(books, origin, request, command.note)
    return replace(outcome, approval_request_id=request.id, views=(*outcome.views, requesting.shown(request)))


def _plan_what_was_asked(books: Books, origin: Origin, request: ApprovalState) -> Steps[Outcome]:
    requested = Origin(request.requested_by, origin.key, origin.result_id, approved_by=origin.actor)
    try:
        return (yield from _plan(books, requested, followed(request.command, books.persons)))
    except LedgerError as error:
        raise error.at("requestId") from None  # it speaks of fields that this input does not have


def _plan(books: Books, origin: Origin, asked: Approvable) -> Steps[Outcome]:
    if isinstance(asked, GiveReward):
        return rewards.plan(books, origin, asked)
    return adjust.plan(books, origin, asked)


def _close(books: Books, origin: Origin, request: ApprovalState, note: str | None) -> None:
    note = kept_note(books, request.customer_id, note)
    books.change(
        request, status="APPROVED", decided_by=origin.actor, decided_at=books.now, decision_note=note,
        transaction_id=origin.result_id,
    )  # fmt: skip
    books.writes.touched_approvals.append(request)
    audit(books, origin, "approval.approved", request.id, request.customer_id, note)
    books.writes.events.append(("approval.approved", request.id))
