"""assignCredit: set a credit against invoices; and previewAssignment with the same input but its key."""

from models.errors import LedgerError
from models.operations.assign import assign_credit, preview_assignment
from resolvers.previews import effects_of
from schema.context import Info
from schema.mutations.assign import AssignCreditInput, AssignCreditPayload, PreviewAssignmentInput
from schema.mutations.base import idempotency_key
from schema.types.errors import user_errors
from schema.types.previews import PostingPreview


async def resolve(info: Info, input: AssignCreditInput) -> AssignCreditPayload:  # noqa: A002 - the argument's name in the API
    """Set one credit against one or more invoices. All or nothing."""
    try:
        outcome = await info.context.post(assign_credit, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return AssignCreditPayload(user_errors=user_errors(error))
    return AssignCreditPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewAssignmentInput) -> PostingPreview:  # noqa: A002 - as above
    """Return the effects that assignCredit would have with the same input. Writes nothing."""
    return await effects_of(info, input, preview_assignment)
