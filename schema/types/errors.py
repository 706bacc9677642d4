"""Expected failures, as payloads carry them."""

from decimal import Decimal
from typing import Final

import strawberry

from auth.roles import Permission
from models.errors import CreditSpent, InsufficientBalance, LedgerError, LedgerErrors, LimitExceeded
from schema.context import Info
from schema.types.base import resolved
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


@strawberry.type(description="Why nothing was changed.")
class UserError:
    code: UserErrorCode
    text: strawberry.Private[str]
    spendable: strawberry.Private[Decimal | None] = None
    spent: strawberry.Private[Decimal | None] = None
    field: list[str] | None = strawberry.field(default=None, description="Path in the input.")
    remaining: list[LimitRemaining] | None = strawberry.field(default=None, description="With LIMIT_EXCEEDED.")
    row: int | None = strawberry.field(default=None, description="In a bulk, from 0.")

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
    errors = error.errors if isinstance(error, LedgerErrors) else (error,)
    return [UserError.of(each) for each in errors]
