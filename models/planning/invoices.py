"""Issue of invoices and orders, with the credit that applies itself to them (sources 002, 004). Pure."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from models.commands import LATER, Command, CreateOrder, OrderItem, Outcome
from models.errors import (
    AmountOutOfRange,
    AssetUnknown,
    CurrencyMismatch,
    Duplicate,
    Invalid,
    LedgerError,
    LimitExceeded,
    NotFound,
)
from models.kinds import AssignmentOrigin, InvoiceKind, InvoiceStatus, ProductKind, TransactionKind
from models.money import MAX_AMOUNT_MINOR, exponent, is_money, to_decimal, to_price
from models.names import checked_name, clean_name
from models.planning import answering, calendar, credits, plan_of, requesting
from models.planning.allowances import selling_allowance_of
from models.planning.applying import applying_on
from models.planning.assign import assign
from models.planning.auditing import audit, invoice_details
from models.planning.drafts import InvoiceLineDetailDraft, InvoiceLineDraft, InvoiceTextDraft, TransactionDraft
from models.planning.events import emit
from models.planning.lines import Line, line_of
from models.planning.needs import Needs, Spend
from models.planning.settling import invoice_view, status_of
from models.planning.state import Books, InvoiceState, PostingContext
from models.texts import Texts
from turns.steps import Steps

MAX_LINES: Final = 1_000
MAX_NUMBER_CHARACTERS: Final = 64


@dataclass(frozen=True, slots=True)
class InvoiceLineItem:
    """Of the figures after the price: models/planning/lines.py."""

    description: str
    quantity: int
    unit_price: Decimal
    quantity_decimal: Decimal | None = field(default=None, metadata=LATER)
    discount_percent: Decimal | None = field(default=None, metadata=LATER)
    discount_amount: Decimal | None = field(default=None, metadata=LATER)
    tax_amount: Decimal | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class CreateInvoice(Command):
    """issued_on: today in the tenant's zone unless given. auto_apply: take the customer's open auto-applying credit.
    invoice_texts: the invoice's own, and not those of transactions."""

    customer_id: UUID
    number: str
    currency: str
    lines: tuple[InvoiceLineItem, ...]
    issued_on: date | None = None
    due_on: date | None = None
    auto_apply: bool = True
    invoice_texts: Texts | None = field(default=None, metadata=LATER)


def create_needs(command: CreateInvoice) -> Needs:
    """The customer's account in that currency, if any, with open credit for up to the whole total."""
    key = (command.customer_id, command.currency)
    if not command.auto_apply:
        return Needs(customers=(command.customer_id,), invoice_numbers=(clean_name(command.number),))
    return Needs(
        customers=(command.customer_id,),
        accounts=(key,),
        spends=(_applied(command, _total_or_nothing(command)),),
        invoice_numbers=(clean_name(command.number),),
    )


def _applied(command: CreateInvoice | CreateOrder, most_minor: int) -> Spend:
    """Credit that may apply itself: none if the date will be refused."""
    day = command.issued_on
    if day is not None and not calendar.FIRST_DATE <= day <= calendar.LAST_DATE:
        most_minor = 0
    return Spend((command.customer_id, command.currency), most_minor, auto_apply=True, issued_on=day)


def _total_or_nothing(command: CreateInvoice) -> int:
    """The invoice's total, or 0 if its lines will be refused."""
    try:
        return _total_minor(_lines(command))
    except LedgerError:
        return 0


@plan_of(CreateInvoice)
def plan_create(books: Books, context: PostingContext, command: CreateInvoice) -> Steps[Outcome]:
    """Plan an invoice and the credit that applies itself to it. Raises for invalid lines or dates."""
    _check_head(books, command)
    lines = _lines(command)
    return (yield from _issue(books, context, command, _drafted(books, context, command, lines), lines))


def order_needs(command: CreateOrder) -> Needs:
    """As for an invoice, with the products; the total depends on them."""
    key = (command.customer_id, command.currency)
    applies = command.auto_apply
    return Needs(
        customers=(command.customer_id,),
        accounts=(key,) if applies else (),
        spends=(_applied(command, MAX_AMOUNT_MINOR),) if applies else (),
        invoice_numbers=(clean_name(command.number),),
        products=tuple(item.product_id for item in command.items),
        sells=(command.currency,),
    )


