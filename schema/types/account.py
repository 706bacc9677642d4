"""Accounts, and the credits that their balances are made of."""

from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Any, Final
from uuid import UUID

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.errors import InvariantViolated
from models.kinds import CreditStatus
from models.money import POINTS, to_decimal
from models.reads import accounts, invoices, ledger, rewards
from models.reads import credits as credit_reads
from models.reads.accounts import BalanceView
from models.reads.credits import CreditChangeView
from models.reads.paging import Condition
from models.views import AccountView, CreditView
from schema.cells import amount, computed, day, flag, instant, node_id, node_id_of_text, or_null, text
from schema.context import Info
from schema.ids import global_id
from schema.nodes import by_ids, by_ids_now, node
from schema.scalars import AssetCode
from schema.types.base import Connection, Node, Reader, from_view, of_view, resolved
from schema.types.configuration import Service, Tier
from schema.types.customer import Customer
from schema.types.filters import CreditFilter, LedgerEntryFilter
from schema.types.money import by_itself, by_view, money
from schema.types.pages import USE_FILTER, paged
from schema.types.refs import AssignmentRef, LedgerEntryRef, PaymentRef, TierChangeRef, TransactionRef
from schema.types.sorting import CreditSort
from schema.written import plain

BalanceExplanationRef = Annotated["BalanceExplanation", strawberry.lazy("schema.types.account")]
CreditChangeRef = Annotated["CreditChange", strawberry.lazy("schema.types.account")]
CreditRef = Annotated["Credit", strawberry.lazy("schema.types.account")]
REPLAY_WEIGHT: Final = 10
"""Cost of a field that is computed from all entries of an account."""


@node(AccountView, by_ids_now(accounts.by_ids), Permission.READ_LEDGER, owner="customer_id")
@plain(
    id=node_id_of_text("Account", accounts.ID),
    asset=text(accounts.ASSET),
    available=amount(accounts.AVAILABLE, accounts.ASSET),
    scheduled=amount(accounts.SCHEDULED, accounts.ASSET),
    held=amount(accounts.HELD, accounts.ASSET),
    lifetime=amount(accounts.LIFETIME, accounts.ASSET),
)
@from_view(
    id=lambda view: global_id("Account", view.id),
    asset=attrgetter("asset"),
    available=lambda view: to_decimal(view.available_minor, view.asset),
    scheduled=lambda view: to_decimal(view.scheduled_minor, view.asset),
    held=lambda view: to_decimal(view.held_minor, view.asset),
    lifetime=lambda view: to_decimal(view.lifetime_minor, view.asset),
)
@strawberry.type
class Account(Node):
    """One customer's account in one asset: what the business owes the customer in it."""

    asset: AssetCode
    """Asset that the account is kept in, such as GBP, POINTS or SERVICE_CREDITS."""
    available: Decimal
    """Amount that can be spent now: remainders of credits that have started and have not expired, as far as they are not
    held."""
    scheduled: Decimal
    """Amount on credits that start in the future; not yet available."""
    held: Decimal
    """Amount set aside by holds, also of credits that have expired since."""
    lifetime: Decimal
    """Total ever earned, net of corrections. Tiers are reached by the lifetime total of points; spending and expiry
    leave it alone."""
    view: strawberry.Private[AccountView]

    @classmethod
    def of(cls, view: AccountView, _reader: Reader) -> "Account":
        return of_view(cls, view)

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        """Customer who owns the account."""
        info.context.require(Permission.READ_CUSTOMERS)
        return info.context.loaders.customers.get(self.view.customer_id)

    @resolved(Tier | None)
    async def tier(self, info: Info) -> Tier | None:
        """Highest tier that the lifetime total has reached; null below the first tier, and for every asset but POINTS."""
        if self.view.asset != POINTS:
            return None
        return (await info.context.loaders.tiers()).reached(self.view.lifetime_minor)

    @resolved(Decimal, weight=REPLAY_WEIGHT)
    async def balance_at(self, info: Info, at: datetime) -> Decimal:
        """Amount that could be spent at one instant, computed from the entries up to then; start and expiry are judged
        as of that instant.

        at: Instant to report on. A past one always gives the same answer.
        """
        return (await self.balance_explanation(info, at)).available

    @resolved(BalanceExplanationRef, weight=REPLAY_WEIGHT)
    async def balance_explanation(self, info: Info, at: datetime) -> "BalanceExplanation":
        """Balance at one instant with its parts: the entries up to then, and the value among them that could not be spent.

        at: Instant to report on. A past one always gives the same answer.
        """
        info.context.require(Permission.READ_LEDGER)
        await info.context.settle(at)
        found = await info.context.loaders.balances_at.load((self.view.id, at))
        if found is None:
            raise InvariantViolated(f"account {self.view.id} has no balance")
        return BalanceExplanation.of(found, self.view, at)

    @resolved(Connection[CreditRef])
    def credits(
        self,
        info: Info,
        status: Annotated[list[CreditStatus] | None, USE_FILTER] = None,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
        filter: CreditFilter | None = None,  # noqa: A002 - the argument's name in the API
        sort_by: CreditSort | None = None,
    ) -> Pending[Any]:
        """Credits of the account, oldest first unless sortBy says otherwise.

        status: States to list. Null: all.
        filter: Which of them to list. Null: all.
        sort_by: Order of the list. Null: OPENED.
        """
        info.context.require(Permission.READ_LEDGER)
        listing = credit_reads.ACCOUNT_BY_EXPIRY if sort_by is CreditSort.EXPIRES_AT else credit_reads.CREDITS
        conditions: tuple[Condition, ...] = ()
        if status is not None:
            conditions = (credit_reads.with_status(status, info.context.now),)
        if filter is not None:
            conditions = (*conditions, *filter.conditions(info.context, listing))
        return paged(info, listing, self.view.id, (first, after, last, before, reverse), *conditions)

    @resolved(Connection[LedgerEntryRef])
    def ledger(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
        filter: LedgerEntryFilter | None = None,  # noqa: A002 - the argument's name in the API
    ) -> Pending[Any]:
        """Entries of the account by sequence, oldest first; pass `last` for the newest.

        filter: Which of them to list. Null: all.
        """
        info.context.require(Permission.READ_LEDGER)
        conditions = () if filter is None else filter.conditions(info.context, ledger.ACCOUNT_LEDGER)
        return paged(info, ledger.ACCOUNT_LEDGER, self.view.id, (first, after, last, before, reverse), *conditions)

    @resolved(Connection[TierChangeRef])
    def tier_changes(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
    ) -> Pending[Any]:
        """Moves between tiers, oldest first; empty for every asset but POINTS."""
        info.context.require(Permission.READ_LEDGER)
        return paged(info, rewards.TIER_CHANGES, self.view.id, (first, after, last, before, reverse))


