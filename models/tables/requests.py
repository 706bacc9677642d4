"""Requests that are not, or not only, a movement: approval requests, bulk operations."""

from typing import ClassVar

from tortoise import fields

from models.tables.base import Privileges, TenantRow


class ApprovalRequest(TenantRow):
    """A request over a limit that waits for a second person. command: the input, checked again when approved.

    requested_subject, decided_subject: the token's subject, in any role and through any client. terms: those it was
    made under (models/planning/binding.py); null before these were stored. invoice_id: the order that it became.
    """

    operation = fields.CharField(max_length=32)
    command: fields.Field[dict[str, object]] = fields.JSONField()
    customer_id = fields.UUIDField()
    status = fields.CharField(max_length=16)
    requested_by_id = fields.UUIDField()
    requested_subject = fields.CharField(max_length=255)
    decided_by_id = fields.UUIDField(null=True)
    decided_subject = fields.CharField(max_length=255, null=True)
    decided_at = fields.DatetimeField(null=True)
    decision_note = fields.TextField(null=True)
    transaction_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    terms: fields.Field[dict[str, object] | None] = fields.JSONField(null=True)
    invoice_id = fields.UUIDField(null=True)

    app_may: ClassVar = Privileges(
        updates=(
            "status",
            "decided_by_id",
            "decided_subject",
            "decided_at",
            "decision_note",
            "transaction_id",
            "command",
            "invoice_id",
        )
    )

    class Meta:
        table = "approval_requests"


class BulkOperation(TenantRow):
    """Many adjustments in one request. status: QUEUED, RUNNING, COMPLETED, FAILED or CANCELLED.

    command, idempotency_key: stored for one that continues after its request; of a file also what it is and the sums of its
    amounts.
    validated_at: when every row was valid. claimed_until: end of the worker's claim. reverses_id: the bulk that it takes
    back, if it is a reversal.
    """

    status = fields.CharField(max_length=16)
    asset = fields.CharField(max_length=16)
    error_policy = fields.CharField(max_length=16)
    dry_run = fields.BooleanField()
    total = fields.IntField()
    processed = fields.IntField()
    succeeded = fields.IntField()
    failed = fields.IntField()
    actor_id = fields.UUIDField()
    command: fields.Field[dict[str, object] | None] = fields.JSONField(null=True)
    idempotency_key = fields.CharField(max_length=255, null=True)
    validated_at = fields.DatetimeField(null=True)
    claimed_until = fields.DatetimeField(null=True)
    cancel_requested = fields.BooleanField()
    created_at = fields.DatetimeField()
    finished_at = fields.DatetimeField(null=True)
    reverses_id = fields.UUIDField(null=True)

    app_may: ClassVar = Privileges(
        updates=(
            "status",
            "total",
            "command",
            "processed",
            "succeeded",
            "failed",
            "finished_at",
            "validated_at",
            "claimed_until",
            "cancel_requested",
        )
    )

    class Meta:
        table = "bulk_operations"


class BulkRow(TenantRow):
    """One row's input and result. customer_id: as requested; it may exist nowhere. error: a userError, or null.

    details: the row's own values (asset, reason, note, expiry). Pending while it has neither transaction nor error.
    amount: None if the row was not understood.
    """

    operation_id = fields.UUIDField()
    row = fields.IntField()
    customer_id = fields.UUIDField(null=True)
    amount = fields.DecimalField(max_digits=20, decimal_places=4, null=True)
    transaction_id = fields.UUIDField(null=True)
    details: fields.Field[dict[str, object] | None] = fields.JSONField(null=True)
    error: fields.Field[dict[str, object] | None] = fields.JSONField(null=True)

    app_may: ClassVar = Privileges(updates=("transaction_id", "error", "details", "customer_id"))

    class Meta:
        table = "bulk_rows"
        unique_together = (("tenant_id", "operation_id", "row"),)


class ReversedRow(TenantRow):
    """The mark of a bulk's row that was taken back, under that row's id: so it is once. Append-only.

    amount_minor: taken off the row's credit (below zero), or put back of its removal. used_minor: what was in use then.
    """

    transaction_id = fields.UUIDField()
    amount_minor = fields.BigIntField()
    used_minor = fields.BigIntField()

    class Meta:
        table = "reversed_rows"
        unique_together = (("tenant_id", "transaction_id"),)
