"""createService and updateService."""

from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.configuration_commands import CreateService, UpdateService
from schema import texts
from schema.context import Info
from schema.mutations.base import CreatingInput, CreatingPayload, Payload, loaded
from schema.naming import ServiceBy, one
from schema.types.base import resolved
from schema.types.configuration import Service


@strawberry.input
class CreateServiceInput(CreatingInput):
    """A service to add."""

    name: str
    """Unique display name, up to 200 characters."""

    def command(self) -> CreateService:
        """Raises Invalid."""
        return CreateService(name=texts.name(self.name, texts.MAX_NAME, "name"))


@strawberry.input
class UpdateServiceInput:
    """Changes to a service. Fields that are null or left out stay as they are."""

    service_id: strawberry.ID | None = None
    """Service to change."""
    service_by: ServiceBy | None = None
    """In place of serviceId: the service by name or id. One of the two is needed."""
    name: str | None = None
    """New display name, up to 200 characters. Null: unchanged."""
    active: bool | None = None
    """Whether new credits can be restricted to it. false retires it; existing credits can still be spent on it.
    Null: unchanged."""

    def command(self) -> UpdateService:
        """Raises NotFound, Invalid."""
        return UpdateService(
            service_id=one(self.service_id, self.service_by, "Service", "serviceId"),
            name=texts.optional_name(self.name, texts.MAX_NAME, "name"),
            active=self.active,
        )


@strawberry.type
class CreateServicePayload(CreatingPayload):
    """Result of createService."""

    service_id: strawberry.Private[UUID | None] = None

    @resolved(Service | None)
    def service(self, info: Info) -> Pending[Any]:
        """Service that was added."""
        return loaded(info, "Service", self.service_id)


@strawberry.type
class UpdateServicePayload(Payload):
    """Result of updateService."""

    service_id: strawberry.Private[UUID | None] = None

    @resolved(Service | None)
    def service(self, info: Info) -> Pending[Any]:
        """Service after the change."""
        return loaded(info, "Service", self.service_id)
