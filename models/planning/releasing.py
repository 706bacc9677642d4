"""Assignments released and moved, invoices and credits voided, credits changed (source 002). Pure.

Undoing follows what was stored, last first, never today's burn order.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from models.commands import LATER, Actor, Command, Outcome
from models.errors import (
    AlreadyReleased,
    CreditAssigned,
    CreditNoted,
    CreditNotOpen,
    Duplicate,
    ExpiryConflict,
    Invalid,
    InvoiceNotOpen,
    InvoicePaid,
    LedgerError,
    NotFound,
)
from models.holding_errors import CreditHeld, HeldByOthers
from models.kinds import Counter, CreditStatus, InvoiceStatus, Role, TransactionKind
from models.money import SERVICE_CREDITS, to_decimal
from models.planning import answering, calendar, credits, plan_of
from models.planning.adjust import MAX_SERVICES
from models.planning.assign import MAX_ASSIGNMENTS, InvoiceAmount, assign_all, assignment_view, planned_amounts
from models.planning.auditing import audit, invoice_details
from models.planning.drafts import CreditChangeDraft, TransactionDraft
from models.planning.events import emit
from models.planning.hold_rows import HoldState
from models.planning.holding import may_end
from models.planning.needs import Needs
from models.planning.notes import check_note
from models.planning.renewing import is_unswept
from models.planning.setting_aside import let_go, live_holds_on
from models.planning.settling import check_grants_unused, invoice_view, settle, take_back_grants
from models.planning.state import AccountKey, AccountState, AssignmentState, Books, CreditState, PostingContext
from models.texts import Texts
from turns.steps import Steps, each, in_order

_REVIVING: Final = (Role.MANAGER, Role.ADMIN)
_CHANGEABLE: Final = (CreditStatus.OPEN, CreditStatus.SCHEDULED, CreditStatus.EXHAUSTED)


@dataclass(frozen=True, slots=True)
class ReleaseAssignments(Command):
    """Put assigned amounts back on the credits that they came from, last first, all or nothing."""

    assignment_ids: tuple[UUID, ...]
    note: str | None = None
    texts: Texts | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class ReassignCredit(Command):
    """Release one assignment and set its credit against other invoices instead, all or nothing."""

    assignment_id: UUID
    assignments: tuple[InvoiceAmount, ...]
    note: str | None = None
    texts: Texts | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class VoidInvoice(Command):
    """Void an invoice (or order) and release everything on it, last first. Its payments must be voided before, one by
    one."""

    invoice_id: UUID
    note: str | None = None
    texts: Texts | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class VoidCredit(Command):
    """The sources' delete: reverse a credit's remainder. release_assignments: and the amounts set against invoices.
    release_holds: and what is held of it."""

    credit_id: UUID
    release_assignments: bool = False
    note: str | None = None
    release_holds: bool = field(default=False, metadata=LATER)
    texts: Texts | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class UpdateCredit(Command):
    """Change a credit; None leaves a value unchanged. never_expires, or expires_in_days 0: remove the expiry.
    service_ids (): any service."""

    credit_id: UUID
    expires_in_days: int | None = None
    expires_at: datetime | None = None
    never_expires: bool = False
    auto_apply: bool | None = None
    service_ids: tuple[UUID, ...] | None = None
    note: str | None = None
    texts: Texts | None = field(default=None, metadata=LATER)


def release_needs(command: ReleaseAssignments, accounts: tuple[AccountKey, ...]) -> Needs:
    """The assignments with their credits and invoices; `accounts` were found by an unlocked read, and change only in a
    merge. They are opened if a merge left nothing and so opened none."""
    return Needs(accounts=accounts, opens_accounts=True, assignments=command.assignment_ids)


@plan_of(ReleaseAssignments)
def plan_release(books: Books, context: PostingContext, command: ReleaseAssignments) -> Steps[Outcome]:
    """Plan the release of whole assignments of one customer. Raises NotFound, AlreadyReleased, CreditSpent."""
    check_note(command.note)
    if not 1 <= len(command.assignment_ids) <= MAX_ASSIGNMENTS:
        raise Invalid(f"Name between 1 and {MAX_ASSIGNMENTS} assignments.", field=("assignmentIds",))
    if len(set(command.assignment_ids)) < len(command.assignment_ids):
        raise Duplicate("An assignment is listed twice.", field=("assignmentIds",))
    parts = [_live(books, assignment_id, index) for index, assignment_id in enumerate(command.assignment_ids)]
    customers = {books.invoices[part.invoice_id].customer_id for part in parts}
    if len(customers) > 1:
        raise Invalid(
            "The assignments belong to several customers. Release one customer's at a time.", field=("assignmentIds",)
        )
    check_grants_unused(books, (books.invoices[part.invoice_id] for part in parts), parts)
    # Must succeed from here on.
    transaction = yield from release(books, context, TransactionKind.RELEASE, parts, note=command.note)
    return (yield from _released(books, context, transaction, parts))


def _live(books: Books, assignment_id: UUID, index: int) -> AssignmentState:
    part = books.assignments.get(assignment_id)
    # An assignment made after its account was looked up counts as missing: the account is not locked.
    if part is None or not credits.is_locked(books, books.credits_by_id[part.credit_id]):
        raise NotFound("There is no such assignment.", field=("assignmentIds", str(index)))
    if part.released_at is not None:
        raise AlreadyReleased().at("assignmentIds", str(index))
    if part.payment_id is not None:
        raise Invalid(
            "The assignment is part of a payment with account credit. Void the payment instead.",
            field=("assignmentIds", str(index)),
        )
    if part.noted_minor:
        raise CreditNoted("assignment").at("assignmentIds", str(index))
    return part


def release(
    books: Books,
    context: PostingContext,
    kind: TransactionKind,
    parts: list[AssignmentState],
    *,
    note: str | None = None,
) -> Steps[TransactionDraft]:
    """Put the assignments' amounts back on their credits, last first, as one event. The caller has checked them."""
    customer_id = books.invoices[parts[0].invoice_id].customer_id
    transaction = credits.begin(books, kind, customer_id, context, note=note)
    yield from put_parts_back(books, transaction, parts)
    return transaction


