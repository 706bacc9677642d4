"""The ledger itself. Transactions, their texts' digests, and entries are append-only: the database refuses the rest."""

from typing import ClassVar

from tortoise import fields
from tortoise.models import Model

from models.tables.base import Privileges, TenantRow


class Account(TenantRow):
    """One customer's one asset. The row that a posting locks.

    balance_minor: the sum of all remainders: available + scheduled + held + expired but not yet swept.
    sequence, head_hash: of its newest entry; 0 and null before the first.
    posted_at: time of its newest entry, so that time never runs backwards within an account.
    held_until: the latest expiry of all its holds; null if there never was one.
    """

    customer_id = fields.UUIDField()
    asset = fields.CharField(max_length=16)
    balance_minor = fields.BigIntField()
    lifetime_minor = fields.BigIntField()
    sequence = fields.BigIntField()
    head_hash = fields.BinaryField(null=True)
    created_at = fields.DatetimeField()
    posted_at = fields.DatetimeField(null=True)
    held_until = fields.DatetimeField(null=True)

    # An account opened by a rejected request is deleted; one with entries cannot be: they refer to it.
    app_may: ClassVar = Privileges(
        updates=("balance_minor", "lifetime_minor", "sequence", "head_hash", "posted_at", "held_until"), deletes=True
    )

    class Meta:
        table = "accounts"
        unique_together = (("tenant_id", "customer_id", "asset"),)


class Credit(TenantRow):
    """One lot of value on an account.

    starts_at: spendable from; effective_on is the same as a day in the tenant's zone, as it was given. expires_at: not
    spendable from this instant on; null never. restricted: only for the services in credit_services. swept_at: when what
    had expired and was not held was last written off; voided_at: when its remainder was reversed. counts: whether adding
    it raised the lifetime total. gone_minor: the part taken back or expired; the part neither gone nor left is used.
    opened_sequence: of the entry that put it on its account. origin_id: the credit that it continues after a merge;
    successor_id: the credit that continues it after a merge. created_at: its age, which a merge does not change.
    """

    account_id = fields.UUIDField()
    transaction_id = fields.UUIDField()
    amount_minor = fields.BigIntField()
    remaining_minor = fields.BigIntField()
    effective_on = fields.DateField()
    starts_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    restricted = fields.BooleanField()
    auto_apply = fields.BooleanField()
    created_at = fields.DatetimeField()
    swept_at = fields.DatetimeField(null=True)
    voided_at = fields.DatetimeField(null=True)
    counts = fields.BooleanField()
    gone_minor = fields.BigIntField()
    opened_sequence = fields.BigIntField()
    origin_id = fields.UUIDField(null=True)
    successor_id = fields.UUIDField(null=True)

    app_may: ClassVar = Privileges(
        updates=(
            "remaining_minor",
            "expires_at",
            "auto_apply",
            "restricted",
            "swept_at",
            "voided_at",
            "gone_minor",
            "successor_id",
        )
    )

    class Meta:
        table = "credits"


class CreditService(TenantRow):
    """One service that a restricted credit can be spent on."""

    credit_id = fields.UUIDField()
    service_id = fields.UUIDField()

    app_may: ClassVar = Privileges(deletes=True)

    class Meta:
        table = "credit_services"
        unique_together = (("tenant_id", "credit_id", "service_id"),)


class Transaction(TenantRow):
    """One immutable business event of one customer. kind: the contract's TransactionKind.

    note_digest: SHA-256 over salt and texts; these are in transaction_texts, where they can be erased. digest:
    over its facts, and the terms of the credits that it opened (models/hash_chain.py); null if it is older than that.
    limited_*: its use of its actor's daily limits. key_use, key_at: over all that is stored of its idempotency key, and
    when that was claimed; null if the key has a seal.
    """

    customer_id = fields.UUIDField()
    kind = fields.CharField(max_length=16)
    reason = fields.CharField(max_length=64, null=True)
    note_digest = fields.BinaryField(null=True)
    actor_id = fields.UUIDField()
    approved_by_id = fields.UUIDField(null=True)
    idempotency_key = fields.CharField(max_length=255, null=True)
    created_at = fields.DatetimeField()
    digest = fields.BinaryField(null=True)
    limited_asset = fields.CharField(max_length=16, null=True)
    limited_minor = fields.BigIntField(null=True)
    limited_on = fields.DateField(null=True)
    key_use = fields.BinaryField(null=True)
    key_at = fields.DatetimeField(null=True)

    class Meta:
        table = "transactions"


