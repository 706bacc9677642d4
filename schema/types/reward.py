"""Rewards, coupons, and changes of tier."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.kinds import CouponStatus, RewardKind
from models.money import POINTS, exponent, to_decimal
from models.reads import rewards
from models.views import CouponView, RewardView, TierChangeView
from schema.context import Info
from schema.ids import global_id
from schema.nodes import by_ids, node
from schema.scalars import AssetCode
from schema.types.base import Node, Reader, resolved
from schema.types.customer import Customer
from schema.types.refs import InvoiceRef, TransactionRef


def shown_value(value: Decimal | None, currency: str | None) -> Decimal | None:
    """Return the value with the decimal places of its currency; per cent with as many as it needs."""
    if value is None:
        return None
    if currency is not None:
        return value.quantize(Decimal(1).scaleb(-exponent(currency)))
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


@node(RewardView, by_ids(rewards.rewards_by_ids), Permission.READ_REWARDS, owner=None)
@strawberry.type
class Reward(Node):
    """A reward: the template that coupons are issued from."""

    name: str
    """Unique display name, such as "Free coffee"."""
    kind: RewardKind
    """Benefit that its coupons give."""
    value: Decimal | None
    """Discount: an amount in `currency` for FIXED, per cent for PERCENT; else null."""
    currency: AssetCode | None
    """With FIXED: currency of the value."""
    product: str | None
    """With FREE_PRODUCT: product given for free, as text."""
    points_cost: Decimal
    """Price in points."""
    validity_days: int | None
    """Days after issue for which its coupons are valid, up to the end of the last one; null or 0 if they never expire."""
    stock: int | None
    """Number of coupons that can still be given; null for any number."""
    active: bool
    """Whether it can be given; false once it is retired."""

    @classmethod
    def of(cls, view: RewardView, _reader: Reader) -> "Reward":
        return cls(
            id=global_id("Reward", view.id),
            name=view.name,
            kind=RewardKind(view.kind),
            value=shown_value(view.value, view.currency),
            currency=_asset(view.currency),
            product=view.product,
            points_cost=to_decimal(view.points_cost_minor, POINTS),
            validity_days=view.validity_days,
            stock=view.stock,
            active=view.active,
        )


@strawberry.type
class CouponTerms:
    """Benefit of a coupon: its reward as it was when the coupon was issued."""

    name: str
    """Name that the reward had."""
    kind: RewardKind
    """Benefit that the coupon gives."""
    value: Decimal | None
    """Discount: an amount in `currency` for FIXED, per cent for PERCENT; else null."""
    currency: AssetCode | None
    """With FIXED: currency of the value."""
    product: str | None
    """With FREE_PRODUCT: product given for free, as text."""

    @classmethod
    def of(cls, terms: Mapping[str, Any]) -> "CouponTerms":
        value = None if terms["value"] is None else Decimal(terms["value"])
        return cls(
            name=terms["name"],
            kind=RewardKind(terms["kind"]),
            value=shown_value(value, terms["currency"]),
            currency=_asset(terms["currency"]),
            product=terms["product"],
        )


def _asset(currency: str | None) -> AssetCode | None:
    return None if currency is None else AssetCode(currency)


@node(CouponView, by_ids(rewards.coupons_by_ids), Permission.READ_REWARDS, owner="customer_id")
@strawberry.type
class Coupon(Node):
    """A coupon given to one customer, with its own code."""

    code: str
    """Unique code to show or type in at the till, such as "7QWKM2XDA4HP"."""
    terms: CouponTerms
    """Benefit that the coupon gives, as promised at issue."""
    points_spent: Decimal
    """Points that the customer paid; 0 if it was free."""
    status: CouponStatus
    """State now."""
    issued_at: datetime
    """Instant at which it was given."""
    expires_at: datetime | None
    """Instant from which it can no longer be used; null if it never expires."""
    closed_at: datetime | None
    """Instant at which it was used or disabled; null while it is neither."""
    reopened_at: datetime | None
    """Instant at which its use was undone and it was made good again; null if it never was."""
    view: strawberry.Private[CouponView]

    @classmethod
    def of(cls, view: CouponView, reader: Reader) -> "Coupon":
        return cls(
            id=global_id("Coupon", view.id),
            code=view.code,
            terms=CouponTerms.of(view.terms),
            points_spent=to_decimal(view.points_spent_minor, POINTS),
            status=CouponStatus(view.status(reader.now)),
            issued_at=view.issued_at,
            expires_at=view.expires_at,
            closed_at=view.closed_at,
            reopened_at=view.reopened_at,
            view=view,
        )

    @resolved(Reward)
    def reward(self, info: Info) -> Pending[Any]:
        """Reward that it was issued from, as it is now."""
        return info.context.loaders.rewards.get(self.view.reward_id)

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        """Customer who holds it."""
        info.context.require(Permission.READ_CUSTOMERS)
        return info.context.loaders.customers.get(self.view.customer_id)

    @resolved(InvoiceRef | None)
    def used_on(self, info: Info) -> Pending[Any]:
        """Invoice or order that it was used on; null if none was named, or it was reopened since."""
        info.context.require(Permission.READ_INVOICES)
        invoice_id = self.view.invoice_id
        return None if invoice_id is None else info.context.loaders.invoices.get(invoice_id)

    @resolved(TransactionRef | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that issued the coupon."""
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.transactions.get(self.view.transaction_id)

    @resolved(TransactionRef | None)
    def refund(self, info: Info) -> Pending[Any]:
        """Transaction that refunded its points when it was disabled; null if none were refunded."""
        info.context.require(Permission.READ_LEDGER)
        refund = self.view.refund_transaction_id
        return None if refund is None else info.context.loaders.transactions.get(refund)


@node(TierChangeView, by_ids(rewards.tier_changes_by_ids), Permission.READ_LEDGER, owner="account_id")
@strawberry.type
class TierChange(Node):
    """A customer's move from one tier to another."""

    old: str | None
    """Name of the previous tier at the time; null if none had been reached."""
    new: str | None
    """Name of the new tier at the time; null below the first tier."""
    at: datetime
    """Instant of the move."""
    view: strawberry.Private[TierChangeView]

    @classmethod
    def of(cls, view: TierChangeView, _reader: Reader) -> "TierChange":
        return cls(
            id=global_id("TierChange", view.id), old=view.old_tier, new=view.new_tier, at=view.created_at, view=view
        )

    @resolved(TransactionRef | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that changed the lifetime total; null if a threshold was changed instead."""
        transaction_id = self.view.transaction_id
        return None if transaction_id is None else info.context.loaders.transactions.get(transaction_id)
