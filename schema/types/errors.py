"""Expected failures, as payloads carry them."""

from decimal import Decimal

import strawberry

from models.errors import CreditSpent, InsufficientBalance, LedgerError, LedgerErrors, LimitExceeded
from schema.types.base import in_turns
from schema.types.enums import UserErrorCode
from schema.types.limits import LimitRemaining


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
        )


def user_errors(error: LedgerError) -> list[UserError]:
    """One, or a bulk's: one for each bad row."""
    errors = error.errors if isinstance(error, LedgerErrors) else (error,)
    return in_turns(errors, UserError.of)
