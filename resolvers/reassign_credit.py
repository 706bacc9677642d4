"""reassignCredit: set assigned credit against other invoices instead; and previewReassignment, without a key."""

from auth.roles import Permission
from models.errors import LedgerError
from models.operations.releasing import preview_reassignment, reassign_credit
from resolvers.previews import effects_of
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.reassign_credit import PreviewReassignmentInput, ReassignCreditInput, ReassignCreditPayload
from schema.types.errors import user_errors
from schema.types.previews import PostingPreview


async def resolve(info: Info, input: ReassignCreditInput) -> ReassignCreditPayload:  # noqa: A002 - the argument's name in the API
    """Release one assignment and set its credit against other invoices instead. All or nothing."""
    try:
        outcome = await info.context.post(reassign_credit, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return ReassignCreditPayload(user_errors=user_errors(error))
    return ReassignCreditPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewReassignmentInput) -> PostingPreview:  # noqa: A002 - as above
    """Return the effects that reassignCredit would have with the same input. Writes nothing."""
    return await effects_of(info, input, preview_reassignment)


def rights(_context: Context, input: PreviewReassignmentInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    return (Permission.RELEASE, Permission.ASSIGN)
