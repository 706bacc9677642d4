"""The catalogue of services that service credits can be spent on (source 001).

A retired service takes no new credits; existing ones that name it can still be spent on it, since they are owed.
"""

from typing import Final
from uuid import UUID

from models.commands import Actor
from models.configuration_commands import CreateService, UpdateService
from models.errors import NotFound
from models.ledger import Ledger
from models.names import checked_if_given, checked_name
from models.operations.configuring import Created, configuring
from models.patience import patiently

MAX_SERVICES: Final = 1_000
MAX_NAME_CHARACTERS: Final = 200


@patiently
async def create_service(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: CreateService, *, idempotency_key: str | None = None
) -> Created:
    """Create a service, once for the key, if there is one. Raises Invalid, Duplicate, IdempotencyKeyReused, Busy."""
    name = checked_name(command.name, MAX_NAME_CHARACTERS, "name")
    service_id = ledger.source.new_id()
    async with configuring(ledger, tenant_id, actor) as change:
        if (made := await change.claim("createService", command, service_id, idempotency_key)) is not None:
            return Created(made, replayed=True)
        await change.check_room("services", MAX_SERVICES)
        await change.insert("services", "service.created", service_id, {"name": name, "active": True})
    return Created(service_id)


@patiently
async def update_service(ledger: Ledger, tenant_id: UUID, actor: Actor, command: UpdateService) -> bool:
    """Rename, retire or offer again. False if nothing differs. Raises NotFound, Invalid, Duplicate."""
    name = checked_if_given(command.name, MAX_NAME_CHARACTERS, "name")
    async with configuring(ledger, tenant_id, actor) as change:
        row = await change.fetchrow("SELECT * FROM services WHERE tenant_id = $1 AND id = $2", command.service_id)
        if row is None:
            raise NotFound("There is no such service.", field=("serviceId",))
        wanted = {"name": name, "active": command.active}
        return await change.update("services", "service.updated", row, wanted)
