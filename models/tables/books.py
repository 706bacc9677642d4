"""Rows about the books: the exponents of their currencies, the digest of each row as it was last written, totals."""

from typing import ClassVar

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField

from models.tables.base import Privileges, TenantRow


class Currency(TenantRow):
    """A currency that the books hold, with its number of decimal places at its first use."""

    code = fields.CharField(max_length=3)
    exponent = fields.SmallIntField()
    first_used_at = fields.DatetimeField()

    class Meta:
        table = "currencies"
        unique_together = (("tenant_id", "code"),)


class Seal(TenantRow):
    """The digest of one row of `of_table` (docs/proof.md). Only written by triggers. `id` is the row's own; a key has
    none, and is named.

    version: how often the row has been written. salt: set if the row holds texts of people; a new one with each version.
    """

    of_table = fields.CharField(max_length=32)
    name = fields.CharField(max_length=255, null=True)
    version = fields.IntField()
    digest = fields.BinaryField()
    salt = fields.BinaryField(null=True)
    sealed_at = fields.DatetimeField()

    # Triggers write them, with their owner's rights.
    app_may: ClassVar = Privileges(inserts=False)

    class Meta:
        table = "seals"


class Totals(TenantRow):
    """Sums of all transactions up to `at` (models/totals.py), `transactions` in number; never changed. If deleted, they
    are made again. moved and the arrays: what came after the row before, each movement by itself; None in older rows."""

    at = fields.DatetimeField()
    transactions = fields.BigIntField()
    credits: fields.Field[list[object]] = fields.JSONField()
    counters: fields.Field[list[object]] = fields.JSONField()
    accounts: fields.Field[list[object]] = fields.JSONField()
    moved: fields.Field[list[object] | None] = fields.JSONField(null=True)
    moved_at = ArrayField("timestamptz", null=True)
    moved_part = ArrayField("int", null=True)
    moved_amounts = ArrayField("bigint", null=True)
    moved_balance = ArrayField("bigint", null=True)
    moved_owed = ArrayField("smallint", null=True)

    class Meta:
        table = "totals"
        unique_together = (("tenant_id", "at"),)


class TotalsLatest(TenantRow):
    """The same sums up to some seconds ago, one row for a tenant, whose id it has; written anew again and again. If deleted,
    it is made again."""

    at = fields.DatetimeField()
    transactions = fields.BigIntField()
    credits: fields.Field[list[object]] = fields.JSONField()
    counters: fields.Field[list[object]] = fields.JSONField()
    accounts: fields.Field[list[object]] = fields.JSONField()

    app_may: ClassVar = Privileges(updates=("at", "transactions", "credits", "counters", "accounts"))

    class Meta:
        table = "totals_latest"


class TotalsSeen(TenantRow):
    """The number of records of the audit trail after `after`, up to `at`, with an actor, kind or reason
    (models/totals.py), or in a run of amounts (models/amounts.py). `id` is that of the totals at `at`."""

    what = fields.CharField(max_length=8)
    value = fields.CharField(max_length=64)
    after = fields.DatetimeField()
    at = fields.DatetimeField()
    records = fields.BigIntField()

    # Runs that are merged into another.
    app_may: ClassVar = Privileges(deletes=True)

    class Meta:
        table = "totals_seen"


class Standing(TenantRow):
    """An account's balance after the entry of a sequence, or, with no asset, when something was last posted for a customer
    (models/standings.py). `id` is the account's or the customer's. If deleted, they are made again."""

    customer_id = fields.UUIDField()
    asset = fields.CharField(max_length=16)
    balance_minor = fields.BigIntField()
    sequence = fields.BigIntField()
    active_at = fields.DatetimeField(null=True)

    app_may: ClassVar = Privileges(updates=("balance_minor", "sequence", "active_at"))

    class Meta:
        table = "standings"


class TotalsAmounts(TenantRow):
    """A part of a run, sorted: sums of transactions in an asset, and their instants (models/amounts.py). `id` is that of
    the totals at `at`."""

    level = fields.SmallIntField()
    at = fields.DatetimeField()
    asset = fields.CharField(max_length=16)
    first_minor = fields.BigIntField()
    last_minor = fields.BigIntField()
    last_at = fields.DatetimeField()
    minors = ArrayField("bigint")
    ats = ArrayField("timestamptz")

    app_may: ClassVar = Privileges(deletes=True)

    class Meta:
        table = "totals_amounts"
