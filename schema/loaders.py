"""Reads of one request: rows of each kind are read once, together for all fields that ask at the same moment."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, Final, TypeVar
from uuid import UUID

from orjson import Fragment

from gateway.errors import BadUserInput
from gateway.reading import Kind, Lists, Loader, Rows
from models.errors import InvariantViolated
from models.planning.binding import Binding
from models.reads import (
    accounts,
    actors,
    bindings,
    configuration,
    holds,
    invoices,
    liability,
    overpayments,
    refunds,
    requests,
    transfers,
)
from models.reads.accounts import BalanceView
from models.reads.counts import count_rows, looked_too_far
from models.reads.paging import LOOKED_AT, Condition, Listing, Looked, Page, PageRequest, load_pages
from models.reads.session import ReadSession
from models.views import InvoiceTextView
from schema.errors import StillPosting
from schema.nodes import NODE_OF, NODES
from schema.settling import settle
from schema.types.base import SHOWN, Connection, PageKey, Show, Whole, connection
from schema.types.configuration import Tiers
from schema.written import PageWriter, RowWriter, written_accounts
from turns.slices import each_in_slices
from turns.steps import Steps

T = TypeVar("T")


class NodeRows(Kind[UUID, Any]):
    """Rows of a type that is a node, by id (schema/nodes.py)."""

    def __init__(self, type_name: str) -> None:
        super().__init__(partial(_nodes, type_name))
        self._name = type_name

    def __set_name__(self, owner: type, name: str) -> None:
        """Rows are kept by the type's name, whichever way they are asked for."""


_rows_of: Final = lru_cache(maxsize=None)(NodeRows)


async def _nodes(type_name: str, loaders: "Loaders", ids: list[UUID]) -> dict[UUID, Any]:
    return await NODES[type_name].read(loaders, ids)


