"""Consequences of a change of an invoice's sums: its status, and the credit that an order grants or takes back. Pure.

Source 004: a credit product adds its worth to the account only once the order is paid in full, by any method; if the
order is no longer paid in full, the rest of that credit is taken back, and if any of it has been used, nothing moves.
"""

from collections.abc import Iterable
from uuid import UUID

from models.errors import CreditSpent, ExceedsDue, InvariantViolated
from models.kinds import Counter, InvoiceStatus, TransactionKind
from models.money import to_decimal
from models.planning import calendar, credits
from models.planning.drafts import GrantDraft, GrantRevocation, TransactionDraft
from models.planning.events import emit
from models.planning.state import AccountState, AssignmentState, Books, CreditState, InvoiceState, PostingContext
from models.views import InvoiceView


def account_of(books: Books, invoice: InvoiceState) -> AccountState | None:
    """The customer's account in the invoice's currency, if it was locked."""
    return books.accounts.get((invoice.customer_id, invoice.currency))


def status_of(total_minor: int, paid_minor: int, credited_minor: int) -> str:
    """OPEN, PART_PAID or PAID, of a total less what was noted. A void invoice stays void: nothing settles it."""
    if paid_minor + credited_minor == total_minor:
        return InvoiceStatus.PAID
    return InvoiceStatus.PART_PAID if paid_minor + credited_minor else InvoiceStatus.OPEN


def settle(
    books: Books,
    invoice: InvoiceState,
    *,
    paid_minor: int | None = None,
    credited_minor: int | None = None,
    noted_minor: int | None = None,
) -> None:
    """Set new sums on the invoice, and the status that follows from them."""
    paid = invoice.paid_minor if paid_minor is None else paid_minor
    credited = invoice.credited_minor if credited_minor is None else credited_minor
    noted = invoice.noted_minor if noted_minor is None else noted_minor
    status = status_of(invoice.total_minor - noted, paid, credited)
    if status == InvoiceStatus.PAID != invoice.status:
        emit(books, "invoice.paid", invoice.id)
    books.change(invoice, paid_minor=paid, credited_minor=credited, noted_minor=noted, status=status)
    books.writes.touched_invoices.append(invoice)


def exceeds_due_to_credit(invoice: InvoiceState) -> ExceedsDue:
    """The error for more account credit than the invoice accepts: a credit product's line accepts none."""
    left = to_decimal(invoice.due_to_credit_minor, invoice.currency)
    if invoice.due_to_credit_minor == invoice.due_minor:
        return ExceedsDue(left, invoice.currency)
    return ExceedsDue(left, invoice.currency, what="of what is due can be paid with account credit")


def check_grants_fit(
    account: AccountState | None,
    amounts: Iterable[tuple[InvoiceState, int]],
    *,
    spent_minor: int = 0,
    kept_minor: int = 0,
) -> None:
    """Raises AmountOutOfRange if the account has no room for the orders' grants, once these amounts are paid.

    Before the first change; all orders are of the account's customer and currency. spent_minor, kept_minor: taken off the
    account, and put onto it, by the same unit.
    """
    added_minor = kept_minor + sum(
        sum(invoice.credit_lines) for invoice, amount_minor in amounts if amount_minor == invoice.due_minor
    )
    if account is not None and added_minor:
        credits.check_room(account, added_minor - spent_minor)


def check_grants_unused(
    books: Books, invoices: Iterable[InvoiceState], returning: Iterable[AssignmentState] = ()
) -> None:
    """Raises CreditSpent if credit granted by these orders was used and not given back: assigned, spent or redeemed,
    wherever a merge has moved it. A part that was removed, voided or has expired is no obstacle, nor one that the same
    unit gives back (`returning`). Before the first change.
    """
    granting = {invoice.id: invoice for invoice in invoices if invoice.grants}
    if not granting:
        return
    back: dict[UUID, int] = {}
    for part in returning:
        credit_id = books.credits_by_id[part.credit_id].id
        back[credit_id] = back.get(credit_id, 0) + part.amount_minor
    for invoice in granting.values():
        granted = [books.credits_by_id[credit_id] for credit_id in invoice.grants]
        used_minor = sum(credit.used_minor - back.get(credit.id, 0) for credit in granted)
        check_unused(used_minor, sum(credit.amount_minor for credit in granted), invoice.currency, "the order granted")


