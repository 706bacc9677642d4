"""Invoices, their payments, and the credit set against them."""

from typing import ClassVar

from tortoise import fields

from models.tables.base import Privileges, TenantRow


class Invoice(TenantRow):
    """due = total - noted - paid - credited, never negative. status: OPEN, PART_PAID, PAID or VOID. kind: INVOICE or ORDER.

    noted_minor: what credit notes took back; paid_minor and credited_minor are net of what they gave back.
    creditable_minor: the sum of its lines other than credit products; account credit pays no more. auto_apply: whether
    it took open credit when it was issued. limited_on: the day on which its credit lines counted against its actor's
    limit on selling; null if they did not. tax_minor: the part of the total that its lines give as tax.
    """

    customer_id = fields.UUIDField()
    number = fields.CharField(max_length=64)
    currency = fields.CharField(max_length=16)
    total_minor = fields.BigIntField()
    paid_minor = fields.BigIntField()
    credited_minor = fields.BigIntField()
    creditable_minor = fields.BigIntField()
    status = fields.CharField(max_length=16)
    kind = fields.CharField(max_length=16)
    auto_apply = fields.BooleanField()
    issued_on = fields.DateField()
    due_on = fields.DateField(null=True)
    actor_id = fields.UUIDField()
    created_at = fields.DatetimeField()
    voided_at = fields.DatetimeField(null=True)
    limited_on = fields.DateField(null=True)
    tax_minor = fields.BigIntField(default=0)
    noted_minor = fields.BigIntField(default=0)

    app_may: ClassVar = Privileges(
        updates=("paid_minor", "credited_minor", "noted_minor", "status", "auto_apply", "due_on", "voided_at")
    )

    class Meta:
        table = "invoices"
        unique_together = (("tenant_id", "number"),)


class InvoiceText(TenantRow):
    """The tenant's own texts on an invoice or order. `id` is the invoice's own.

    metadata: a JSON object. referenced_at: the invoice's time, if there is a reference. An erasure deletes the row.
    """

    reference = fields.TextField(null=True)
    metadata = fields.TextField(null=True)
    referenced_at = fields.DatetimeField(null=True)

    app_may: ClassVar = Privileges(deletes=True)

    class Meta:
        table = "invoice_texts"


class InvoiceLine(TenantRow):
    """quantity × unit_price_minor, in the invoice's currency, is the line's total, without its tax; position counts from 0.
    One with details counts as one unit.

    kind, product_id: of an order's lines, GOODS, SERVICE or CREDIT as the product was then.
    """

    invoice_id = fields.UUIDField()
    position = fields.IntField()
    description = fields.CharField(max_length=500)
    quantity = fields.IntField()
    unit_price_minor = fields.BigIntField()
    kind = fields.CharField(max_length=16, null=True)
    product_id = fields.UUIDField(null=True)

    class Meta:
        table = "invoice_lines"
        unique_together = (("tenant_id", "invoice_id", "position"),)


class InvoiceLineDetail(TenantRow):
    """The make-up of a line's total that is more than a whole number of units at a price in whole minor units.
    `id` is the line's, which counts as one unit of amount_minor.

    amount_minor: quantity × unit_price_minor less discount_percent of it, then less discount_minor, rounded half away from
    zero. tax_minor is given, and beside it.
    """

    quantity = fields.DecimalField(max_digits=14, decimal_places=4)
    unit_price_minor = fields.DecimalField(max_digits=20, decimal_places=4)
    discount_percent = fields.DecimalField(max_digits=7, decimal_places=4)
    discount_minor = fields.BigIntField()
    tax_minor = fields.BigIntField()
    amount_minor = fields.BigIntField()

    class Meta:
        table = "invoice_line_details"


class Payment(TenantRow):
    """A payment of an invoice, by CASH, CHECK, CARD, TRANSFER or OTHER; or by ACCOUNT_CREDIT. amount_minor: all that was
    paid; what of it was kept as credit is its overpayment's, and pays nothing of the invoice.

    transaction_id: of a payment with account credit, the event that moved it. It counts as credited, not as paid.
    noted_minor: what credit notes gave back of one in money.
    """

    invoice_id = fields.UUIDField()
    amount_minor = fields.BigIntField()
    method = fields.CharField(max_length=16)
    received_on = fields.DateField()
    transaction_id = fields.UUIDField(null=True)
    actor_id = fields.UUIDField()
    created_at = fields.DatetimeField()
    voided_at = fields.DatetimeField(null=True)
    noted_minor = fields.BigIntField(default=0)

    app_may: ClassVar = Privileges(updates=("voided_at", "noted_minor"))

    class Meta:
        table = "payments"


