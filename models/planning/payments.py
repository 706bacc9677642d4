"""Payments of invoices and orders, in money or by account credit, and their voiding (sources 002, 004). Pure."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final
from uuid import UUID

from models.commands import LATER, Actor, Command, Outcome, RecordPayment
from models.errors import CreditNoted, ExceedsDue, InsufficientBalance, Invalid, InvoiceNotOpen, NotFound, PaymentVoided
from models.kinds import AssignmentOrigin, Counter, InvoiceStatus, PaymentMethod, TransactionKind
from models.money import nonzero_minor, to_decimal
from models.planning import answering, calendar, credits, plan_of, requesting
from models.planning.allowances import allowance_of, spending_allowance_of
from models.planning.assign import assign
from models.planning.auditing import audit
from models.planning.drafts import Limited, OverpaymentDraft, OverpaymentRevocation
from models.planning.events import emit
from models.planning.needs import Needs, Spend
from models.planning.notes import check_note
from models.planning.releasing import release
from models.planning.settling import (
    account_of,
    check_grants_fit,
    check_grants_unused,
    check_unused,
    exceeds_due_to_credit,
    grant_if_paid,
    invoice_view,
    settle,
    take_back,
    take_back_grants,
)
from models.planning.spending import check_may_spend
from models.planning.state import (
    AccountKey,
    AccountState,
    Books,
    CreditState,
    InvoiceState,
    PaymentState,
    PostingContext,
)
from models.texts import Texts
from models.undoing_errors import UnlikeInvoice
from models.views import PaymentView
from turns.steps import Steps

ACCOUNT_CREDIT: Final = PaymentMethod.ACCOUNT_CREDIT
PAYMENT_METHODS: Final = frozenset(PaymentMethod)


@dataclass(frozen=True, slots=True)
class VoidPayment(Command):
    """Void a payment. One made with account credit returns to the credits it came from, last first."""

    payment_id: UUID
    note: str | None = None
    texts: Texts | None = field(default=None, metadata=LATER)


def needs(command: RecordPayment, account: AccountKey, *, grants: bool, amount_minor: int) -> Needs:
    """The invoice; and the account, if the payment is made with it, or the order or what is kept may put credit on it.

    `account` and `grants` (whether it sells credit) were found by an unlocked read and never change.
    """
    with_credit = command.method == ACCOUNT_CREDIT
    adds = grants or command.keep_excess
    return Needs(
        accounts=(account,) if with_credit or adds else (),
        opens_accounts=adds,
        limited=(account,) if command.keep_excess else (),
        spends=(Spend(account, amount_minor),) if with_credit else (),
        spending=(account,) if with_credit else (),
        invoices=(command.invoice_id,),
    )


@plan_of(RecordPayment)
def plan(books: Books, context: PostingContext, command: RecordPayment) -> Steps[Outcome]:
    """Plan a payment of an open invoice. Raises InvoiceNotOpen, ExceedsDue, InsufficientBalance, LimitExceeded, and for
    dates; for what is to be kept also CurrencyNotAllowed, AmountOutOfRange.

    What is kept counts as an addition under the actor's limits, and the payment can then wait for a second person.
    """
    invoice = books.invoices.get(command.invoice_id)
    if invoice is None:
        raise NotFound("There is no such invoice.", field=("invoiceId",))
    if invoice.status not in (InvoiceStatus.OPEN, InvoiceStatus.PART_PAID):
        raise InvoiceNotOpen(invoice.status)
    if command.method not in PAYMENT_METHODS:
        raise Invalid("There is no such payment method.", field=("method",))
    with_credit = command.method == ACCOUNT_CREDIT
    amount_minor, kept_minor = _amounts(command, invoice)
    received_on = _received_on(books, command)
    account = account_of(books, invoice) if with_credit or invoice.credit_lines or kept_minor else None
    check_grants_fit(
        account,
        [(invoice, amount_minor - kept_minor)],
        spent_minor=amount_minor if with_credit else 0,
        kept_minor=kept_minor,
    )
    limited = None
    if with_credit:
        yield from _check_credit(books, context.actor, account, invoice, amount_minor)
    elif kept_minor:
        asking, limited = _may_keep(books, context, command, invoice, kept_minor)
        if asking is not None:
            return asking
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
        kept_minor=kept_minor,
    )
    emit(books, "payment.recorded", payment.id)
    views: tuple[Any, ...] = ()
    if account is not None and with_credit:
        views = yield from _pay_with_credit(books, context, account, invoice, payment)
    else:
        settle(books, invoice, paid_minor=invoice.paid_minor + amount_minor - kept_minor)
    books.writes.payments.append(payment)
    # A later unit of the same batch may give some of it back: it must find this here.
    books.payments[payment.id] = payment
    books.on_rollback(books.payments.pop, payment.id)
    audit(books, context, "payment.recorded", payment.id, invoice.customer_id, details=_told(payment, invoice))
    grant_if_paid(books, context, invoice)
    kept = None
    if account is not None and kept_minor:
        kept = _keep(books, context, account, command, payment, limited)
        views = (answering.credit_view(kept, account.asset),)
    account = _if_used(account)
    account_views = (answering.account_view(account),) if account else ()
    return Outcome(
        payment_id=payment.id,
        invoice_id=invoice.id,
        transaction_id=payment.transaction_id if kept is None else kept.transaction_id,
        account_id=account.id if account else None,
        credit_id=None if kept is None else kept.id,
        views=(payment_view(payment, invoice.currency), invoice_view(invoice), *account_views, *views),
    )


def _received_on(books: Books, command: RecordPayment) -> date:
    today = calendar.local_date(books.now, books.config.zone)
    received_on = calendar.checked_date(command.received_on or today, "receivedOn")
    if received_on > today:
        raise Invalid(
            "The payment cannot be received in the future. Enter today or an earlier day.", field=("receivedOn",)
        )
    return received_on


def plan_approved(books: Books, context: PostingContext, command: RecordPayment) -> Steps[Outcome]:
    """Plan a payment that has waited. Its result is the event that keeps what is too much. Raises Invalid if nothing is."""
    outcome = yield from plan(books, context, command)
    if outcome.credit_id is None:
        raise Invalid("Nothing of it would be kept now. Record the payment itself.", field=("keepExcess",))
    return replace(outcome, invoice_id=None)


def _told(payment: PaymentState, invoice: InvoiceState) -> dict[str, Any]:
    told: dict[str, Any] = {
        "amount": to_decimal(payment.amount_minor, invoice.currency),
        "currency": invoice.currency,
        "method": payment.method,
        "invoice": invoice.number,
    }
    return told | ({"kept": to_decimal(payment.kept_minor, invoice.currency)} if payment.kept_minor else {})


def _amounts(command: RecordPayment, invoice: InvoiceState) -> tuple[int, int]:
    """The amount in minor units, and what of it is beyond what is due, and kept."""
    amount_minor, with_credit = nonzero_minor(command.amount, invoice.currency), command.method == ACCOUNT_CREDIT
    if amount_minor < 0:
        raise Invalid("The amount must be positive.", field=("amount",))
    if command.keep_excess and with_credit:
        raise Invalid("Account credit pays no more than is due, so nothing of it is kept.", field=("keepExcess",))
    kept_minor = max(amount_minor - invoice.due_minor, 0)
    if kept_minor and not command.keep_excess:
        raise ExceedsDue(to_decimal(invoice.due_minor, invoice.currency), invoice.currency)
    if with_credit and amount_minor > invoice.due_to_credit_minor:
        raise exceeds_due_to_credit(invoice)
    if command.propose_only and not kept_minor:
        raise Invalid("Only a payment of which something is kept can wait for approval.", field=("proposeOnly",))
    return amount_minor, kept_minor


def _may_keep(
    books: Books, context: PostingContext, command: RecordPayment, invoice: InvoiceState, kept_minor: int
) -> tuple[Outcome | None, Limited | None]:
    """The request that the payment becomes, if it has to wait; else its use of the actor's limits. Raises LimitExceeded,
    CurrencyNotAllowed; Invalid for an erased customer; UnlikeInvoice for one approved that would keep more than was
    asked for."""
    credits.check_open(books, invoice.customer_id, "invoiceId")
    currency = invoice.currency
    if context.approved_by is None:
        allowance = allowance_of(books, context.actor, invoice.customer_id, currency)
        kept = to_decimal(kept_minor, currency)
        asked = replace(command, customer_id=invoice.customer_id, asset=currency, kept=kept)
        asking = requesting.waits(books, context, "recordPayment", asked, allowance.refusal(kept_minor, "invoiceId"))
        return asking, None if asking is not None else allowance.use(books, kept_minor)
    if command.kept is None or kept_minor > nonzero_minor(command.kept, currency):
        more = to_decimal(kept_minor, currency)
        raise UnlikeInvoice(
            f"{more} {currency} would be kept now, and {command.kept} were asked for.",
            "More would be kept now than was asked for.",
            field=("amount",),
        )
    return None, None


def _keep(
    books: Books,
    context: PostingContext,
    account: AccountState,
    command: RecordPayment,
    payment: PaymentState,
    limited: Limited | None,
) -> CreditState:
    """Open a credit with what was paid too much, since the day on which it was received."""
    event = replace(context, result_id=books.source.new_id())
    transaction = credits.begin(books, TransactionKind.OVERPAYMENT, account.customer_id, event, limited=limited)
    effective_on, starts_at = calendar.start_of_credit(command.received_on, books.now, books.config.zone)
    credit = credits.open_credit(
        books,
        transaction,
        account,
        payment.kept_minor,
        Counter.ORDERS,
        effective_on=effective_on,
        starts_at=starts_at,
        expires_at=None,
        service_ids=(),
        auto_apply=True,
        counts=True,
    )
    books.change(payment, kept_credit_id=credit.id)
    books.writes.overpayments.append(OverpaymentDraft(payment.id, credit.id, transaction.id, payment.kept_minor))
    return credit


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
    event = replace(context, result_id=payment.transaction_id or books.source.new_id())
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
    return (answering.transaction_view(transaction), *views)


def void_needs(command: VoidPayment, payment: PaymentState, account: AccountKey) -> Needs:
    """The payment's invoice and everything on it, what was kept of it, and the account. `payment` was read without a lock.

    The account is opened if there is none, so that no other payment opens one and grants credit on it meanwhile.
    """
    return Needs(
        accounts=(account,),
        opens_accounts=True,
        invoices=(payment.invoice_id,),
        assigned_invoices=(payment.invoice_id,) if payment.transaction_id else (),
        payments=(command.payment_id,),
        credits=() if payment.kept_credit_id is None else (payment.kept_credit_id,),
    )


@plan_of(VoidPayment)
def plan_void(books: Books, context: PostingContext, command: VoidPayment) -> Steps[Outcome]:
    """Plan a payment's voiding, which reopens its invoice. Raises PaymentVoided; CreditNoted if a credit note gave back a
    part of it; CreditSpent, before any change, if credit that an order granted, or that was kept of the payment, was used.
    """
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
    kept = None if payment.kept_credit_id is None else books.credits_by_id[payment.kept_credit_id]
    if kept is not None:
        check_unused(kept.used_minor, kept.amount_minor, invoice.currency, "was kept of the payment")
    # Must succeed from here on.
    books.change(payment, voided_at=books.now)
    books.writes.touched_payments.append(payment)
    transaction_id = None
    if payment.transaction_id is None:
        settle(books, invoice, paid_minor=invoice.paid_minor - payment.amount_minor + payment.kept_minor)
    else:
        transaction_id = (yield from release(books, context, TransactionKind.REVERSAL, parts, note=command.note)).id
    take_back_grants(books, context, invoice)
    if kept is not None:
        transaction_id = context.result_id
        reversal = credits.begin(books, TransactionKind.REVERSAL, invoice.customer_id, context, note=command.note)
        left_minor = take_back(books, reversal, kept)
        books.writes.revoked_overpayments.append(OverpaymentRevocation(payment.id, reversal.id, left_minor))
    emit(books, "payment.voided", payment.id)
    audit(books, context, "payment.voided", payment.id, invoice.customer_id, command.note, _told(payment, invoice))
    account = _if_used(account_of(books, invoice))
    account_views = (answering.account_view(account),) if account else ()
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