def put_parts_back(books: Books, transaction: TransactionDraft, parts: list[AssignmentState]) -> Steps[None]:
    """Raises AmountOutOfRange if the account has no room; the posting rolls back the parts put back until then."""
    for part in (yield from in_order(parts, lambda a: (a.assigned_at, a.id.bytes), reverse=True)):
        invoice = books.invoices[part.invoice_id]
        credits.restore(books, transaction, books.credits_by_id[part.credit_id], part.amount_minor, Counter.INVOICES)
        settle(books, invoice, credited_minor=invoice.credited_minor - part.amount_minor)
        books.change(part, released_at=books.now, release_transaction_id=transaction.id)
        books.writes.touched_assignments.append(part)
        yield


def _released(
    books: Books, context: PostingContext, transaction: TransactionDraft, parts: list[AssignmentState]
) -> Steps[Outcome]:
    """Take back the grants of an order that is no longer paid in full; return the outcome of the whole."""
    invoices = {part.invoice_id: books.invoices[part.invoice_id] for part in parts}
    for invoice in invoices.values():
        take_back_grants(books, context, invoice)
    touched, accounts = {}, {}
    for part in parts:
        credit = books.credits_by_id[part.credit_id]
        touched[credit.id], accounts[credit.account_id] = credit, books.accounts_by_id[credit.account_id]
        yield
    only = next(iter(touched)) if len(touched) == 1 else None
    credit_views = yield from each(lambda c: answering.credit_view(c, accounts[c.account_id].asset), touched.values())
    ids = yield from in_order([part.id for part in parts], lambda part_id: part_id.bytes)
    part_views = yield from each(lambda part: assignment_view(part, books.invoices[part.invoice_id].currency), parts)
    return Outcome(
        transaction_id=transaction.id,
        account_id=next(iter(accounts)) if len(accounts) == 1 else None,
        credit_id=only,
        assignment_ids=tuple(ids),
        views=(
            answering.transaction_view(transaction),
            *(answering.account_view(account) for account in accounts.values()),
            *credit_views,
            *part_views,
            *(invoice_view(invoice) for invoice in invoices.values()),
        ),
    )


def reassign_needs(command: ReassignCredit, account: AccountKey) -> Needs:
    return Needs(
        accounts=(account,),
        opens_accounts=True,
        assignments=(command.assignment_id,),
        invoices=tuple(item.invoice_id for item in command.assignments),
    )


