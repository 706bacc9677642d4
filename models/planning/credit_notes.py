"""Credit notes: a part of an invoice or order is taken back, or all of it (domain: credits on invoices). Pure.

A note first lowers what is due. Only the rest is given back: what account credit paid to the credits that it came from,
what money paid as new credit. What was given back of a payment or assignment is kept with it, so that nothing comes back
twice; until the note is voided, neither can be undone.
"""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from uuid import UUID

from models.commands import CreateCreditNote, NotedLine, Outcome
from models.errors import Duplicate, Invalid, InvariantViolated, InvoiceNotOpen, LedgerError, NotFound
from models.kinds import Counter, GiveBack, InvoiceStatus, ProductKind, TransactionKind
from models.money import nonzero_minor, to_decimal
from models.planning import answering, calendar, credits, plan_of, requesting
from models.planning.allowances import allowance_of
from models.planning.auditing import audit
from models.planning.drafts import TransactionDraft
from models.planning.events import emit
from models.planning.needs import Needs
from models.planning.noted import CreditNoteLineDraft, CreditNotePartDraft, CreditNoteState, LineState
from models.planning.notes import check_note
from models.planning.returning import Paid, to_give_back
from models.planning.settling import account_of, check_grants_fit, grant_if_paid, invoice_view, settle
from models.planning.state import (
    AccountKey,
    AccountState,
    AssignmentState,
    Books,
    CreditState,
    InvoiceState,
    PaymentState,
    PostingContext,
)
from models.undoing_errors import NotedTooMuch, UnlikeInvoice
from models.views import CreditNoteView
from turns.steps import Steps, each

MAX_NOTED_LINES: Final = 1_000
QUANTITY_PLACES: Final = 6
"""Maximum decimal places of a quantity that a note names."""
_MOST_QUANTITY: Final = Decimal(10) ** 14


def needs(command: CreateCreditNote, account: AccountKey) -> Needs:
    """The invoice with all that paid it, its lines if some are named, and the account that value goes back to; opened, as
    what money paid becomes credit. `account` was found by an unlocked read."""
    return Needs(
        accounts=(account,),
        opens_accounts=True,
        limited=(account,),
        invoices=(command.invoice_id,),
        assigned_invoices=(command.invoice_id,),
        paid_invoices=(command.invoice_id,),
        lines=tuple(line.line_id for line in command.lines),
    )


@plan_of(CreateCreditNote)
def plan(books: Books, context: PostingContext, command: CreateCreditNote) -> Steps[Outcome]:
    """Plan a note. With its whole amount it counts as an addition under the actor's limits, and can wait for a second
    person. Raises NotFound, InvoiceNotOpen, Invalid, Duplicate, ExceedsRemaining, LimitExceeded, CurrencyNotAllowed,
    AmountOutOfRange, and the errors of an amount."""
    check_note(command.note)
    invoice, account, amount_minor, lines = what_to_note(books, command)
    limited = None
    if context.approved_by is None:
        allowance = allowance_of(books, context.actor, account.customer_id, account.asset)
        refusal = allowance.refusal(amount_minor, "invoiceId")
        asked = _as_asked(books, command, account, amount_minor, lines)
        waiting = requesting.waits(books, context, "createCreditNote", asked, refusal)
        if waiting is not None:
            return waiting
        limited = allowance.use(books, amount_minor)
    given = yield from to_give_back(books, invoice, amount_minor, command.give_back)
    lowered_minor = amount_minor - sum([back_minor for _, back_minor in given])
    if invoice.status != InvoiceStatus.PAID:
        check_grants_fit(account, [(invoice, lowered_minor)], spent_minor=lowered_minor - amount_minor)
    # Must succeed from here on, but for the room on the account.
    transaction = credits.begin(
        books, TransactionKind.CREDIT_NOTE, invoice.customer_id, context, note=command.note, limited=limited
    )
    touched = yield from _give_back(books, transaction, account, invoice, given)
    opened = _open_credit(books, transaction, account, invoice, given)
    note = CreditNoteState(
        id=transaction.id,
        invoice_id=invoice.id,
        amount_minor=amount_minor,
        lowered_minor=lowered_minor,
        credit_id=opened.id if opened else None,
        created_at=books.now,
    )
    books.writes.credit_notes.append(note)
    for line, quantity, line_minor in lines:
        note_line(books, line, quantity or Decimal(0), line_minor)
        books.writes.credit_note_lines.append(
            CreditNoteLineDraft(books.source.new_id(), note.id, line.id, quantity, line_minor)
        )
        yield
    settle(books, invoice, noted_minor=invoice.noted_minor + amount_minor)
    emit(books, "credit_note.created", note.id)
    audit(books, context, "credit_note.created", note.id, invoice.customer_id, details=note_details(note, invoice))
    grant_if_paid(books, context, invoice)
    touched += [opened] if opened else []
    return (yield from note_outcome(transaction, account, invoice, note, touched))