async def _balances(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {customer_id: [] for customer_id in ids}
    rows_of = await loaders.account_rows(ids)
    for customer_id in ids:
        views = [accounts.view_of(customer_id, row) for row in rows_of[customer_id]]
        found[customer_id] = [loaders.show(view) for view in views]
        loaders.remember(views, found[customer_id])
    return found


async def _written_balances(
    loaders: "Loaders", asked: list[tuple[UUID, RowWriter]]
) -> dict[tuple[UUID, RowWriter], Fragment]:
    found: dict[tuple[UUID, RowWriter], Fragment] = {}
    for writer in dict.fromkeys(writer for _, writer in asked):
        ids = [customer_id for customer_id, each in asked if each is writer]
        for customer_id, written in (await written_accounts(loaders, ids, writer)).items():
            found[customer_id, writer] = Fragment(written)
    return found


async def _balances_at(
    loaders: "Loaders", asked: list[tuple[UUID, datetime]]
) -> dict[tuple[UUID, datetime], BalanceView]:
    return dict(zip(asked, await accounts.balances_at(loaders.reads, asked), strict=True))


async def _liability_parts(
    loaders: "Loaders", asked: list[tuple[datetime, str]]
) -> dict[tuple[datetime, str], list[liability.LiabilityPart]]:
    return {(at, zone): await liability.parts_of_rows(loaders.reads, at, loaders.now, zone) for at, zone in asked}


async def _pages(loaders: "Loaders", keys: list[PageKey]) -> dict[PageKey, Connection[Any]]:
    together: defaultdict[tuple[Listing[Any], PageRequest, tuple[Condition, ...]], list[UUID]] = defaultdict(list)
    for listing, parent, request, conditions in keys:
        together[listing, request, conditions].append(parent)
    found: dict[PageKey, Connection[Any]] = {}
    for (listing, request, conditions), parents in together.items():
        try:
            await settle(loaders.reads, loaders.now, (condition.until for condition in conditions))
        except StillPosting as error:
            posting: Any = error  # this list's alone, too
            found |= {(listing, parent, request, conditions): posting for parent in parents}
            continue
        pages = await load_pages(loaders.reads, listing, parents, request, conditions)
        show = loaders.page_of(listing, conditions)
        for parent, shown in zip(pages, await each_in_slices(show, pages.items()), strict=True):
            found[listing, parent, request, conditions] = shown
        for parent in await looked_too_far(loaders.reads, listing, pages, request, conditions):
            # As a value: it is this list's failure, and none of those read along with it.
            found[listing, parent, request, conditions] = _refused(conditions)
    return found


def _refused(conditions: Iterable[Condition]) -> Any:
    named = sorted({condition.named for condition in conditions if isinstance(condition, Looked)})
    names = ", ".join(named)
    return BadUserInput(
        f"No index leads to what filter.{names} asks for in this order, and of the {LOOKED_AT:,} rows looked at too few have"
        " it. Narrow the list: by a customer, by the dates or the order that the filter's description names.",
        "filter",
        *(named if len(named) == 1 else ()),
    )


async def _written_pages(
    loaders: "Loaders", asked: list[tuple[PageKey, PageWriter]]
) -> dict[tuple[PageKey, PageWriter], Any]:
    together: defaultdict[tuple[Listing[Any], PageRequest, tuple[Condition, ...], PageWriter], list[UUID]] = (
        defaultdict(list)
    )
    for (listing, parent, request, conditions), writer in asked:
        together[listing, request, conditions, writer].append(parent)
    found: dict[tuple[PageKey, PageWriter], Any] = {}
    for (listing, request, conditions, writer), parents in together.items():
        names = frozenset() if writer.node is None else writer.node.columns
        pages = await load_pages(loaders.reads, listing, parents, request, conditions, as_read=True, names=names)
        keys = [(listing, parent, request, conditions) for parent in pages]
        try:
            shown: list[Any] = [Fragment(text) for text in await writer(loaders, listing, list(pages.values()))]
        except Exception:  # noqa: BLE001 - objects say of which field it is
            shown = await _as_objects(loaders, keys)
        found.update(((key, writer), each) for key, each in zip(keys, shown, strict=True))
    return found


async def _as_objects(loaders: "Loaders", keys: list[PageKey]) -> list[Any]:
    """The pages as objects; as a value their failure, which is none of what is read along with them."""
    try:
        return list((await _pages(loaders, keys)).values())
    except Exception as error:  # noqa: BLE001 - it is raised where the page would be
        return [error] * len(keys)


async def _counts(loaders: "Loaders", asked: list[Whole]) -> dict[Whole, int | None]:
    together: defaultdict[tuple[Listing[Any], tuple[Condition, ...]], list[UUID]] = defaultdict(list)
    for listing, parent, conditions in asked:
        together[listing, conditions].append(parent)
    found: dict[Whole, int | None] = {}
    for (listing, conditions), parents in together.items():
        for parent, number in (await count_rows(loaders.reads, listing, parents, conditions)).items():
            found[listing, parent, conditions] = number
    return found


async def _tiers(loaders: "Loaders", _: list[None]) -> dict[None, Tiers]:
    return {None: Tiers(await configuration.tiers(loaders.reads))}


async def _invoice_texts(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, InvoiceTextView]:
    return await invoices.texts_by_ids(loaders.reads, ids)


async def _refunds(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, refunds.RefundsView]:
    return await refunds.of_transactions(loaders.reads, ids)


async def _holds_of_transactions(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, UUID]:
    return await holds.of_transactions(loaders.reads, ids)


async def _overpayments(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, overpayments.OverpaymentView]:
    return await overpayments.of_payments(loaders.reads, ids)


async def _payments_of_credits(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, UUID]:
    return await overpayments.payments_of_credits(loaders.reads, ids)


async def _counterparts(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, UUID]:
    return await transfers.counterparts(loaders.reads, ids)


async def _actor_ids(loaders: "Loaders", names: list[actors.Name]) -> dict[actors.Name, UUID]:
    return await actors.ids_of(loaders.reads, names)


async def _bulk_sums(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, dict[str, Decimal]]:
    return await requests.sums(loaders.reads, ids)


async def _held_of_credits(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, int]:
    return await holds.held_of_credits(loaders.reads, ids, loaders.now)


async def _bindings(loaders: "Loaders", ids: list[UUID]) -> dict[UUID, Binding]:
    asked = await loaders.approval_requests.load_all(ids)
    return await bindings.bindings(loaders.reads, [request.view for request in asked])


class Loaders:
    """Reads of one request, as of one instant. `for_customer`: fields that customers must not see are left out.

    shown: by the class of a row, the type that shows it; a loader returns that.
    """

    accounts = NodeRows("Account")
    approval_requests = NodeRows("ApprovalRequest")
    assignments = NodeRows("Assignment")
    bulk_operations = NodeRows("BulkOperation")
    coupons = NodeRows("Coupon")
    credit_notes = NodeRows("CreditNote")
    credits = NodeRows("Credit")
    customers = NodeRows("Customer")
    """By the id of any of a person's records: the person."""
    invoices = NodeRows("Invoice")
    partner_tokens = NodeRows("PartnerToken")
    products = NodeRows("Product")
    rewards = NodeRows("Reward")
    services = NodeRows("Service")
    transactions = NodeRows("Transaction")
    webhook_deliveries = NodeRows("WebhookDelivery")
    webhooks = NodeRows("Webhook")

    actor_ids = Kind(_actor_ids)
    """By subject, role and client: the id of who did something."""
    balances = Kind(_balances)
    """All accounts of a customer."""
    written_balances = Kind(_written_balances)
    """The same, each with what writes it, as JSON."""
    balances_at = Kind(_balances_at)
    """An account at an instant."""
    bindings = Kind(_bindings)
    """By approval request: the changes of its terms since it was made."""
    bulk_sums = Kind(_bulk_sums)
    """By bulk: what its rows ask for in each asset; None if they are too many."""
    counterparts = Kind(_counterparts)
    """By a transfer's transaction: the other customer's."""
    held_of_credits = Kind(_held_of_credits)
    """By credit: what is held of it."""
    holds_of_transactions = Kind(_holds_of_transactions)
    """By transaction: the hold that it has placed, changed or captured."""
    invoice_texts = Kind(_invoice_texts)
    """The tenant's own texts of an invoice; None if it has none."""
    liability_parts = Kind(_liability_parts)
    """The parts of the liability at an instant, by months in a time zone."""
    overpayments = Kind(_overpayments)
    """By payment: what was kept of it."""
    pages = Kind(_pages)
    written_pages = Kind(_written_pages)
    """The same, each with what writes it, as JSON."""
    counts = Kind(_counts)
    """By list: how many rows it has; None if they are too many to be counted."""
    payments = NodeRows("Payment")
    payments_of_credits = Kind(_payments_of_credits)
    """By credit: the payment that it was kept of."""
    refunds = Kind(_refunds)
    """By transaction: what it gives back, or what was given back of it."""
    _all_tiers = Kind(_tiers)

    def __init__(
        self, reads: ReadSession, now: datetime, for_customer: bool, shown: Mapping[type, Show[Any, Any]]
    ) -> None:
        self.shown = shown
        self.reads = reads
        self.now = now
        self.for_customer = for_customer
        self.rows: dict[str, Rows[Any, Any]] = {}
        self._account_rows: dict[UUID, list[list[Any]]] = {}
        self.lists = Lists()

    async def account_rows(self, ids: Iterable[UUID]) -> Mapping[UUID, list[list[Any]]]:
        """By customer, all their accounts as rows (`accounts.rows_of_customers`); each is read once."""
        known = self._account_rows
        missing = [each for each in ids if each not in known]
        if missing:
            known.update(await accounts.rows_of_customers(self.reads, missing, self.now))
        return known

    def nodes(self, type_name: str) -> Loader[UUID, Any]:
        """The nodes of a type by id. Those that other types refer to have an attribute too."""
        return _rows_of(type_name).__get__(self, Loaders)

    def show(self, view: Any) -> Any:
        """The row as the API shows it to who asks."""
        return self.shown[type(view)](view, self)

    def page_of(
        self, listing: Listing[Any], conditions: tuple[Condition, ...]
    ) -> Callable[[tuple[UUID, Page[Any]]], Connection[Any]]:
        """Return what shows a page of a parent's list, and keeps its rows: they are not read again by id."""

        def show(read: tuple[UUID, Page[Any]]) -> Connection[Any]:
            parent, page = read
            shown = connection(page, (listing, parent, conditions), self.show)
            self.remember(page.rows, [edge.node for edge in shown.edges])
            return shown

        return show

    async def tiers(self) -> Tiers:
        tiers = await self._all_tiers.load(None)
        if tiers is None:
            raise InvariantViolated("a tenant's tiers were not read")
        return tiers

    def remember(self, rows: Iterable[Any], nodes: Iterable[Any]) -> None:
        """Keep rows that came with a list, so that they are not read again by id."""
        kind, known = None, None
        for view, node in zip(rows, nodes, strict=True):
            if type(view) is not kind:
                kind = type(view)
                name = NODE_OF.get(kind)
                known = None if name is None else self._known(name)
            if known is not None:
                known[view.id] = node

    def prime(self, known: Iterable[Any]) -> Steps[None]:
        """Keep rows that a posting returned, so that they are not read again."""
        for view in known:
            self._known(NODE_OF[type(view)])[view.id] = self.show(view)
            yield

    def _known(self, name: str) -> dict[UUID, Any]:
        """The rows of a type that are there, by id."""
        rows = self.rows.get(name)
        if rows is None:
            rows = self.rows[name] = Rows()
        return rows.known


def loaders_of(reads: ReadSession, now: datetime, for_customer: bool) -> Loaders:
    """Reads of a request, as far as rows need them."""
    return Loaders(reads, now, for_customer, SHOWN)
