"""Holds: value that is set aside for a purpose or an invoice, until it is captured, released or expires."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.kinds import HoldStatus
from models.money import to_decimal
from models.reads import holds
from models.views import HoldView
from schema.context import Info
from schema.ids import global_id
from schema.nodes import by_ids, node
from schema.types.account import Account
from schema.types.base import Node, Reader, resolved
from schema.types.invoice import Invoice
from schema.types.ledger import Transaction
from schema.types.money import by_view, money


@node(HoldView, by_ids(holds.by_ids), Permission.READ_LEDGER, owner="account_id")
@strawberry.type
@money(by_view, "amount", "held", "captured")
class Hold(Node):
    """Value of one account that is set aside, credit by credit, until an instant. It can be captured until then, even if its
    credits have expired."""

    status: HoldStatus
    """State of the hold now; its expiry counts from the instant it passes."""
    amount: Decimal
    """Amount that was set aside when it was placed."""
    held: Decimal
    """Amount that is set aside now: neither captured, nor released, nor expired."""
    captured: Decimal
    """Amount that was captured."""
    expires_at: datetime
    """Instant from which nothing is held any more."""
    created_at: datetime
    """Instant at which it was placed."""
    view: strawberry.Private[HoldView]

    @classmethod
    def of(cls, view: HoldView, reader: Reader) -> "Hold":
        return cls(
            id=global_id("Hold", view.id),
            status=HoldStatus(view.status(reader.now)),
            amount=to_decimal(view.amount_minor, view.asset),
            held=to_decimal(view.held_minor(reader.now), view.asset),
            captured=to_decimal(view.captured_minor, view.asset),
            expires_at=view.expires_at,
            created_at=view.created_at,
            view=view,
        )

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account that it was placed on."""
        return info.context.loaders.accounts.get(self.view.account_id)

    @resolved(Invoice | None)
    def invoice(self, info: Info) -> Pending[Any]:
        """Invoice or order that it is for; null if it is for a purpose."""
        if self.view.invoice_id is None:
            return None
        info.context.require(Permission.READ_INVOICES)
        return info.context.loaders.invoices.get(self.view.invoice_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that placed it, with its actor and note."""
        return info.context.loaders.transactions.get(self.view.id)
