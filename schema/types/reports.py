"""What the business owes, and what an adjustment would do."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from models import commands
from models.errors import AssetUnknown
from models.money import to_decimal
from models.reads.liability import LiabilityView
from schema.context import Info
from schema.scalars import AssetCode
from schema.types.account import Account, Credit
from schema.types.base import Pending, resolved
from schema.types.configuration import Tier
from schema.types.errors import UserError
from schema.types.limits import LimitVerdict


@strawberry.type(description="What is owed in one asset.")
class Liability:
    asset: AssetCode
    accounts: int = strawberry.field(description="Those that something is owed on.")
    outstanding: Decimal = strawberry.field(description="All remainders that have not expired, scheduled ones too.")
    scheduled: Decimal = strawberry.field(description="Of these, what starts later.")

    @classmethod
    def of(cls, view: LiabilityView) -> "Liability":
        return cls(
            asset=AssetCode(view.asset), accounts=view.accounts,
            outstanding=to_decimal(view.outstanding_minor, view.asset),
            scheduled=to_decimal(view.scheduled_minor, view.asset),
        )  # fmt: skip


@strawberry.type(description="A credit that an adjustment would open or take from.")
class CreditEffect:
    amount: Decimal = strawberry.field(description="Signed.")
    remaining_after: Decimal
    expires_at: datetime | None
    credit_id: strawberry.Private[UUID | None]

    @classmethod
    def of(cls, effect: commands.CreditEffect, asset: str) -> "CreditEffect":
        return cls(
            amount=to_decimal(effect.amount_minor, asset),
            remaining_after=to_decimal(effect.remaining_after_minor, asset),
            expires_at=effect.expires_at, credit_id=effect.credit_id,
        )  # fmt: skip

    @resolved(Credit | None, "Null where it would be opened.")
    def credit(self, info: Info) -> Pending[Any]:
        return None if self.credit_id is None else info.context.loaders.credits.get(self.credit_id)


@strawberry.type(description="What an adjustment would do if it were posted now. Nothing was written.")
class AdjustmentPreview:
    available_after: Decimal
    lifetime_after: Decimal
    credits: list[CreditEffect] = strawberry.field(description="What would be opened or taken from, in burn order.")
    limit: LimitVerdict
    user_errors: list[UserError]
    preview: strawberry.Private[commands.Preview]

    @classmethod
    def of(cls, preview: commands.Preview) -> "AdjustmentPreview":
        asset = preview.asset
        return cls(
            available_after=_shown(preview.available_after_minor, asset),
            lifetime_after=_shown(preview.lifetime_after_minor, asset),
            credits=[CreditEffect.of(effect, asset) for effect in preview.credits],
            limit=LimitVerdict.of(preview.limit),
            user_errors=[UserError.of(error) for error in preview.errors],
            preview=preview,
        )

    @resolved(Account | None, "As it stands now; null where it would be opened.")
    def account(self, info: Info) -> Pending[Any]:
        account_id = self.preview.account_id
        return None if account_id is None else info.context.loaders.accounts.get(account_id)

    @resolved(Tier | None)
    async def tier_after(self, info: Info) -> Tier | None:
        if self.preview.tier_after is None:
            return None
        return (await info.context.loaders.tiers()).named(self.preview.tier_after)


def _shown(minor: int, asset: str) -> Decimal:
    """The preview of an asset that does not exist says so in userErrors, and has to show some figure all the same."""
    try:
        return to_decimal(minor, asset)
    except AssetUnknown:
        return Decimal(minor)
