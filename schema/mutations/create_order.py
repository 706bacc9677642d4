"""createOrder."""

from datetime import date
from decimal import Decimal
from typing import Any

import strawberry

from gateway.reading import Pending
from models.commands import CreateOrder, OrderItem
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import NOTHING, OutcomeOf, loaded
from schema.scalars import AssetCode
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.invoice import Invoice
from schema.types.requests import ApprovalRequest, requested


@strawberry.input
class OrderItemInput:
    product_id: strawberry.ID
    quantity: int
    unit_price: Decimal | None = strawberry.field(default=None, description="Blank: the product's own.")

    def item(self, place: int) -> OrderItem:
        product_id = input_id(self.product_id, "Product", "items", str(place), "productId")
        return OrderItem(product_id, self.quantity, self.unit_price)


@strawberry.input
class CreateOrderInput:
    customer_id: strawberry.ID
    number: str
    currency: AssetCode
    items: list[OrderItemInput]
    issued_on: date | None = strawberry.field(default=None, description="Blank: today, in the tenant's zone.")
    due_on: date | None = None
    auto_apply_credit: bool | None = strawberry.field(
        default=False,
        description="Set the customer's open credit against it at once, as against an invoice, instead of by a payment.",
    )
    request_approval: bool | None = strawberry.field(
        default=False, description="Over a limit on selling credit: ask a manager, rather than be refused."
    )
    propose_only: bool | None = strawberry.field(
        default=False, description="Wait for a second person in any case, also within the limits."
    )
    idempotency_key: str

    def command(self) -> CreateOrder:
        """Raises NotFound, Invalid."""
        return CreateOrder(
            customer_id=input_id(self.customer_id, "Customer", "customerId"),
            number=texts.name_as_sent(self.number, texts.MAX_NUMBER, "number"),
            currency=self.currency,
            items=tuple(item.item(place) for place, item in enumerate(self.items)),
            issued_on=self.issued_on,
            due_on=self.due_on,
            auto_apply=self.auto_apply_credit is True,
            request_approval=bool(self.request_approval),
            propose_only=bool(self.propose_only),
        )


@strawberry.type
class CreateOrderPayload:
    replayed: bool = False
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    outcome: OutcomeOf = NOTHING

    @resolved(Invoice | None)
    def order(self, info: Info) -> Pending[Any]:
        return loaded(info, "invoices", self.outcome.invoice_id)

    @resolved(ApprovalRequest | None, "There is no order yet: a manager has to approve first.")
    def approval_request(self, info: Info) -> Pending[Any]:
        return requested(info, self.outcome.approval_request_id)