@plan_of(CreateOrder)
def plan_order(books: Books, context: PostingContext, command: CreateOrder) -> Steps[Outcome]:
    """Plan an order: an invoice whose lines are products (source 004).

    Raises LimitExceeded, CurrencyNotAllowed if it sells more credit than its actor may; with `request_approval` it then
    becomes an approval request, with `propose_only` always.
    """
    _check_head(books, command)
    lines = _order_lines(books, command)
    invoice = _drafted(books, context, command, lines)
    if context.approved_by is None:
        sold_minor = sum(invoice.credit_lines)
        allowance = selling_allowance_of(books, context.actor, command.currency) if sold_minor else None
        refusal = None if allowance is None else allowance.refusal(sold_minor)
        if isinstance(refusal, LimitExceeded):
            refusal = refusal.at("items")
        elif refusal is not None:
            refusal = refusal.at("currency")
        pending_request = requesting.waits(books, context, "createOrder", command, refusal)
        if pending_request is not None:
            return pending_request
        limited = None if allowance is None else allowance.use(books, sold_minor)
        invoice.limited_on = None if limited is None else limited.day
    return (yield from _issue(books, context, command, invoice, lines))


def credit_sold_minor(books: Books, command: CreateOrder) -> int:
    """The credit that the order sells, or 0 if its lines will be refused."""
    try:
        return sum(line.amount_minor for line in _order_lines(books, command) if line.kind == ProductKind.CREDIT)
    except LedgerError:
        return 0


def _order_lines(books: Books, command: CreateOrder) -> list[Line]:
    """Each line, checked."""
    if not 1 <= len(command.items) <= MAX_LINES:
        raise Invalid(f"An order has between 1 and {MAX_LINES:,} items.", field=("items",))
    lines = []
    for index, item in enumerate(command.items):
        try:
            lines.append(_order_line(books, item, command.currency))
        except LedgerError as error:
            raise error.at("items", str(index), *(error.field or ())) from None
    return lines


def _order_line(books: Books, item: OrderItem, currency: str) -> Line:
    product = books.products.get(item.product_id)
    if product is None:
        raise NotFound("There is no such product.", field=("productId",))
    if not product.active:
        raise Invalid("The product is no longer sold. Choose another one.", field=("productId",))
    if product.currency != currency:
        raise CurrencyMismatch(product.currency, currency).at("productId")
    price = to_price(product.price_minor, currency) if item.unit_price is None else item.unit_price
    return line_of(item, product.name, price, currency, kind=product.kind, product_id=product.id)


def _check_head(books: Books, command: CreateInvoice | CreateOrder) -> None:
    credits.check_open(books, command.customer_id, "customerId")
    _check_number(books, clean_name(command.number))
    if not is_money(command.currency):
        raise CurrencyMismatch(command.currency).at("currency")
    try:
        exponent(command.currency)
    except AssetUnknown as error:
        raise error.at("currency") from None


def _drafted(
    books: Books, context: PostingContext, command: CreateInvoice | CreateOrder, lines: list[Line]
) -> InvoiceState:
    """The invoice that its lines make; the books are unchanged. Raises AmountOutOfRange, Invalid."""
    total_minor = _total_minor(lines)
    if total_minor > MAX_AMOUNT_MINOR:
        raise AmountOutOfRange(amount=to_decimal(total_minor, command.currency), asset=command.currency).at("lines")
    issued_on = command.issued_on or calendar.local_date(books.now, books.config.zone)
    calendar.checked_date(issued_on, "issuedOn")
    if command.due_on is not None and calendar.checked_date(command.due_on, "dueOn") < issued_on:
        raise Invalid("The due date comes before the issue date. Choose a later one.", field=("dueOn",))
    credit_lines = tuple(line.amount_minor for line in lines if line.kind == ProductKind.CREDIT and line.amount_minor)
    return InvoiceState(
        id=context.result_id,
        number=clean_name(command.number),
        customer_id=command.customer_id,
        currency=command.currency,
        total_minor=total_minor,
        creditable_minor=total_minor - sum(credit_lines),
        paid_minor=0,
        credited_minor=0,
        status=status_of(total_minor, 0, 0),
        issued_on=issued_on,
        due_on=command.due_on,
        kind=InvoiceKind.ORDER if isinstance(command, CreateOrder) else InvoiceKind.INVOICE,
        credit_lines=credit_lines,
        tax_minor=sum(line.tax_minor for line in lines),
    )


