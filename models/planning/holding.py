"""Holding value for a purpose or an invoice: placed, extended and released (domain: spending and holding). Pure.

A hold sets available value aside, credit by credit, until an instant, and is gone the instant that passes: every plan
judges by the ledger's time, and no job has to run. Capturing is in models/planning/capturing.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from models.commands import LATER, Actor, Command, Outcome
from models.errors import (
    CurrencyMismatch,
    CustomerMismatch,
    ExceedsDue,
    ExpiryConflict,
    ExpiryInPast,
    InsufficientBalance,
    Invalid,
    InvoiceNotOpen,
    NotFound,
    PurposeRequired,
)
from models.holding_errors import HoldEnded, TooManyHolds
from models.kinds import InvoiceStatus, Role, TransactionKind
from models.money import to_decimal
from models.planning import answering, credits, plan_of
from models.planning.adjust import check_services
from models.planning.hold_rows import HoldPart, HoldState
from models.planning.needs import Needs, Spend
from models.planning.notes import check_note
from models.planning.renewing import is_unswept
from models.planning.setting_aside import hold_until, let_go, note_lot, set_aside
from models.planning.settling import exceeds_due_to_credit
from models.planning.spending import check_may_spend, has_purpose, positive_minor
from models.planning.state import AccountKey, AccountState, Books, CreditState, InvoiceState, PostingContext
from models.texts import Texts
from models.views import HoldView
from turns.steps import Steps

MAX_HOLDS: Final = 1_000
"""Maximum live holds on an account: each posting to it reads them all."""
USUAL_MINUTES: Final = 15
LONGEST: Final = timedelta(days=30)
"""From when a hold was placed, extensions included."""


@dataclass(frozen=True, slots=True)
class HoldCredit(Command):
    """Set value aside for the purpose that the note or the reference names, or for an invoice. The amount is positive.
    service_ids: only credits that serve one. Neither expiry: USUAL_MINUTES."""

    customer_id: UUID
    asset: str
    amount: Decimal
    note: str | None = None
    invoice_id: UUID | None = None
    service_ids: tuple[UUID, ...] = ()
    expires_in_minutes: int | None = None
    expires_at: datetime | None = None
    texts: Texts | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class ReleaseHold(Command):
    """Give all that is held back to its credits."""

    hold_id: UUID
    note: str | None = None
    texts: Texts | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class ExtendHold(Command):
    """Hold what is held for longer."""

    hold_id: UUID
    expires_in_minutes: int | None = None
    expires_at: datetime | None = None
    note: str | None = None
    texts: Texts | None = field(default=None, metadata=LATER)


def hold_needs(command: HoldCredit, amount_minor: int) -> Needs:
    """The account with enough open credits, and the invoice if one is named, with what is held for it."""
    key = command.customer_id, command.asset
    invoices = () if command.invoice_id is None else (command.invoice_id,)
    return Needs(
        customers=(command.customer_id,),
        accounts=(key,),
        spends=(Spend(key, amount_minor, command.service_ids),),
        spending=(key,),
        invoices=invoices,
        holds_for=invoices,
    )


@plan_of(HoldCredit)
def plan_hold(books: Books, context: PostingContext, command: HoldCredit) -> Steps[Outcome]:
    """Plan a hold, in burn order; it counts under the limits on spending, and its captures no more.

    Raises PurposeRequired, NotFound, InsufficientBalance, LimitExceeded, TooManyHolds, and for the expiry and the invoice.
    """
    check_note(command.note)
    if command.invoice_id is None and not has_purpose(command.note, command.texts):
        raise PurposeRequired
    amount_minor = positive_minor(command.amount, command.asset)
    if command.customer_id not in books.customers:
        raise NotFound("There is no such customer.", field=("customerId",))
    check_services(books, command.asset, command.service_ids, adding=False)
    expires_at = _expiry(command, books.now, books.now) or books.now + timedelta(minutes=USUAL_MINUTES)
    _check_invoice(books, command, amount_minor)
    account = books.accounts.get((command.customer_id, command.asset))
    if account is None:
        raise InsufficientBalance(to_decimal(0, command.asset), command.asset)
    yield from credits.require_spendable(books, account, amount_minor, command.service_ids)
    if account.holds >= MAX_HOLDS:
        raise TooManyHolds(MAX_HOLDS)
    allowance = check_may_spend(books, context.actor, account, amount_minor)
    # Must succeed from here on (and using a limit does).
    limited = allowance.use(books, amount_minor)
    transaction = credits.begin(
        books, TransactionKind.HOLD, account.customer_id, context, note=command.note, limited=limited
    )
    hold = HoldState(
        id=transaction.id,
        account_id=account.id,
        home_id=account.id,
        amount_minor=amount_minor,
        held_minor=amount_minor,
        captured_minor=0,
        invoice_id=command.invoice_id,
        expires_at=expires_at,
        created_at=account.stamp(books.now),
        held_by=context.actor,
    )
    for taking in credits.to_take(books, account, amount_minor, command.service_ids):
        if taking is not None:
            set_aside(books, transaction, hold, *taking)
        yield
    books.change(account, holds=account.holds + 1)
    hold_until(books, account, expires_at)
    books.writes.holds.append(hold)
    # A later unit of the same batch may void one of the credits: it must find this here.
    books.holds[hold.id] = hold
    books.on_rollback(books.holds.pop, hold.id)
    return Outcome(
        transaction_id=transaction.id,
        account_id=account.id,
        hold_id=hold.id,
        views=(
            answering.transaction_view(transaction),
            answering.account_view(account),
            hold_view(hold, account.asset),
        ),
    )


def _check_invoice(books: Books, command: HoldCredit, amount_minor: int) -> None:
    """Raises the errors of an invoice that this could not pay now, besides what is held for it already. It may be paid or
    voided all the same before."""
    if command.invoice_id is None:
        return
    invoice = books.invoices.get(command.invoice_id)
    if invoice is None:
        raise NotFound("There is no such invoice.", field=("invoiceId",))
    check_payable(invoice, command.customer_id, command.asset, amount_minor)
    held_minor = sum(
        hold.held_minor for hold in books.holds.values() if hold.invoice_id == invoice.id and hold.is_live(books.now)
    )
    if amount_minor + held_minor > invoice.due_to_credit_minor:
        left_minor = max(invoice.due_to_credit_minor - held_minor, 0)
        what = "of what is due is not held for it already"
        raise ExceedsDue(to_decimal(left_minor, invoice.currency), invoice.currency, what=what)


def check_payable(invoice: InvoiceState, customer_id: UUID, asset: str, amount_minor: int) -> None:
    """Raises CustomerMismatch, CurrencyMismatch, InvoiceNotOpen, ExceedsDue."""
    if invoice.customer_id != customer_id:
        raise CustomerMismatch("invoice").at("invoiceId")
    if invoice.currency != asset:
        raise CurrencyMismatch(asset, invoice.currency).at("invoiceId")
    if invoice.status not in (InvoiceStatus.OPEN, InvoiceStatus.PART_PAID):
        raise InvoiceNotOpen(invoice.status)
    if amount_minor > invoice.due_to_credit_minor:
        raise exceeds_due_to_credit(invoice)


def _expiry(command: HoldCredit | ExtendHold, placed_at: datetime, now: datetime) -> datetime | None:
    """The instant named, if one is. Raises ExpiryConflict, ExpiryInPast, Invalid."""
    minutes, at = command.expires_in_minutes, command.expires_at
    if minutes is not None and at is not None:
        raise ExpiryConflict(
            "Give the expiry in one way only: expiresAt or expiresInMinutes.", field=("expiresInMinutes",)
        )
    if minutes is not None:
        if not 1 <= minutes <= LONGEST // timedelta(minutes=1):
            raise Invalid("A hold lasts between 1 minute and 30 days.", field=("expiresInMinutes",))
        at = now + timedelta(minutes=minutes)
    if at is None:
        return None
    if at <= now:
        raise ExpiryInPast
    if at - placed_at > LONGEST:
        field = "expiresAt" if minutes is None else "expiresInMinutes"
        raise Invalid("A hold ends at most 30 days after it was placed. Choose an earlier expiry.", field=(field,))
    return at


def needs_of_hold(hold_id: UUID, account: AccountKey) -> Needs:
    """The hold with its credits, and the account that it is on, found by an unlocked read."""
    return Needs(accounts=(account,), holds=(hold_id,))


def own_hold(books: Books, actor: Actor, hold_id: UUID) -> tuple[HoldState, AccountState]:
    """The live hold, with the account that it is on. Raises NotFound if it is not there, or, of a partner, was placed by
    another client or a person; HoldEnded."""
    hold = books.holds.get(hold_id)
    if hold is None or not may_end(actor, hold):
        raise NotFound("There is no such hold.", field=("holdId",))
    if not hold.is_live(books.now):
        raise HoldEnded(hold_view(hold, "").status(books.now))
    account = books.accounts_by_id.get(hold.home_id)
    if account is None:  # a merge has moved it after its account was looked up
        raise NotFound("There is no such hold.", field=("holdId",))
    return hold, account


def may_end(actor: Actor, hold: HoldState) -> bool:
    """Whether the actor may capture, release or extend it: a partner's program only what its own client holds."""
    if actor.role != Role.PARTNER:
        return True
    return hold.held_by.role == Role.PARTNER and hold.held_by.holder == actor.holder


