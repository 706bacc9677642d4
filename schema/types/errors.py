"""Expected failures, as payloads carry them."""

from decimal import Decimal

import strawberry

from models import errors
from models.errors import CreditSpent, InsufficientBalance, LedgerError, LedgerErrors, LimitExceeded
from schema.scalars import AssetCode
from schema.types.base import in_turns
from schema.types.enums import UserErrorCode
from schema.types.limits import LimitRemaining


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
    message: str = strawberry.field(description="For people; clients branch on code.")
    field: list[str] | None = strawberry.field(default=None, description="Path in the input.")
    available: Decimal | None = strawberry.field(default=None, description="With INSUFFICIENT_BALANCE.")
    used: Decimal | None = strawberry.field(
        default=None, description="With CREDIT_SPENT: how much of what the order granted has been used."
    )
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
            message=error.message,
            field=None if error.field is None else list(error.field),
            available=error.available if isinstance(error, InsufficientBalance) else None,
            used=error.used if isinstance(error, CreditSpent) else None,
            remaining=[LimitRemaining.of(r) for r in error.remaining] if isinstance(error, LimitExceeded) else None,
            row=error.row,
            currencies=[AssetCode(c) for c in error.allowed] if isinstance(error, errors.CurrencyNotAllowed) else None,
            changes=[TermChange.of(c) for c in error.changes] if isinstance(error, errors.RequestChanged) else None,
            version=error.version if isinstance(error, errors.RequestChanged) else None,
        )


def user_errors(error: LedgerError) -> list[UserError]:
    """One, or a bulk's: one for each bad row."""
    all_of_them = error.errors if isinstance(error, LedgerErrors) else (error,)
    return in_turns(all_of_them, UserError.of)
