"""Previews of what touches several accounts or invoices: rewards, assignments, releases, what is issued, changed or voided,
merges."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.kinds import InvoiceStatus
from models.money import to_decimal
from models.operations.effects import AccountEffect as OnAccount
from models.operations.effects import Effects
from models.operations.effects import InvoiceEffect as OnInvoice
from schema.context import Info
from schema.scalars import AssetCode
from schema.types.account import Account
from schema.types.base import in_turns, resolved
from schema.types.configuration import Tier
from schema.types.customer import Customer
from schema.types.errors import UserError
from schema.types.invoice import Invoice
from schema.types.limits import LimitVerdict
from schema.types.reports import CreditEffect


@strawberry.type
class AccountEffect:
    """Effect that a previewed request would have on one account."""

    asset: AssetCode
    """Asset of all amounts here."""
    available_after: Decimal
    """Available amount afterwards."""
    held_after: Decimal
    """Amount set aside by holds afterwards."""
    lifetime_after: Decimal
    """Lifetime total afterwards."""
    credits: list[CreditEffect]
    """Credits that would be opened, given back to, taken from or changed, in the order in which that would happen."""
    effect: strawberry.Private[OnAccount]

    @classmethod
    def of(cls, effect: OnAccount) -> "AccountEffect":
        return cls(
            asset=AssetCode(effect.asset),
            available_after=to_decimal(effect.available_minor, effect.asset),
            held_after=to_decimal(effect.held_minor, effect.asset),
            lifetime_after=to_decimal(effect.lifetime_minor, effect.asset),
            credits=CreditEffect.all_of(effect.credits, effect.asset),
            effect=effect,
        )

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account before it; null if it would be opened."""
        account_id: UUID | None = self.effect.account_id
        return None if account_id is None else info.context.loaders.accounts.get(account_id)

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        """Customer whose account it is."""
        info.context.require(Permission.READ_CUSTOMERS)
        return info.context.loaders.customers.get(self.effect.customer_id)

    @resolved(Tier | None)
    async def tier_after(self, info: Info) -> Tier | None:
        """Tier afterwards; null below the first tier, and for every asset but POINTS."""
        tier = self.effect.tier
        return None if tier is None else (await info.context.loaders.tiers()).named(tier)


@strawberry.type
class InvoiceEffect:
    """Effect that a previewed request would have on one invoice or order."""

    currency: AssetCode
    """Currency of all amounts here."""
    amount: Decimal
    """Amount that would be paid or taken off (positive), or due again (negative)."""
    due_after: Decimal
    """Amount still to pay afterwards."""
    status_after: InvoiceStatus
    """State afterwards."""
    total: Decimal
    """Total of all its lines."""
    invoice_id: strawberry.Private[UUID | None]

    @classmethod
    def of(cls, effect: OnInvoice) -> "InvoiceEffect":
        return cls(
            currency=AssetCode(effect.currency),
            amount=to_decimal(effect.before_minor - effect.due_minor, effect.currency),
            due_after=to_decimal(effect.due_minor, effect.currency),
            status_after=InvoiceStatus(effect.status),
            total=to_decimal(effect.total_minor, effect.currency),
            invoice_id=effect.invoice_id,
        )

    @resolved(Invoice | None)
    def invoice(self, info: Info) -> Pending[Any]:
        """Invoice or order before it; null if it would be issued."""
        info.context.require(Permission.READ_INVOICES)
        return None if self.invoice_id is None else info.context.loaders.invoices.get(self.invoice_id)


@strawberry.type
class PostingPreview:
    """Effects that a mutation would have if it were posted now. Nothing is written."""

    limit: LimitVerdict
    """Result of checking it against the limits, if there are any on it."""
    user_errors: list[UserError]
    """Reasons for which it would be rejected; empty if it would be posted."""
    effects: strawberry.Private[Effects]

    @classmethod
    def of(cls, found: Effects) -> "PostingPreview":
        return cls(
            limit=LimitVerdict.of(found.limit),
            user_errors=[UserError.of(error) for error in found.errors],
            effects=found,
        )

    @resolved(list[AccountEffect] | None)
    def accounts(self, info: Info) -> list[AccountEffect]:
        """Accounts that value would move on, or of which a credit would change; empty if it would be rejected, or only asked
        for; null without the right to read the ledger."""
        info.context.require(Permission.READ_LEDGER)
        return [AccountEffect.of(effect) for effect in self.effects.accounts]

    @resolved(list[InvoiceEffect] | None)
    def invoices(self, info: Info) -> list[InvoiceEffect]:
        """Invoices and orders that would change; empty if it would be rejected; null without the right to read invoices."""
        info.context.require(Permission.READ_INVOICES)
        return in_turns(self.effects.invoices, InvoiceEffect.of)
