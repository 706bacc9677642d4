"""Rows and nothing else, one class per table. The database is built by migrations/, which add what Tortoise cannot say."""

from models.tables.billing import Assignment, Invoice, InvoiceLine, Payment
from models.tables.configuration import LimitRule, Reason, Reward, Service, Tier
from models.tables.ledger import (
    Account,
    Credit,
    CreditService,
    Entry,
    IdempotencyKey,
    LimitCounter,
    OutboxEvent,
    TierChange,
    Transaction,
    TransactionText,
)
from models.tables.requests import ApprovalRequest, BulkOperation, BulkRow
from models.tables.rewards import Coupon
from models.tables.tenancy import Actor, Customer, Tenant

__all__ = [
    "Account", "Actor", "ApprovalRequest", "Assignment", "BulkOperation", "BulkRow", "Coupon", "Credit",
    "CreditService", "Customer", "Entry", "IdempotencyKey", "Invoice", "InvoiceLine", "LimitCounter", "LimitRule",
    "OutboxEvent", "Payment", "Reason", "Reward", "Service", "Tenant", "Tier", "TierChange", "Transaction",
    "TransactionText",
]  # fmt: skip
