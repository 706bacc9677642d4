"""What a limit leaves."""

from decimal import Decimal

import strawberry

from models import commands, errors
from schema.scalars import AssetCode
from schema.types.enums import LimitScope


@strawberry.type(description="What one limit leaves; only limits that exist are listed.")
class LimitRemaining:
    scope: LimitScope
    asset: AssetCode
    remaining: Decimal

    @classmethod
    def of(cls, left: errors.LimitRemaining) -> "LimitRemaining":
        return cls(scope=LimitScope(left.scope), asset=AssetCode(left.asset), remaining=left.remaining)


@strawberry.type
class LimitVerdict:
    allowed: bool
    approval_required: bool
    remaining: list[LimitRemaining]

    @classmethod
    def of(cls, verdict: commands.LimitVerdict) -> "LimitVerdict":
        remaining = [LimitRemaining.of(left) for left in verdict.remaining]
        return cls(allowed=verdict.allowed, approval_required=verdict.approval_required, remaining=remaining)
