"""createOrder, and previewOrder, whose input is the same without a key."""

from datetime import date
from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import CreateOrder, OrderItem
from models.planning.invoices import MAX_LINES
from schema import texts
from schema.bounds import bounded
from schema.context import Info
from schema.mutations.base import KeyedInput, PostingPayload, loaded
from schema.mutations.quantities import USE_UNITS, quantities
from schema.naming import CustomerBy, ProductBy, one
from schema.scalars import AssetCode
from schema.types.base import resolved
from schema.types.invoice import Invoice
from schema.types.metadata import TextsInput
from schema.types.requests import ApprovalRequest, requested


@strawberry.input
class OrderItemInput:
    """One line of an order, whose total is worked out as an invoice's. One of credit has no discount and no tax, and is
    worth a whole number of minor units."""

    product_id: strawberry.ID | None = None
    """Active product to sell."""
    product_by: ProductBy | None = None
    """In place of productId: the product by name or id. One of the two is needed."""
    quantity: int | None = strawberry.field(default=None, deprecation_reason=USE_UNITS)
    """Whole number of units, at least 1. Null or 0: `units` or quantityDecimal gives it."""
    unit_price: Decimal | None = None
    """Price of one unit, with up to four decimal places in any currency. Null: the product's own price."""
    quantity_decimal: Decimal | None = strawberry.field(default=None, deprecation_reason=USE_UNITS)
    """Number of units that may have a fraction, such as "2.5", above zero and below 10,000,000,000. Null: `units` or
    quantity gives it."""
    units: Decimal | None = None
    """Number of units, such as "3" or "2.5", above zero and below 10,000,000,000, with up to four decimal places. Always
    given, but for those who still send quantity or quantityDecimal."""
    discount_percent: Decimal | None = None
    """Percentage to take off, from 0 to 100, such as "7.5"."""
    discount_amount: Decimal | None = None
    """Amount to take off after the percentage, not negative, and no more than what is left."""
    tax_amount: Decimal | None = None
    """Tax to add to the total of the line, not negative. It is never computed."""

    def item(self, place: int) -> OrderItem:
        """Raises NotFound, Invalid."""
        product_id = one(self.product_id, self.product_by, "Product", "items", str(place), "productId")
        quantity, quantity_decimal = quantities(self.units, self.quantity, self.quantity_decimal, "items", str(place))
        return OrderItem(
            product_id,
            quantity,
            self.unit_price,
            quantity_decimal,
            self.discount_percent,
            self.discount_amount,
            self.tax_amount,
        )


@strawberry.input
class PreviewOrderInput(TextsInput):
    """An order to preview."""

    customer_id: strawberry.ID | None = None
    """Customer who is to pay."""
    customer_by: CustomerBy | None = None
    """In place of customerId: the customer by external id or id. One of the two is needed."""
    number: str
    """Number that is unique in the tenant, up to 64 characters, such as "SO-1042"."""
    currency: AssetCode
    """Currency of all amounts, an ISO 4217 code."""
    items: list[OrderItemInput]
    """Lines, between 1 and 1,000."""
    issued_on: date | None = None
    """Day of issue. Null: today in the tenant's time zone."""
    due_on: date | None = None
    """Day by which it is to be paid, not before issuedOn."""
    auto_apply_credit: bool | None = False
    """Whether to pay it from the customer's open credit at once, as for an invoice, instead of by a later payment."""
    request_approval: bool | None = False
    """Whether to ask for approval instead of failing if a limit on selling credit is exceeded."""
    propose_only: bool | None = False
    """Whether to ask for approval in any case, even within the limits."""

    def command(self) -> CreateOrder:
        """Raises NotFound, Invalid."""
        items = bounded(self.items, MAX_LINES, f"An order has between 1 and {MAX_LINES:,} items.", "items")
        return CreateOrder(
            customer_id=one(self.customer_id, self.customer_by, "Customer", "customerId"),
            number=texts.name_as_sent(self.number, texts.MAX_NUMBER, "number"),
            currency=self.currency,
            items=tuple(item.item(place) for place, item in enumerate(items)),
            issued_on=self.issued_on,
            due_on=self.due_on,
            auto_apply=self.auto_apply_credit is True,
            request_approval=bool(self.request_approval),
            propose_only=bool(self.propose_only),
            invoice_texts=self.texts(),
        )


@strawberry.input
class CreateOrderInput(KeyedInput, PreviewOrderInput):
    """An order to issue."""


@strawberry.type
class CreateOrderPayload(PostingPayload):
    """Result of createOrder."""

    @resolved(Invoice | None)
    def order(self, info: Info) -> Pending[Any]:
        """Order that was issued; null if approval was requested."""
        return loaded(info, "Invoice", self.outcome.invoice_id)

    @resolved(ApprovalRequest | None)
    def approval_request(self, info: Info) -> Pending[Any]:
        """Approval request that was made instead of issuing; null if the order was issued."""
        return requested(info, self.outcome.approval_request_id)