@strawberry.type
@money(by_itself, "ledger_balance", "scheduled", "expired", "held", "available")
class BalanceExplanation:
    """An account's balance at one instant, broken down."""

    at: datetime
    """Instant that the balance is of."""
    ledger_balance: Decimal
    """Sum of all entries up to the instant."""
    scheduled: Decimal
    """Part of ledgerBalance on credits that started later than the instant."""
    expired: Decimal
    """Part of ledgerBalance that had expired by the instant, was not held, and had not been written off yet."""
    held: Decimal
    """Part of ledgerBalance that was set aside by holds, also of credits that had expired since."""
    available: Decimal
    """Amount that could be spent: ledgerBalance - scheduled - expired - held."""
    account_id: strawberry.Private[UUID]
    unit: strawberry.Private[str]

    @classmethod
    def of(cls, found: BalanceView, account: AccountView, at: datetime) -> "BalanceExplanation":
        return cls(
            at=at,
            ledger_balance=to_decimal(found.ledger_minor, account.asset),
            scheduled=to_decimal(found.scheduled_minor, account.asset),
            expired=to_decimal(found.expired_minor, account.asset),
            held=to_decimal(found.held_minor, account.asset),
            available=to_decimal(found.available_minor, account.asset),
            account_id=account.id,
            unit=account.asset,
        )

    @resolved(Connection[LedgerEntryRef])
    def entries(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
    ) -> Pending[Any]:
        """Entries posted up to the instant, by sequence."""
        page = (first, after, last, before, reverse)
        return paged(info, ledger.ACCOUNT_LEDGER, self.account_id, page, ledger.up_to(self.at))


