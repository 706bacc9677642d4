"""Invoices issued, with the credit that applies itself to them, and payments received (sources 002, 004). Pure."""

from decimal import Decimal
from typing import Any, Final

from models.commands import CreateInvoice, InvoiceLineItem, Outcome, RecordPayment
from models.errors import (
    AmountOutOfRange,
    CurrencyMismatch,
    Duplicate,
    ExceedsDue,
    Invalid,
    InvoiceNotOpen,
    LedgerError,
    NotFound,
)
from models.money import MAX_AMOUNT_MINOR, is_money, nonzero_minor, to_decimal, to_minor
from models.planning import calendar, credits
from models.planning.assign import assign, invoice_view, settle, status_of
from models.planning.needs import Needs, Spend
from models.planning.state import Books, InvoiceState, Origin
from models.views import PaymentView

MAX_LINES: Final = 1_000
MAX_DESCRIPTION_CHARACTERS: Final = 500
MAX_NUMBER_CHARACTERS: Final = 64
PAYMENT_METHODS: Final = frozenset({"CASH", "CHECK", "CARD", "TRANSFER", "OTHER"})


def create_needs(command: CreateInvoice) -> Needs:
    """The customer's account in that currency, where there is one, with open credit for up to the whole total."""
    key = (command.customer_id, command.currency)
    if not command.auto_apply:
        return Needs(customers=(command.customer_id,), invoice_numbers=(command.number,))
    return Needs(
        customers=(command.customer_id,),
        accounts=(key,),
        spends=(Spend(key, _total_or_nothing(command), auto_apply=True),),
        invoice_numbers=(command.number,),
    )


def _total_or_nothing(command: CreateInvoice) -> int:
    """The invoice's total, or 0 where its lines will be refused."""
    try:
        return sum(quantity * price for _, quantity, price in _lines(command))
    except LedgerError:
        return 0


def payment_needs(command: RecordPayment) -> Needs:
    return Needs(invoices=(command.invoice_id,))


def plan_create(books: Books, origin: Origin, command: CreateInvoice) -> Outcome:
    """Plan an invoice and what applies itself to it. Raises for what no invoice may look like."""
    if command.customer_id not in books.customers:
        raise NotFound("There is no such customer.", field=("customerId",))
    _check_number(books, command.number)
    if not is_money(command.currency):
        raise CurrencyMismatch(command.currency, "a currency").at("currency")
    lines = _lines(command)
    total_minor = sum(quantity * price for _, quantity, price in lines)
    if total_minor > MAX_AMOUNT_MINOR:
        raise AmountOutOfRange(amount=to_decimal(total_minor, command.currency), asset=command.currency).at("lines")
    issued_on = command.issued_on or calendar.local_date(books.now, books.config.zone)
    calendar.checked_date(issued_on, "issuedOn")
    if command.due_on is not None and calendar.checked_date(command.due_on, "dueOn") < issued_on:
        raise Invalid("An invoice is not due before it is issued.", field=("dueOn",))
    # Must succeed from here on.
    invoice = InvoiceState(
        id=origin.result_id, number=command.number, customer_id=command.customer_id, currency=command.currency,
        total_minor=total_minor, paid_minor=0, credited_minor=0, status=status_of(total_minor, 0, 0),
        issued_on=issued_on, due_on=command.due_on,
    )  # fmt: skip
    _write_invoice(books, origin, invoice, lines, command.auto_apply)
    views = _apply_credit(books, origin, invoice) if command.auto_apply else ()
    return Outcome(invoice_id=invoice.id, views=(invoice_view(invoice), *views))


def _check_number(books: Books, number: str) -> None:
    if not number.strip() or len(number) > MAX_NUMBER_CHARACTERS:
        raise Invalid(f"A number has between 1 and {MAX_NUMBER_CHARACTERS} characters.", field=("number",))
    if number in books.invoice_numbers:
        raise Duplicate("There is an invoice of this number already.", field=("number",))


def _lines(command: CreateInvoice) -> list[tuple[str, int, int]]:
    """Description, quantity and price in minor units of each line. A line may cost nothing, but never less."""
    if not 1 <= len(command.lines) <= MAX_LINES:
        raise Invalid(f"An invoice has between 1 and {MAX_LINES:,} lines.", field=("lines",))
    lines = []
    for index, line in enumerate(command.lines):
        try:
            lines.append(_line(line, command.currency))
        except LedgerError as error:
            raise error.at("lines", str(index), *(error.field or ())) from None
    return lines