@plan_of(ReassignCredit)
def plan_reassign(books: Books, context: PostingContext, command: ReassignCredit) -> Steps[Outcome]:
    """Plan a release and new assignments of the same credit, all or nothing.

    Raises the errors of either; CreditNotOpen if the credit expires as it comes back.
    """
    check_note(command.note)
    if not 1 <= len(command.assignments) <= MAX_ASSIGNMENTS:
        raise Invalid(f"Name between 1 and {MAX_ASSIGNMENTS} invoices.", field=("assignments",))
    try:
        part = _live(books, command.assignment_id, 0)
    except LedgerError as error:
        raise error.at("assignmentId") from None
    check_grants_unused(books, [books.invoices[part.invoice_id]], [part])
    # The assignable amount is known only after the release: on a refusal, the posting rolls that back too.
    released = yield from release(
        books,
        PostingContext(context.actor, context.key, books.source.new_id(), texts=context.texts),
        TransactionKind.RELEASE,
        [part],
        note=command.note,
    )
    credit = books.credits_by_id[part.credit_id]
    account = books.accounts_by_id[credit.account_id]
    if not credits.is_open(credit, books.now):
        raise CreditNotOpen(answering.credit_view(credit, account.asset).status(books.now)).at("assignmentId")
    take_back_grants(books, context, books.invoices[part.invoice_id])
    amounts = planned_amounts(books, command.assignments, account, credit)
    transaction = credits.begin(books, TransactionKind.ASSIGNMENT, account.customer_id, context)
    views = assign_all(books, context, transaction, account, credit, amounts)
    return Outcome(
        transaction_id=transaction.id,
        account_id=account.id,
        credit_id=credit.id,
        assignment_ids=tuple(view.id for view in views),
        views=(
            answering.transaction_view(transaction),
            answering.transaction_view(released),
            answering.account_view(account),
            answering.credit_view(credit, account.asset),
            *views,
            *(invoice_view(invoice) for invoice, _ in amounts),
        ),
    )


def void_invoice_needs(command: VoidInvoice, account: AccountKey) -> Needs:
    """The account is opened if missing, so that no other posting opens one and assigns from it meanwhile."""
    return Needs(
        accounts=(account,),
        opens_accounts=True,
        invoices=(command.invoice_id,),
        assigned_invoices=(command.invoice_id,),
    )


@plan_of(VoidInvoice)
def plan_void_invoice(books: Books, context: PostingContext, command: VoidInvoice) -> Steps[Outcome]:
    """Plan an invoice's voiding: everything on it is released, last first.

    Raises InvoiceNotOpen if it is void already, InvoicePaid if it was paid with anything but assigned credit, CreditNoted
    if a credit note gave back a part of what paid it, CreditSpent if an order's credit has been spent.
    """
    check_note(command.note)
    invoice = books.invoices.get(command.invoice_id)
    if invoice is None:
        raise NotFound("There is no such invoice.", field=("invoiceId",))
    if invoice.status == InvoiceStatus.VOID:
        raise InvoiceNotOpen(invoice.status)
    parts = [a for a in books.assignments.values() if a.invoice_id == invoice.id and a.released_at is None]
    paid_minor = invoice.paid_minor + sum([part.amount_minor for part in parts if part.payment_id])
    paid = [p for p in books.payments.values() if p.invoice_id == invoice.id and p.voided_at is None]
    if any(part.noted_minor for part in parts) or any(each.noted_minor for each in paid):
        raise CreditNoted("invoice's payments").at("invoiceId")
    if paid_minor:
        raise InvoicePaid(to_decimal(paid_minor, invoice.currency), invoice.currency)
    check_grants_unused(books, [invoice], parts)
    # Must succeed from here on.
    transaction = credits.begin(books, TransactionKind.VOID, invoice.customer_id, context, note=command.note)
    yield from put_parts_back(books, transaction, parts)
    outcome = yield from _released(books, context, transaction, parts)
    books.change(invoice, status=InvoiceStatus.VOID, voided_at=books.now)
    books.writes.touched_invoices.append(invoice)
    emit(books, "invoice.voided", invoice.id)
    details = invoice_details(invoice)
    audit(books, context, "invoice.voided", invoice.id, invoice.customer_id, command.note, details)
    return Outcome(
        transaction_id=transaction.id,
        account_id=outcome.account_id,
        invoice_id=invoice.id,
        assignment_ids=outcome.assignment_ids,
        views=(*outcome.views, invoice_view(invoice)),
    )


