"""Payments of invoices and orders, in money or by account credit, and their voiding (sources 002, 004). Pure."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from models.commands import Actor, Command, Outcome
from models.errors import CreditNoted, ExceedsDue, InsufficientBalance, Invalid, InvoiceNotOpen, NotFound, PaymentVoided
from models.kinds import AssignmentOrigin, InvoiceStatus, PaymentMethod, TransactionKind
from models.money import nonzero_minor, to_decimal
from models.planning import calendar, credits, plan_of
from models.planning.allowances import spending_allowance_of
from models.planning.assign import assign
from models.planning.auditing import audit
from models.planning.events import emit
from models.planning.needs import Needs, Spend
from models.planning.notes import check_note
from models.planning.releasing import release
from models.planning.settling import (
    account_of,
    check_grants_fit,
    check_grants_unused,
    exceeds_due_to_credit,
    grant_if_paid,
    invoice_view,
    settle,
    take_back_grants,
)
from models.planning.spending import check_may_spend
from models.planning.state import AccountKey, AccountState, Books, InvoiceState, PaymentState, PostingContext
from models.views import PaymentView
from turns.steps import Steps

ACCOUNT_CREDIT: Final = PaymentMethod.ACCOUNT_CREDIT
PAYMENT_METHODS: Final = frozenset(PaymentMethod)


@dataclass(frozen=True, slots=True)
class RecordPayment(Command):
    invoice_id: UUID
    amount: Decimal
    method: str
    received_on: date | None = None


@dataclass(frozen=True, slots=True)
class VoidPayment(Command):
    """Void a payment. One made with account credit returns to the credits it came from, last first."""

    payment_id: UUID
    note: str | None = None


def needs(command: RecordPayment, account: AccountKey, *, grants: bool, amount_minor: int) -> Needs:
    """The invoice; and the account, if the payment is made with it or the order may put credit on it.

    `account` and `grants` (whether it sells credit) were found by an unlocked read and never change.
    """
    with_credit = command.method == ACCOUNT_CREDIT
    return Needs(
        accounts=(account,) if with_credit or grants else (),
        opens_accounts=grants,
        spends=(Spend(account, amount_minor),) if with_credit else (),
        spending=(account,) if with_credit else (),
        invoices=(command.invoice_id,),
    )


@plan_of(RecordPayment)
def plan(books: Books, context: PostingContext, command: RecordPayment) -> Steps[Outcome]:
    """Plan a payment of an open invoice. Raises InvoiceNotOpen, ExceedsDue, InsufficientBalance, LimitExceeded, and for
    dates."""
    invoice = books.invoices.get(command.invoice_id)
    if invoice is None:
        raise NotFound("There is no such invoice.", field=("invoiceId",))
    if invoice.status not in (InvoiceStatus.OPEN, InvoiceStatus.PART_PAID):
        raise InvoiceNotOpen(invoice.status)
    if command.method not in PAYMENT_METHODS:
        raise Invalid("There is no such payment method.", field=("method",))
    with_credit = command.method == ACCOUNT_CREDIT
    amount_minor = _amount(command.amount, invoice, with_credit=with_credit)
    today = calendar.local_date(books.now, books.config.zone)
    received_on = calendar.checked_date(command.received_on or today, "receivedOn")
    if received_on > today:
        raise Invalid(
            "The payment cannot be received in the future. Enter today or an earlier day.", field=("receivedOn",)
        )
    account = account_of(books, invoice) if with_credit or invoice.credit_lines else None
    check_grants_fit(account, [(invoice, amount_minor)], spent_minor=amount_minor if with_credit else 0)
    if with_credit:
        yield from _check_credit(books, context.actor, account, invoice, amount_minor)
    # Must succeed from here on.
    payment = PaymentState(
        id=context.result_id,
        invoice_id=invoice.id,
        amount_minor=amount_minor,
        method=command.method,
        received_on=received_on,
        voided_at=None,
        transaction_id=books.source.new_id() if with_credit else None,
        actor=context.actor,
        created_at=books.now,
    )
    views: tuple[Any, ...] = ()
    if account is not None and with_credit:
        views = yield from _pay_with_credit(books, context, account, invoice, payment)
    else:
        settle(books, invoice, paid_minor=invoice.paid_minor + amount_minor)
    books.writes.payments.append(payment)
    # A later unit of the same batch may give some of it back: it must find this here.
    books.payments[payment.id] = payment
    books.on_rollback(books.payments.pop, payment.id)
    emit(books, "payment.recorded", payment.id)
    audit(books, context, "payment.recorded", payment.id, invoice.customer_id, details=_told(payment, invoice))
    grant_if_paid(books, context, invoice)
    account = _if_used(account)
    account_views = (credits.account_view(account),) if account else ()
    return Outcome(
        payment_id=payment.id,
        invoice_id=invoice.id,
        transaction_id=payment.transaction_id,
        account_id=account.id if account else None,
        views=(payment_view(payment, invoice.currency), invoice_view(invoice), *account_views, *views),
    )


def _told(payment: PaymentState, invoice: InvoiceState) -> dict[str, Any]:
    return {
        "amount": to_decimal(payment.amount_minor, invoice.currency),
        "currency": invoice.currency,
        "method": payment.method,
        "invoice": invoice.number,
    }


def _amount(amount: Decimal, invoice: InvoiceState, *, with_credit: bool) -> int:
    amount_minor = nonzero_minor(amount, invoice.currency)
    if amount_minor < 0:
        raise Invalid("The amount must be positive.", field=("amount",))
    if amount_minor > invoice.due_minor:
        raise ExceedsDue(to_decimal(invoice.due_minor, invoice.currency), invoice.currency)
    if with_credit and amount_minor > invoice.due_to_credit_minor:
        raise exceeds_due_to_credit(invoice)
    return amount_minor


def _check_credit(
    books: Books, actor: Actor, account: AccountState | None, invoice: InvoiceState, amount_minor: int
) -> Steps[None]:
    if account is None:
        raise InsufficientBalance(to_decimal(0, invoice.currency), invoice.currency)
    yield from credits.require_spendable(books, account, amount_minor, ())
    check_may_spend(books, actor, account, amount_minor)


def _pay_with_credit(
    books: Books, context: PostingContext, account: AccountState, invoice: InvoiceState, payment: PaymentState
) -> Steps[tuple[Any, ...]]:
    """Set the account's open credit against the invoice in burn order, as one event that the payment names."""
    event = PostingContext(context.actor, context.key, payment.transaction_id or books.source.new_id())
    allowance = spending_allowance_of(books, context.actor, account.customer_id, account.asset)
    limited = allowance.use(books, payment.amount_minor)
    transaction = credits.begin(books, TransactionKind.ASSIGNMENT, invoice.customer_id, event, limited=limited)
    views = []
    for taking in credits.to_take(books, account, payment.amount_minor):
        if taking is not None:
            credit, taken = taking
            views.append(
                assign(
                    books, transaction, account, credit, invoice, taken, AssignmentOrigin.MANUAL, payment_id=payment.id
                )
            )
        yield
    return (credits.transaction_view(transaction), *views)


