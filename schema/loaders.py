"""Reads of one request: rows of each kind are read once, together for all fields that ask at the same moment."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from gateway.reading import Kind, Lists, Rows
from models import views
from models.customers import CustomerView
from models.errors import InvariantViolated
from models.planning.binding import Binding
from models.reads import (
    accounts,
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
from models.reads.paging import Condition, Listing, Page, PageRequest, load_pages
from models.reads.session import ReadSession
from schema.types.base import SHOWN, Connection, Show, connection
from schema.types.configuration import Tier, Tiers
from turns.slices import each_in_slices
from turns.steps import Steps

T = TypeVar("T")

PageKey = tuple[Listing[Any], UUID, PageRequest, tuple[Condition, ...]]
"""A list, whose, which page of it, and what of it."""


def _by_id(read: Callable[..., Awaitable[list[Any]]], *, as_of_now: bool = False) -> "Kind[UUID, Any]":
    """By their own ids. as_of_now: whether `read` has to be told what time it is."""

    async def rows(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, Any]:
        arguments = (loaders.now,) if as_of_now else ()
        views = await read(loaders.reads, ids, *arguments)
        shown = await each_in_slices(loaders.show, views)
        return {view.id: each for view, each in zip(views, shown, strict=True)}

    return Kind(rows)


async def _people(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, Any]:
    found = await customers.by_ids(loaders.reads, ids)
    return {asked: loaders.show(view) for asked, view in found.items()}


async def _balances(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {customer_id: [] for customer_id in ids}
    for view in await accounts.of_customers(loaders.reads, ids, loaders.now):
        account = loaders.show(view)
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
        pages = await load_pages(loaders.reads, listing, parents, request, conditions)
        for parent, shown in zip(pages, await each_in_slices(loaders.page_of(listing), pages.values()), strict=True):
            found[listing, parent, request, conditions] = shown
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
    """Reads of one request, as of one instant. `for_customer`: fields that customers must not see are left out.

    shown: by the class of a row, the type that shows it; a loader returns that.
    """

    customers = Kind(_people)
    """By the id of any of a person's records: the person."""
    accounts = _by_id(accounts.by_ids, as_of_now=True)
    credits = _by_id(credit_reads.by_ids)
    entries = _by_id(ledger.entries_by_ids)
    transactions = _by_id(ledger.transactions_by_ids)
    invoices = _by_id(invoice_reads.by_ids)
    assignments = _by_id(invoice_reads.assignments_by_ids)
    payments = _by_id(invoice_reads.payments_by_ids)
    products = _by_id(products.by_ids)
    services = _by_id(configuration.services_by_ids)
    rewards = _by_id(reward_reads.rewards_by_ids)
    coupons = _by_id(reward_reads.coupons_by_ids)
    approval_requests = _by_id(requests.approvals_by_ids)
    bindings = Kind(_bindings)
    """By approval request: the changes of its terms since it was made."""
    bulk_operations = _by_id(requests.operations_by_ids)
    partner_tokens = _by_id(partner_tokens.by_ids)
    balances = Kind(_balances)
    """All accounts of a customer."""
    balances_at = Kind(_balances_at)
    """An account at an instant."""
    liability_parts = Kind(_liability_parts)
    """The parts of the liability at an instant, by months in a time zone."""
    pages = Kind(_pages)
    tiers_by_id = Kind(_tiers_by_id)
    _all_tiers = Kind(_tiers)

    def __init__(
        self, reads: ReadSession, now: datetime, for_customer: bool, shown: Mapping[type, Show[Any, Any]]
    ) -> None:
        self.shown = shown
        self.reads = reads
        self.now = now
        self.for_customer = for_customer
        self.rows: dict[str, Rows[Any, Any]] = {}
        self.lists = Lists()

    def show(self, view: Any) -> Any:
        """The row as the API shows it to who asks."""
        return self.shown[type(view)](view, self)

    def page_of(self, listing: Listing[Any]) -> Callable[[Page[Any]], Connection[Any]]:
        """Return what shows a page of the list, and keeps its rows: they are not read again by id."""

        def show(page: Page[Any]) -> Connection[Any]:
            shown = connection(page, listing, self.show)
            self.remember(page.rows, [edge.node for edge in shown.edges])
            return shown

        return show

    async def tiers(self) -> Tiers:
        tiers = await self._all_tiers.load(None)
        if tiers is None:
            raise InvariantViolated("a tenant has tiers, be they none")
        return tiers

    def remember(self, rows: Iterable[Any], nodes: Iterable[Any]) -> None:
        """Keep rows that came with a list, so that they are not read again by id."""
        for view, node in zip(rows, nodes, strict=True):
            if (primed := _PRIMED.get(type(view))) is not None:
                getattr(self, primed).prime(view.id, node)

    def prime(self, known: Iterable[Any]) -> Steps[None]:
        """Keep rows that a posting returned, so that they are not read again."""
        for view in known:
            name = _PRIMED[type(view)]
            rows = self.rows.get(name)
            if rows is None:
                rows = self.rows[name] = Rows()
            rows.known[view.id] = self.show(view)
            yield


def loaders_of(reads: ReadSession, now: datetime, for_customer: bool) -> Loaders:
    """Reads of a request, as far as rows need them."""
    return Loaders(reads, now, for_customer, SHOWN)


_PRIMED: Final[dict[type, str]] = {
    CustomerView: "customers",
    views.AccountView: "accounts",
    views.CreditView: "credits",
    views.EntryView: "entries",
    views.TransactionView: "transactions",
    views.InvoiceView: "invoices",
    views.AssignmentView: "assignments",
    views.PaymentView: "payments",
    views.ProductView: "products",
    views.CouponView: "coupons",
    views.RewardView: "rewards",
    views.ApprovalRequestView: "approval_requests",
    views.BulkOperationView: "bulk_operations",
    partner_tokens.PartnerTokenView: "partner_tokens",
}
"""The loader that a row primes, by the kind of row."""