def void_credit_needs(command: VoidCredit, account: AccountKey) -> Needs:
    return Needs(
        accounts=(account,),
        opens_accounts=True,
        credits=(command.credit_id,),
        assigned_credits=(command.credit_id,),
        all_holds=command.release_holds,
    )


@plan_of(VoidCredit)
def plan_void_credit(books: Books, context: PostingContext, command: VoidCredit) -> Steps[Outcome]:
    """Plan a credit's voiding (the sources' delete): its remainder is reversed, out of the lifetime total as well if it
    counts there.

    What credit notes gave back whole is set against nothing any more. Raises CreditNotOpen if nothing is left to void, held
    and assigned included; CreditAssigned if a part is set against invoices and CreditHeld if one is held, and the command
    does not release it; CreditHeld, too, of a partner, if another client or a person holds it.
    """
    check_note(command.note)
    credit, account = _credit_and_account(books, command.credit_id)
    parts = [
        a
        for a in books.assignments.values()
        if a.released_at is None and a.noted_minor < a.amount_minor and books.credits_by_id[a.credit_id] is credit
    ]
    status = answering.credit_view(credit, account.asset).status(books.now)
    if status not in (CreditStatus.OPEN, CreditStatus.SCHEDULED) and not parts and not credit.held_minor:
        raise CreditNotOpen(status)
    if parts and not command.release_assignments:
        raise CreditAssigned
    holds = yield from _holds_to_release(books, context.actor, command, credit, account)
    if any(part.payment_id for part in parts):
        raise Invalid(
            "Part of the credit was used for a payment. Void that payment first.", field=("releaseAssignments",)
        )
    if any(part.noted_minor for part in parts):
        raise CreditNoted("assignments").at("releaseAssignments")
    check_grants_unused(books, (books.invoices[part.invoice_id] for part in parts), parts)
    # Must succeed from here on.
    lifetime_before = account.lifetime_minor
    transaction = credits.begin(books, TransactionKind.VOID, account.customer_id, context, note=command.note)
    yield from put_parts_back(books, transaction, parts)
    credit = books.credits_by_id[command.credit_id]
    # Of an expired credit only what was held is voided: the rest has expired before, in whatever order that is written.
    if credit.voided_at is None and is_unswept(books, credit):
        credits.expire(books, transaction, account, credit)
    for hold in holds:
        for _ in let_go(books, transaction, hold, credit):
            yield
    if credit.remaining_minor:
        credits.move(books, transaction, account, credit, -credit.remaining_minor, Counter.REMOVED, lifetime=True)
        credits.amend(books, credit, voided_at=credit.voided_at or books.now)
    credits.follow_tier(books, transaction, account, lifetime_before)
    if parts:
        return (yield from _released(books, context, transaction, parts))
    return _credit_outcome(books, transaction, account, credit)


def _holds_to_release(
    books: Books, actor: Actor, command: VoidCredit, credit: CreditState, account: AccountState
) -> Steps[list[HoldState]]:
    """The holds that hold something of the credit. Raises CreditHeld if that is not to be released, or is not the actor's to
    release."""
    if not credit.held_minor:
        return []
    if not command.release_holds:
        raise CreditHeld(to_decimal(credit.held_minor, account.asset), account.asset)
    holds, others_minor = [], 0
    for hold, held_minor in (yield from live_holds_on(books, credit)):
        holds.append(hold)
        others_minor += 0 if may_end(actor, hold) else held_minor
        yield
    if others_minor:
        raise HeldByOthers(to_decimal(others_minor, account.asset), account.asset)
    return holds


def update_credit_needs(command: UpdateCredit, account: AccountKey) -> Needs:
    return Needs(accounts=(account,), opens_accounts=True, credits=(command.credit_id,))


