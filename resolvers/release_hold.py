"""releaseHold and extendHold: let go what is held, or hold it for longer."""

from models.errors import LedgerError
from models.operations.release_hold import extend_hold, release_hold
from schema.context import Info
from schema.mutations.base import idempotency_key
from schema.mutations.release_hold import ExtendHoldInput, ExtendHoldPayload, ReleaseHoldInput, ReleaseHoldPayload
from schema.types.errors import user_errors


async def resolve(info: Info, input: ReleaseHoldInput) -> ReleaseHoldPayload:  # noqa: A002 - the argument's name in the API
    """Give what a hold has set aside back to its credits, each under its own expiry."""
    try:
        outcome = await info.context.post(release_hold, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return ReleaseHoldPayload(user_errors=user_errors(error))
    return ReleaseHoldPayload(outcome=outcome, replayed=outcome.replayed)


async def resolve_extend(info: Info, input: ExtendHoldInput) -> ExtendHoldPayload:  # noqa: A002 - as above
    """Let a hold last longer: until at most 30 days after it was placed."""
    try:
        outcome = await info.context.post(extend_hold, input.command(), idempotency_key(input.idempotency_key))
    except LedgerError as error:
        return ExtendHoldPayload(user_errors=user_errors(error))
    return ExtendHoldPayload(outcome=outcome, replayed=outcome.replayed)
