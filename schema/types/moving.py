"""Previews of transfers and revivals."""

from decimal import Decimal
from typing import Any

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models import commands
from schema.context import Info
from schema.types.account import Account
from schema.types.base import resolved
from schema.types.errors import UserError
from schema.types.limits import LimitVerdict
from schema.types.money import by_preview, money
from schema.types.reports import CreditEffect, shown_amount


@strawberry.type
@money(by_preview, "available_after", "received_available_after")
class TransferPreview:
    """Effects that a transfer would have if it were posted now. Nothing is written."""

    limit: LimitVerdict
    """Result of checking it against the limits on what the receiver is given."""
    user_errors: list[UserError]
    """Reasons for which it would be rejected; empty if it would be posted."""
    preview: strawberry.Private[commands.Preview]

    @classmethod
    def of(cls, preview: commands.Preview) -> "TransferPreview":
        return cls(
            limit=LimitVerdict.of(preview.limit),
            user_errors=[UserError.of(error) for error in preview.errors],
            preview=preview,
        )

    @resolved(Decimal | None)
    def available_after(self, info: Info) -> Decimal:
        """Amount that the giver would have available; null without the right to read the ledger."""
        info.context.require(Permission.READ_LEDGER)
        return shown_amount(self.preview.available_after_minor, self.preview.asset)

    @resolved(Decimal | None)
    def received_available_after(self, info: Info) -> Decimal | None:
        """Amount that the receiver would have available; null if it would be rejected, and without the right to read the
        ledger."""
        info.context.require(Permission.READ_LEDGER)
        received = self.preview.received
        return None if received is None else shown_amount(received.available_after_minor, received.asset)

    @resolved(list[CreditEffect] | None)
    def credits(self, info: Info) -> list[CreditEffect]:
        """Credits that would be taken from, in burn order."""
        info.context.require(Permission.READ_LEDGER)
        return CreditEffect.all_of(self.preview.credits, self.preview.asset)

    @resolved(list[CreditEffect] | None)
    def received_credits(self, info: Info) -> list[CreditEffect]:
        """Credits that would be opened for the receiver, in the same order."""
        info.context.require(Permission.READ_LEDGER)
        received = self.preview.received
        effects = () if received is None else received.credits
        return CreditEffect.all_of(effects, self.preview.asset)


@strawberry.type
@money(by_preview, "available_after")
class RevivalPreview:
    """Effects that a revival would have if it were posted now. Nothing is written."""

    limit: LimitVerdict
    """Result of checking it against the limits."""
    user_errors: list[UserError]
    """Reasons for which it would be rejected; empty if it would be posted."""
    preview: strawberry.Private[commands.Preview]

    @classmethod
    def of(cls, preview: commands.Preview) -> "RevivalPreview":
        return cls(
            limit=LimitVerdict.of(preview.limit),
            user_errors=[UserError.of(error) for error in preview.errors],
            preview=preview,
        )

    @resolved(Decimal | None)
    def available_after(self, info: Info) -> Decimal:
        """Available amount afterwards; null without the right to read the ledger."""
        info.context.require(Permission.READ_LEDGER)
        return shown_amount(self.preview.available_after_minor, self.preview.asset)

    @resolved(list[CreditEffect] | None)
    def credits(self, info: Info) -> list[CreditEffect]:
        """Effects on the credit, under its new expiry. What no job has written off yet would be written off first."""
        info.context.require(Permission.READ_LEDGER)
        return CreditEffect.all_of(self.preview.credits, self.preview.asset)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account before it; null if it would be opened."""
        info.context.require(Permission.READ_LEDGER)
        account_id = self.preview.account_id
        return None if account_id is None else info.context.loaders.accounts.get(account_id)