@plan_of(ReleaseHold)
def plan_release_hold(books: Books, context: PostingContext, command: ReleaseHold) -> Steps[Outcome]:
    """Plan the release of all that is held. What has expired meanwhile is expired at once, and what was taken back is
    reversed, as an event of its own. Raises NotFound, HoldEnded."""
    check_note(command.note)
    hold, account = own_hold(books, context.actor, command.hold_id)
    # Must succeed from here on.
    transaction = credits.begin(books, TransactionKind.HOLD, account.customer_id, context, note=command.note)
    parts = [part for part in hold.parts if part.held_minor]
    for _ in let_go(books, transaction, hold):
        yield
    yield from _expire_let_go(books, context, account, parts)
    return Outcome(
        transaction_id=transaction.id,
        account_id=account.id,
        hold_id=hold.id,
        views=(
            answering.transaction_view(transaction),
            answering.account_view(account),
            hold_view(hold, account.asset),
        ),
    )


def _expire_let_go(
    books: Books, context: PostingContext, account: AccountState, parts: Sequence[HoldPart]
) -> Steps[None]:
    """Write off what was let go of credits that have expired or were taken back (whose expiry that is): no later sweep does,
    and the tier follows now. A hold's own transaction moves nothing."""
    expired: dict[UUID, CreditState] = {}
    for part in parts:
        credit = books.credits_by_id[part.credit_id]
        if is_unswept(books, credit):
            expired[credit.id] = credit
        yield
    if not expired:
        return
    beside = replace(context.beside(books.source.new_id()), texts=context.texts)
    transaction = credits.begin(books, TransactionKind.EXPIRY, account.customer_id, beside)
    for credit in expired.values():
        credits.expire(books, transaction, account, credit)
        yield


