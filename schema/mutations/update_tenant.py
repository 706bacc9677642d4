"""updateTenant."""

import strawberry

from models.configuration_commands import UpdateTenant
from schema import texts
from schema.mutations.base import Payload
from schema.scalars import AssetCode
from schema.types.viewer import Tenant


@strawberry.input
class UpdateTenantInput:
    """Changes to the tenant. Fields that are null or left out stay as they are."""

    name: str | None = None
    """New display name, up to 200 characters. Null: unchanged."""
    time_zone: str | None = None
    """New time zone, an IANA name such as Europe/London. Posted transactions keep their instants.
    Null: unchanged."""
    grace_days: int | None = None
    """Days of grace after a cancelled membership, also for memberships cancelled before. Null: unchanged."""
    approval_hours: int | None = None
    """Hours for which an approval request waits before it expires. Requests made before keep theirs.
    Null: unchanged."""
    idempotency_key_days: int | None = None
    """Days for which idempotency keys are kept, at least 30. Keys already pruned do not come back. Null:
    unchanged."""
    event_days: int | None = None
    """Days for which events are kept in the feed, at least 7. Events already pruned do not come back. Null:
    unchanged."""
    expiry_notice_days: int | None = None
    """Days before its expiry at which the feed announces that a credit expires, up to 365; 0 for no announcement.
    Null: unchanged."""
    limited_currencies: list[AssetCode] | None = None
    """Currencies in which staff and partners may add value and sell credit. Empty: all. Null: unchanged."""

    def command(self) -> UpdateTenant:
        """Raises Invalid."""
        return UpdateTenant(
            name=texts.optional_name(self.name, texts.MAX_NAME, "name"),
            time_zone=texts.optional(self.time_zone, texts.MAX_NAME, "timeZone"),
            grace_days=self.grace_days,
            approval_hours=self.approval_hours,
            key_days=self.idempotency_key_days,
            event_days=self.event_days,
            expiry_notice_days=self.expiry_notice_days,
            limited_currencies=None if self.limited_currencies is None else tuple(self.limited_currencies),
        )


@strawberry.type
class UpdateTenantPayload(Payload):
    """Result of updateTenant."""

    tenant: Tenant | None = None
    """Tenant after the change."""
