"""createReason and updateReason: the tenant's own list."""

from models.errors import LedgerError
from models.operations.reasons import create_reason, update_reason
from models.reads import configuration
from schema.context import Context, Info
from schema.mutations.reasons import CreateReasonInput, CreateReasonPayload, UpdateReasonInput, UpdateReasonPayload
from schema.types.configuration import AdjustmentReason
from schema.types.errors import user_errors


async def resolve_create(info: Info, input: CreateReasonInput) -> CreateReasonPayload:  # noqa: A002 - the argument's name in the API
    """Create an adjustment reason."""
    context = info.context
    try:
        command = input.command()
        made = await context.change(create_reason, command, idempotency_key=input.key())
    except LedgerError as error:
        return CreateReasonPayload(user_errors=user_errors(error))
    return CreateReasonPayload(reason=await _reason(context, command.code), replayed=made.replayed)


async def resolve_update(info: Info, input: UpdateReasonInput) -> UpdateReasonPayload:  # noqa: A002 - as above
    """Change or retire an adjustment reason."""
    context = info.context
    try:
        command = input.command()
        await context.change(update_reason, command)
    except LedgerError as error:
        return UpdateReasonPayload(user_errors=user_errors(error))
    return UpdateReasonPayload(reason=await _reason(context, command.code))


async def _reason(context: Context, code: str) -> AdjustmentReason | None:
    rows = await configuration.reasons(context.reads, active_only=False)
    return next((AdjustmentReason.of(row, context.loaders) for row in rows if row.code == code), None)
