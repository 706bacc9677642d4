"""Coupons that customers were given."""

from typing import ClassVar

from tortoise import fields

from models.tables.base import Privileges, TenantRow


class Coupon(TenantRow):
    """One code of one customer. status: ISSUED, USED or DISABLED; past expires_at an issued one has expired.

    points_spent_minor: 0 for a free one. terms: the reward as it was then, so that later edits leave it alone.
    closed_at: when it was used or disabled. refund_transaction_id: the event that put its points back, if any.
    invoice_id: the invoice or order that it was used on, if one was named. reopened_at: when its one use was undone.
    """

    code = fields.CharField(max_length=32)
    reward_id = fields.UUIDField()
    customer_id = fields.UUIDField()
    transaction_id = fields.UUIDField()
    points_spent_minor = fields.BigIntField()
    status = fields.CharField(max_length=16)
    terms: fields.Field[dict[str, object]] = fields.JSONField()
    issued_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    refund_transaction_id = fields.UUIDField(null=True)
    invoice_id = fields.UUIDField(null=True)
    reopened_at = fields.DatetimeField(null=True)

    app_may: ClassVar = Privileges(
        updates=("status", "closed_at", "refund_transaction_id", "invoice_id", "reopened_at")
    )

    class Meta:
        table = "coupons"
        unique_together = (("tenant_id", "code"),)
