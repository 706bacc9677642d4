"""What the business owes, and what an adjustment would do."""

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models import commands
from models.errors import AssetUnknown
from models.money import to_decimal
from models.reads.liability import LiabilityPart, LiabilityView, TrialBalanceView
from schema.context import Info
from schema.scalars import AssetCode
from schema.types import enums
from schema.types.account import Account, Credit
from schema.types.base import resolved
from schema.types.configuration import Tier
from schema.types.enums import TransactionKind
from schema.types.errors import UserError
from schema.types.limits import LimitVerdict


@strawberry.type(description="What is owed and expires in one month.")
class LiabilityByMonth:
    month: str | None = strawberry.field(description="In the tenant's zone, such as 2026-07; null: never expires.")
    outstanding: Decimal


@strawberry.type(description="What is owed from one source.")
class LiabilityBySource:
    kind: TransactionKind = strawberry.field(description="Of the transactions that opened the credits.")
    reason: str | None
    outstanding: Decimal


@strawberry.type(description="What is owed in one asset.")
class Liability:
    asset: AssetCode
    accounts: int = strawberry.field(description="Those that something is owed on.")
    outstanding: Decimal = strawberry.field(description="All remainders that have not expired, scheduled ones too.")
    scheduled: Decimal = strawberry.field(description="Of these, what starts later.")
    expired: Decimal = strawberry.field(
        description="Beside them, what had expired and was not yet written off; both make the trial balance."
    )
    at: strawberry.Private[datetime]

    @classmethod
    def of(cls, view: LiabilityView, at: datetime) -> "Liability":
        return cls(
            asset=AssetCode(view.asset), accounts=view.accounts,
            outstanding=to_decimal(view.outstanding_minor, view.asset),
            scheduled=to_decimal(view.scheduled_minor, view.asset),
            expired=to_decimal(view.expired_minor, view.asset), at=at,
        )  # fmt: skip

    @resolved(list[LiabilityByMonth], "outstanding by the month of its expiry, as that was set then; never last.")
    async def by_expiry_month(self, info: Info) -> list[LiabilityByMonth]:
        months: Counter[str | None] = Counter()
        for part in await self._parts(info):
            months[part.month] += part.outstanding_minor
        return [LiabilityByMonth(month=month, outstanding=self._amount(minor)) for month, minor in months.items()]

    @resolved(list[LiabilityBySource], "outstanding by what it was given for.")
    async def by_source(self, info: Info) -> list[LiabilityBySource]:
        sources: Counter[tuple[str, str]] = Counter()
        for part in await self._parts(info):
            sources[part.kind, part.reason or ""] += part.outstanding_minor
        return [
            LiabilityBySource(kind=TransactionKind(kind), reason=reason or None, outstanding=self._amount(minor))
            for (kind, reason), minor in sorted(sources.items())
        ]

    async def _parts(self, info: Info) -> list[LiabilityPart]:
        everything = await info.context.loaders.liability_parts.load((self.at, info.context.tenant.time_zone)) or []
        return [part for part in everything if part.asset == self.asset]

    def _amount(self, minor: int) -> Decimal:
        return to_decimal(minor, self.asset)


@strawberry.type(description="All entries against one counter.")
class CounterTotal:
    counter: enums.Counter
    amount: Decimal = strawberry.field(description="As the accounts see it: what was issued is positive.")


@strawberry.type(description="One asset's books in balance.")
class TrialBalance:
    asset: AssetCode
    accounts: Decimal = strawberry.field(description="The ledger balances of all accounts together.")
    counters: list[CounterTotal] = strawberry.field(description="The other side, which comes to the same.")

    @classmethod
    def of(cls, view: TrialBalanceView) -> "TrialBalance":
        return cls(
            asset=AssetCode(view.asset), accounts=to_decimal(view.balance_minor, view.asset),
            counters=[
                CounterTotal(counter=enums.Counter(counter), amount=to_decimal(minor, view.asset))
                for counter, minor in view.counters
            ],
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
    limit: LimitVerdict
    user_errors: list[UserError]
    preview: strawberry.Private[commands.Preview]

    @classmethod
    def of(cls, preview: commands.Preview) -> "AdjustmentPreview":
        return cls(
            limit=LimitVerdict.of(preview.limit),
            user_errors=[UserError.of(error) for error in preview.errors],
            preview=preview,
        )

    @resolved(Decimal | None, "Null to those who may not read the ledger.")
    def available_after(self, info: Info) -> Decimal:
        info.context.require(Permission.READ_LEDGER)
        return _shown(self.preview.available_after_minor, self.preview.asset)

    @resolved(Decimal | None, "Null to those who may not read the ledger.")
    def lifetime_after(self, info: Info) -> Decimal:
        info.context.require(Permission.READ_LEDGER)
        return _shown(self.preview.lifetime_after_minor, self.preview.asset)

    @resolved(list[CreditEffect] | None, "What would be opened or taken from, in burn order.")
    def credits(self, info: Info) -> list[CreditEffect]:
        info.context.require(Permission.READ_LEDGER)
        return [CreditEffect.of(effect, self.preview.asset) for effect in self.preview.credits]

    @resolved(Account | None, "As it stands now; null where it would be opened.")
    def account(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_LEDGER)
        account_id = self.preview.account_id
        return None if account_id is None else info.context.loaders.accounts.get(account_id)

    @resolved(Tier | None)
    async def tier_after(self, info: Info) -> Tier | None:
        info.context.require(Permission.READ_LEDGER)
        if self.preview.tier_after is None:
            return None
        return (await info.context.loaders.tiers()).named(self.preview.tier_after)


def _shown(minor: int, asset: str) -> Decimal:
    """The preview of an asset that does not exist says so in userErrors, and has to show some figure all the same."""
    try:
        return to_decimal(minor, asset)
    except AssetUnknown:
        return Decimal(minor)
