"""What each row of the ledger is shown as: the one place that knows both."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from models import tables, views
from models.customers import CustomerView
from models.reads.audit import AuditView
from models.reads.credits import CreditChangeView
from models.reads.partner_tokens import PartnerTokenView
from models.reads.requests import BulkRowView
from models.reads.session import ReadSession
from schema.loaders import Loaders
from schema.types.account import Account, Credit, CreditChange
from schema.types.audit import AuditRecord
from schema.types.base import Show
from schema.types.configuration import Service
from schema.types.customer import Customer
from schema.types.invoice import Assignment, Invoice, InvoiceLine, Payment
from schema.types.ledger import LedgerEntry, Transaction
from schema.types.partner_tokens import PartnerToken
from schema.types.product import Product
from schema.types.requests import ApprovalRequest, BulkOperation, BulkRow
from schema.types.reward import Coupon, Reward, TierChange

SHOWN: Final[Mapping[type, Show[Any, Any]]] = {
    views.AccountView: Account.of,
    views.ApprovalRequestView: ApprovalRequest.of,
    views.AssignmentView: Assignment.of,
    views.BulkOperationView: BulkOperation.of,
    views.CouponView: Coupon.of,
    views.CreditView: Credit.of,
    CustomerView: Customer.of,
    views.EntryView: LedgerEntry.of,
    views.InvoiceLineView: InvoiceLine.of,
    views.InvoiceView: Invoice.of,
    views.PaymentView: Payment.of,
    views.ProductView: Product.of,
    views.RewardView: Reward.of,
    views.TierChangeView: TierChange.of,
    views.TransactionView: Transaction.of,
    AuditView: AuditRecord.of,
    BulkRowView: BulkRow.of,
    CreditChangeView: CreditChange.of,
    PartnerTokenView: PartnerToken.of,
    tables.Service: Service.of,
}


def loaders_of(reads: ReadSession, now: datetime, for_customer: bool) -> Loaders:
    """What a request reads with."""
    return Loaders(reads, now, for_customer, SHOWN)
