"""Rows and nothing else, one class per table. The database is built by migrations/, which add what Tortoise cannot say."""

from models.tables.billing import Assignment, Grant, Invoice, InvoiceLine, InvoiceText, Payment, Product
from models.tables.books import Currency, Seal, Totals, TotalsAmounts, TotalsSeen
from models.tables.configuration import LimitRule, Reason, Reward, Service, Tier
from models.tables.holding import Hold, HoldLot
from models.tables.ledger import (
    Account,
    AuditEvent,
    Credit,
    CreditChange,
    CreditService,
    Entry,
    IdempotencyKey,
    LimitCounter,
    OutboxEvent,
    Refund,
    TierChange,
    Transaction,
    TransactionText,
)
from models.tables.requests import ApprovalRequest, BulkOperation, BulkRow, ReversedRow
from models.tables.rewards import Coupon
from models.tables.tenancy import Actor, Customer, ExternalIdLeft, PartnerToken, Tenant, TenantSlug

__all__ = [
    "Account",
    "Actor",
    "ApprovalRequest",
    "Assignment",
    "AuditEvent",
    "BulkOperation",
    "BulkRow",
    "Coupon",
    "Credit",
    "CreditChange",
    "CreditService",
    "Currency",
    "Customer",
    "Entry",
    "ExternalIdLeft",
    "Grant",
    "Hold",
    "HoldLot",
    "IdempotencyKey",
    "Invoice",
    "InvoiceLine",
    "InvoiceText",
    "LimitCounter",
    "LimitRule",
    "OutboxEvent",
    "PartnerToken",
    "Payment",
    "Product",
    "Reason",
    "Refund",
    "ReversedRow",
    "Reward",
    "Seal",
    "Service",
    "Tenant",
    "TenantSlug",
    "Tier",
    "TierChange",
    "Totals",
    "TotalsAmounts",
    "TotalsSeen",
    "Transaction",
    "TransactionText",
]
