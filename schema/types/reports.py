"""Reports on the total owed, and previews."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models import commands, kinds
from models.errors import AssetUnknown
from models.kinds import TransactionKind
from models.money import to_decimal
from models.reads.liability import LiabilityPart, LiabilityView, TrialBalanceView
from schema.context import Info
from schema.scalars import AssetCode
from schema.types.account import Account, Credit, named_services
from schema.types.base import in_turns, resolved
from schema.types.configuration import Service, Tier
from schema.types.errors import UserError
from schema.types.limits import LimitVerdict
from schema.types.money import by_itself, by_preview, money


@strawberry.type
@money(by_itself, "outstanding")
class LiabilityByMonth:
    """Amount owed that expires in one month."""

    month: str | None
    """Month in the tenant's time zone, such as 2026-07; null for credits that never expire."""
    outstanding: Decimal
    """Remainders of the credits that expire in this month."""
    unit: strawberry.Private[str]


@strawberry.type
@money(by_itself, "outstanding")
class LiabilityBySource:
    """Amount owed that came from one source."""

    kind: TransactionKind
    """Kind of the transactions that opened the credits."""
    reason: str | None
    """Adjustment reason that they were opened under; null if the kind needs none."""
    outstanding: Decimal
    """Remainders of the credits from this source."""
    unit: strawberry.Private[str]


@strawberry.type
class Liability:
    """Total owed to all customers in one asset, at one instant."""

    asset: AssetCode
    """Asset of all amounts here."""
    accounts: int
    """Number of accounts with something owed on them."""
    outstanding: Decimal
    """Remainders of all credits that have not expired, scheduled ones included, and what is held of expired ones."""
    scheduled: Decimal
    """Part of outstanding on credits that start later."""
    expired: Decimal
    """Remainders that had expired, were not held, and had not been written off yet; not part of outstanding."""
    held: Decimal
    """Part of outstanding that is set aside by holds, also of credits that have expired since."""
    at: strawberry.Private[datetime]
    parts: strawberry.Private[list[LiabilityPart] | None]

    @classmethod
    def of(cls, view: LiabilityView, at: datetime, parts: list[LiabilityPart] | None) -> "Liability":
        return cls(
            asset=AssetCode(view.asset),
            accounts=view.accounts,
            outstanding=to_decimal(view.outstanding_minor, view.asset),
            scheduled=to_decimal(view.scheduled_minor, view.asset),
            expired=to_decimal(view.expired_minor, view.asset),
            held=to_decimal(view.held_minor, view.asset),
            at=at,
            parts=parts,
        )

    @resolved(list[LiabilityByMonth])
    async def by_expiry_month(self, info: Info) -> list[LiabilityByMonth]:
        """Outstanding amount by month of expiry, in order, credits that never expire last."""
        months: Counter[str | None] = Counter()
        for part in await self._parts(info):
            months[part.month] += part.outstanding_minor
        return [
            LiabilityByMonth(month=month, outstanding=self._amount(minor), unit=self.asset)
            for month, minor in months.items()
        ]

    @resolved(list[LiabilityBySource])
    async def by_source(self, info: Info) -> list[LiabilityBySource]:
        """Outstanding amount by the kind and reason of the transactions that opened the credits."""
        sources: Counter[tuple[str, str]] = Counter()
        for part in await self._parts(info):
            sources[part.kind, part.reason or ""] += part.outstanding_minor
        return [
            LiabilityBySource(
                kind=TransactionKind(kind), reason=reason or None, outstanding=self._amount(minor), unit=self.asset
            )
            for (kind, reason), minor in sorted(sources.items())
        ]

    async def _parts(self, info: Info) -> list[LiabilityPart]:
        everything = self.parts
        if everything is None:  # only where asked for
            everything = await info.context.loaders.liability_parts.load((self.at, info.context.tenant.time_zone)) or []
        return [part for part in everything if part.asset == self.asset]

    def _amount(self, minor: int) -> Decimal:
        return to_decimal(minor, self.asset)


@strawberry.type
@money(by_itself, "amount")
class CounterTotal:
    """Sum of all entries against one counter."""

    counter: kinds.Counter
    """Counter that the entries were posted against."""
    amount: Decimal
    """Sum as the accounts see it: positive for value issued, negative for value spent."""
    unit: strawberry.Private[str]


