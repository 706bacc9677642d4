"""Money credit set against invoices (source 002). Pure."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from uuid import UUID

from models.commands import LATER, Command, Outcome
from models.errors import (
    CreditNotOpen,
    CurrencyMismatch,
    CustomerMismatch,
    Duplicate,
    ExceedsRemaining,
    Invalid,
    InvoiceNotOpen,
    LedgerError,
    NotFound,
)
from models.kinds import AssignmentOrigin, Counter, InvoiceStatus, TransactionKind
from models.money import is_money, nonzero_minor, to_decimal
from models.planning import answering, credits, plan_of
from models.planning.drafts import TransactionDraft
from models.planning.needs import Needs
from models.planning.settling import check_grants_fit, exceeds_due_to_credit, grant_if_paid, invoice_view, settle
from models.planning.state import (
    AccountKey,
    AccountState,
    AssignmentState,
    Books,
    CreditState,
    InvoiceState,
    PostingContext,
)
from models.texts import Texts
from models.views import AssignmentView

MAX_ASSIGNMENTS: Final = 100


@dataclass(frozen=True, slots=True)
class InvoiceAmount:
    invoice_id: UUID
    amount: Decimal | None  # None: the amount due, as far as the given amounts leave enough of the credit


@dataclass(frozen=True, slots=True)
class AssignCredit(Command):
    """Set one money credit against one or several invoices of the same customer, all or nothing."""

    credit_id: UUID
    assignments: tuple[InvoiceAmount, ...]
    texts: Texts | None = field(default=None, metadata=LATER)


def needs(command: AssignCredit, account: AccountKey) -> Needs:
    """The credit's account and every invoice; `account` was found by an unlocked read, and changes only in a merge. It
    is opened if a merge left nothing of the credit and so opened none; the credit is then found to be used up."""
    return Needs(
        accounts=(account,),
        opens_accounts=True,
        credits=(command.credit_id,),
        invoices=tuple(a.invoice_id for a in command.assignments),
    )


@plan_of(AssignCredit)
def plan(books: Books, context: PostingContext, command: AssignCredit) -> Outcome:
    """Plan all assignments as one event. Raises, with the field, for the first that is refused."""
    credit = books.credits_by_id.get(command.credit_id)
    account = credits.account_of_lot(books, credit) if credit and credits.is_locked(books, credit) else None
    if credit is None or account is None:
        raise NotFound("There is no such credit.", field=("creditId",))
    if not 1 <= len(command.assignments) <= MAX_ASSIGNMENTS:
        raise Invalid(f"Name between 1 and {MAX_ASSIGNMENTS} invoices.", field=("assignments",))
    if not is_money(account.asset):
        raise Invalid(f"Only money can be set against invoices, not {account.asset}.", field=("creditId",))
    if not credits.is_open(credit, books.now):
        raise CreditNotOpen(answering.credit_view(credit, account.asset).status(books.now))
    amounts = planned_amounts(books, command.assignments, account, credit)
    # Must succeed from here on.
    transaction = credits.begin(books, TransactionKind.ASSIGNMENT, account.customer_id, context)
    views = assign_all(books, context, transaction, account, credit, amounts)
    return Outcome(
        transaction_id=transaction.id,
        account_id=account.id,
        credit_id=credit.id,
        assignment_ids=tuple(view.id for view in views),
        views=(
            answering.transaction_view(transaction),
            answering.account_view(account),
            answering.credit_view(credit, account.asset),
            *views,
            *(invoice_view(invoice) for invoice, _ in amounts),
        ),
    )


def planned_amounts(
    books: Books, items: tuple[InvoiceAmount, ...], account: AccountState, credit: CreditState
) -> list[tuple[InvoiceState, int]]:
    """Each invoice that gets something, with its amount, in the order given.

    A given amount is exact, and checked against the amount due and what earlier ones given leave of the credit. Blank
    ones share the rest, in their order, each up to its amount due; one that would get nothing is left out. Raises
    ExceedsRemaining if all would.
    """
    left, seen, invoices, given = credit.free_minor, set[UUID](), [], dict[UUID, int]()
    for index, item in enumerate(items):
        try:
            invoice = _open_invoice(books, item, account, seen)
            if item.amount is not None:
                given[invoice.id] = _given_amount(item.amount, invoice, left)
        except LedgerError as error:
            raise error.at("assignments", str(index), *(error.field or ())) from None
        left -= given.get(invoice.id, 0)
        invoices.append(invoice)
    amounts = []
    for invoice in invoices:
        amount_minor = given.get(invoice.id)
        if amount_minor is None:
            amount_minor = min(left, invoice.due_to_credit_minor)
            left -= amount_minor
        if amount_minor:
            amounts.append((invoice, amount_minor))
    if not amounts:
        what = "of the credit can be set against these invoices"
        raise ExceedsRemaining(to_decimal(0, account.asset), account.asset, what=what).at("assignments")
    check_grants_fit(account, amounts, spent_minor=sum(amount_minor for _, amount_minor in amounts))
    return amounts


def assign_all(
    books: Books,
    context: PostingContext,
    transaction: TransactionDraft,
    account: AccountState,
    credit: CreditState,
    amounts: list[tuple[InvoiceState, int]],
) -> list[AssignmentView]:
    """Move each amount from the credit to its invoice; an order that this pays in full grants the credit it sells."""
    views = [
        assign(books, transaction, account, credit, invoice, amount_minor, AssignmentOrigin.MANUAL)
        for invoice, amount_minor in amounts
    ]
    for invoice, _ in amounts:
        grant_if_paid(books, context, invoice)
    return views


def _open_invoice(books: Books, item: InvoiceAmount, account: AccountState, seen: set[UUID]) -> InvoiceState:
    invoice = books.invoices.get(item.invoice_id)
    if invoice is None:
        raise NotFound("There is no such invoice.", field=("invoiceId",))
    if invoice.id in seen:
        raise Duplicate("The invoice is listed twice.", field=("invoiceId",))
    seen.add(invoice.id)
    if invoice.customer_id != account.customer_id:
        raise CustomerMismatch("invoice").at("invoiceId")
    if invoice.currency != account.asset:
        raise CurrencyMismatch(account.asset, invoice.currency).at("invoiceId")
    if invoice.status not in (InvoiceStatus.OPEN, InvoiceStatus.PART_PAID):
        raise InvoiceNotOpen(invoice.status)
    return invoice


def _given_amount(amount: Decimal, invoice: InvoiceState, left_minor: int) -> int:
    amount_minor = nonzero_minor(amount, invoice.currency)
    if amount_minor < 0:
        raise Invalid("The amount must be positive.", field=("amount",))
    if amount_minor > invoice.due_to_credit_minor:
        raise exceeds_due_to_credit(invoice)
    if amount_minor > left_minor:
        raise ExceedsRemaining(to_decimal(left_minor, invoice.currency), invoice.currency)
    return amount_minor


def assign(
    books: Books,
    transaction: TransactionDraft,
    account: AccountState,
    credit: CreditState,
    invoice: InvoiceState,
    amount_minor: int,
    origin: AssignmentOrigin,
    *,
    payment_id: UUID | None = None,
) -> AssignmentView:
    """Move `amount_minor` from the credit to the invoice. The caller has checked that both sides allow it.

    payment_id: the payment with account credit that this is a part of, if any.
    """
    credits.move(books, transaction, account, credit, -amount_minor, Counter.INVOICES)
    settle(books, invoice, credited_minor=invoice.credited_minor + amount_minor)
    part = AssignmentState(
        id=books.source.new_id(),
        credit_id=credit.id,
        invoice_id=invoice.id,
        transaction_id=transaction.id,
        amount_minor=amount_minor,
        origin=origin,
        assigned_at=books.now,
        released_at=None,
        payment_id=payment_id,
    )
    books.writes.assignments.append(part)
    # A later unit of the same batch may void the credit or the invoice: it must find this here.
    books.assignments[part.id] = part
    books.on_rollback(books.assignments.pop, part.id)
    return assignment_view(part, invoice.currency)


def assignment_view(part: AssignmentState, currency: str) -> AssignmentView:
    return AssignmentView(
        id=part.id,
        credit_id=part.credit_id,
        invoice_id=part.invoice_id,
        currency=currency,
        amount_minor=part.amount_minor,
        origin=part.origin,
        assigned_at=part.assigned_at,
        released_at=part.released_at,
        noted_minor=part.noted_minor,
    )