class TransactionText(TenantRow):
    """People's texts on a transaction. `id` is the transaction's own.

    note: empty for none. metadata: a JSON object. referenced_at: the transaction's time, if it has a reference.
    """

    note = fields.TextField()
    salt = fields.BinaryField()
    reference = fields.TextField(null=True)
    metadata = fields.TextField(null=True)
    referenced_at = fields.DatetimeField(null=True)

    # Only to erase; a trigger ensures that.
    app_may: ClassVar = Privileges(updates=("note", "salt", "reference", "metadata", "referenced_at"))

    class Meta:
        table = "transaction_texts"


class Refund(TenantRow):
    """A part of a spend or use, or all of it, given back. `id` is that of the transaction that gave it back; spend_id: of
    the one that had taken it.

    taken_minor: all that was taken. before_minor: what of it had been given back before: no two refunds of a spend begin
    at the same, and none goes past what was taken.
    """

    spend_id = fields.UUIDField()
    amount_minor = fields.BigIntField()
    taken_minor = fields.BigIntField()
    before_minor = fields.BigIntField()

    class Meta:
        table = "refunds"
        unique_together = (("tenant_id", "spend_id", "before_minor"),)


class Transfer(TenantRow):
    """The two transactions of a transfer between customers. `id` is that of the one that took; received_id: of the one
    that gave."""

    received_id = fields.UUIDField()

    class Meta:
        table = "transfers"
        unique_together = (("tenant_id", "received_id"),)


class TransferredCredit(TenantRow):
    """A credit that a transfer has opened. `id` is the credit's own. from_id: the credit that it was taken from; source_id:
    the transaction that first gave the value."""

    transfer_id = fields.UUIDField()
    from_id = fields.UUIDField()
    source_id = fields.UUIDField()

    class Meta:
        table = "transferred_credits"


class Revival(TenantRow):
    """A part of what had expired of a credit, or all of it, put back under a new expiry.

    lot_id: the credit, or the first of those that it continues after merges. expired_minor: all that had ever expired of
    it; before_minor: what of that had been put back before: no two revivals of a lot begin at the same, and none goes past
    what expired. expired_at: the expiry that it had; from then until revived_at it was expired.
    """

    transaction_id = fields.UUIDField()
    credit_id = fields.UUIDField()
    account_id = fields.UUIDField()
    lot_id = fields.UUIDField()
    amount_minor = fields.BigIntField()
    expired_minor = fields.BigIntField()
    before_minor = fields.BigIntField()
    expired_at = fields.DatetimeField(null=True)
    revived_at = fields.DatetimeField()

    class Meta:
        table = "revivals"
        unique_together = (("tenant_id", "lot_id", "before_minor"),)


class Entry(TenantRow):
    """One signed movement on one account and one credit.

    counter: the other side of the movement. lifetime_minor: the change of the account's lifetime total. hash: SHA-256
    over the previous entry's hash and this entry's facts (models/hash_chain.py).
    """

    account_id = fields.UUIDField()
    sequence = fields.BigIntField()
    transaction_id = fields.UUIDField()
    credit_id = fields.UUIDField(null=True)  # null where a merge carries nothing but a lifetime total
    counter = fields.CharField(max_length=16)
    amount_minor = fields.BigIntField()
    lifetime_minor = fields.BigIntField()
    balance_after_minor = fields.BigIntField()
    created_at = fields.DatetimeField()
    previous_hash = fields.BinaryField(null=True)
    hash = fields.BinaryField()

    class Meta:
        table = "entries"
        unique_together = (("tenant_id", "account_id", "sequence"),)