def _as_asked(
    books: Books, command: CreateCreditNote, account: AccountState, amount_minor: int, lines: "list[_Noted]"
) -> CreateCreditNote:
    """The command as it waits for approval: with its amounts, whatever else is noted meanwhile."""
    named = tuple(NotedLine(line.id, quantity, to_decimal(minor, account.asset)) for line, quantity, minor in lines)
    return replace(
        command,
        amount=to_decimal(amount_minor, account.asset),
        lines=named,
        customer_id=account.customer_id,
        asset=account.asset,
    )


_Noted = tuple[LineState, Decimal | None, int]
"""A line, with the quantity and the amount that a note takes back of it."""


def what_to_note(books: Books, command: CreateCreditNote) -> tuple[InvoiceState, AccountState, int, list[_Noted]]:
    """The invoice, the account that value goes back to, the note's amount and its lines; the books are unchanged.

    Raises NotFound, InvoiceNotOpen, Invalid, Duplicate, ExceedsRemaining, and the errors of an amount.
    """
    invoice = books.invoices.get(command.invoice_id)
    account = None if invoice is None else account_of(books, invoice)
    if invoice is None or account is None:
        raise NotFound("There is no such invoice.", field=("invoiceId",))
    if invoice.status == InvoiceStatus.VOID:
        raise InvoiceNotOpen(invoice.status)
    if command.give_back not in frozenset(GiveBack):
        raise Invalid("There is no such way to give back.", field=("giveBack",))
    left_minor = invoice.creditable_minor - invoice.noted_minor
    lines = _lines(books, invoice, command)
    if lines:
        amount_minor = sum([line_minor for _, _, line_minor in lines])
        if command.amount is not None and _positive(command.amount, invoice) != amount_minor:
            total = to_decimal(amount_minor, invoice.currency)
            raise UnlikeInvoice(
                f"The lines come to {total}. Leave the amount out, or correct it.",
                "The lines come to another amount. Leave the amount out, or correct it.",
                field=("amount",),
            )
    else:
        amount_minor = left_minor if command.amount is None else _positive(command.amount, invoice)
    if amount_minor > left_minor or not amount_minor:
        of_lines = bool(lines) and not amount_minor
        left = to_decimal(0 if of_lines else left_minor, invoice.currency)
        what = "of the lines can still be noted" if of_lines else "of the invoice can still be noted"
        raise NotedTooMuch(left, invoice.currency, what=what).at("lines" if lines else "amount")
    return invoice, account, amount_minor, lines


def _positive(amount: Decimal, invoice: InvoiceState) -> int:
    amount_minor = nonzero_minor(amount, invoice.currency)
    if amount_minor < 0:
        raise Invalid("The amount must be positive.", field=("amount",))
    return amount_minor


def _lines(books: Books, invoice: InvoiceState, command: CreateCreditNote) -> list[_Noted]:
    if len(command.lines) > MAX_NOTED_LINES:
        raise Invalid(f"Name at most {MAX_NOTED_LINES:,} lines.", field=("lines",))
    if len({line.line_id for line in command.lines}) < len(command.lines):
        raise Duplicate("A line is listed twice.", field=("lines",))
    lines = []
    for index, named in enumerate(command.lines):
        try:
            lines.append(_line(books, invoice, named))
        except LedgerError as error:
            raise error.at("lines", str(index), *(error.field or ())) from None
    return lines


def _line(books: Books, invoice: InvoiceState, named: NotedLine) -> _Noted:
    line = books.lines.get(named.line_id)
    if line is None or line.invoice_id != invoice.id:
        raise NotFound("The invoice has no such line.", field=("lineId",))
    if line.kind == ProductKind.CREDIT:
        raise Invalid("Credit that was sold is undone by voiding its payment, not by a note.", field=("lineId",))
    left_minor, left_quantity = line.total_minor - line.noted_minor, line.quantity - line.noted_quantity
    quantity = named.quantity
    if quantity is not None:
        _check_quantity(quantity, left_quantity)
    elif named.amount is None:
        quantity = left_quantity if left_quantity else None
    if named.amount is not None:
        amount_minor = _positive(named.amount, invoice)
    elif quantity is None or quantity == left_quantity:
        amount_minor = left_minor
    else:
        amount_minor = int((line.total_minor * quantity / line.quantity).to_integral_value(ROUND_HALF_UP))
    if amount_minor > left_minor:
        raise NotedTooMuch(
            to_decimal(left_minor, invoice.currency), invoice.currency, what="of the line can still be noted"
        )
    return line, quantity, amount_minor


def _check_quantity(quantity: Decimal, left: Decimal) -> None:
    if not 0 < quantity < _MOST_QUANTITY or quantity != round(quantity, QUANTITY_PLACES):
        raise Invalid(
            f"The quantity must be above zero, with at most {QUANTITY_PLACES} decimal places.", field=("quantity",)
        )
    if quantity > left:
        shown = format(left.normalize(), "f")
        raise UnlikeInvoice(
            f"Only {shown} of the line's quantity can still be noted.",
            "That is more than can still be noted of the line. Lower the quantity.",
            field=("quantity",),
        )