@plan_of(ExtendHold)
def plan_extend(books: Books, context: PostingContext, command: ExtendHold) -> Outcome:
    """Plan a later expiry. Raises NotFound, HoldEnded, and for the expiry."""
    check_note(command.note)
    hold, account = own_hold(books, context.actor, command.hold_id)
    expires_at = _expiry(command, hold.created_at, books.now)
    if expires_at is None:
        raise Invalid("Give the new expiry: expiresAt or expiresInMinutes.", field=("expiresInMinutes",))
    if expires_at <= hold.expires_at:
        field = "expiresAt" if command.expires_in_minutes is None else "expiresInMinutes"
        raise Invalid("The hold lasts as long already. Choose a later expiry.", field=(field,))
    # Must succeed from here on.
    transaction = credits.begin(books, TransactionKind.HOLD, account.customer_id, context, note=command.note)
    books.change(hold, expires_at=expires_at)
    books.writes.moved_holds.append(hold)
    note_lot(books, transaction, hold, account, next(part for part in hold.parts if part.held_minor), 0)
    hold_until(books, account, expires_at)
    return Outcome(
        transaction_id=transaction.id,
        account_id=account.id,
        hold_id=hold.id,
        views=(answering.transaction_view(transaction), hold_view(hold, account.asset)),
    )


def hold_view(hold: HoldState, asset: str) -> HoldView:
    return HoldView(
        id=hold.id,
        account_id=hold.account_id,
        asset=asset,
        amount_minor=hold.amount_minor,
        left_minor=hold.held_minor,
        captured_minor=hold.captured_minor,
        invoice_id=hold.invoice_id,
        expires_at=hold.expires_at,
        created_at=hold.created_at,
    )
