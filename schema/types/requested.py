"""Lines of an order and payments that wait for approval."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.commands import RecordPayment
from models.kinds import PaymentMethod
from schema.context import Info
from schema.scalars import AssetCode
from schema.types.base import resolved
from schema.types.invoice import Invoice
from schema.types.money import Money, by_itself, money
from schema.types.product import Product


@strawberry.type
@money(by_itself, "unit_price", "discount_amount", "tax_amount")
class RequestedItem:
    """One line of an order that waits for approval."""

    quantity: int = strawberry.field(deprecation_reason="Use units: a quantity may have a fraction.")
    """Number of units to sell; 0 if it was asked for otherwise."""
    quantity_decimal: Decimal = strawberry.field(deprecation_reason="Use units, which is the same.")
    """Number of units to sell, such as "2.5"."""
    units: Decimal
    """Number of units to sell, such as "3" or "2.5"."""
    unit_price: Decimal | None
    """Price asked for per unit; null for the product's own price."""
    discount_percent: Decimal | None
    """Percentage to take off; null if none is asked for."""
    discount_amount: Decimal | None
    """Amount to take off after the percentage; null if none is asked for."""
    tax_amount: Decimal | None
    """Tax to add; null if none is asked for."""
    product_id: strawberry.Private[UUID]
    unit: strawberry.Private[str]

    @resolved(Product | None)
    def product(self, info: Info) -> Pending[Any]:
        """Product to sell, as it is now."""
        info.context.require(Permission.READ_PRODUCTS)
        return info.context.loaders.products.get(self.product_id)


@strawberry.type
class RequestedPayment:
    """A payment that waits for approval of what is to be kept of it."""

    amount: Decimal
    """Amount paid, with what is to be kept."""
    method: PaymentMethod
    """Means of payment."""
    received_on: date | None
    """Day on which it was received; null for the day of the approval."""
    invoice_id: strawberry.Private[UUID]
    unit: strawberry.Private[str | None]

    @classmethod
    def of(cls, asked: RecordPayment) -> "RequestedPayment":
        return cls(
            amount=asked.amount,
            method=PaymentMethod(asked.method),
            received_on=asked.received_on,
            invoice_id=asked.invoice_id,
            unit=asked.asset,
        )

    @resolved(Money | None)
    def amount_money(self, info: Info) -> Money | None:
        """The figure `amount` with its unit, which takes the right to read invoices; null if its unit is not known."""
        info.context.require(Permission.READ_INVOICES)
        return None if self.unit is None else Money(amount=self.amount, asset=AssetCode(self.unit))

    @resolved(Invoice | None)
    def invoice(self, info: Info) -> Pending[Any]:
        """Invoice or order to pay, as it is now."""
        info.context.require(Permission.READ_INVOICES)
        return info.context.loaders.invoices.get(self.invoice_id)