def note_line(books: Books, line: LineState, quantity: Decimal, amount_minor: int) -> None:
    books.change(line, noted_quantity=line.noted_quantity + quantity, noted_minor=line.noted_minor + amount_minor)


def _give_back(
    books: Books,
    transaction: TransactionDraft,
    account: AccountState,
    invoice: InvoiceState,
    given: list[tuple[Paid, int]],
) -> Steps[list[CreditState]]:
    """Put what account credit paid back on its credits. The caller settles the invoice, once all is known: one that was paid
    stays so, and is not paid again."""
    touched = []
    for paid, back_minor in given:
        if not isinstance(paid, AssignmentState):
            continue
        credit = books.credits_by_id[paid.credit_id]
        gone = credit.voided_at is not None or (credit.expires_at is not None and credit.expires_at <= books.now)
        credit = credits.restore(books, transaction, credit, back_minor, Counter.INVOICES)
        touched.append(credit)
        _keep_part(books, transaction.id, paid, credit, back_minor, gone=gone)
        books.change(invoice, credited_minor=invoice.credited_minor - back_minor)
        yield
    if touched and credits.account_of_lot(books, touched[0]) is not account:
        raise InvariantViolated(f"invoice {invoice.id} was paid from another account")
    return touched


def _open_credit(
    books: Books,
    transaction: TransactionDraft,
    account: AccountState,
    invoice: InvoiceState,
    given: list[tuple[Paid, int]],
) -> CreditState | None:
    """The credit that what money paid becomes: it never expires, and moves no lifetime total."""
    payments = [(paid, back_minor) for paid, back_minor in given if isinstance(paid, PaymentState)]
    if not payments:
        return None
    money_minor = sum([back_minor for _, back_minor in payments])
    credits.check_comes_back(account, money_minor)
    credit = credits.open_credit(
        books,
        transaction,
        account,
        money_minor,
        Counter.NOTES,
        effective_on=calendar.local_date(books.now, books.config.zone),
        starts_at=books.now,
        expires_at=None,
        service_ids=(),
        auto_apply=True,
        counts=False,
    )
    for paid, back_minor in payments:
        _keep_part(books, transaction.id, paid, credit, back_minor, gone=False)
    books.change(invoice, paid_minor=invoice.paid_minor - money_minor)
    return credit


def _keep_part(books: Books, note_id: UUID, paid: Paid, credit: CreditState, back_minor: int, *, gone: bool) -> None:
    books.change(paid, noted_minor=paid.noted_minor + back_minor)
    is_money = isinstance(paid, PaymentState)
    touch_paid(books, paid)
    books.writes.credit_note_parts.append(
        CreditNotePartDraft(
            books.source.new_id(),
            note_id,
            None if is_money else paid.id,
            paid.id if is_money else None,
            credit.id,
            back_minor,
            gone,
        )
    )


def touch_paid(books: Books, paid: Paid) -> None:
    if isinstance(paid, PaymentState):
        books.writes.touched_payments.append(paid)
    else:
        books.writes.touched_assignments.append(paid)


def note_details(note: CreditNoteState, invoice: InvoiceState) -> dict[str, Any]:
    return {
        "amount": to_decimal(note.amount_minor, invoice.currency),
        "currency": invoice.currency,
        "invoice": invoice.number,
    }


def note_outcome(
    transaction: TransactionDraft,
    account: AccountState,
    invoice: InvoiceState,
    note: CreditNoteState,
    touched: list[CreditState],
) -> Steps[Outcome]:
    # An account that was only opened to be locked is deleted again.
    accounts = (account,) if account.sequence else ()
    shown = {credit.id: credit for credit in touched}  # as it is now: it may have come back twice
    credit_views = yield from each(lambda credit: answering.credit_view(credit, account.asset), shown.values())
    return Outcome(
        transaction_id=transaction.id,
        account_id=account.id if touched else None,
        credit_id=note.credit_id,
        invoice_id=invoice.id,
        credit_note_id=note.id,
        views=(
            answering.transaction_view(transaction),
            *map(answering.account_view, accounts),
            *credit_views,
            credit_note_view(note, invoice),
            invoice_view(invoice),
        ),
    )


def credit_note_view(note: CreditNoteState, invoice: InvoiceState) -> CreditNoteView:
    return CreditNoteView(
        id=note.id,
        invoice_id=invoice.id,
        currency=invoice.currency,
        amount_minor=note.amount_minor,
        lowered_minor=note.lowered_minor,
        credit_id=note.credit_id,
        created_at=note.created_at,
        voided_at=note.voided_at,
        void_transaction_id=note.void_transaction_id,
    )