@strawberry.type
class TrialBalance:
    """Trial balance of one asset: both sides of the books, which are equal."""

    asset: AssetCode
    """Asset of all amounts here."""
    accounts: Decimal
    """Sum of the ledger balances of all accounts."""
    counters: list[CounterTotal]
    """Sum of the entries by counter; together they equal `accounts`."""

    @classmethod
    def of(cls, view: TrialBalanceView) -> "TrialBalance":
        return cls(
            asset=AssetCode(view.asset),
            accounts=to_decimal(view.balance_minor, view.asset),
            counters=[
                CounterTotal(counter=kinds.Counter(counter), amount=to_decimal(minor, view.asset), unit=view.asset)
                for counter, minor in view.counters
            ],
        )


@strawberry.type
@money(by_itself, "amount", "remaining_after")
class CreditEffect:
    """Effect that a previewed request would have on one credit."""

    amount: Decimal
    """Amount that would be added or given back (positive), or taken or held (negative); zero if the credit would only be
    changed."""
    remaining_after: Decimal
    """Amount that would be left of the credit, and not held."""
    expires_at: datetime | None
    """Expiry of the credit; null if it never expires."""
    auto_apply: bool
    """Whether what is left of it would go to the next invoice issued."""
    credit_id: strawberry.Private[UUID | None]
    service_ids: strawberry.Private[tuple[UUID, ...]]
    unit: strawberry.Private[str]

    @classmethod
    def of(cls, effect: commands.CreditEffect, asset: str) -> "CreditEffect":
        return cls(
            amount=to_decimal(effect.amount_minor, asset),
            remaining_after=to_decimal(effect.remaining_after_minor, asset),
            expires_at=effect.expires_at,
            auto_apply=effect.auto_apply,
            credit_id=effect.credit_id,
            service_ids=effect.service_ids,
            unit=asset,
        )

    @classmethod
    def all_of(cls, effects: Sequence[commands.CreditEffect], asset: str) -> "list[CreditEffect]":
        """Return them as a list shows them, which is not in pages: a merge moves every credit."""
        return in_turns(effects, lambda effect: cls.of(effect, asset))

    @resolved(Credit | None)
    def credit(self, info: Info) -> Pending[Any]:
        """Credit that would be taken from, given back to or changed; null if a new one would be opened."""
        return None if self.credit_id is None else info.context.loaders.credits.get(self.credit_id)

    @resolved(list[Service])
    async def services(self, info: Info) -> list[Service]:
        """Services that it would be restricted to, by name; empty if it can be spent on any."""
        return await named_services(info, self.service_ids)


