"""Expected failures, as payloads carry them."""

from decimal import Decimal
from typing import Final

import strawberry

from auth.roles import Permission
from models import errors
from models.errors import CreditSpent, InsufficientBalance, LedgerError, LedgerErrors, LimitExceeded
from schema.context import Info
from schema.scalars import AssetCode
from schema.types.base import in_turns, resolved
from schema.types.enums import UserErrorCode
from schema.types.limits import LimitRemaining

FIGURES: Final = {
    "INSUFFICIENT_BALANCE": (Permission.READ_LEDGER, "That is more than can be spent."),
    "EXCEEDS_REMAINING": (Permission.READ_LEDGER, "That is more than is left of the credit."),
    "CREDIT_SPENT": (Permission.READ_LEDGER, "Credit that the order granted has been used: give that back first."),
    "EXCEEDS_DUE": (Permission.READ_INVOICES, "That is more than is due."),
    "INVOICE_PAID": (Permission.READ_INVOICES, "The invoice has payments: void these first."),
}
"""The failures that tell a figure of the customer's: the right to read it, and what is said without the figure."""


@strawberry.type(description="One of the terms that a request was asked under, and what has become of it.")
class TermChange:
    field: str = strawberry.field(description="Path in the input that was asked for, or of what it names.")
    before: str | None = strawberry.field(description="When it was asked for; null: nothing.")
    after: str | None = strawberry.field(description="Now; null: nothing.")

    @classmethod
    def of(cls, change: errors.TermChange) -> "TermChange":
        return cls(field=change.field, before=change.before, after=change.after)


@strawberry.type(description="Why nothing was changed.")
class UserError:
    code: UserErrorCode
    text: strawberry.Private[str]
    spendable: strawberry.Private[Decimal | None] = None
    spent: strawberry.Private[Decimal | None] = None
    field: list[str] | None = strawberry.field(default=None, description="Path in the input.")
    remaining: list[LimitRemaining] | None = strawberry.field(default=None, description="With LIMIT_EXCEEDED.")
    row: int | None = strawberry.field(default=None, description="In a bulk, from 0.")
    currencies: list[AssetCode] | None = strawberry.field(
        default=None, description="With CURRENCY_NOT_ALLOWED: those that may be used."
    )
    changes: list[TermChange] | None = strawberry.field(
        default=None, description="With REQUEST_CHANGED: what is not as it was when it was asked for."
    )
    version: str | None = strawberry.field(
        default=None, description="With REQUEST_CHANGED: what approveRequest takes, to approve it as it is now."
    )

    @classmethod
    def of(cls, error: LedgerError) -> "UserError":
        return cls(
            code=UserErrorCode(error.code),
            text=error.message,
            field=None if error.field is None else list(error.field),
            spendable=error.available if isinstance(error, InsufficientBalance) else None,
            spent=error.used if isinstance(error, CreditSpent) else None,
            remaining=[LimitRemaining.of(r) for r in error.remaining] if isinstance(error, LimitExceeded) else None,
            row=error.row,
            currencies=[AssetCode(c) for c in error.allowed] if isinstance(error, errors.CurrencyNotAllowed) else None,
            changes=[TermChange.of(c) for c in error.changes] if isinstance(error, errors.RequestChanged) else None,
            version=error.version if isinstance(error, errors.RequestChanged) else None,
        )

    @resolved(str, "For people; clients branch on code. Without figures that may not be read.")
    def message(self, info: Info) -> str:
        right, without = FIGURES.get(self.code.name, (None, ""))
        return self.text if right is None or info.context.may(right) else without

    @resolved(Decimal | None, "With INSUFFICIENT_BALANCE, where the ledger may be read.")
    def available(self, info: Info) -> Decimal | None:
        return self.spendable if info.context.may(Permission.READ_LEDGER) else None

    @resolved(
        Decimal | None,
        "With CREDIT_SPENT, where the ledger may be read: how much of what the order granted has been used.",
    )
    def used(self, info: Info) -> Decimal | None:
        return self.spent if info.context.may(Permission.READ_LEDGER) else None


def user_errors(error: LedgerError) -> list[UserError]:
    """One, or a bulk's: one for each bad row."""
    all_of_them = error.errors if isinstance(error, LedgerErrors) else (error,)
    return in_turns(all_of_them, UserError.of)