@plan_of(UpdateCredit)
def plan_update_credit(books: Books, context: PostingContext, command: UpdateCredit) -> Outcome:
    """Plan a change of a credit's expiry, pause, restriction or note. Raises CreditNotOpen, and for dates and services.

    A used-up credit can be changed too: an amount set against invoices may come back to it. Past its expiry, only managers
    and admins give it a new one: what comes back then would have been revived.
    """
    check_note(command.note)
    credit, account = _credit_and_account(books, command.credit_id)
    status = answering.credit_view(credit, account.asset).status(books.now)
    if status not in _CHANGEABLE:
        raise CreditNotOpen(status)
    expires_at = _new_expiry(books, credit, command)
    is_past = credit.expires_at is not None and credit.expires_at <= books.now
    if is_past and expires_at != credit.expires_at and context.actor.role not in _REVIVING:
        raise CreditNotOpen(CreditStatus.EXPIRED)
    services = _new_services(books, credit, account, command)
    auto_apply = credit.auto_apply if command.auto_apply is None else command.auto_apply
    unchanged = (expires_at, services, auto_apply) == (credit.expires_at, credit.service_ids, credit.auto_apply)
    if unchanged and command.texts is None and not (command.note and command.note.strip()):
        raise Invalid("Nothing would change. Give at least one new value.", field=("creditId",))
    # Must succeed from here on.
    transaction = credits.begin(books, TransactionKind.UPDATE, account.customer_id, context, note=command.note)
    books.writes.credit_changes.append(
        CreditChangeDraft(
            id=books.source.new_id(),
            credit_id=credit.id,
            transaction_id=transaction.id,
            old_expires_at=credit.expires_at,
            new_expires_at=expires_at,
            old_auto_apply=credit.auto_apply,
            new_auto_apply=auto_apply,
            old_services=list(credit.service_ids),
            new_services=list(services),
            created_at=books.now,
        )
    )
    credits.amend(books, credit, expires_at=expires_at, service_ids=services, auto_apply=auto_apply)
    return _credit_outcome(books, transaction, account, credit)


def _new_expiry(books: Books, credit: CreditState, command: UpdateCredit) -> datetime | None:
    named = (command.expires_in_days is not None) + (command.expires_at is not None) + command.never_expires
    if named > 1:
        raise ExpiryConflict(
            "Give the expiry in one way only: expiresAt, expiresInDays or neverExpires.", field=("expiresAt",)
        )
    if named == 0:
        return credit.expires_at
    return calendar.expiry_of_credit(
        command.expires_in_days,
        command.expires_at,
        effective_on=credit.effective_on,
        starts_at=credit.starts_at,
        now=books.now,
        zone=books.config.zone,
    )


def _new_services(books: Books, credit: CreditState, account: AccountState, command: UpdateCredit) -> tuple[UUID, ...]:
    if command.service_ids is None:
        return credit.service_ids
    if command.service_ids and account.asset != SERVICE_CREDITS:
        raise Invalid(
            f"Only service credits can be restricted to services, not {account.asset}.", field=("serviceIds",)
        )
    if len(command.service_ids) > MAX_SERVICES:
        raise Invalid(f"At most {MAX_SERVICES} services can be named.", field=("serviceIds",))
    for service_id in command.service_ids:
        active = books.config.services.get(service_id)
        if active is None:
            raise NotFound("There is no such service.", field=("serviceIds",))
        if not active and service_id not in credit.service_ids:
            raise Invalid("The service is no longer offered. Choose another one.", field=("serviceIds",))
    return tuple(sorted(set(command.service_ids)))


def _credit_and_account(books: Books, credit_id: UUID) -> tuple[CreditState, AccountState]:
    credit = books.credits_by_id.get(credit_id)
    if credit is None:
        raise NotFound("There is no such credit.", field=("creditId",))
    return credit, credits.account_of_lot(books, credit)


def _credit_outcome(books: Books, transaction: TransactionDraft, account: AccountState, credit: CreditState) -> Outcome:
    # An account that was only opened to be locked, for a credit of which a merge left nothing, is deleted again.
    accounts = (account,) if account.sequence else ()
    return Outcome(
        transaction_id=transaction.id,
        account_id=account.id if accounts else None,
        credit_id=credit.id,
        views=(
            answering.transaction_view(transaction),
            answering.credit_view(credit, account.asset),
            *map(answering.account_view, accounts),
        ),
    )