@node(CreditView, by_ids(credit_reads.by_ids), Permission.READ_LEDGER, owner="account_id")
@plain(
    id=node_id("Credit"),
    amount=amount("amount_minor"),
    remaining=amount("remaining_minor"),
    status=computed(lambda view, now: view.status(now)),
    effective_on=day("effective_on"),
    expires_at=or_null(instant, "expires_at"),
    auto_apply=flag("auto_apply"),
)
@strawberry.type
@money(by_view, "amount", "remaining", "held")
class Credit(Node):
    """One credit on an account: an amount with its own remainder, start, expiry and restrictions."""

    amount: Decimal
    """Amount that the credit was opened with, such as "25.00"."""
    remaining: Decimal
    """Amount left of it, whether or not it can be spent now."""
    status: CreditStatus
    """State of the credit now; expiry counts from the instant it passes."""
    effective_on: date
    """Day from which the credit can be spent, in the tenant's time zone."""
    expires_at: datetime | None
    """Instant from which the credit can no longer be spent; null if it never expires."""
    auto_apply: bool
    """Whether the remainder is applied to the customer's next invoice; false while paused."""
    view: strawberry.Private[CreditView]

    @classmethod
    def of(cls, view: CreditView, reader: Reader) -> "Credit":
        return cls(
            id=global_id("Credit", view.id),
            amount=to_decimal(view.amount_minor, view.asset),
            remaining=to_decimal(view.remaining_minor, view.asset),
            status=CreditStatus(view.status(reader.now)),
            effective_on=view.effective_on,
            expires_at=view.expires_at,
            auto_apply=view.auto_apply,
            view=view,
        )

    @resolved(Decimal | None)
    async def held(self, info: Info) -> Decimal:
        """Part of `remaining` that is set aside by holds; voiding the credit takes releaseHolds while there is one."""
        info.context.require(Permission.READ_LEDGER)
        return to_decimal(await info.context.loaders.held_of_credits.load(self.view.id) or 0, self.view.asset)

    @resolved(Account | None)
    def account(self, info: Info) -> Pending[Any]:
        """Account that the credit belongs to."""
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.accounts.get(self.view.account_id)

    @resolved(PaymentRef | None)
    async def payment(self, info: Info) -> Any:
        """Payment that it was kept of, being more than was due; null for any other credit."""
        info.context.require(Permission.READ_INVOICES)
        payment_id = await info.context.loaders.payments_of_credits.load(self.view.id)
        return None if payment_id is None else await info.context.loaders.payments.load(payment_id)

    @resolved(list[Service])
    async def services(self, info: Info) -> list[Service]:
        """Services that the credit is restricted to, by name; empty if it can be spent on any."""
        return await named_services(info, self.view.service_ids)

    @resolved(Connection[AssignmentRef] | None)
    def assignments(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
    ) -> Pending[Any]:
        """Amounts of the credit set against invoices, oldest first, released ones included."""
        info.context.require(Permission.READ_INVOICES)
        return paged(info, invoices.CREDIT_ASSIGNMENTS, self.view.id, (first, after, last, before, reverse))

    @resolved(Connection[LedgerEntryRef] | None)
    def entries(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
    ) -> Pending[Any]:
        """Entries that added to the credit or took from it, oldest first."""
        info.context.require(Permission.READ_LEDGER)
        return paged(info, ledger.CREDIT_LEDGER, self.view.id, (first, after, last, before, reverse))

    @resolved(Connection[CreditChangeRef] | None)
    def changes(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
    ) -> Pending[Any]:
        """Changes made by updateCredit, oldest first."""
        info.context.require(Permission.READ_LEDGER)
        return paged(info, credit_reads.CHANGES, self.view.id, (first, after, last, before, reverse))

    @resolved(TransactionRef | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that opened the credit."""
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.transactions.get(self.view.transaction_id)


@node(CreditChangeView, by_ids(credit_reads.changes_by_ids), Permission.READ_LEDGER, owner="credit_id")
@strawberry.type
class CreditChange(Node):
    """One change that updateCredit made to a credit: the terms before it and after it."""

    changed_at: datetime
    """Instant of the change."""
    old_expires_at: datetime | None
    """Expiry before the change; null if there was none."""
    new_expires_at: datetime | None
    """Expiry after the change; null if there is none."""
    old_auto_apply: bool
    """Whether the remainder went to the next invoice before the change."""
    new_auto_apply: bool
    """Whether the remainder goes to the next invoice after the change."""
    view: strawberry.Private[CreditChangeView]

    @classmethod
    def of(cls, view: CreditChangeView, _reader: Reader) -> "CreditChange":
        return cls(
            id=global_id("CreditChange", view.id),
            changed_at=view.changed_at,
            old_expires_at=view.old_expires_at,
            new_expires_at=view.new_expires_at,
            old_auto_apply=view.old_auto_apply,
            new_auto_apply=view.new_auto_apply,
            view=view,
        )

    @resolved(list[Service])
    async def old_services(self, info: Info) -> list[Service]:
        """Services that the credit was restricted to before the change; empty for any."""
        return await named_services(info, self.view.old_service_ids)

    @resolved(list[Service])
    async def new_services(self, info: Info) -> list[Service]:
        """Services that the credit is restricted to after the change; empty for any."""
        return await named_services(info, self.view.new_service_ids)

    @resolved(TransactionRef)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction of the change, with its actor and note."""
        return info.context.loaders.transactions.get(self.view.transaction_id)


async def named_services(info: Info, service_ids: tuple[UUID, ...]) -> list[Service]:
    """Return the services, by name."""
    return sorted(await info.context.loaders.services.load_all(service_ids), key=lambda service: service.name)
