"""voidCredit: reverse the remainder of a credit; and previewVoidCredit with the same input but its key."""

from auth.roles import Permission
from models.errors import LedgerError
from models.operations.releasing import preview_void_credit, void_credit
from resolvers.previews import effects_of
from schema.context import Context, Info
from schema.mutations.base import idempotency_key
from schema.mutations.void_credit import PreviewVoidCreditInput, VoidCreditInput, VoidCreditPayload
from schema.types.errors import user_errors
from schema.types.previews import PostingPreview


async def resolve(info: Info, input: VoidCreditInput) -> VoidCreditPayload:  # noqa: A002 - the argument's name in the API
    """Void a credit: reverse its remainder."""
    try:
        outcome = await info.context.post(void_credit, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return VoidCreditPayload(user_errors=user_errors(error))
    return VoidCreditPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_preview(info: Info, input: PreviewVoidCreditInput) -> PostingPreview:  # noqa: A002 - as above
    """Return the effects that voidCredit would have with the same input. Writes nothing."""
    return await effects_of(info, input, preview_void_credit)


def rights(_context: Context, input: PreviewVoidCreditInput) -> tuple[Permission, ...]:  # noqa: A002 - as above
    return (
        Permission.VOID,
        *((Permission.RELEASE,) if input.release_assignments else ()),
        *((Permission.SPEND_CREDIT,) if input.release_holds else ()),
    )
