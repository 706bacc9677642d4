"""updateTenant."""

import strawberry

from models.configuration_commands import UpdateTenant
from schema import texts
from schema.scalars import AssetCode
from schema.types.errors import UserError
from schema.types.viewer import Tenant


@strawberry.input(description="What is left out or null stays as it is.")
class UpdateTenantInput:
    name: str | None = None
    time_zone: str | None = strawberry.field(
        default=None, description="An IANA name. What has been posted keeps its instants."
    )
    grace_days: int | None = strawberry.field(default=None, description="For memberships cancelled already, too.")
    approval_hours: int | None = strawberry.field(default=None, description="For approval requests from now on.")
    idempotency_key_days: int | None = strawberry.field(
        default=None, description="At least 30. Keys that are gone already do not come back."
    )
    limited_currencies: list[AssetCode] | None = strawberry.field(
        default=None,
        description="The currencies that staff and partners may add, and sell credit, in. None named: all.",
    )

    def command(self) -> UpdateTenant:
        """Raises Invalid."""
        return UpdateTenant(
            name=texts.optional_name(self.name, texts.MAX_NAME, "name"),
            time_zone=texts.optional(self.time_zone, texts.MAX_NAME, "timeZone"),
            grace_days=self.grace_days,
            approval_hours=self.approval_hours,
            key_days=self.idempotency_key_days,
            limited_currencies=None if self.limited_currencies is None else tuple(self.limited_currencies),
        )


@strawberry.type
class UpdateTenantPayload:
    tenant: Tenant | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)
