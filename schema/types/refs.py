"""Types that others lead to before they are there: a graph has circles, and files must not.

Each is named by where it is, and looked up when the schema is built. To the type checker they are anything: what a field
answers with, its loader knows.
"""

from typing import TYPE_CHECKING, Annotated, Any, ForwardRef, TypeAlias

import strawberry


def _later(name: str, module: str) -> Any:
    return Annotated[ForwardRef(name), strawberry.lazy(module)]


if TYPE_CHECKING:
    AccountRef: TypeAlias = Any
    AssignmentRef: TypeAlias = Any
    BulkOperationRef: TypeAlias = Any
    CouponRef: TypeAlias = Any
    CreditNoteRef: TypeAlias = Any
    HoldRef: TypeAlias = Any
    InvoiceRef: TypeAlias = Any
    LedgerEntryRef: TypeAlias = Any
    PaymentRef: TypeAlias = Any
    TierChangeRef: TypeAlias = Any
    TransactionRef: TypeAlias = Any
else:
    AccountRef = _later("Account", "schema.types.account")
    AssignmentRef = _later("Assignment", "schema.types.invoice")
    BulkOperationRef = _later("BulkOperation", "schema.types.bulk")
    CreditNoteRef = _later("CreditNote", "schema.types.credit_note")
    CouponRef = _later("Coupon", "schema.types.reward")
    HoldRef = _later("Hold", "schema.types.hold")
    InvoiceRef = _later("Invoice", "schema.types.invoice")
    LedgerEntryRef = _later("LedgerEntry", "schema.types.ledger")
    PaymentRef = _later("Payment", "schema.types.invoice")
    TierChangeRef = _later("TierChange", "schema.types.reward")
    TransactionRef = _later("Transaction", "schema.types.ledger")
