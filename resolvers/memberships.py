"""startMembership, cancelMembership and reinstateMembership."""

from models.errors import LedgerError
from models.operations.memberships import cancel_membership, reinstate_membership, start_membership
from schema.context import Info
from schema.mutations.memberships import (
    CancelMembershipInput,
    CancelMembershipPayload,
    ReinstateMembershipInput,
    ReinstateMembershipPayload,
    StartMembershipInput,
    StartMembershipPayload,
)
from schema.types.errors import user_errors


async def resolve_start(info: Info, input: StartMembershipInput) -> StartMembershipPayload:  # noqa: A002 - the argument's name in the API
    """Start a customer's membership."""
    try:
        command = input.command()
        changed = await info.context.change(start_membership, command)
    except LedgerError as error:
        return StartMembershipPayload(user_errors=user_errors(error))
    return StartMembershipPayload(changed=changed, customer_id=command.customer_id)


async def resolve_cancel(info: Info, input: CancelMembershipInput) -> CancelMembershipPayload:  # noqa: A002 - as above
    """Cancel a membership. Service credits can be added until its grace period ends."""
    try:
        command = input.command()
        changed = await info.context.change(cancel_membership, command)
    except LedgerError as error:
        return CancelMembershipPayload(user_errors=user_errors(error))
    return CancelMembershipPayload(changed=changed, customer_id=command.customer_id)


async def resolve_reinstate(info: Info, input: ReinstateMembershipInput) -> ReinstateMembershipPayload:  # noqa: A002 - as above
    """Reinstate a cancelled membership."""
    try:
        command = input.command()
        changed = await info.context.change(reinstate_membership, command)
    except LedgerError as error:
        return ReinstateMembershipPayload(user_errors=user_errors(error))
    return ReinstateMembershipPayload(changed=changed, customer_id=command.customer_id)
