"""Money credit set against invoices (source 002). Pure."""

from decimal import Decimal
from typing import Final
from uuid import UUID

from models.commands import AssignCredit, InvoiceAmount, Outcome
from models.errors import (
    CreditNotOpen,
    CurrencyMismatch,
    CustomerMismatch,
    Duplicate,
    ExceedsDue,
    ExceedsRemaining,
    Invalid,
    InvoiceNotOpen,
    LedgerError,
    NotFound,
)
from models.money import is_money, nonzero_minor, to_decimal
from models.planning import credits
from models.planning.needs import Needs
from models.planning.state import AccountKey, AccountState, Books, CreditState, InvoiceState, Origin, TransactionDraft
from models.views import AssignmentView, InvoiceView

MAX_ASSIGNMENTS: Final = 100


def needs(command: AssignCredit, account: AccountKey) -> Needs:
    """The credit's account and every invoice; `account` was found by an unlocked read and never changes."""
    return Needs(accounts=(account,), credits=(command.credit_id,), invoices=tuple(a.invoice_id for a in command.assignments))


def plan(books: Books, origin: Origin, command: AssignCredit) -> Outcome:
    """Plan all of the assignments as one event. Raises, with the field, for the first that cannot be."""
    credit = books.credits_by_id.get(command.credit_id)
    account = books.accounts_by_id.get(credit.account_id) if credit else None
    if credit is None or account is None:
        raise NotFound("There is no such credit.", field=("creditId",))
    if not 1 <= len(command.assignments) <= MAX_ASSIGNMENTS:
        raise Invalid(f"Name between 1 and {MAX_ASSIGNMENTS} invoices.", field=("assignments",))
    if not is_money(account.asset):
        raise Invalid(f"Only money is set against invoices, not {account.asset}.", field=("creditId",))
    if not credits.is_open(credit, books.now):
        raise CreditNotOpen(credits.credit_view(credit, account.asset).status(books.now))
    amounts = _amounts(books, command, account, credit)
    # Must succeed from here on.
    transaction = credits.begin(books, "ASSIGNMENT", account.customer_id, origin)
    views = [
        assign(books, transaction, account, credit, invoice, amount_minor, "MANUAL") for invoice, amount_minor in amounts
    ]
    return Outcome(
        transaction_id=transaction.id, account_id=account.id, credit_id=credit.id,
        assignment_ids=tuple(view.id for view in views),
        views=(
            credits.transaction_view(transaction, books.now), credits.account_view(account),
            credits.credit_view(credit, account.asset), *views, *(invoice_view(invoice) for invoice, _ in amounts),
        ),
    )  # fmt: skip


def _amounts(
    books: Books, command: AssignCredit, account: AccountState, credit: CreditState
) -> list[tuple[InvoiceState, int]]:
    """Each invoice with what it gets, checked against what is due and what the earlier ones leave of the credit."""
    left, seen, amounts = credit.remaining_minor, set[UUID](), []
    for index, item in enumerate(command.assignments):
        try:
            invoice = _open_invoice(books, item, account, seen)
            amount_minor = _amount(item.amount, invoice, left)
        except LedgerError as error:
            raise error.at("assignments", str(index), *(error.field or ())) from None
        left -= amount_minor
        amounts.append((invoice, amount_minor))
    return amounts


def _open_invoice(books: Books, item: InvoiceAmount, account: AccountState, seen: set[UUID]) -> InvoiceState:
    invoice = books.invoices.get(item.invoice_id)
    if invoice is None:
        raise NotFound("There is no such invoice.", field=("invoiceId",))
    if invoice.id in seen:
        raise Duplicate("The invoice is named twice.", field=("invoiceId",))
    seen.add(invoice.id)
    if invoice.customer_id != account.customer_id:
        raise CustomerMismatch("invoice").at("invoiceId")
    if invoice.currency != account.asset:
        raise CurrencyMismatch(account.asset, invoice.currency).at("invoiceId")
    if invoice.status not in ("OPEN", "PART_PAID"):
        raise InvoiceNotOpen(invoice.status)
    return invoice


def _amount(amount: Decimal | None, invoice: InvoiceState, left_minor: int) -> int:
    """What is to be set against the invoice: as asked, or as much as possible."""
    if amount is None:
        if left_minor == 0:
            raise ExceedsRemaining(to_decimal(0, invoice.currency), invoice.currency)
        return min(left_minor, invoice.due_minor)
    amount_minor = nonzero_minor(amount, invoice.currency)
    if amount_minor < 0:
        raise Invalid("The amount must be positive.", field=("amount",))
    if amount_minor > invoice.due_minor:
        raise ExceedsDue(to_decimal(invoice.due_minor, invoice.currency), invoice.currency)
    if amount_minor > left_minor:
        raise ExceedsRemaining(to_decimal(left_minor, invoice.currency), invoice.currency)
    return amount_minor


def assign(
    books: Books, transaction: TransactionDraft, account: AccountState, credit: CreditState,
    invoice: InvoiceState, amount_minor: int, origin: str,
) -> AssignmentView:  # fmt: skip
    """Move `amount_minor` from the credit to the invoice. The caller has checked that both sides have it."""
    credits.move(books, transaction, account, credit, -amount_minor, "INVOICES")
    settle(books, invoice, credited_minor=invoice.credited_minor + amount_minor)
    view = AssignmentView(
        id=books.source.new_id(), credit_id=credit.id, invoice_id=invoice.id, currency=invoice.currency,
        amount_minor=amount_minor, origin=origin, assigned_at=books.now, released_at=None,
    )  # fmt: skip
    books.writes.assignments.append((view.id, credit.id, invoice.id, transaction.id, amount_minor, origin))
    return view


def settle(books: Books, invoice: InvoiceState, *, paid_minor: int | None = None, credited_minor: int | None = None) -> None:
    """New sums on the invoice, and the status that follows from them."""
    paid = invoice.paid_minor if paid_minor is None else paid_minor
    credited = invoice.credited_minor if credited_minor is None else credited_minor
    status = status_of(invoice.total_minor, paid, credited)
    books.change(invoice, paid_minor=paid, credited_minor=credited, status=status)
    books.writes.touched_invoices.append(invoice)


def status_of(total_minor: int, paid_minor: int, credited_minor: int) -> str:
    """OPEN, PART_PAID or PAID. What is void stays void: nothing settles it."""
    if paid_minor + credited_minor == total_minor:
        return "PAID"
    return "PART_PAID" if paid_minor + credited_minor else "OPEN"


def invoice_view(invoice: InvoiceState) -> InvoiceView:
    return InvoiceView(
        id=invoice.id, number=invoice.number, customer_id=invoice.customer_id, currency=invoice.currency,
        status=invoice.status, total_minor=invoice.total_minor, paid_minor=invoice.paid_minor,
        credited_minor=invoice.credited_minor, issued_on=invoice.issued_on, due_on=invoice.due_on,
    )  # fmt: skip
