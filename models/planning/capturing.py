"""Capturing what is held, as a spend or as the payment of an invoice (domain: spending and holding). Pure.

It cannot fail for want of value: what is held is there, whether its credit has expired, a limit has fallen or a membership
has ended meanwhile. Limits have counted it when it was held.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from models.commands import LATER, Command, Outcome
from models.errors import ExceedsRemaining, Invalid, NotFound
from models.kinds import AssignmentOrigin, Counter, PaymentMethod, TransactionKind
from models.money import to_decimal
from models.planning import answering, calendar, credits, plan_of
from models.planning.assign import assign
from models.planning.auditing import audit
from models.planning.events import emit
from models.planning.hold_rows import HoldState
from models.planning.holding import check_payable, hold_view, own_hold
from models.planning.needs import Needs
from models.planning.notes import check_note
from models.planning.payments import payment_view
from models.planning.setting_aside import capture
from models.planning.settling import check_grants_fit, grant_if_paid, invoice_view
from models.planning.spending import positive_minor
from models.planning.state import AccountKey, AccountState, Books, InvoiceState, PaymentState, PostingContext
from models.texts import Texts
from turns.steps import Steps


@dataclass(frozen=True, slots=True)
class CaptureHold(Command):
    """Take what is held, or a part of it. amount: None for all that is left, of an invoice for as much as is due on it.
    invoice_id: to pay; None for the invoice that the hold is for, or a spend if it is for none."""

    hold_id: UUID
    amount: Decimal | None = None
    invoice_id: UUID | None = None
    note: str | None = None
    texts: Texts | None = field(default=None, metadata=LATER)


def capture_needs(command: CaptureHold, account: AccountKey, invoice_id: UUID | None) -> Needs:
    """The hold's account and the invoice to pay were found by an unlocked read; the one changes only in a merge."""
    invoices = () if invoice_id is None else (invoice_id,)
    return Needs(accounts=(account,), holds=(command.hold_id,), invoices=invoices)


@plan_of(CaptureHold)
def plan_capture(books: Books, context: PostingContext, command: CaptureHold) -> Steps[Outcome]:
    """Plan a capture. Raises NotFound, HoldEnded, ExceedsRemaining, and those of an invoice that cannot be paid so."""
    check_note(command.note)
    hold, account = own_hold(books, context.actor, command.hold_id)
    invoice_id = command.invoice_id or hold.invoice_id
    if hold.invoice_id not in (None, invoice_id):
        raise Invalid("The hold is for another invoice. Leave this one out.", field=("invoiceId",))
    if invoice_id is not None:
        invoice = books.invoices.get(invoice_id)
        if invoice is None:
            raise NotFound("There is no such invoice.", field=("invoiceId",))
        return (yield from _pay(books, context, command, hold, account, invoice))
    amount_minor = hold.held_minor if command.amount is None else _amount(command.amount, hold, account)
    # Must succeed from here on.
    transaction = credits.begin(books, TransactionKind.SPEND, account.customer_id, context, note=command.note)
    for credit, taken in capture(books, transaction, hold, amount_minor):
        credits.move(books, transaction, account, credit, -taken, Counter.SPENT)
        yield
    return _outcome(hold, account, (answering.transaction_view(transaction),), transaction_id=transaction.id)


def _amount(amount: Decimal, hold: HoldState, account: AccountState) -> int:
    amount_minor = positive_minor(amount, account.asset)
    if amount_minor > hold.held_minor:
        left = to_decimal(hold.held_minor, account.asset)
        raise ExceedsRemaining(left, account.asset, what="is left of the hold")
    return amount_minor


def _pay(
    books: Books,
    context: PostingContext,
    command: CaptureHold,
    hold: HoldState,
    account: AccountState,
    invoice: InvoiceState,
) -> Steps[Outcome]:
    """Pay the invoice, as recordPayment with account credit does; voiding the payment puts it back on the credits."""
    amount_minor = (
        max(1, min(hold.held_minor, invoice.due_to_credit_minor))
        if command.amount is None
        else _amount(command.amount, hold, account)
    )
    check_payable(invoice, account.customer_id, account.asset, amount_minor)
    check_grants_fit(account, [(invoice, amount_minor)], spent_minor=amount_minor)
    # Must succeed from here on.
    payment = PaymentState(
        id=context.result_id,
        invoice_id=invoice.id,
        amount_minor=amount_minor,
        method=PaymentMethod.ACCOUNT_CREDIT,
        received_on=calendar.local_date(books.now, books.config.zone),
        voided_at=None,
        transaction_id=books.source.new_id(),
        actor=context.actor,
        created_at=books.now,
    )
    event_id = payment.transaction_id or books.source.new_id()
    event = PostingContext(context.actor, context.key, event_id, texts=context.texts)
    transaction = credits.begin(books, TransactionKind.ASSIGNMENT, invoice.customer_id, event, note=command.note)
    emit(books, "payment.recorded", payment.id)
    views: list[Any] = [payment_view(payment, invoice.currency), answering.transaction_view(transaction)]
    for credit, taken in capture(books, transaction, hold, amount_minor):
        views.append(
            assign(books, transaction, account, credit, invoice, taken, AssignmentOrigin.MANUAL, payment_id=payment.id)
        )
        yield
    books.writes.payments.append(payment)
    told = {
        "amount": to_decimal(amount_minor, invoice.currency),
        "currency": invoice.currency,
        "method": payment.method,
        "invoice": invoice.number,
    }
    audit(books, context, "payment.recorded", payment.id, invoice.customer_id, details=told)
    grant_if_paid(books, context, invoice)
    return _outcome(
        hold,
        account,
        (*views, invoice_view(invoice)),
        transaction_id=transaction.id,
        payment_id=payment.id,
        invoice_id=invoice.id,
    )


def _outcome(hold: HoldState, account: AccountState, views: tuple[Any, ...], **ids: Any) -> Outcome:
    shown = (*views, answering.account_view(account), hold_view(hold, account.asset))
    return Outcome(account_id=account.id, hold_id=hold.id, views=shown, **ids)
