"""Rows other than accounts that units name, loaded into the books: invoices, rewards, coupons and their dependent
rows."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from models.loading.accounts import in_order, lock_customers
from models.loading.approvals import load_approvals
from models.loading.billing import (
    load_assignments,
    load_credit_notes,
    load_invoices,
    load_lines,
    load_payments,
    load_products,
    taken_numbers,
)
from models.loading.credits import load_credits, load_opened, load_spend_records, load_spends
from models.loading.holds import load_holds
from models.loading.lapsed import load_lapsed
from models.loading.locked_elsewhere import Name
from models.loading.rewards import load_coupons, load_rewards
from models.lookups import each
from models.planning.needs import Needs
from models.planning.state import Books
from models.session import TenantConnection

SKIP: Final = {True: "", False: "SKIP LOCKED"}
"""The lock clause, depending on whether a posting waits for locks."""


@dataclass(slots=True)
class Skipped:
    """Rows that a posting skipped because others have locked them.

    named: by the names that units use. invoices: reached through assignments. customers: the subjects of notes, reached
    through invoices and coupons.
    """

    named: set[Name] = field(default_factory=set)
    invoices: set[Name] = field(default_factory=set)
    customers: set[Name] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.named or self.invoices or self.customers)

    def of(self, needs: Needs, names: Collection[Name], *, noted: bool) -> set[Name]:
        """The skipped rows that a unit needs, or may need."""
        found = self.named.intersection(names)
        if needs.assignments or needs.assigned_credits or needs.assigned_invoices:
            found |= self.invoices
        if noted:
            found |= self.customers
        return found


async def load_named(
    connection: TenantConnection,
    books: Books,
    needs: list[Needs],
    skipped: Skipped,
    *,
    wait: bool,
    locking: bool = True,
) -> None:
    """Lock and read invoices, rewards and coupons; then read everything protected by the locks held so far.

    Without `wait`, rows locked by others are left out, and noted in `skipped`. locking: false to lock nothing, in a
    snapshot that is only looked at.
    """

    def clause(of: str) -> str:
        return f"FOR NO KEY UPDATE {of} {SKIP[wait]}" if locking else ""

    books.assignments, assigned = await load_assignments(connection, needs)
    named = {i for n in needs for i in n.invoices}
    invoices = named | {a.invoice_id for a in books.assignments.values()}
    if invoices:
        books.invoices = await load_invoices(connection, invoices, locking=clause("OF i"))
        locked = await _skipped(connection, "invoices", invoices - books.invoices.keys(), wait=wait)
        skipped.named |= locked
        skipped.invoices |= locked
    if numbers := {number for n in needs for number in n.invoice_numbers}:
        books.invoice_numbers = await taken_numbers(connection, numbers)
    await load_what_paid(connection, books, needs)
    if products := {p for n in needs for p in n.products}:
        books.products = await load_products(connection, products)
    if rewards := {r for n in needs for r in n.rewards}:
        books.rewards = await load_rewards(connection, rewards, locking=clause(""))
        skipped.named |= await _skipped(connection, "rewards", rewards - books.rewards.keys(), wait=wait)
    if coupons := {c for n in needs for c in n.coupons}:
        books.coupons = await load_coupons(connection, coupons, locking=clause("OF x"))
        skipped.named |= await _skipped(connection, "coupons", coupons - books.coupons.keys(), wait=wait)
    given_back = {t for n in needs for t in n.given_back}
    if given_back:
        books.given_back = await load_spends(connection, given_back)
    if reversed_transactions := {t for n in needs for t in n.reversed_transactions} | given_back:
        books.spend_records = await load_spend_records(connection, reversed_transactions)
    await _load_to_reverse(connection, books, needs)
    await load_needed_holds(connection, books, needs)
    await load_credits(connection, books, needs, assigned)
    await load_lapsed(connection, books, needs)


async def _load_to_reverse(connection: TenantConnection, books: Books, needs: list[Needs]) -> None:
    """Which rows of bulks were taken back before, and the credits that the others have opened."""
    if rows := {row for n in needs for row in n.bulk_rows}:
        books.reversed_rows = await load_reversed_rows(connection, rows)
        books.opened = await load_opened(connection, {t for n in needs for t in n.opened_by})


async def load_reversed_rows(connection: TenantConnection, ids: set[UUID]) -> set[UUID]:
    """The rows of bulks among these that were taken back. The accounts that they are about are locked, so that no more can
    be meanwhile."""
    rows = await connection.raw.fetch(
        f"SELECT r.id FROM {each('id uuid')} k JOIN reversed_rows r ON r.tenant_id = $1 AND r.id = k.id",
        connection.tenant_id,
        in_order(ids),
    )
    return {row["id"] for row in rows}


async def load_what_paid(connection: TenantConnection, books: Books, needs: list[Needs]) -> None:
    """Read payments, lines and credit notes, under the locks of their invoices."""
    payments = {p for n in needs for p in n.payments}
    paid = {i for n in needs for i in _paid_in_money(books, n)}
    if paid or payments:
        books.payments = await load_payments(connection, payments, paid)
    if lines := {line for n in needs for line in n.lines}:
        books.lines = await load_lines(connection, lines)
    if notes := {note for n in needs for note in n.credit_notes}:
        books.credit_notes = await load_credit_notes(connection, notes)


def _paid_in_money(books: Books, needs: Needs) -> Iterator[UUID]:
    """The invoices of which payments in money matter: to a new credit note, if any of that is left; to what undoes
    something, if anything was noted, since all of it may have been given back."""
    for invoice in map(books.invoices.get, {*needs.assigned_invoices, *needs.paid_invoices}):
        if invoice is not None:
            is_new_note = invoice.id in needs.paid_invoices and not needs.credit_notes
            if invoice.paid_minor if is_new_note else invoice.noted_minor:
                yield invoice.id


async def load_needed_holds(connection: TenantConnection, books: Books, needs: list[Needs]) -> None:
    """Read the holds that are named, and the live ones of accounts that are needed: all, or those for an invoice."""
    holds = {h for n in needs for h in n.holds}
    for n in needs if any(n.all_holds or n.holds_for for n in needs) else ():
        for account in map(books.accounts.get, n.accounts):
            if account is not None and account.held is not None:
                holds.update(h for h, invoice in account.held.holds.items() if n.all_holds or invoice in n.holds_for)
    if holds:
        books.holds = await load_holds(connection, holds)


async def lock_whom_notes_are_about(
    connection: TenantConnection, books: Books, skipped: Skipped, *, wait: bool
) -> None:
    """Lock the customers of the named invoices and coupons if a note is written, so that an erasure cannot miss it.

    Locked out of order, which is safe: a transaction that holds a customer so that this waits (an erasure, a merge)
    waits for none of the other rows.
    """
    named = {row.customer_id for rows in (books.invoices, books.coupons) for row in rows.values()}
    if missing := named - books.customers.keys():
        books.customers.update(await lock_customers(connection, missing, skip=SKIP[wait]))
        skipped.customers |= {("customers", customer) for customer in missing - books.customers.keys()}


async def load_requests(
    connection: TenantConnection, books: Books, needs: list[Needs], skipped: Skipped, *, wait: bool
) -> None:
    """Lock and read approval requests, after all other rows."""
    if wanted := {request_id for n in needs for request_id in n.approvals}:
        found, books.actor_ids = await load_approvals(connection, wanted, books.now, skip=SKIP[wait])
        books.approvals = {request.id: request for request in found}
        skipped.named |= await _skipped(connection, "approval_requests", wanted - books.approvals.keys(), wait=wait)


async def _skipped(connection: TenantConnection, table: str, missing: set[UUID], *, wait: bool) -> set[Name]:
    """The missing rows that do exist: others have locked them. `table` is a constant from the code."""
    if wait or not missing:
        return set()
    rows = await connection.raw.fetch(
        f"SELECT id FROM {table} WHERE tenant_id = $1 AND id = ANY($2)", connection.tenant_id, sorted(missing)
    )
    return {(table, row["id"]) for row in rows}
