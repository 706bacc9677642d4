"""createService and updateService: the services that service credits can be spent on."""

from models.errors import LedgerError
from models.operations.services import create_service, update_service
from schema.context import Info
from schema.mutations.services import CreateServiceInput, CreateServicePayload, UpdateServiceInput, UpdateServicePayload
from schema.types.errors import user_errors


async def resolve_create(info: Info, input: CreateServiceInput) -> CreateServicePayload:  # noqa: A002 - the argument's name in the API
    """Create a service that service credits can be spent on."""
    try:
        command = input.command()
        made = await info.context.change(create_service, command, idempotency_key=input.key())
    except LedgerError as error:
        return CreateServicePayload(user_errors=user_errors(error))
    return CreateServicePayload(service_id=made.row_id, replayed=made.replayed)


async def resolve_update(info: Info, input: UpdateServiceInput) -> UpdateServicePayload:  # noqa: A002 - as above
    """Rename or retire a service."""
    try:
        command = input.command()
        await info.context.change(update_service, command)
    except LedgerError as error:
        return UpdateServicePayload(user_errors=user_errors(error))
    return UpdateServicePayload(service_id=command.service_id)
