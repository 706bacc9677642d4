"""An admin's settings: reasons, services, tiers, rewards, limits."""

from typing import ClassVar

from tortoise import fields

from models.kinds import LimitKind
from models.tables.base import Privileges, TenantRow


class Reason(TenantRow):
    """A reason to add or remove credit. `moves_lifetime`: a correction does, a refund of redeemed points does not."""

    code = fields.CharField(max_length=64)
    label = fields.CharField(max_length=200)
    adds = fields.BooleanField()
    removes = fields.BooleanField()
    moves_lifetime = fields.BooleanField()
    note_required = fields.BooleanField()
    active = fields.BooleanField()

    app_may: ClassVar = Privileges(updates=("label", "adds", "removes", "moves_lifetime", "note_required", "active"))

    class Meta:
        table = "reasons"
        unique_together = (("tenant_id", "code"),)


class Service(TenantRow):
    """A service that service credits can be spent on."""

    name = fields.CharField(max_length=200)
    active = fields.BooleanField()

    app_may: ClassVar = Privileges(updates=("name", "active"))

    class Meta:
        table = "services"
        unique_together = (("tenant_id", "name"),)


class Tier(TenantRow):
    """A threshold on the points account's lifetime total, in points."""

    name = fields.CharField(max_length=200)
    threshold_minor = fields.BigIntField()

    app_may: ClassVar = Privileges(updates=("name", "threshold_minor"), deletes=True)

    class Meta:
        table = "tiers"
        unique_together = (("tenant_id", "name"), ("tenant_id", "threshold_minor"))


class Reward(TenantRow):
    """A coupon template: FIXED, PERCENT, FREE_PRODUCT or FREE_DELIVERY, for a price in points.

    value: the amount off for FIXED (in `currency`), per cent for PERCENT, null otherwise. product: the free one for
    FREE_PRODUCT. validity_days: 0 or null never expires. stock: null is without end.
    """

    name = fields.CharField(max_length=200)
    kind = fields.CharField(max_length=16)
    value = fields.DecimalField(max_digits=20, decimal_places=4, null=True)
    currency = fields.CharField(max_length=16, null=True)
    product = fields.CharField(max_length=200, null=True)
    points_cost_minor = fields.BigIntField()
    validity_days = fields.IntField(null=True)
    stock = fields.BigIntField(null=True)
    active = fields.BooleanField()

    app_may: ClassVar = Privileges(
        updates=(
            "name",
            "kind",
            "value",
            "currency",
            "product",
            "points_cost_minor",
            "validity_days",
            "stock",
            "active",
        )
    )

    class Meta:
        table = "rewards"
        unique_together = (("tenant_id", "name"),)


class LimitRule(TenantRow):
    """How much one role may add, sell or spend: in the asset's own units, null for no limit of that kind.

    kind: ADDING; SELLING_CREDIT, where per_adjustment is per order and nothing is per customer; or SPENDING.
    asset: an asset code, or MONEY for every currency that has no rule of its own, each counted by itself.
    holder: '' for everyone of the role, else the one subject or client that the rule is for.
    """

    role = fields.CharField(max_length=16)
    asset = fields.CharField(max_length=16)
    holder = fields.CharField(max_length=255)
    per_adjustment = fields.DecimalField(max_digits=20, decimal_places=4, null=True)
    per_actor_day = fields.DecimalField(max_digits=20, decimal_places=4, null=True)
    per_customer_day = fields.DecimalField(max_digits=20, decimal_places=4, null=True)
    kind = fields.CharField(max_length=16, default=LimitKind.ADDING)

    app_may: ClassVar = Privileges(updates=("per_adjustment", "per_actor_day", "per_customer_day"), deletes=True)

    class Meta:
        table = "limit_rules"
        unique_together = (("tenant_id", "kind", "role", "asset", "holder"),)
