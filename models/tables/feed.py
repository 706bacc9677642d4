"""The feed of events: derived from the ledger, the outbox and the audit, at gapless positions."""

from typing import ClassVar

from tortoise import fields

from models.tables.base import Privileges, TenantRow


class FeedHead(TenantRow):
    """How far a tenant's feed has come. `id` is the tenant's own. The row that a relay locks.

    position: the last one given. at: everything recorded before then has a position. noticed_at, noticed_id: the last
    credit, by expiry and id, whose end was announced. lapsed_at, lapsed_id: the last hold whose end has passed. pruned: the
    last position that was deleted. told_until, told_before: from where and when noticed_at was set back, since fewer
    days of notice are given: what expires by then, and had that expiry before, was announced.
    """

    position = fields.BigIntField()
    at = fields.DatetimeField()
    noticed_at = fields.DatetimeField()
    noticed_id = fields.UUIDField()
    lapsed_at = fields.DatetimeField()
    lapsed_id = fields.UUIDField()
    pruned = fields.BigIntField()
    told_until = fields.DatetimeField(null=True)
    told_before = fields.DatetimeField(null=True)

    app_may: ClassVar = Privileges(
        updates=(
            "position",
            "at",
            "noticed_at",
            "noticed_id",
            "lapsed_at",
            "lapsed_id",
            "pruned",
            "told_until",
            "told_before",
        )
    )

    class Meta:
        table = "feed_heads"


class FeedEvent(TenantRow):
    """One event. `id` is that of what told of it: a transaction, a row of the outbox or of the audit, or the credit or hold
    that expires.

    kind: an EventKind. subject_id: what it is about; null for a transaction. occurred_at: since when it is true, if not
    since it was recorded. amount_minor: what is left of a credit or hold that expires.
    """

    position = fields.BigIntField()
    kind = fields.CharField(max_length=32)
    subject_id = fields.UUIDField(null=True)
    customer_id = fields.UUIDField(null=True)
    occurred_at = fields.DatetimeField(null=True)
    recorded_at = fields.DatetimeField()
    amount_minor = fields.BigIntField(null=True)

    app_may: ClassVar = Privileges(deletes=True)

    class Meta:
        table = "feed"
