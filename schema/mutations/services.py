"""createService and updateService."""

from typing import Any
from uuid import UUID

import strawberry

from gateway.reading import Pending
from models.configuration_commands import CreateService, UpdateService
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import loaded
from schema.types.base import resolved
from schema.types.configuration import Service
from schema.types.errors import UserError


@strawberry.input
class CreateServiceInput:
    name: str

    def command(self) -> CreateService:
        """Raises Invalid."""
        return CreateService(name=texts.name(self.name, texts.MAX_NAME, "name"))


@strawberry.input(description="What is left out or null stays as it is.")
class UpdateServiceInput:
    service_id: strawberry.ID
    name: str | None = None
    active: bool | None = strawberry.field(
        default=None, description="false retires it: no new credits name it; those that do can still be spent on it."
    )

    def command(self) -> UpdateService:
        """Raises NotFound, Invalid."""
        return UpdateService(
            service_id=input_id(self.service_id, "Service", "serviceId"),
            name=texts.optional_name(self.name, texts.MAX_NAME, "name"),
            active=self.active,
        )


@strawberry.type
class CreateServicePayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    service_id: strawberry.Private[UUID | None] = None

    @resolved(Service | None)
    def service(self, info: Info) -> Pending[Any]:
        return loaded(info, "services", self.service_id)


@strawberry.type
class UpdateServicePayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    service_id: strawberry.Private[UUID | None] = None

    @resolved(Service | None)
    def service(self, info: Info) -> Pending[Any]:
        return loaded(info, "services", self.service_id)
