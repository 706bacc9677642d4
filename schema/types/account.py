"""Accounts, and the credits that their balances are made of."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.errors import InvariantViolated
from models.money import POINTS, to_decimal
from models.reads import credits as credit_reads
from models.reads import invoices, ledger, rewards
from models.reads.accounts import BalanceView
from models.reads.credits import CreditChangeView
from models.views import AccountView, CreditView
from schema.context import Info
from schema.ids import global_id
from schema.scalars import AssetCode
from schema.types.base import Connection, Node, Reader, resolved
from schema.types.configuration import Service, Tier
from schema.types.customer import Customer
from schema.types.enums import CreditStatus
from schema.types.pages import paged
from schema.types.refs import AssignmentRef, LedgerEntryRef, TierChangeRef, TransactionRef

BalanceExplanationRef = Annotated["BalanceExplanation", strawberry.lazy("schema.types.account")]
CreditChangeRef = Annotated["CreditChange", strawberry.lazy("schema.types.account")]
CreditRef = Annotated["Credit", strawberry.lazy("schema.types.account")]
REPLAY_WEIGHT: Final = 10
"""Of what is worked out from all entries of an account."""


@strawberry.type(description="What is owed to one customer in one asset.")
class Account(Node):
    asset: AssetCode
    available: Decimal = strawberry.field(description="What can be spent now.")
    scheduled: Decimal = strawberry.field(description="What starts later.")
    lifetime: Decimal = strawberry.field(description="What was earned in all, net of corrections.")
    view: strawberry.Private[AccountView]

    @classmethod
    def of(cls, view: AccountView, _reader: Reader) -> "Account":
        asset = view.asset
        return cls(
            id=global_id("Account", view.id), asset=AssetCode(asset),
            available=to_decimal(view.available_minor, asset), scheduled=to_decimal(view.scheduled_minor, asset),
            lifetime=to_decimal(view.lifetime_minor, asset), view=view,
        )  # fmt: skip

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_CUSTOMERS)
        return info.context.loaders.customers.get(self.view.customer_id)

    @resolved(Tier | None, "Of points alone: the highest tier that lifetime has reached.")
    async def tier(self, info: Info) -> Tier | None:
        if self.view.asset != POINTS:
            return None
        return (await info.context.loaders.tiers()).reached(self.view.lifetime_minor)

    @resolved(
        Decimal,
        "What could be spent at that instant, from the entries up to then: expiry and start are judged as of it.",
        weight=REPLAY_WEIGHT,
    )
    async def balance_at(self, info: Info, at: datetime) -> Decimal:
        return (await self.balance_explanation(info, at)).available

    @resolved(
        BalanceExplanationRef,
        "The same, with the entries behind it, and what of them could not be spent.",
        weight=REPLAY_WEIGHT,
    )
    async def balance_explanation(self, info: Info, at: datetime) -> "BalanceExplanation":
        info.context.require(Permission.READ_LEDGER)
        await info.context.settle(at)
        found = await info.context.loaders.balances_at.load((self.view.id, at))
        if found is None:
            raise InvariantViolated(f"account {self.view.id} has no balance")
        return BalanceExplanation.of(found, self.view, at)

    @resolved(Connection[CreditRef], "Oldest first.")
    def credits(
        self, info: Info, status: list[CreditStatus] | None = None, first: int | None = None, after: str | None = None,
        last: int | None = None, before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_LEDGER)
        conditions = () if status is None else (credit_reads.with_status(status, info.context.now),)
        return paged(info, credit_reads.CREDITS, self.view.id, (first, after, last, before), *conditions)

    @resolved(Connection[LedgerEntryRef], "By sequence; the newest are the last.")
    def ledger(
        self, info: Info, first: int | None = None, after: str | None = None, last: int | None = None,
        before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_LEDGER)
        return paged(info, ledger.ACCOUNT_LEDGER, self.view.id, (first, after, last, before))

    @resolved(Connection[TierChangeRef], "Of points alone: when they went from one tier to another, oldest first.")
    def tier_changes(
        self, info: Info, first: int | None = None, after: str | None = None, last: int | None = None,
        before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_LEDGER)
        return paged(info, rewards.TIER_CHANGES, self.view.id, (first, after, last, before))


@strawberry.type(description="What could be spent of an account at one instant, and why.")
class BalanceExplanation:
    at: datetime
    ledger_balance: Decimal = strawberry.field(description="What the entries up to then come to.")
    scheduled: Decimal = strawberry.field(description="The part of it that started later.")
    expired: Decimal = strawberry.field(description="The part of it that had expired and was not yet written off.")
    available: Decimal = strawberry.field(description="What is left: ledgerBalance - scheduled - expired.")
    account_id: strawberry.Private[UUID]

    @classmethod
    def of(cls, found: BalanceView, account: AccountView, at: datetime) -> "BalanceExplanation":
        return cls(
            at=at, ledger_balance=to_decimal(found.ledger_minor, account.asset),
            scheduled=to_decimal(found.scheduled_minor, account.asset),
            expired=to_decimal(found.expired_minor, account.asset),
            available=to_decimal(found.available_minor, account.asset), account_id=account.id,
        )  # fmt: skip

    @resolved(Connection[LedgerEntryRef], "Those posted up to then, by sequence.")
    def entries(
        self, info: Info, first: int | None = None, after: str | None = None, last: int | None = None,
        before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        page = (first, after, last, before)
        return paged(info, ledger.ACCOUNT_LEDGER, self.account_id, page, ledger.up_to(self.at))


@strawberry.type(description="One lot of value on an account, with its own remainder, start and expiry.")
class Credit(Node):
    amount: Decimal
    remaining: Decimal
    status: CreditStatus
    effective_on: date
    expires_at: datetime | None = strawberry.field(description="Not to be spent from then on; null: never expires.")
    auto_apply: bool = strawberry.field(description="Whether what is left goes to the next invoice.")
    view: strawberry.Private[CreditView]

    @classmethod
    def of(cls, view: CreditView, reader: Reader) -> "Credit":
        return cls(
            id=global_id("Credit", view.id), amount=to_decimal(view.amount_minor, view.asset),
            remaining=to_decimal(view.remaining_minor, view.asset), status=CreditStatus(view.status(reader.now)),
            effective_on=view.effective_on, expires_at=view.expires_at, auto_apply=view.auto_apply, view=view,
        )  # fmt: skip

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.accounts.get(self.view.account_id)

    @resolved(list[Service], "What it can be spent on; none: on anything.")
    async def services(self, info: Info) -> list[Service]:
        return await _services(info, self.view.service_ids)

    @resolved(Connection[AssignmentRef] | None, "Released ones too, oldest first.")
    def assignments(
        self, info: Info, first: int | None = None, after: str | None = None, last: int | None = None,
        before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_INVOICES)
        return paged(info, invoices.CREDIT_ASSIGNMENTS, self.view.id, (first, after, last, before))

    @resolved(Connection[LedgerEntryRef] | None, "All that was put on it and taken off it, oldest first.")
    def entries(
        self, info: Info, first: int | None = None, after: str | None = None, last: int | None = None,
        before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_LEDGER)
        return paged(info, ledger.CREDIT_LEDGER, self.view.id, (first, after, last, before))

    @resolved(Connection[CreditChangeRef] | None, "What updateCredit changed, oldest first.")
    def changes(
        self, info: Info, first: int | None = None, after: str | None = None, last: int | None = None,
        before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_LEDGER)
        return paged(info, credit_reads.CHANGES, self.view.id, (first, after, last, before))

    @resolved(TransactionRef | None, "What opened it.")
    def transaction(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.transactions.get(self.view.transaction_id)


@strawberry.type(description="What a credit said of itself before one updateCredit, and after it.")
class CreditChange:
    changed_at: datetime
    old_expires_at: datetime | None
    new_expires_at: datetime | None
    old_auto_apply: bool
    new_auto_apply: bool
    view: strawberry.Private[CreditChangeView]

    @classmethod
    def of(cls, view: CreditChangeView, _reader: Reader) -> "CreditChange":
        return cls(
            changed_at=view.changed_at, old_expires_at=view.old_expires_at, new_expires_at=view.new_expires_at,
            old_auto_apply=view.old_auto_apply, new_auto_apply=view.new_auto_apply, view=view,
        )  # fmt: skip

    @resolved(list[Service])
    async def old_services(self, info: Info) -> list[Service]:
        return await _services(info, self.view.old_service_ids)

    @resolved(list[Service])
    async def new_services(self, info: Info) -> list[Service]:
        return await _services(info, self.view.new_service_ids)

    @resolved(TransactionRef, "Who changed it, and the note.")
    def transaction(self, info: Info) -> Pending[Any]:
        return info.context.loaders.transactions.get(self.view.transaction_id)


async def _services(info: Info, service_ids: tuple[UUID, ...]) -> list[Service]:
    """By name."""
    return sorted(await info.context.loaders.services.load_all(service_ids), key=lambda service: service.name)
