"""updateTenant: the tenant's name, time zone and settings."""

from models.errors import LedgerError
from models.operations.update_tenant import update_tenant
from schema.context import Info
from schema.mutations.update_tenant import UpdateTenantInput, UpdateTenantPayload
from schema.types.errors import user_errors
from schema.types.viewer import Tenant


async def resolve(info: Info, input: UpdateTenantInput) -> UpdateTenantPayload:  # noqa: A002 - the argument's name in the API
    """Change the tenant's name, time zone or settings."""
    context = info.context
    try:
        command = input.command()
        await context.change(update_tenant, command)
    except LedgerError as error:
        return UpdateTenantPayload(user_errors=user_errors(error))
    await context.renew_tenant()
    return UpdateTenantPayload(tenant=Tenant.of(context.tenant))
