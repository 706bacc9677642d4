"""Who is asking, and for which tenant."""

from typing import Any

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.commands import Actor
from models.planning.calendar import local_date
from models.reads import limits
from models.reads.tenants import TenantView
from schema.context import Info
from schema.ids import global_id
from schema.scalars import AssetCode
from schema.types.base import resolved
from schema.types.customer import Customer
from schema.types.enums import Role
from schema.types.limits import LimitRemaining


@strawberry.type(description="The business.")
class Tenant:
    id: strawberry.ID
    name: str
    time_zone: str = strawberry.field(description="An IANA name: days begin and end in it.")
    grace_days: int = strawberry.field(
        description="How long after a cancelled membership service credits can still be added."
    )
    approval_hours: int = strawberry.field(description="How long an approval request waits for somebody to decide.")
    idempotency_key_days: int = strawberry.field(
        description="For how long a request that is sent again is known again by its idempotency key."
    )
    limited_currencies: list[AssetCode] = strawberry.field(
        description="The currencies that staff and partners may add, and sell credit, in; none: all."
    )

    @classmethod
    def of(cls, view: TenantView) -> "Tenant":
        return cls(
            id=global_id("Tenant", view.id), name=view.name, time_zone=view.time_zone, grace_days=view.grace_days,
            approval_hours=view.approval_hours, idempotency_key_days=view.key_days,
            limited_currencies=[AssetCode(code) for code in (view.limited_currencies or "").split()],
        )  # fmt: skip


@strawberry.type(description="Whoever the token stands for.")
class Viewer:
    subject: str
    role: Role
    scopes: list[str] = strawberry.field(description="What the token can be used for.")
    tenant: Tenant
    actor: strawberry.Private[Actor]

    @resolved(Customer | None, "For a customer's own token.")
    async def customer(self, info: Info) -> Pending[Any]:
        own = await info.context.own_customer_id()
        if own is not None:
            info.context.require(Permission.READ_CUSTOMERS)
        return None if own is None else await info.context.loaders.customers.load(own)

    @resolved(
        list[LimitRemaining],
        "What is left today, by asset. Limits by customer are told by adjustmentPreview, for the customer.",
    )
    async def limits(self, info: Info) -> list[LimitRemaining]:
        context = info.context
        if context.is_customer:
            return []
        left = await limits.left_today(context.reads, self.actor, local_date(context.now, context.zone))
        return [LimitRemaining.of(each) for each in left]
