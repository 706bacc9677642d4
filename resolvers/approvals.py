"""approvalRequests, approveRequest, rejectRequest and withdrawRequest: decisions of a second person (domain: who may)."""

from typing import Annotated
from uuid import UUID

import strawberry

from auth.roles import Permission, Role, may
from models.errors import LedgerError, NotFound, OthersRequest, OwnRequest
from models.kinds import ApprovalStatus
from models.operations.approvals import approve_request, reject_request, withdraw_request
from models.reads import requests
from models.reads.paging import Condition
from schema import texts
from schema.context import Context, Info
from schema.errors import Forbidden
from schema.ids import asked_id
from schema.mutations.approvals import (
    ApproveRequestInput,
    ApproveRequestPayload,
    RejectRequestInput,
    RejectRequestPayload,
    WithdrawRequestInput,
    WithdrawRequestPayload,
)
from schema.mutations.base import idempotency_key
from schema.rights_to import rights_to
from schema.types.base import Connection
from schema.types.errors import user_errors
from schema.types.filters import ApprovalRequestFilter
from schema.types.pages import USE_FILTER, root_page
from schema.types.requests import ApprovalRequest


async def resolve_all(
    info: Info,
    status: Annotated[list[ApprovalStatus] | None, USE_FILTER] = None,
    customer_id: strawberry.ID | None = None,
    requested_by: Annotated[str | None, USE_FILTER] = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
    filter: ApprovalRequestFilter | None = None,  # noqa: A002 - the argument's name in the API
) -> Connection[ApprovalRequest] | None:
    """List approval requests, oldest first: all for those who may approve, their own for others.

    status: States to list. Null: all.
    customer_id: Customer whose requests to list. Null: all customers.
    requested_by: Subject of the token that asked. Null: any.
    filter: Which of them to list. Null: all.
    """
    context = info.context
    conditions: list[Condition] = []
    listing, parent = requests.APPROVALS, context.tenant.id
    if not may(context.principal, Permission.APPROVE):
        conditions.append(requests.approval_asked_by(context.principal.subject))
        program = context.principal.role is Role.PARTNER
        conditions.append(requests.approval_asked_through((context.principal.client_id or "") if program else None))
    if status is not None:
        conditions.append(requests.approval_status(status, context.now))
    if customer_id is not None:
        # Another kind's id is like that of a customer who is not there: nothing was asked for them.
        person = await context.person(asked_id(customer_id, "Customer", "customerId"))
        if person is None:
            conditions.append(requests.NO_APPROVAL)
        else:
            listing, parent = requests.CUSTOMER_APPROVALS, person
    if requested_by is not None:
        subject = texts.argument(requested_by, texts.MAX_SUBJECT, "requestedBy")
        conditions.append(requests.approval_asked_by(subject))
    if filter is not None:
        conditions += filter.conditions(context, listing)
    return await root_page(info, listing, parent, (first, after, last, before, reverse), *conditions)


async def resolve_approve(info: Info, input: ApproveRequestInput) -> ApproveRequestPayload:  # noqa: A002 - the argument's name in the API
    """Approve another user's request and post it, checked again as of now. It is posted only once."""
    context = info.context
    try:
        command = input.command()
        await _require_to_decide(context, command.request_id)
        outcome = await context.post(approve_request, command, idempotency_key(input.idempotency_key))
    except OwnRequest as error:
        raise Forbidden(error.message) from None
    except LedgerError as error:
        return ApproveRequestPayload(user_errors=user_errors(error))
    return ApproveRequestPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_reject(info: Info, input: RejectRequestInput) -> RejectRequestPayload:  # noqa: A002 - as above
    """Reject another user's approval request."""
    context = info.context
    try:
        request_id, note = input.decision()
        await _require_to_decide(context, request_id)
        await context.change(reject_request, request_id, note)
    except OwnRequest as error:
        raise Forbidden(error.message) from None
    except LedgerError as error:
        return RejectRequestPayload(user_errors=user_errors(error))
    return RejectRequestPayload(request_id=request_id)


async def resolve_withdraw(info: Info, input: WithdrawRequestInput) -> WithdrawRequestPayload:  # noqa: A002 - as above
    """Withdraw one's own approval request."""
    context = info.context
    try:
        request_id, note = input.decision()
        request = await context.loaders.approval_requests.load(request_id)
        # Who has the requester's subject but is not the requester gets OTHERS_REQUEST; others get NOT_FOUND.
        if request is None or request.requested_by.subject != context.principal.subject:
            await _seen(context, request_id)
        await context.change(withdraw_request, request_id, note)
    except OthersRequest as error:
        raise Forbidden(error.message) from None
    except LedgerError as error:
        return WithdrawRequestPayload(user_errors=user_errors(error))
    return WithdrawRequestPayload(request_id=request_id)


async def _require_to_decide(context: Context, request_id: UUID) -> None:
    """Require the rights to the requested operation as well as to approve. Raises NotFound, Forbidden."""
    request = await _seen(context, request_id)
    context.require(*rights_to(request.view.asked, request.view.terms))


async def _seen(context: Context, request_id: UUID) -> ApprovalRequest:
    """Return the request. Raises NotFound if the caller may not know of it."""
    request: ApprovalRequest | None = await context.loaders.approval_requests.load(request_id)
    if request is None or not request.may_be_seen(context.principal):
        raise NotFound("There is no such request.", field=("requestId",))
    return request