class TierChange(TenantRow):
    """A tier change: a points account's lifetime total crossed a threshold, or a threshold it. Names as they were; null
    is no tier. transaction_id: the event that moved the total; null if an admin moved the threshold."""

    account_id = fields.UUIDField()
    transaction_id = fields.UUIDField(null=True)
    old_tier = fields.CharField(max_length=200, null=True)
    new_tier = fields.CharField(max_length=200, null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "tier_changes"


class LimitCounter(TenantRow):
    """The sum of a day under one limit: of additions in scope PER_ACTOR_DAY or PER_CUSTOMER_DAY, of credit sold in
    SOLD_ACTOR_DAY, of what was spent in SPENT_ACTOR_DAY or SPENT_PERSON_DAY.

    holder: the actor's subject (a partner's client), or the customer's id. day: in the tenant's zone. opening_minor:
    its sum before transactions recorded their use of limits.
    """

    scope = fields.CharField(max_length=16)
    role = fields.CharField(max_length=16)
    holder = fields.CharField(max_length=255)
    asset = fields.CharField(max_length=16)
    day = fields.DateField()
    used_minor = fields.BigIntField()
    opening_minor = fields.BigIntField(default=0)

    app_may: ClassVar = Privileges(updates=("used_minor",))

    class Meta:
        table = "limit_counters"
        unique_together = (("tenant_id", "scope", "role", "holder", "asset", "day"),)


class IdempotencyKey(Model):
    """A key that a success (or an approval request) has used up. input_hash: SHA-256 of the command.

    client: the owner of the name space: a partner's client, or people (''). shared: it matches every client, since its
    owner is unknown. kept: it is never pruned. result_id: the transaction (invoice, payment, bulk operation, approval
    request) that it made. sealed: whether it has a seal; if not, the transaction that it made tells operation and input
    (`key_use`), which are empty here.
    """

    key = fields.CharField(max_length=255, primary_key=True)
    tenant_id = fields.UUIDField()
    client = fields.CharField(max_length=255)
    shared = fields.BooleanField()
    kept = fields.BooleanField()
    operation = fields.CharField(max_length=32)
    input_hash = fields.BinaryField()
    result_id = fields.UUIDField()
    created_at = fields.DatetimeField()
    sealed = fields.BooleanField()

    app_may: ClassVar = Privileges(updates=("sealed", "operation", "input_hash"), deletes=True)

    class Meta:
        table = "idempotency_keys"


class OutboxEvent(TenantRow):
    """An event for the feed, written with its posting. subject_id: the row that it is about.

    Transactions have none: they are append-only, and listed by time themselves.
    """

    topic = fields.CharField(max_length=64)
    subject_id = fields.UUIDField()
    created_at = fields.DatetimeField()

    app_may: ClassVar = Privileges(deletes=True)

    class Meta:
        table = "outbox"


class CreditChange(TenantRow):
    """An update of a credit: its terms before and since. Services as JSON lists of ids."""

    credit_id = fields.UUIDField()
    transaction_id = fields.UUIDField()
    old_expires_at = fields.DatetimeField(null=True)
    new_expires_at = fields.DatetimeField(null=True)
    old_auto_apply = fields.BooleanField()
    new_auto_apply = fields.BooleanField()
    old_services: fields.Field[list[str]] = fields.JSONField()
    new_services: fields.Field[list[str]] = fields.JSONField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "credit_changes"


class AuditEvent(TenantRow):
    """An action that moved no value: its actor, subject and time. note: the actor's, erasable.

    request_id, address: of the request that caused it, if any.
    """

    action = fields.CharField(max_length=64)
    subject_id = fields.UUIDField()
    customer_id = fields.UUIDField(null=True)
    actor_id = fields.UUIDField()
    details: fields.Field[dict[str, object] | None] = fields.JSONField(null=True)
    note = fields.TextField(null=True)
    request_id = fields.CharField(max_length=128, null=True)
    address = fields.CharField(max_length=64, null=True)
    created_at = fields.DatetimeField()

    app_may: ClassVar = Privileges(updates=("note", "details"))

    class Meta:
        table = "audit_events"