def void_needs(command: VoidPayment, payment: PaymentState, account: AccountKey) -> Needs:
    """The payment's invoice and everything on it, and the account. `payment` was read without a lock.

    The account is opened if there is none, so that no other payment opens one and grants credit on it meanwhile.
    """
    return Needs(
        accounts=(account,),
        opens_accounts=True,
        invoices=(payment.invoice_id,),
        assigned_invoices=(payment.invoice_id,) if payment.transaction_id else (),
        payments=(command.payment_id,),
    )


@plan_of(VoidPayment)
def plan_void(books: Books, context: PostingContext, command: VoidPayment) -> Steps[Outcome]:
    """Plan a payment's voiding, which reopens its invoice. Raises PaymentVoided; CreditNoted if a credit note gave back a
    part of it; CreditSpent, before any change, if credit that an order granted was used."""
    check_note(command.note)
    payment = books.payments.get(command.payment_id)
    if payment is None:
        raise NotFound("There is no such payment.", field=("paymentId",))
    if payment.voided_at is not None:
        raise PaymentVoided
    invoice = books.invoices[payment.invoice_id]
    parts = [a for a in books.assignments.values() if a.payment_id == payment.id and a.released_at is None]
    if payment.noted_minor or any(part.noted_minor for part in parts):
        raise CreditNoted("payment").at("paymentId")
    check_grants_unused(books, [invoice])
    # Must succeed from here on.
    books.change(payment, voided_at=books.now)
    books.writes.touched_payments.append(payment)
    transaction_id = None
    if payment.transaction_id is None:
        settle(books, invoice, paid_minor=invoice.paid_minor - payment.amount_minor)
    else:
        transaction_id = (yield from release(books, context, TransactionKind.REVERSAL, parts, note=command.note)).id
    take_back_grants(books, context, invoice)
    emit(books, "payment.voided", payment.id)
    audit(books, context, "payment.voided", payment.id, invoice.customer_id, command.note, _told(payment, invoice))
    account = _if_used(account_of(books, invoice))
    account_views = (credits.account_view(account),) if account else ()
    return Outcome(
        payment_id=payment.id,
        invoice_id=invoice.id,
        transaction_id=transaction_id,
        account_id=account.id if account else None,
        views=(payment_view(payment, invoice.currency), invoice_view(invoice), *account_views),
    )


def _if_used(account: AccountState | None) -> AccountState | None:
    """The account, unless it was only opened to be locked: if nothing was posted to it, it is deleted again."""
    return account if account is not None and account.sequence else None


def payment_view(payment: PaymentState, currency: str) -> PaymentView:
    return PaymentView(
        id=payment.id,
        invoice_id=payment.invoice_id,
        currency=currency,
        amount_minor=payment.amount_minor,
        method=payment.method,
        received_on=payment.received_on,
        voided_at=payment.voided_at,
        transaction_id=payment.transaction_id,
        noted_minor=payment.noted_minor,
    )
