"""Previews of what touches several accounts, or invoices: each account and each invoice as it would be afterwards.

The command is planned by the same code that posts it, on the books as they stand, in one snapshot. Writes nothing, locks
nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from models import planning
from models.commands import Actor, Command, CreditEffect, LimitVerdict
from models.errors import LedgerError
from models.ledger import Ledger
from models.loading.accounts import accounts_of, read_customers
from models.loading.credits import load_all_open
from models.operations.previewing import effects_by_account, tier_of, unlocked_books
from models.planning.needs import Needs
from models.planning.persons import followed, followed_needs
from models.planning.state import Books, CustomerState, InvoiceState, PostingContext
from models.session import TenantConnection, tenant_transaction
from turns.slices import in_slices


@dataclass(frozen=True, slots=True)
class AccountEffect:
    """One account afterwards. account_id: None if it would be opened. tier: None for other assets, or below the first."""

    customer_id: UUID
    account_id: UUID | None
    asset: str
    available_minor: int
    held_minor: int
    lifetime_minor: int
    tier: str | None
    credits: tuple[CreditEffect, ...]


@dataclass(frozen=True, slots=True)
class InvoiceEffect:
    """One invoice afterwards. invoice_id: None if it would be issued. before_minor: what is due of it now, or would be when
    it is issued."""

    invoice_id: UUID | None
    currency: str
    total_minor: int
    before_minor: int
    due_minor: int
    status: str


NO_LIMIT: Final = LimitVerdict(allowed=True, approval_required=False, remaining=())
"""The verdict on what no limit is on."""


@dataclass(frozen=True, slots=True)
class Effects:
    """Effects of a command, had it been posted now; nothing if there are errors, or it would only be asked for."""

    accounts: tuple[AccountEffect, ...] = ()
    invoices: tuple[InvoiceEffect, ...] = ()
    limit: LimitVerdict = NO_LIMIT
    errors: tuple[LedgerError, ...] = ()


def refused(error: LedgerError) -> Effects:
    """The effects of what is refused before anything is looked at."""
    return Effects(errors=(error,))


async def effects(
    ledger: Ledger,
    tenant_id: UUID,
    actor: Actor,
    command: Command,
    needs: Needs,
    verdict: Callable[[Books], LimitVerdict] = lambda _: NO_LIMIT,
) -> Effects:
    """Return what the command would do. verdict: the limits', regardless of other errors."""
    named = {*needs.customers, *(customer for customer, _ in needs.accounts)}
    async with tenant_transaction(tenant_id, read_only=True, one_moment=True) as connection:
        customers, merged = await _customers(connection, named)
        command, needs = followed(command, merged), followed_needs(needs, merged)
        if needs.merges:
            needs = await _with_what_merges(connection, needs)
        books, existing = await unlocked_books(ledger, connection, actor, set(needs.accounts), needs, customers)
        books.persons = merged
        if needs.merges:
            source = {account.id for account in books.accounts.values() if account.customer_id == needs.merges[0]}
            await load_all_open(connection, books, source)
    there = {books.accounts[key].id for key in existing}
    due = {invoice.id: invoice.due_minor for invoice in books.invoices.values()}
    said = verdict(books)
    try:
        await in_slices(planning.plan(books, PostingContext(actor, None, ledger.source.new_id()), command))
    except LedgerError as error:
        return Effects(limit=said, errors=(error,))
    found = await in_slices(effects_by_account(books))
    done = Effects(
        accounts=tuple(_account(books, account_id, credits, there) for account_id, credits in found.items()),
        invoices=tuple(
            _invoice(invoice, due.get(invoice.id))
            for invoice in {each.id: each for each in (*books.writes.invoices, *books.writes.touched_invoices)}.values()
        ),
        limit=said,
    )
    await in_slices(books.let_go())
    return done


async def _customers(
    connection: TenantConnection, named: set[UUID]
) -> tuple[dict[UUID, CustomerState], dict[UUID, UUID]]:
    """The named customers, as the persons that they are, and the merged records among them with their survivors."""
    customers = await read_customers(connection, named)
    merged = {c.id: c.merged_into_id for c in customers.values() if c.merged_into_id is not None}
    if merged:
        customers = await read_customers(connection, {merged.get(customer, customer) for customer in named})
    return customers, merged


async def _with_what_merges(connection: TenantConnection, needs: Needs) -> Needs:
    """A merge's needs: both customers' accounts in all assets that the first has (models/load_books.py)."""
    accounts = await accounts_of(connection, set(needs.merges))
    assets = sorted({asset for customer, asset in accounts if customer == needs.merges[0]})
    both = tuple((customer, asset) for customer in dict.fromkeys(needs.merges) for asset in assets)
    return replace(needs, accounts=both, all_holds=True)


def _invoice(invoice: InvoiceState, before_minor: int | None) -> InvoiceEffect:
    """before_minor: None if it would be issued."""
    is_new = before_minor is None
    return InvoiceEffect(
        invoice_id=None if is_new else invoice.id,
        currency=invoice.currency,
        total_minor=invoice.total_minor,
        before_minor=invoice.total_minor if before_minor is None else before_minor,
        due_minor=invoice.due_minor,
        status=invoice.status,
    )


def _account(books: Books, account_id: UUID, credits: tuple[CreditEffect, ...], there: set[UUID]) -> AccountEffect:
    account = books.accounts_by_id[account_id]
    return AccountEffect(
        customer_id=account.customer_id,
        account_id=account.id if account.id in there else None,
        asset=account.asset,
        available_minor=account.available_minor,
        held_minor=account.held_minor,
        lifetime_minor=account.lifetime_minor,
        tier=tier_of(books, account),
        credits=credits,
    )
