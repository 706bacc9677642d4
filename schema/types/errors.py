"""Expected failures, as payloads carry them."""

from collections import Counter
from decimal import Decimal
from typing import Final

import strawberry

from auth.roles import Permission
from models import errors
from models.errors import CreditSpent, InsufficientBalance, LedgerError, LedgerErrors, LimitExceeded
from models.undoing_errors import NotedTooMuch, UnlikeInvoice
from schema.context import Info
from schema.scalars import AssetCode
from schema.types.base import in_turns, resolved
from schema.types.enums import UserErrorCode
from schema.types.limits import LimitRemaining
from schema.types.money import by_itself, money

TOLD: Final[Counter[str]] = Counter()
"""How many user errors this process has told clients, by code: for its metrics."""
FIGURES: Final = {
    "INSUFFICIENT_BALANCE": (Permission.READ_LEDGER, "Not enough is available."),
    "EXCEEDS_REMAINING": (Permission.READ_LEDGER, "That is more than is left. Lower the amount."),
    "CREDIT_SPENT": (Permission.READ_LEDGER, "Credit that must be taken back has been used. Give that back first."),
    "CREDIT_HELD": (Permission.READ_LEDGER, "Part of the credit is held. Release that first."),
    "EXCEEDS_DUE": (Permission.READ_INVOICES, "That is more than is due. Lower the amount."),
    "INVOICE_PAID": (Permission.READ_INVOICES, "The invoice has payments. Void those first."),
}
"""Failures whose message quotes a figure of the customer's: the right to read it, and the message without it."""


@strawberry.type
class TermChange:
    """One term of an approval request that has changed since it was asked for."""

    field: str
    """Path of the term, such as reward.pointsCost."""
    before: str | None
    """Value at the time of asking; null if there was none."""
    after: str | None
    """Value now; null if there is none."""

    @classmethod
    def of(cls, change: errors.TermChange) -> "TermChange":
        return cls(field=change.field, before=change.before, after=change.after)


@strawberry.type
@money(by_itself, "available", "used")
class UserError:
    """An expected failure, such as a limit or a missing balance. Nothing was changed."""

    code: UserErrorCode
    """Stable code to branch on."""
    text: strawberry.Private[str]
    spendable: strawberry.Private[Decimal | None] = None
    spent: strawberry.Private[Decimal | None] = None
    unit: strawberry.Private[str | None] = None
    hidden: strawberry.Private[tuple[Permission, str] | None] = None
    field: list[str] | None = None
    """Path in the input that the error is about, such as ["items", "3", "amount"]; null if it is about the whole."""
    remaining: list[LimitRemaining] | None = None
    """With LIMIT_EXCEEDED: amount left under each limit that applies."""
    row: int | None = None
    """In a bulk: number of the failed row, counted from 0; null elsewhere."""
    currencies: list[AssetCode] | None = None
    """With CURRENCY_NOT_ALLOWED: currencies that may be used instead."""
    changes: list[TermChange] | None = None
    """With REQUEST_CHANGED: terms that differ from those asked for."""
    version: str | None = None
    """With REQUEST_CHANGED: version to pass to approveRequest in order to approve the terms as they are now."""

    @classmethod
    def of(cls, error: LedgerError) -> "UserError":
        return cls(
            code=UserErrorCode(error.code),
            text=error.message,
            field=None if error.field is None else list(error.field),
            spendable=error.available if isinstance(error, InsufficientBalance) else None,
            spent=error.used if isinstance(error, CreditSpent) else None,
            unit=error.asset if isinstance(error, InsufficientBalance | CreditSpent) else None,
            hidden=_hidden(error),
            remaining=[LimitRemaining.of(r) for r in error.remaining] if isinstance(error, LimitExceeded) else None,
            row=error.row,
            currencies=[AssetCode(c) for c in error.allowed] if isinstance(error, errors.CurrencyNotAllowed) else None,
            changes=[TermChange.of(c) for c in error.changes] if isinstance(error, errors.RequestChanged) else None,
            version=error.version if isinstance(error, errors.RequestChanged) else None,
        )

    @resolved(str)
    def message(self, info: Info) -> str:
        """Text to show to the user. It leaves out figures that the token may not read; branch on `code`, never on this."""
        hidden = self.hidden or FIGURES.get(self.code.name)
        return self.text if hidden is None or info.context.may(hidden[0]) else hidden[1]

    @resolved(Decimal | None)
    def available(self, info: Info) -> Decimal | None:
        """With INSUFFICIENT_BALANCE: amount that can be spent, if the token may read the ledger."""
        return self.spendable if info.context.may(Permission.READ_LEDGER) else None

    @resolved(Decimal | None)
    def used(self, info: Info) -> Decimal | None:
        """With CREDIT_SPENT: amount of the order's credit that has been used, if the token may read the ledger."""
        return self.spent if info.context.may(Permission.READ_LEDGER) else None


def _hidden(error: LedgerError) -> tuple[Permission, str] | None:
    """The right to read the figure in its message, and the message without it, where its code does not say so."""
    if isinstance(error, UnlikeInvoice):
        return Permission.READ_INVOICES, error.without
    if isinstance(error, NotedTooMuch):
        return Permission.READ_INVOICES, FIGURES[error.code][1]
    return None


def user_errors(error: LedgerError) -> list[UserError]:
    """Return one error, or a bulk's: one for each bad row."""
    all_of_them = error.errors if isinstance(error, LedgerErrors) else (error,)
    TOLD.update(each.code for each in all_of_them)
    return in_turns(all_of_them, UserError.of)
