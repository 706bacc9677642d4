"""What one request reads: each kind of row together for all who ask for it in the same moment, and once."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from models import views
from models.errors import InvariantViolated
from models.planning.binding import Binding
from models.reads import (
    accounts,
    audit,
    bindings,
    configuration,
    customers,
    ledger,
    liability,
    partner_tokens,
    products,
    requests,
)
from models.reads import credits as credit_reads
from models.reads import invoices as invoice_reads
from models.reads import rewards as reward_reads
from models.reads.accounts import BalanceView
from models.reads.paging import Condition, Listing, PageRequest, load_pages
from models.reads.session import ReadSession
from schema.reading import Kind, Rows
from schema.types.account import Account, Credit, CreditChange
from schema.types.audit import AuditRecord
from schema.types.base import Connection, Show, connection
from schema.types.configuration import Service, Tier, Tiers
from schema.types.customer import Customer
from schema.types.invoice import Assignment, Invoice, InvoiceLine, Payment
from schema.types.ledger import LedgerEntry, Transaction
from schema.types.partner_tokens import PartnerToken
from schema.types.product import Product
from schema.types.requests import ApprovalRequest, BulkOperation, BulkRow
from schema.types.reward import Coupon, Reward, TierChange
from turns.steps import Steps

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
    invoice_reads.INVOICES: Invoice.of,
    invoice_reads.CUSTOMER_INVOICES: Invoice.of,
    invoice_reads.CREDIT_ASSIGNMENTS: Assignment.of,
    invoice_reads.INVOICE_ASSIGNMENTS: Assignment.of,
    invoice_reads.INVOICE_PAYMENTS: Payment.of,
    invoice_reads.INVOICE_LINES: InvoiceLine.of,
    credit_reads.ALL: Credit.of,
    credit_reads.CUSTOMER_CREDITS: Credit.of,
    credit_reads.GRANTED: Credit.of,
    credit_reads.CHANGES: CreditChange.of,
    ledger.CREDIT_LEDGER: LedgerEntry.of,
    products.PRODUCTS: Product.of,
    reward_reads.REWARDS: Reward.of,
    reward_reads.CUSTOMER_COUPONS: Coupon.of,
    reward_reads.TIER_CHANGES: TierChange.of,
    requests.APPROVALS: ApprovalRequest.of,
    requests.CUSTOMER_APPROVALS: ApprovalRequest.of,
    requests.BULK_ROWS: BulkRow.of,
    audit.AUDIT_TRAIL: AuditRecord.of,
    audit.CUSTOMER_TRAIL: AuditRecord.of,
    partner_tokens.PARTNER_TOKENS: PartnerToken.of,
}
"""What the rows of each list are shown as."""


def _by_id(
    read: Callable[..., Awaitable[list[Any]]], show: Show[Any, T], *, as_of_now: bool = False
) -> "Kind[UUID, T]":
    """By their own ids. as_of_now: whether `read` has to be told what time it is."""

    async def rows(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, T]:
        arguments = (loaders.now,) if as_of_now else ()
        return {view.id: show(view, loaders) for view in await read(loaders.reads, ids, *arguments)}

    return Kind(rows)


async def _people(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, Customer]:
    found = await customers.by_ids(loaders.reads, ids)
    return {asked: Customer.of(view, loaders) for asked, view in found.items()}


async def _balances(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, list[Account]]:
    found: dict[UUID, list[Account]] = {customer_id: [] for customer_id in ids}
    for view in await accounts.of_customers(loaders.reads, ids, loaders.now):
        account = Account.of(view, loaders)
        loaders.accounts.prime(view.id, account)
        found[view.customer_id].append(account)
    return found


async def _balances_at(
    loaders: "Loaders", asked: list[tuple[UUID, datetime]]
) -> dict[tuple[UUID, datetime], BalanceView]:
    return dict(zip(asked, await accounts.balances_at(loaders.reads, asked), strict=True))


async def _liability_parts(
    loaders: "Loaders", asked: list[tuple[datetime, str]]
) -> dict[tuple[datetime, str], list[liability.LiabilityPart]]:
    return {(at, zone): await liability.parts(loaders.reads, at, loaders.now, zone) for at, zone in asked}


async def _pages(loaders: "Loaders", keys: list[PageKey]) -> dict[PageKey, Connection[Any]]:
    together: defaultdict[tuple[Listing[Any], PageRequest, tuple[Condition, ...]], list[UUID]] = defaultdict(list)
    for listing, parent, request, conditions in keys:
        together[listing, request, conditions].append(parent)
    found: dict[PageKey, Connection[Any]] = {}
    for (listing, request, conditions), parents in together.items():
        show = SHOWN_AS[listing]
        for parent, page in (await load_pages(loaders.reads, listing, parents, request, conditions)).items():
            shown = found[listing, parent, request, conditions] = connection(page, listing, show, loaders)
            loaders.remember(page.rows, [edge.node for edge in shown.edges])
    return found


async def _tiers(loaders: "Loaders", _: list[None]) -> dict[None, Tiers]:
    return {None: Tiers(await configuration.tiers(loaders.reads))}


async def _tiers_by_id(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, Tier]:
    tiers = (await loaders.tiers()).by_id
    return {tier_id: tiers[tier_id] for tier_id in ids if tier_id in tiers}


async def _bindings(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, Binding]:
    requests = await loaders.approval_requests.load_all(ids)
    return await bindings.bindings(loaders.reads, [request.view for request in requests])


class Loaders:
    """A request's reads, as of one instant. `for_customer`: what customers must not see is left out."""

    customers = Kind(_people)
    """By the id of any of a person's records: the person."""
    accounts = _by_id(accounts.by_ids, Account.of, as_of_now=True)
    credits = _by_id(credit_reads.by_ids, Credit.of)
    entries = _by_id(ledger.entries_by_ids, LedgerEntry.of)
    transactions = _by_id(ledger.transactions_by_ids, Transaction.of)
    invoices = _by_id(invoice_reads.by_ids, Invoice.of)
    assignments = _by_id(invoice_reads.assignments_by_ids, Assignment.of)
    payments = _by_id(invoice_reads.payments_by_ids, Payment.of)
    products = _by_id(products.by_ids, Product.of)
    services = _by_id(configuration.services_by_ids, Service.of)
    rewards = _by_id(reward_reads.rewards_by_ids, Reward.of)
    coupons = _by_id(reward_reads.coupons_by_ids, Coupon.of)
    approval_requests = _by_id(requests.approvals_by_ids, ApprovalRequest.of)
    bindings = Kind(_bindings)
    """By approval request: what has changed since it was asked for."""
    bulk_operations = _by_id(requests.operations_by_ids, BulkOperation.of)
    partner_tokens = _by_id(partner_tokens.by_ids, PartnerToken.of)
    balances = Kind(_balances)
    """All accounts of a customer."""
    balances_at = Kind(_balances_at)
    """An account at an instant."""
    liability_parts = Kind(_liability_parts)
    """What makes up all that is owed, at an instant, by months in a time zone."""
    pages = Kind(_pages)
    tiers_by_id = Kind(_tiers_by_id)
    _all_tiers = Kind(_tiers)

    def __init__(self, reads: ReadSession, now: datetime, for_customer: bool) -> None:
        self.reads = reads
        self.now = now
        self.for_customer = for_customer
        self.rows: dict[str, Rows[Any, Any]] = {}

    async def tiers(self) -> Tiers:
        tiers = await self._all_tiers.load(None)
        if tiers is None:
            raise InvariantViolated("a tenant has tiers, be they none")
        return tiers

    def remember(self, rows: Iterable[Any], nodes: Iterable[Any]) -> None:
        """What came with a list need not be read again by its id."""
        for view, node in zip(rows, nodes, strict=True):
            if (primed := _PRIMED.get(type(view))) is not None:
                getattr(self, primed[0]).prime(view.id, node)

    def prime(self, known: Iterable[Any]) -> Steps[None]:
        """Rows that a posting has answered with: nobody has to read them again."""
        for view in known:
            name, show = _PRIMED[type(view)]
            rows = self.rows.get(name)
            if rows is None:
                rows = self.rows[name] = Rows()
            rows.known[view.id] = show(view, self)
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
