"""Accounts, and the credits that their balances are made of."""

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from auth.roles import Permission
from models.money import POINTS, to_decimal
from models.reads import credits as credit_reads
from models.reads import invoices, ledger
from models.views import AccountView, CreditView
from schema.context import Info
from schema.ids import global_id
from schema.scalars import AssetCode
from schema.types.base import Connection, Node, Pending, Reader, paged, resolved
from schema.types.configuration import Service, Tier
from schema.types.customer import Customer, LedgerEntryRef
from schema.types.enums import CreditStatus

if TYPE_CHECKING:
    from schema.types.invoice import Assignment
    from schema.types.ledger import Transaction

AssignmentRef = Annotated["Assignment", strawberry.lazy("schema.types.invoice")]
TransactionRef = Annotated["Transaction", strawberry.lazy("schema.types.ledger")]
CreditRef = Annotated["Credit", strawberry.lazy("schema.types.account")]


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

    @resolved(Customer)
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
    )
    def balance_at(self, info: Info, at: datetime) -> Pending[Any]:
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.balances_at.get((self.view.id, self.view.asset, at))

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

    @resolved(Account)
    def account(self, info: Info) -> Pending[Any]:
        return info.context.loaders.accounts.get(self.view.account_id)

    @resolved(list[Service], "What it can be spent on; none: on anything.")
    async def services(self, info: Info) -> list[Service]:
        found = await info.context.loaders.services.load_all(self.view.service_ids)
        return sorted(found, key=lambda service: service.name)

    @resolved(Connection[AssignmentRef], "Released ones too, oldest first.")
    def assignments(
        self, info: Info, first: int | None = None, after: str | None = None, last: int | None = None,
        before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        info.context.require(Permission.READ_INVOICES)
        return paged(info, invoices.CREDIT_ASSIGNMENTS, self.view.id, (first, after, last, before))

    @resolved(TransactionRef, "What opened it.")
    def transaction(self, info: Info) -> Pending[Any]:
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.transactions.get(self.view.transaction_id)