@strawberry.type
@money(by_preview, "available_after", "held_after", "lifetime_after")
class AdjustmentPreview:
    """Effects that an adjustment would have if it were posted now. Nothing is written."""

    limit: LimitVerdict
    """Result of checking it against the limits."""
    user_errors: list[UserError]
    """Reasons for which the adjustment would be rejected; empty if it would be posted."""
    preview: strawberry.Private[commands.Preview]

    @classmethod
    def of(cls, preview: commands.Preview) -> "AdjustmentPreview":
        return cls(
            limit=LimitVerdict.of(preview.limit),
            user_errors=[UserError.of(error) for error in preview.errors],
            preview=preview,
        )

    @resolved(Decimal | None)
    def available_after(self, info: Info) -> Decimal:
        """Available amount after the adjustment; null without the right to read the ledger."""
        info.context.require(Permission.READ_LEDGER)
        return shown_amount(self.preview.available_after_minor, self.preview.asset)

    @resolved(Decimal | None)
    def held_after(self, info: Info) -> Decimal:
        """Amount set aside by holds after the adjustment; null without the right to read the ledger."""
        info.context.require(Permission.READ_LEDGER)
        return shown_amount(self.preview.held_after_minor, self.preview.asset)

    @resolved(Decimal | None)
    def lifetime_after(self, info: Info) -> Decimal:
        """Lifetime total after the adjustment; null without the right to read the ledger."""
        info.context.require(Permission.READ_LEDGER)
        return shown_amount(self.preview.lifetime_after_minor, self.preview.asset)

    @resolved(list[CreditEffect] | None)
    def credits(self, info: Info) -> list[CreditEffect]:
        """Credits that would be opened or taken from, in burn order."""
        info.context.require(Permission.READ_LEDGER)
        return CreditEffect.all_of(self.preview.credits, self.preview.asset)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account before the adjustment; null if it would be opened."""
        info.context.require(Permission.READ_LEDGER)
        account_id = self.preview.account_id
        return None if account_id is None else info.context.loaders.accounts.get(account_id)

    @resolved(Tier | None)
    async def tier_after(self, info: Info) -> Tier | None:
        """Tier after the adjustment; null below the first tier, and for every asset but POINTS."""
        info.context.require(Permission.READ_LEDGER)
        if self.preview.tier_after is None:
            return None
        return (await info.context.loaders.tiers()).named(self.preview.tier_after)


@strawberry.type
@money(by_preview, "available_after", "held_after", "due_after")
class SpendPreview:
    """Effects that a spend, a hold, its capture, or a refund would have if it were posted now. Nothing is written."""

    limit: LimitVerdict
    """Result of checking it against the limits."""
    user_errors: list[UserError]
    """Reasons for which it would be rejected; empty if it would be posted."""
    preview: strawberry.Private[commands.Preview]

    @classmethod
    def of(cls, preview: commands.Preview) -> "SpendPreview":
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

    @resolved(Decimal | None)
    def held_after(self, info: Info) -> Decimal:
        """Amount set aside by holds afterwards; null without the right to read the ledger."""
        info.context.require(Permission.READ_LEDGER)
        return shown_amount(self.preview.held_after_minor, self.preview.asset)

    @resolved(list[CreditEffect] | None)
    def credits(self, info: Info) -> list[CreditEffect]:
        """Credits that would be taken from or held, in burn order, captured, in the order in which they are held, or given
        back to, in the reverse order. What has expired since is listed twice: it would come back, and expire."""
        info.context.require(Permission.READ_LEDGER)
        return CreditEffect.all_of(self.preview.credits, self.preview.asset)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account before it; null if the customer has none in this asset."""
        info.context.require(Permission.READ_LEDGER)
        account_id = self.preview.account_id
        return None if account_id is None else info.context.loaders.accounts.get(account_id)

    @resolved(Decimal | None)
    def due_after(self, info: Info) -> Decimal | None:
        """With previewCapture: amount that would still be due on the invoice that it pays; null if it pays none, would be
        rejected, or without the right to read invoices."""
        info.context.require(Permission.READ_INVOICES)
        due_minor = self.preview.due_after_minor
        return None if due_minor is None else shown_amount(due_minor, self.preview.asset)


@strawberry.type
@money(by_preview, "due_after", "kept", "available_after")
class PaymentPreview:
    """Effects that a payment would have if it were recorded now. Nothing is written."""

    limit: LimitVerdict
    """Result of checking what is kept, or account credit that pays, against the limits."""
    user_errors: list[UserError]
    """Reasons for which it would be rejected; empty if it would be recorded."""
    preview: strawberry.Private[commands.Preview]

    @classmethod
    def of(cls, preview: commands.Preview) -> "PaymentPreview":
        return cls(
            limit=LimitVerdict.of(preview.limit),
            user_errors=[UserError.of(error) for error in preview.errors],
            preview=preview,
        )

    @resolved(Decimal | None)
    def due_after(self, info: Info) -> Decimal | None:
        """Amount that would still be due; null if it would not be recorded, or without the right to read invoices."""
        info.context.require(Permission.READ_INVOICES)
        due_minor = self.preview.due_after_minor
        return None if due_minor is None else shown_amount(due_minor, self.preview.asset)

    @resolved(Decimal | None)
    def kept(self, info: Info) -> Decimal:
        """Amount that would be kept as credit; null without the right to read invoices."""
        info.context.require(Permission.READ_INVOICES)
        return shown_amount(self.preview.kept_minor, self.preview.asset)

    @resolved(Decimal | None)
    def available_after(self, info: Info) -> Decimal:
        """Available amount on the customer's account afterwards; null without the right to read the ledger."""
        info.context.require(Permission.READ_LEDGER)
        return shown_amount(self.preview.available_after_minor, self.preview.asset)

    @resolved(list[CreditEffect] | None)
    def credits(self, info: Info) -> list[CreditEffect]:
        """Credits that would be taken from, in burn order, and those that would be opened by what is kept or sold."""
        info.context.require(Permission.READ_LEDGER)
        return CreditEffect.all_of(self.preview.credits, self.preview.asset)


def shown_amount(minor: int, asset: str) -> Decimal:
    """Return a figure even for an asset that does not exist: the preview has to show some, and says so in userErrors."""
    try:
        return to_decimal(minor, asset)
    except AssetUnknown:
        return Decimal(minor)
