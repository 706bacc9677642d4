"""What units name beside accounts, into the books: invoices, rewards, coupons and what hangs on them."""

from models.loading.accounts import lock_customers
from models.loading.approvals import load_approvals
from models.loading.billing import (
    load_assignments,
    load_invoices,
    load_payments,
    load_products,
    taken_numbers,
)
from models.loading.credits import load_credits, load_spend_records
from models.loading.rewards import load_coupons, load_rewards
from models.planning.needs import Needs
from models.planning.state import Books
from models.session import TenantConnection


async def load_named(connection: TenantConnection, books: Books, needs: list[Needs]) -> None:
    """Invoices, rewards and coupons, locked; then everything that the locks held so far keep still."""
    books.assignments = await load_assignments(connection, needs)
    invoices = {i for n in needs for i in n.invoices} | {a.invoice_id for a in books.assignments.values()}
    if invoices:
        books.invoices = await load_invoices(connection, invoices, lock=True)
    if numbers := {number for n in needs for number in n.invoice_numbers}:
        books.invoice_numbers = await taken_numbers(connection, numbers)
    if payments := {p for n in needs for p in n.payments}:
        books.payments = await load_payments(connection, payments)
    if products := {p for n in needs for p in n.products}:
        books.products = await load_products(connection, products)
    if rewards := {r for n in needs for r in n.rewards}:
        books.rewards = await load_rewards(connection, rewards, lock=True)
    if coupons := {c for n in needs for c in n.coupons}:
        books.coupons = await load_coupons(connection, coupons)
    if undone := {t for n in needs for t in n.undone}:
        books.spend_records = await load_spend_records(connection, undone)
    await load_credits(connection, books, needs)


async def keep_whom_notes_are_about(connection: TenantConnection, books: Books) -> None:
    """Whose invoices and coupons these are, where something is noted and no account of theirs is needed.

    Locked out of the order, which is safe: whoever has a customer so that this waits (an erasure, a merge) waits for none
    of the rest.
    """
    named = {row.customer_id for rows in (books.invoices, books.coupons) for row in rows.values()}
    if missing := named - books.customers.keys():
        books.customers.update(await lock_customers(connection, missing))


async def load_requests(connection: TenantConnection, books: Books, needs: list[Needs]) -> None:
    """Locked after all the rest."""
    if wanted := {request_id for n in needs for request_id in n.approvals}:
        found, books.actor_ids = await load_approvals(connection, wanted, books.now)
        books.approvals = {request.id: request for request in found}
