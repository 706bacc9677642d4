"""What one request reads: each kind of row together for all who ask for it in the same moment, and once."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from models import views
from models.planning.binding import Binding
from models.planning.steps import Steps
from models.reads import (
    accounts,
    audit,
    bindings,
    configuration,
    customers,
    invoices,
    ledger,
    liability,
    partner_tokens,
    products,
    requests,
    rewards,
)
from models.reads import credits as credit_reads
from models.reads.accounts import BalanceView
from models.reads.paging import Condition, Listing, PageRequest, load_pages
from models.reads.session import ReadSession
from schema.types.account import Account, Credit, CreditChange
from schema.types.audit import AuditRecord
from schema.types.base import Connection, Pending, Show, connection
from schema.types.configuration import Service, Tier, Tiers
from schema.types.customer import Customer
from schema.types.invoice import Assignment, Invoice, InvoiceLine, Payment
from schema.types.ledger import LedgerEntry, Transaction
from schema.types.partner_tokens import PartnerToken
from schema.types.product import Product
from schema.types.requests import ApprovalRequest, BulkOperation, BulkRow
from schema.types.reward import Coupon, Reward, TierChange

K = TypeVar("K")
T = TypeVar("T")

PageKey = tuple[Listing[Any], UUID, PageRequest, tuple[Condition, ...]]
"""A list, whose, which page of it, and what of it."""

SHOWN_AS: Final[dict[Listing[Any], Show[Any, Any]]] = {
    customers.CUSTOMERS: Customer.of,
    credit_reads.CREDITS: Credit.of,
    credit_reads.UPCOMING: Credit.of,
    credit_reads.CUSTOMER_UPCOMING: Credit.of,
    ledger.ACCOUNT_LEDGER: LedgerEntry.of,
    ledger.CUSTOMER_LEDGER: LedgerEntry.of,
    ledger.TRANSACTION_ENTRIES: LedgerEntry.of,
    invoices.INVOICES: Invoice.of,
    invoices.CUSTOMER_INVOICES: Invoice.of,
    invoices.CREDIT_ASSIGNMENTS: Assignment.of,
    invoices.INVOICE_ASSIGNMENTS: Assignment.of,
    invoices.INVOICE_PAYMENTS: Payment.of,
    invoices.INVOICE_LINES: InvoiceLine.of,
    credit_reads.ALL: Credit.of,
    credit_reads.CUSTOMER_CREDITS: Credit.of,
    credit_reads.GRANTED: Credit.of,
    credit_reads.CHANGES: CreditChange.of,
    ledger.CREDIT_LEDGER: LedgerEntry.of,
    products.PRODUCTS: Product.of,
    rewards.REWARDS: Reward.of,
    rewards.CUSTOMER_COUPONS: Coupon.of,
    rewards.TIER_CHANGES: TierChange.of,
    requests.APPROVALS: ApprovalRequest.of,
    requests.CUSTOMER_APPROVALS: ApprovalRequest.of,
    requests.BULK_ROWS: BulkRow.of,
    audit.AUDIT_TRAIL: AuditRecord.of,
    audit.CUSTOMER_TRAIL: AuditRecord.of,
    partner_tokens.PARTNER_TOKENS: PartnerToken.of,
}
"""What the rows of each list are shown as."""


class Loader(Generic[K, T]):
    """One kind of row by key. What is known already is answered as it is, without anything to wait for."""

    def __init__(self, read: Callable[[list[K]], Awaitable[dict[K, T]]]) -> None:
        self._read = read
        self._known: dict[K, T] = {}

    @cached_property
    def _loader(self) -> DataLoader[K, Any]:
        # Made when something has to be read: after a posting, usually nothing has.
        return DataLoader(self._batch)

    def get(self, key: K) -> Pending[T | None]:
        """The row; None where there is none."""
        return self._known[key] if key in self._known else self._loader.load(key)

    async def load(self, key: K) -> T | None:
        if key in self._known:
            return self._known[key]
        row: T | None = await self._loader.load(key)
        return row

    async def load_all(self, keys: Iterable[K]) -> list[T]:
        """Those that exist."""
        await self._loader.load_many([key for key in keys if key not in self._known])
        return [self._known[key] for key in keys if key in self._known]

    def prime(self, key: K, value: T) -> None:
        self._known[key] = value

    async def _batch(self, keys: list[K]) -> list[T | None]:
        found = await self._read(keys)
        self._known.update(found)
        return [found.get(key) for key in keys]


class Loaders:
    """A request's reads, as of one instant. `for_customer`: what customers must not see is left out."""

    def __init__(self, reads: ReadSession, now: datetime, for_customer: bool) -> None:
        self.reads = reads
        self.now = now
        self.for_customer = for_customer

    @cached_property
    def _tiers(self) -> DataLoader[None, Tiers]:
        return DataLoader(self._read_tiers)

    def _by_id(
        self, read: Callable[..., Awaitable[list[Any]]], show: Show[Any, T], *arguments: object
    ) -> Loader[UUID, T]:
        async def rows(ids: list[UUID]) -> dict[UUID, T]:
            return {view.id: show(view, self) for view in await read(self.reads, ids, *arguments)}

        return Loader(rows)

    @cached_property
    def customers(self) -> Loader[UUID, Customer]:
        """By the id of any of a person's records: the person."""

        async def people(ids: list[UUID]) -> dict[UUID, Customer]:
            found = await customers.by_ids(self.reads, ids)
            return {asked: Customer.of(view, self) for asked, view in found.items()}

        return Loader(people)

    @cached_property
    def accounts(self) -> Loader[UUID, Account]:
        return self._by_id(accounts.by_ids, Account.of, self.now)

    @cached_property
    def credits(self) -> Loader[UUID, Credit]:
        return self._by_id(credit_reads.by_ids, Credit.of)

    @cached_property
    def entries(self) -> Loader[UUID, LedgerEntry]:
        return self._by_id(ledger.entries_by_ids, LedgerEntry.of)

    @cached_property
    def transactions(self) -> Loader[UUID, Transaction]:
        return self._by_id(ledger.transactions_by_ids, Transaction.of)

    @cached_property
    def invoices(self) -> Loader[UUID, Invoice]:
        return self._by_id(invoices.by_ids, Invoice.of)

    @cached_property
    def assignments(self) -> Loader[UUID, Assignment]:
        return self._by_id(invoices.assignments_by_ids, Assignment.of)

    @cached_property
    def payments(self) -> Loader[UUID, Payment]:
        return self._by_id(invoices.payments_by_ids, Payment.of)

    @cached_property
    def products(self) -> Loader[UUID, Product]:
        return self._by_id(products.by_ids, Product.of)

    @cached_property
    def services(self) -> Loader[UUID, Service]:
        return self._by_id(configuration.services_by_ids, Service.of)

    @cached_property
    def rewards(self) -> Loader[UUID, Reward]:
        return self._by_id(rewards.rewards_by_ids, Reward.of)

    @cached_property
    def coupons(self) -> Loader[UUID, Coupon]:
        return self._by_id(rewards.coupons_by_ids, Coupon.of)

    @cached_property
    def approval_requests(self) -> Loader[UUID, ApprovalRequest]:
        return self._by_id(requests.approvals_by_ids, ApprovalRequest.of)

    @cached_property
    def bindings(self) -> Loader[UUID, Binding]:
        """By approval request: what has changed since it was asked for."""

        async def found(ids: list[UUID]) -> dict[UUID, Binding]:
            requests = await self.approval_requests.load_all(ids)
            return await bindings.bindings(self.reads, [request.view for request in requests])

        return Loader(found)

    @cached_property
    def bulk_operations(self) -> Loader[UUID, BulkOperation]:
        return self._by_id(requests.operations_by_ids, BulkOperation.of)

    @cached_property
    def partner_tokens(self) -> Loader[UUID, PartnerToken]:
        return self._by_id(partner_tokens.by_ids, PartnerToken.of)

    @cached_property
    def balances(self) -> Loader[UUID, list[Account]]:
        """All accounts of a customer."""
        return Loader(self._read_balances)

    @cached_property
    def balances_at(self) -> Loader[tuple[UUID, datetime], BalanceView]:
        """An account at an instant."""
        return Loader(self._read_balances_at)

    @cached_property
    def liability_parts(self) -> Loader[tuple[datetime, str], list[liability.LiabilityPart]]:
        """What makes up all that is owed, at an instant, by months in a time zone."""
        return Loader(self._read_liability_parts)

    @cached_property
    def pages(self) -> Loader[PageKey, Connection[Any]]:
        return Loader(self._read_pages)

    async def tiers(self) -> Tiers:
        return await self._tiers.load(None)

    @cached_property
    def tiers_by_id(self) -> Loader[UUID, Tier]:
        async def found(ids: list[UUID]) -> dict[UUID, Tier]:
            tiers = (await self.tiers()).by_id
            return {tier_id: tiers[tier_id] for tier_id in ids if tier_id in tiers}

        return Loader(found)

    async def _read_tiers(self, keys: list[None]) -> list[Tiers]:
        return [Tiers(await configuration.tiers(self.reads))] * len(keys)

    async def _read_balances(self, ids: list[UUID]) -> dict[UUID, list[Account]]:
        found: dict[UUID, list[Account]] = {customer_id: [] for customer_id in ids}
        for view in await accounts.of_customers(self.reads, ids, self.now):
            account = Account.of(view, self)
            self.accounts.prime(view.id, account)
            found[view.customer_id].append(account)
        return found

    async def _read_balances_at(self, asked: list[tuple[UUID, datetime]]) -> dict[tuple[UUID, datetime], BalanceView]:
        return dict(zip(asked, await accounts.balances_at(self.reads, asked), strict=True))

    async def _read_liability_parts(
        self, asked: list[tuple[datetime, str]]
    ) -> dict[tuple[datetime, str], list[liability.LiabilityPart]]:
        return {(at, zone): await liability.parts(self.reads, at, self.now, zone) for at, zone in asked}

    async def _read_pages(self, keys: list[PageKey]) -> dict[PageKey, Connection[Any]]:
        together: defaultdict[tuple[Listing[Any], PageRequest, tuple[Condition, ...]], list[UUID]] = defaultdict(list)
        for listing, parent, request, conditions in keys:
            together[listing, request, conditions].append(parent)
        found: dict[PageKey, Connection[Any]] = {}
        for (listing, request, conditions), parents in together.items():
            show = SHOWN_AS[listing]
            for parent, page in (await load_pages(self.reads, listing, parents, request, conditions)).items():
                shown = found[listing, parent, request, conditions] = connection(page, listing, show, self)
                self._remember(page.rows, [edge.node for edge in shown.edges])
        return found

    def _remember(self, rows: Iterable[Any], nodes: Iterable[Any]) -> None:
        """What came with a list need not be read again by its id."""
        for view, node in zip(rows, nodes, strict=True):
            if (primed := _PRIMED.get(type(view))) is not None:
                getattr(self, primed[0]).prime(view.id, node)

    def prime(self, known: Iterable[Any]) -> Steps[None]:
        """Rows that a posting has answered with: nobody has to read them again."""
        for view in known:
            name, show = _PRIMED[type(view)]
            getattr(self, name).prime(view.id, show(view, self))
            yield


_PRIMED: Final[dict[type, tuple[str, Show[Any, Any]]]] = {
    views.CustomerView: ("customers", Customer.of),
    views.AccountView: ("accounts", Account.of),
    views.CreditView: ("credits", Credit.of),
    views.EntryView: ("entries", LedgerEntry.of),
    views.TransactionView: ("transactions", Transaction.of),
    views.InvoiceView: ("invoices", Invoice.of),
    views.AssignmentView: ("assignments", Assignment.of),
    views.PaymentView: ("payments", Payment.of),
    views.ProductView: ("products", Product.of),
    views.CouponView: ("coupons", Coupon.of),
    views.RewardView: ("rewards", Reward.of),
    views.ApprovalRequestView: ("approval_requests", ApprovalRequest.of),
    views.BulkOperationView: ("bulk_operations", BulkOperation.of),
    partner_tokens.PartnerTokenView: ("partner_tokens", PartnerToken.of),
}