class Overpayment(TenantRow):
    """The part of a payment beyond what was due, which became a credit. `id` is the payment's.

    transaction_id: the event that opened the credit. revoked_transaction_id: the one that took it back when the payment was
    voided; revoked_minor: its remainder then.
    """

    credit_id = fields.UUIDField()
    transaction_id = fields.UUIDField()
    amount_minor = fields.BigIntField()
    revoked_transaction_id = fields.UUIDField(null=True)
    revoked_minor = fields.BigIntField(null=True)

    app_may: ClassVar = Privileges(updates=("revoked_transaction_id", "revoked_minor"))

    class Meta:
        table = "overpayments"
        unique_together = (("tenant_id", "credit_id"),)


class Assignment(TenantRow):
    """An amount of one money credit set against one invoice. origin: AUTO or MANUAL. Live until released. noted_minor: what
    credit notes gave back of it."""

    credit_id = fields.UUIDField()
    invoice_id = fields.UUIDField()
    transaction_id = fields.UUIDField()
    amount_minor = fields.BigIntField()
    origin = fields.CharField(max_length=16)
    assigned_at = fields.DatetimeField()
    released_at = fields.DatetimeField(null=True)
    release_transaction_id = fields.UUIDField(null=True)
    noted_minor = fields.BigIntField(default=0)

    app_may: ClassVar = Privileges(updates=("released_at", "release_transaction_id", "noted_minor"))

    class Meta:
        table = "assignments"


class Product(TenantRow):
    """An item that orders sell: GOODS, SERVICE, or CREDIT, whose worth is added to the account once the order is paid
    in full. price_minor: in minor units, with up to as many more digits as make four decimal places of the price. metadata:
    a JSON object."""

    name = fields.CharField(max_length=200)
    kind = fields.CharField(max_length=16)
    currency = fields.CharField(max_length=16)
    price_minor = fields.DecimalField(max_digits=20, decimal_places=4)
    active = fields.BooleanField()
    reference = fields.TextField(null=True)
    metadata = fields.TextField(null=True)

    app_may: ClassVar = Privileges(updates=("name", "price_minor", "active", "reference", "metadata"))

    class Meta:
        table = "products"
        unique_together = (("tenant_id", "name"),)


class Grant(TenantRow):
    """A credit that an order added to the account. `id` is the credit's own. revoked_transaction_id: the event that
    took it back; revoked_minor: its remainder then."""

    invoice_id = fields.UUIDField()
    credit_id = fields.UUIDField()
    transaction_id = fields.UUIDField()
    revoked_transaction_id = fields.UUIDField(null=True)
    revoked_minor = fields.BigIntField(null=True)

    app_may: ClassVar = Privileges(updates=("revoked_transaction_id", "revoked_minor"))

    class Meta:
        table = "grants"
        unique_together = (("tenant_id", "credit_id"),)


class CreditNote(TenantRow):
    """A part of an invoice or order that was taken back. `id` is that of the transaction that made it.

    lowered_minor: the part that lowered what was due; the rest was given back. credit_id: of the credit opened for what
    money had paid. void_transaction_id: of the event that voided it.
    """

    invoice_id = fields.UUIDField()
    amount_minor = fields.BigIntField()
    lowered_minor = fields.BigIntField()
    credit_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()
    voided_at = fields.DatetimeField(null=True)
    void_transaction_id = fields.UUIDField(null=True)

    app_may: ClassVar = Privileges(updates=("voided_at", "void_transaction_id"))

    class Meta:
        table = "credit_notes"


class CreditNotePart(TenantRow):
    """The part of one assignment, or of one payment in money, that a credit note gave back. credit_id: where it went.

    gone: it came back and expired at once, or was reversed like the rest of a voided credit.
    """

    note_id = fields.UUIDField()
    assignment_id = fields.UUIDField(null=True)
    payment_id = fields.UUIDField(null=True)
    credit_id = fields.UUIDField()
    amount_minor = fields.BigIntField()
    gone = fields.BooleanField()

    class Meta:
        table = "credit_note_parts"


class CreditNoteLine(TenantRow):
    """The part of one line that a credit note took back. quantity: null if only an amount was named."""

    note_id = fields.UUIDField()
    line_id = fields.UUIDField()
    quantity = fields.DecimalField(max_digits=20, decimal_places=6, null=True)
    amount_minor = fields.BigIntField()

    class Meta:
        table = "credit_note_lines"
