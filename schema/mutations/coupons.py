"""useCoupon, reopenCoupon and disableCoupon."""

from typing import Any

import strawberry

from gateway.reading import Pending
from models.planning.coupons import DisableCoupon, ReopenCoupon, UseCoupon
from schema import texts
from schema.context import Info
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.naming import CouponBy, InvoiceBy, one, one_or_none
from schema.types.account import Account
from schema.types.base import resolved
from schema.types.ledger import Transaction
from schema.types.metadata import TextsInput
from schema.types.reward import Coupon


@strawberry.input
class UseCouponInput(KeyedInput):
    """A coupon to mark as used."""

    coupon_id: strawberry.ID | None = None
    """Coupon to use. It must be issued, and not expired."""
    coupon_by: CouponBy | None = None
    """In place of couponId: the coupon by code or id. One of the two is needed."""
    invoice_id: strawberry.ID | None = None
    """Invoice or order of the customer that it is used on, if any. It must not be void."""
    invoice_by: InvoiceBy | None = None
    """In place of invoiceId: the invoice or order by number or id."""

    def command(self) -> UseCoupon:
        """Raises NotFound."""
        return UseCoupon(
            coupon_id=one(self.coupon_id, self.coupon_by, "Coupon", "couponId"),
            invoice_id=one_or_none(self.invoice_id, self.invoice_by, "Invoice", "invoiceId"),
        )


@strawberry.input
class ReopenCouponInput(KeyedInput):
    """A used coupon to make good again."""

    coupon_id: strawberry.ID | None = None
    """Coupon to reopen. It must have been used, and not reopened before."""
    coupon_by: CouponBy | None = None
    """In place of couponId: the coupon by code or id. One of the two is needed."""
    note: str | None = None
    """Free text of up to 10,000 characters, kept in the audit trail and hidden from customers."""

    def command(self) -> ReopenCoupon:
        """Raises NotFound, Invalid."""
        return ReopenCoupon(
            coupon_id=one(self.coupon_id, self.coupon_by, "Coupon", "couponId"),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
        )


@strawberry.input
class PreviewDisableCouponInput(TextsInput):
    """A coupon whose disabling to preview."""

    coupon_id: strawberry.ID | None = None
    """Coupon to disable. A used one can be disabled only to return the points it cost."""
    coupon_by: CouponBy | None = None
    """In place of couponId: the coupon by code or id. One of the two is needed."""
    refund_points: bool = False
    """Whether to return the points it cost to the credits that they came from. Not of one that was reopened."""
    restock: bool | None = False
    """Whether to put one back into its reward's stock, if that is counted."""
    note: str | None = None
    """Free text kept with the refund and in the audit trail, hidden from customers."""

    def command(self) -> DisableCoupon:
        """Raises NotFound, Invalid."""
        return DisableCoupon(
            coupon_id=one(self.coupon_id, self.coupon_by, "Coupon", "couponId"),
            refund_points=self.refund_points,
            restock=bool(self.restock),
            note=texts.optional(self.note, texts.MAX_NOTE, "note"),
            texts=self.texts(),
        )


@strawberry.input
class DisableCouponInput(KeyedInput, PreviewDisableCouponInput):
    """A coupon to disable. Its reference and metadata are the transaction's that returns its points."""


@strawberry.type
class UseCouponPayload(PostingPayload):
    """Result of useCoupon."""

    @resolved(Coupon | None)
    def coupon(self, info: Info) -> Pending[Any]:
        """Coupon after its use."""
        return loaded(info, "Coupon", self.outcome.coupon_id)


@strawberry.type
class ReopenCouponPayload(PostingPayload):
    """Result of reopenCoupon."""

    @resolved(Coupon | None)
    def coupon(self, info: Info) -> Pending[Any]:
        """Coupon after it was reopened."""
        return loaded(info, "Coupon", self.outcome.coupon_id)


@strawberry.type
class DisableCouponPayload(PostingPayload):
    """Result of disableCoupon."""

    @resolved(Coupon | None)
    def coupon(self, info: Info) -> Pending[Any]:
        """Coupon after it was disabled."""
        return loaded(info, "Coupon", self.outcome.coupon_id)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Points account after the refund; null if no points were refunded."""
        return loaded(info, "Account", self.outcome.account_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that refunded the points; null if none were refunded."""
        return loaded(info, "Transaction", self.outcome.transaction_id)
