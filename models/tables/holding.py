"""Holds: value set aside for somebody until an instant, credit by credit."""

from typing import ClassVar

from tortoise import fields

from models.tables.base import Privileges, TenantRow


class Hold(TenantRow):
    """Value of one account that is set aside until an instant. `id` is that of the transaction that placed it.

    account_id: on which it was placed; home_id: on which it is now, after merges. held_minor: the part neither captured
    nor let go, which is held until expires_at, and no longer; captured_minor: the part that was spent. invoice_id: the
    invoice that it is for, if any.
    """

    account_id = fields.UUIDField()
    home_id = fields.UUIDField()
    amount_minor = fields.BigIntField()
    held_minor = fields.BigIntField()
    captured_minor = fields.BigIntField()
    invoice_id = fields.UUIDField(null=True)
    expires_at = fields.DatetimeField()
    created_at = fields.DatetimeField()

    app_may: ClassVar = Privileges(updates=("home_id", "held_minor", "captured_minor", "expires_at"))

    class Meta:
        table = "holds"


class HoldLot(TenantRow):
    """One transaction's effect on the part of a hold that is on one credit: set aside (above zero), captured, let go or
    moved elsewhere by a merge (below zero), or given another expiry (zero).

    position: of the part, in burn order when it was held. expires_at: the hold's from then on.
    """

    hold_id = fields.UUIDField()
    transaction_id = fields.UUIDField()
    account_id = fields.UUIDField()
    credit_id = fields.UUIDField()
    position = fields.BigIntField()
    amount_minor = fields.BigIntField()
    expires_at = fields.DatetimeField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "hold_lots"