def _line(line: InvoiceLineItem, currency: str) -> tuple[str, int, int]:
    if len(line.description) > MAX_DESCRIPTION_CHARACTERS:
        raise Invalid(f"A description has at most {MAX_DESCRIPTION_CHARACTERS} characters.", field=("description",))
    if line.quantity < 1:
        raise Invalid("The quantity must be at least 1.", field=("quantity",))
    try:
        price_minor = to_minor(line.unit_price, currency)
    except LedgerError as error:
        raise error.at("unitPrice") from None
    if price_minor < 0:
        raise Invalid("The price must not be negative; what is owed to the customer is a credit.", field=("unitPrice",))
    return line.description, line.quantity, price_minor


def _write_invoice(
    books: Books, origin: Origin, invoice: InvoiceState, lines: list[tuple[str, int, int]], auto_apply: bool
) -> None:
    books.invoices[invoice.id] = invoice
    books.invoice_numbers.add(invoice.number)
    books.on_undo(lambda: (books.invoices.pop(invoice.id), books.invoice_numbers.discard(invoice.number)))
    books.writes.invoices.append((invoice, origin.actor, auto_apply))
    for position, (description, quantity, price_minor) in enumerate(lines):
        row = (books.source.new_id(), invoice.id, position, description, quantity, price_minor)
        books.writes.invoice_lines.append(row)
    books.writes.events.append(("invoice.created", invoice.id))


def _apply_credit(books: Books, origin: Origin, invoice: InvoiceState) -> tuple[Any, ...]:
    """Set the customer's open auto-applying credit against the new invoice, in burn order, as one AUTO event."""
    account = books.accounts.get((invoice.customer_id, invoice.currency))
    if account is None or invoice.due_minor == 0:
        return ()
    lots = [credit for credit in credits.spendable(books, account) if credit.auto_apply]
    if not lots:
        return ()
    applied = Origin(origin.actor, origin.key, books.source.new_id())
    transaction = credits.begin(books, "ASSIGNMENT", invoice.customer_id, applied)
    views: list[Any] = []
    for credit in lots:
        if invoice.due_minor == 0:
            break
        amount_minor = min(credit.remaining_minor, invoice.due_minor)
        views.append(assign(books, transaction, account, credit, invoice, amount_minor, "AUTO"))
        views.append(credits.credit_view(credit, account.asset))
    return (*views, credits.transaction_view(transaction, books.now), credits.account_view(account))


def plan_payment(books: Books, origin: Origin, command: RecordPayment) -> Outcome:
    """Plan a payment of an open invoice. Raises InvoiceNotOpen, ExceedsDue, and for amounts and dates."""
    invoice = books.invoices.get(command.invoice_id)
    if invoice is None:
        raise NotFound("There is no such invoice.", field=("invoiceId",))
    amount_minor = _payment_amount(command.amount, invoice)
    if command.method not in PAYMENT_METHODS:
        raise Invalid("There is no such payment method.", field=("method",))
    today = calendar.local_date(books.now, books.config.zone)
    received_on = calendar.checked_date(command.received_on or today, "receivedOn")
    if received_on > today:
        raise Invalid("A payment cannot have been received in the future.", field=("receivedOn",))
    # Must succeed from here on.
    settle(books, invoice, paid_minor=invoice.paid_minor + amount_minor)
    view = PaymentView(
        id=origin.result_id, invoice_id=invoice.id, currency=invoice.currency, amount_minor=amount_minor,
        method=command.method, received_on=received_on, voided_at=None,
    )  # fmt: skip
    books.writes.payments.append((view.id, invoice.id, amount_minor, command.method, received_on, origin.actor))
    books.writes.events.append(("payment.recorded", view.id))
    return Outcome(payment_id=view.id, invoice_id=invoice.id, views=(view, invoice_view(invoice)))


def _payment_amount(amount: Decimal, invoice: InvoiceState) -> int:
    if invoice.status not in ("OPEN", "PART_PAID"):
        raise InvoiceNotOpen(invoice.status)
    amount_minor = nonzero_minor(amount, invoice.currency)
    if amount_minor < 0:
        raise Invalid("The amount must be positive.", field=("amount",))
    if amount_minor > invoice.due_minor:
        raise ExceedsDue(to_decimal(invoice.due_minor, invoice.currency), invoice.currency)
    return amount_minor