def _issue(
    books: Books,
    context: PostingContext,
    command: CreateInvoice | CreateOrder,
    invoice: InvoiceState,
    lines: list[Line],
) -> Steps[Outcome]:
    """Issue the drafted invoice, with the credit that applies itself to it. Must succeed."""
    _write_invoice(books, context, invoice, lines, command)
    views = (yield from _apply_credit(books, context, invoice)) if command.auto_apply else ()
    return Outcome(invoice_id=invoice.id, views=(invoice_view(invoice), *views))


def _total_minor(lines: list[Line]) -> int:
    return sum(line.amount_minor + line.tax_minor for line in lines)


def _check_number(books: Books, number: str) -> None:
    checked_name(number, MAX_NUMBER_CHARACTERS, "number")
    if number in books.invoice_numbers:
        raise Duplicate("Another invoice has this number. Choose another one.", field=("number",))


def _lines(command: CreateInvoice) -> list[Line]:
    """Each line, checked. A price may be 0, but not negative."""
    if not 1 <= len(command.lines) <= MAX_LINES:
        raise Invalid(f"An invoice has between 1 and {MAX_LINES:,} lines.", field=("lines",))
    lines = []
    for index, line in enumerate(command.lines):
        try:
            lines.append(line_of(line, line.description, line.unit_price, command.currency))
        except LedgerError as error:
            raise error.at("lines", str(index), *(error.field or ())) from None
    return lines


def _write_invoice(
    books: Books,
    context: PostingContext,
    invoice: InvoiceState,
    lines: list[Line],
    command: CreateInvoice | CreateOrder,
) -> None:
    books.invoices[invoice.id] = invoice
    books.invoice_numbers.add(invoice.number)
    books.on_rollback(books.invoices.pop, invoice.id)
    books.on_rollback(books.invoice_numbers.remove, invoice.number)
    invoice.actor, invoice.auto_apply, invoice.created_at = context.actor, command.auto_apply, books.now
    books.writes.invoices.append(invoice)
    for position, line in enumerate(lines):
        _write_line(books, invoice.id, position, line)
    if (own := command.invoice_texts) is not None:
        referenced_at = None if own.reference is None else books.now
        books.writes.invoice_texts.append(
            InvoiceTextDraft(invoice.id, own.reference, own.stored_metadata, referenced_at)
        )
    emit(books, "invoice.created", invoice.id)
    if invoice.status == InvoiceStatus.PAID:
        emit(books, "invoice.paid", invoice.id)
    audit(books, context, "invoice.created", invoice.id, invoice.customer_id, details=invoice_details(invoice))


def _write_line(books: Books, invoice_id: UUID, position: int, line: Line) -> None:
    """A line that is not plain counts as one unit of its total, and its details say what that is made of."""
    line_id, plain = books.source.new_id(), line.is_plain
    books.writes.invoice_lines.append(
        InvoiceLineDraft(
            line_id,
            invoice_id,
            position,
            line.description,
            int(line.quantity) if plain else 1,
            int(line.unit_price_minor) if plain else line.amount_minor,
            line.kind,
            line.product_id,
        )
    )
    if not plain:
        books.writes.invoice_line_details.append(
            InvoiceLineDetailDraft(
                line_id,
                Decimal(line.quantity),
                line.unit_price_minor,
                line.discount_percent,
                line.discount_minor,
                line.tax_minor,
                line.amount_minor,
            )
        )


def _apply_credit(books: Books, context: PostingContext, invoice: InvoiceState) -> Steps[tuple[Any, ...]]:
    """Set the open credit that applies itself against the new invoice, in burn order, as one AUTO event."""
    account = books.accounts.get((invoice.customer_id, invoice.currency))
    if account is None:
        return ()
    applies = applying_on(invoice.issued_on, books.config.zone)
    transaction: TransactionDraft | None = None
    views: list[Any] = []
    for credit in credits.looked_through(books, account):
        if invoice.due_to_credit_minor == 0:
            break
        if credit is not None and applies(credit):
            if transaction is None:
                # A second person, if there is one, stands on the request for the order.
                applied = context.beside(books.source.new_id())
                transaction = credits.begin(books, TransactionKind.ASSIGNMENT, invoice.customer_id, applied)
            amount_minor = min(credit.free_minor, invoice.due_to_credit_minor)
            views.append(assign(books, transaction, account, credit, invoice, amount_minor, AssignmentOrigin.AUTO))
            views.append(answering.credit_view(credit, account.asset))
        yield
    if transaction is None:
        return ()
    return (*views, answering.transaction_view(transaction), answering.account_view(account))
