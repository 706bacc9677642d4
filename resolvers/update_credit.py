"""updateCredit: change a credit's expiry, pause, restriction or note; and previewUpdateCredit with the same input but its
key."""

from models.errors import LedgerError
from models.operations.releasing import preview_update_credit, update_credit
from resolvers.previews import effects_of
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.update_credit import PreviewUpdateCreditInput, UpdateCreditInput, UpdateCreditPayload
from schema.types.errors import user_errors
from schema.types.previews import PostingPreview


async def resolve(info: Info, input: UpdateCreditInput) -> UpdateCreditPayload:  # noqa: A002 - the argument's name in the API
    """Change a credit's expiry, pause, service restriction or note."""
    try:
        outcome = await info.context.post(update_credit, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return UpdateCreditPayload(user_errors=user_errors(error))
    return UpdateCreditPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewUpdateCreditInput) -> PostingPreview:  # noqa: A002 - as above
    """Return the effects that updateCredit would have with the same input: no value moves, the credit is told as it would
    be afterwards. Writes nothing."""
    return await effects_of(info, input, preview_update_credit)
