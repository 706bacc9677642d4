"""Credit notes voided: what they gave back is taken again (domain: credits on invoices). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from models.commands import LATER, Command, Outcome
from models.errors import CreditNoteVoided, InvariantViolated, InvoiceNotOpen, NotFound, ReturnSpent
from models.kinds import Counter, InvoiceStatus, TransactionKind
from models.money import to_decimal
from models.planning import credits, plan_of
from models.planning.auditing import audit
from models.planning.credit_notes import note_details, note_line, note_outcome, touch_paid
from models.planning.drafts import TransactionDraft
from models.planning.events import emit
from models.planning.needs import Needs
from models.planning.noted import CreditNotePartDraft, CreditNoteState
from models.planning.notes import check_note
from models.planning.returning import Paid
from models.planning.settling import account_of, check_grants_unused, settle, take_back_grants
from models.planning.state import AccountKey, AccountState, Books, CreditState, InvoiceState, PostingContext
from models.texts import Texts
from turns.steps import Steps


@dataclass(frozen=True, slots=True)
class VoidCreditNote(Command):
    """Void a credit note: what it gave back is taken again, and the invoice stands as if it had never been."""

    credit_note_id: UUID
    note: str | None = None
    texts: Texts | None = field(default=None, metadata=LATER)


def void_needs(command: VoidCreditNote, invoice_id: UUID, account: AccountKey) -> Needs:
    """The note with its invoice and all that paid that; `invoice_id` and `account` were found by an unlocked read."""
    return Needs(
        accounts=(account,),
        opens_accounts=True,
        invoices=(invoice_id,),
        assigned_invoices=(invoice_id,),
        paid_invoices=(invoice_id,),
        credit_notes=(command.credit_note_id,),
    )


@plan_of(VoidCreditNote)
def plan_void(books: Books, context: PostingContext, command: VoidCreditNote) -> Steps[Outcome]:
    """Plan a note's voiding. Raises NotFound, CreditNoteVoided, InvoiceNotOpen, and CreditSpent if what it gave back, or
    what the order granted because of it, is no longer there."""
    check_note(command.note)
    note = books.credit_notes.get(command.credit_note_id)
    invoice = None if note is None else books.invoices.get(note.invoice_id)
    account = None if invoice is None else account_of(books, invoice)
    if note is None or invoice is None or account is None:
        raise NotFound("There is no such credit note.", field=("creditNoteId",))
    if note.voided_at is not None:
        raise CreditNoteVoided
    if invoice.status == InvoiceStatus.VOID:
        raise InvoiceNotOpen(invoice.status).at("creditNoteId")
    yield from _check_still_there(books, invoice, note.parts)
    if note.lowered_minor:
        check_grants_unused(books, [invoice])
    # Must succeed from here on.
    transaction = credits.begin(books, TransactionKind.REVERSAL, invoice.customer_id, context, note=command.note)
    touched = yield from _take_again(books, transaction, account, invoice, note)
    settle(books, invoice, noted_minor=invoice.noted_minor - note.amount_minor)
    for noted in note.lines:
        if noted.line_id in books.lines:
            note_line(books, books.lines[noted.line_id], -(noted.quantity or Decimal(0)), -noted.amount_minor)
        yield
    books.change(note, voided_at=books.now, void_transaction_id=transaction.id)
    books.writes.voided_notes.append(note)
    take_back_grants(books, context, invoice)
    emit(books, "credit_note.voided", note.id)
    details = note_details(note, invoice)
    audit(books, context, "credit_note.voided", note.id, invoice.customer_id, command.note, details)
    return (yield from note_outcome(transaction, account, invoice, note, touched))


def _check_still_there(books: Books, invoice: InvoiceState, parts: Sequence[CreditNotePartDraft]) -> Steps[None]:
    """Raises CreditSpent, with the figure, if not all that a note gave is on its credits, to be spent."""
    given: dict[UUID, int] = {}
    missing_minor = 0
    for part in parts:
        credit = books.credits_by_id[part.credit_id]
        if part.gone:
            missing_minor += part.amount_minor
        else:
            given[credit.id] = given.get(credit.id, 0) + part.amount_minor
        yield
    for credit_id, given_minor in given.items():
        credit = books.credits_by_id[credit_id]
        there_minor = credit.free_minor if credits.is_open(credit, books.now) else 0
        missing_minor += max(given_minor - there_minor, 0)
        yield
    if missing_minor:
        total_minor = sum([part.amount_minor for part in parts])
        missing, total = (to_decimal(minor, invoice.currency) for minor in (missing_minor, total_minor))
        raise ReturnSpent(missing, total, invoice.currency)


def _take_again(
    books: Books, transaction: TransactionDraft, account: AccountState, invoice: InvoiceState, note: CreditNoteState
) -> Steps[list[CreditState]]:
    """Take what the note gave back off its credits, so that it pays the invoice again."""
    touched: dict[UUID, CreditState] = {}
    for part in reversed(note.parts):
        credit = books.credits_by_id[part.credit_id]
        touched[credit.id] = credit
        paid: Paid
        if part.assignment_id is not None:
            paid = books.assignments[part.assignment_id]
            credits.move(books, transaction, account, credit, -part.amount_minor, Counter.INVOICES)
            books.change(invoice, credited_minor=invoice.credited_minor + part.amount_minor)
        elif part.payment_id is not None:
            paid = books.payments[part.payment_id]
            books.change(invoice, paid_minor=invoice.paid_minor + part.amount_minor)
        else:
            raise InvariantViolated(f"credit note {note.id} gave back what nothing had paid")
        books.change(paid, noted_minor=paid.noted_minor - part.amount_minor)
        touch_paid(books, paid)
        yield
    money_minor = sum([part.amount_minor for part in note.parts if part.payment_id is not None])
    if note.credit_id is not None:
        credit = books.credits_by_id[note.credit_id]
        credits.move(books, transaction, account, credit, -money_minor, Counter.NOTES, lifetime=True)
        if not credit.remaining_minor:
            credits.amend(books, credit, voided_at=books.now)
    return list(touched.values())