def check_unused(used_minor: int, whole_minor: int, currency: str, which: str) -> None:
    """Raises CreditSpent if so much of the whole is used. which: how the credit came about, for people."""
    if used_minor:
        used, whole = (to_decimal(minor, currency) for minor in (used_minor, whole_minor))
        raise CreditSpent(used, whole, currency, which)


def grant_if_paid(books: Books, context: PostingContext, invoice: InvoiceState) -> None:
    """Add the worth of the order's credit products to the account, one credit per line, if it is now paid in full."""
    if invoice.status != InvoiceStatus.PAID or invoice.grants or not invoice.credit_lines:
        return
    account = account_of(books, invoice)
    if account is None:
        raise InvariantViolated(f"order {invoice.id} grants credit, and its account was not locked")
    transaction = credits.begin(
        books, TransactionKind.ORDER, invoice.customer_id, context.beside(books.source.new_id())
    )
    granted = tuple(
        credits.open_credit(
            books,
            transaction,
            account,
            amount_minor,
            Counter.ORDERS,
            effective_on=calendar.local_date(books.now, books.config.zone),
            starts_at=books.now,
            expires_at=None,
            service_ids=(),
            auto_apply=True,
            counts=True,
        ).id
        for amount_minor in invoice.credit_lines
    )
    books.change(invoice, grants=granted)
    for credit_id in granted:
        books.writes.grants.append(GrantDraft(credit_id, invoice.id, credit_id, transaction.id))


def take_back_grants(books: Books, context: PostingContext, invoice: InvoiceState) -> None:
    """Take back the remainder of the order's grants, last first, now that it is no longer paid in full."""
    if not invoice.grants or invoice.status == InvoiceStatus.PAID:
        return
    if account_of(books, invoice) is None:
        raise InvariantViolated(f"order {invoice.id} takes back credit, and its account was not locked")
    transaction = credits.begin(
        books, TransactionKind.REVERSAL, invoice.customer_id, context.beside(books.source.new_id())
    )
    for credit_id in reversed(invoice.grants):
        left_minor = take_back(books, transaction, books.credits_by_id[credit_id])
        books.writes.revoked_grants.append(GrantRevocation(credit_id, transaction.id, left_minor))
    books.change(invoice, grants=())


def take_back(books: Books, transaction: TransactionDraft, credit: CreditState) -> int:
    """Take back what is left of a credit that was paid for, and return it: 0 if it has expired.

    It is voided, even if nothing is left, so that a removal that is put back on it later goes the same way
    (credits.restore). What has expired stays expired: nothing can come back to it for longer.
    """
    expired = credit.expires_at is not None and credit.expires_at <= books.now
    left_minor = 0 if expired else credit.remaining_minor
    if left_minor:
        account = credits.account_of_lot(books, credit)
        credits.move(books, transaction, account, credit, -left_minor, Counter.ORDERS, lifetime=True)
    if not credit.remaining_minor and credit.swept_at is None and credit.voided_at is None:
        credits.amend(books, credit, voided_at=books.now)
    return left_minor


def invoice_view(invoice: InvoiceState) -> InvoiceView:
    return InvoiceView(
        id=invoice.id,
        number=invoice.number,
        customer_id=invoice.customer_id,
        currency=invoice.currency,
        status=invoice.status,
        total_minor=invoice.total_minor,
        paid_minor=invoice.paid_minor,
        credited_minor=invoice.credited_minor,
        creditable_minor=invoice.creditable_minor,
        noted_minor=invoice.noted_minor,
        kind=invoice.kind,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        tax_minor=invoice.tax_minor,
    )
