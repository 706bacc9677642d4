"""Adding and removing value by hand (sources 000, 001, 003). Pure."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from models.commands import AdjustCredit, Outcome, ReviveCredit
from models.errors import (
    CreditNotOpen,
    ExpiryConflict,
    InsufficientBalance,
    Invalid,
    LedgerError,
    MembershipGraceEnded,
    NoteRequired,
    NotFound,
    ReasonDirection,
    ReasonUnknown,
)
from models.kinds import Counter, TransactionKind
from models.money import SERVICE_CREDITS, nonzero_minor, to_decimal
from models.planning import answering, calendar, credits, plan_of, requesting
from models.planning.allowances import Allowance, allowance_of
from models.planning.config import ReasonRule
from models.planning.drafts import Limited, TransactionDraft
from models.planning.needs import Needs, Spend
from models.planning.notes import check_note
from models.planning.state import AccountKey, AccountState, Books, CreditState, PostingContext
from turns.steps import Steps

MAX_SERVICES: Final = 100


def needs(command: AdjustCredit, amount_minor: int) -> Needs:
    """Rows to lock and load."""
    key = (command.customer_id, command.asset)
    if amount_minor > 0:
        return needs_to_add((key,))
    return Needs(
        customers=(command.customer_id,),
        accounts=(key,),
        spends=() if command.credit_id else (Spend(key, -amount_minor, command.service_ids),),
        credits=(command.credit_id,) if command.credit_id else (),
    )


def needs_to_add(keys: Sequence[AccountKey]) -> Needs:
    """The same for additions to these accounts, which are opened if missing. For many at once: making one for each
    takes as long as a tenth of their plans."""
    return Needs(
        customers=tuple([customer for customer, _ in keys]),
        accounts=tuple(keys),
        opens_accounts=bool(keys),
        limited=tuple(keys),
    )


@plan_of(AdjustCredit)
def plan(books: Books, context: PostingContext, command: AdjustCredit) -> Steps[Outcome]:
    """Plan one adjustment. Raises the LedgerErrors that the domain names for it, before any change."""
    amount_minor, reason = _asked(books, command)
    if amount_minor > 0:
        return _add(books, context, command, amount_minor, reason)
    return (yield from _remove(books, context, command, -amount_minor, reason))


def plan_row(books: Books, context: PostingContext, command: AdjustCredit) -> Steps[UUID]:
    """The same of a bulk's row, which never asks for approval. Returns its transaction's id."""
    amount_minor, reason = _asked(books, command)
    if amount_minor > 0:
        _open(books, context, command, reason, _allowed(_to_add(books, context, command, amount_minor)))
    else:
        yield from _remove(books, context, command, -amount_minor, reason)
    return context.result_id


def check_row(books: Books, context: PostingContext, command: AdjustCredit) -> None:
    """Check an addition that is a bulk's row: it uses up the limits, and changes nothing else."""
    amount_minor, _ = _asked(books, command)
    _use(books, _allowed(_to_add(books, context, command, amount_minor)))


def _asked(books: Books, command: AdjustCredit) -> tuple[int, ReasonRule]:
    """The amount in minor units, and the reason. Raises LedgerError."""
    amount_minor = nonzero_minor(command.amount, command.asset)
    reason = check_reason(books, command, adding=amount_minor > 0)
    if command.customer_id not in books.customers:
        raise no_such_customer()
    check_services(books, command.asset, command.service_ids, adding=amount_minor > 0)
    return amount_minor, reason


def no_such_customer() -> NotFound:
    return NotFound("There is no such customer.", field=("customerId",))


def check_reason(books: Books, command: AdjustCredit | ReviveCredit, *, adding: bool) -> ReasonRule:
    """Return the reason if it is in the tenant's list and serves this direction. Raises if not, or if the note it needs
    is missing."""
    reason = books.config.reasons.get(command.reason)
    if reason is None or not reason.active:
        raise ReasonUnknown(command.reason)
    if not (reason.adds if adding else reason.removes):
        raise ReasonDirection(reason.code, "add" if adding else "remove")
    if reason.note_required and not (command.note and command.note.strip()):
        raise NoteRequired(reason.code)
    check_note(command.note)
    return reason


def check_services(books: Books, asset: str, service_ids: Sequence[UUID], *, adding: bool) -> None:
    """Check the services: only service credits may name them, and only those the tenant has (and still offers, to add)."""
    if not service_ids:
        return
    if asset != SERVICE_CREDITS:
        raise Invalid(f"Only service credits can be restricted to services, not {asset}.", field=("serviceIds",))
    if len(service_ids) > MAX_SERVICES:
        raise Invalid(f"At most {MAX_SERVICES} services can be named.", field=("serviceIds",))
    for service_id in service_ids:
        active = books.config.services.get(service_id)
        if active is None:
            raise NotFound("There is no such service.", field=("serviceIds",))
        if adding and not active:
            raise Invalid("The service is no longer offered. Choose another one.", field=("serviceIds",))


def check_membership(books: Books, customer_id: UUID, asset: str, field: str = "customerId") -> None:
    """Raises MembershipGraceEnded, at `field`, for service credits once a cancelled membership's grace period is over.

    The grace period ends with its last day, in the tenant's zone (source 001: 60 days).
    """
    cancelled_at = books.customers[customer_id].membership_cancelled_at
    if asset != SERVICE_CREDITS or cancelled_at is None:
        return
    if books.now >= calendar.end_of_grace(cancelled_at, books.config.grace_days, books.config.zone):
        raise MembershipGraceEnded(books.config.grace_days).at(field)


class _Terms(NamedTuple):
    """An addition that was found good but for the limits. allowance: None if an approval stands above it. refusal: why it
    needs a second person, if it does."""

    account: AccountState
    amount_minor: int
    effective_on: date
    starts_at: datetime
    expires_at: datetime | None
    allowance: Allowance | None
    refusal: LedgerError | None


def _to_add(books: Books, context: PostingContext, command: AdjustCredit, amount_minor: int) -> _Terms:
    """Check an addition. Raises LedgerError."""
    if command.credit_id is not None:
        raise Invalid("An addition always opens a new credit. Give creditId only for a removal.", field=("creditId",))
    credits.check_open(books, command.customer_id, "customerId")
    check_membership(books, command.customer_id, command.asset)
    zone = books.config.zone
    effective_on, starts_at = calendar.start_of_credit(command.effective_on, books.now, zone)
    expires_at = calendar.expiry_of_credit(
        command.expires_in_days,
        command.expires_at,
        effective_on=effective_on,
        starts_at=starts_at,
        now=books.now,
        zone=zone,
    )
    account = books.accounts[command.customer_id, command.asset]
    credits.check_room(account, amount_minor)
    if context.approved_by is not None:
        return _Terms(account, amount_minor, effective_on, starts_at, expires_at, None, None)
    allowance = allowance_of(books, context.actor, command.customer_id, command.asset)
    refusal = allowance.refusal(amount_minor)
    return _Terms(account, amount_minor, effective_on, starts_at, expires_at, allowance, refusal)


def _allowed(terms: _Terms) -> _Terms:
    """Raises the refusal of one that is over a limit."""
    if terms.refusal is not None:
        raise terms.refusal
    return terms


def _use(books: Books, terms: _Terms) -> Limited | None:
    return None if terms.allowance is None else terms.allowance.use(books, terms.amount_minor)


def _add(
    books: Books, context: PostingContext, command: AdjustCredit, amount_minor: int, reason: ReasonRule
) -> Outcome:
    terms = _to_add(books, context, command, amount_minor)
    if terms.allowance is not None:
        pending_request = requesting.waits(books, context, "adjustCredit", command, terms.refusal)
        if pending_request is not None:
            return pending_request
    transaction, credit = _open(books, context, command, reason, terms)
    return _outcome(context, transaction, terms.account, credit)


def _open(
    books: Books, context: PostingContext, command: AdjustCredit, reason: ReasonRule, terms: _Terms
) -> tuple[TransactionDraft, CreditState]:
    """Plan an addition that may be made: it must succeed (and using a limit does)."""
    account, limited = terms.account, _use(books, terms)
    lifetime_before = account.lifetime_minor
    transaction = credits.begin(
        books,
        TransactionKind.ADJUSTMENT,
        command.customer_id,
        context,
        reason=reason.code,
        note=command.note,
        limited=limited,
    )
    credit = credits.open_credit(
        books,
        transaction,
        account,
        terms.amount_minor,
        Counter.ISSUED,
        effective_on=terms.effective_on,
        starts_at=terms.starts_at,
        expires_at=terms.expires_at,
        service_ids=tuple(sorted(set(command.service_ids))) if command.service_ids else (),
        auto_apply=command.auto_apply,
        counts=reason.moves_lifetime,
    )
    credits.follow_tier(books, transaction, account, lifetime_before)
    return transaction, credit


def _remove(
    books: Books, context: PostingContext, command: AdjustCredit, amount_minor: int, reason: ReasonRule
) -> Steps[Outcome]:
    check_no_dates(books, command)
    account = books.accounts.get((command.customer_id, command.asset))
    if account is None:
        _check_used_up(books, command)
        raise InsufficientBalance(to_decimal(0, command.asset), command.asset)
    credit = None
    if command.credit_id is not None:
        credit = named_credit(books, account, command.credit_id, amount_minor, command.service_ids)
    else:
        yield from credits.require_spendable(books, account, amount_minor, command.service_ids)
    if context.approved_by is None:
        pending_request = requesting.waits(books, context, "adjustCredit", command, refusal=None)
        if pending_request is not None:
            return pending_request
    # Must succeed from here on.
    lifetime_before = account.lifetime_minor
    transaction = credits.begin(
        books, TransactionKind.ADJUSTMENT, command.customer_id, context, reason=reason.code, note=command.note
    )
    if credit is not None:
        credits.move(
            books, transaction, account, credit, -amount_minor, Counter.REMOVED, lifetime=reason.moves_lifetime
        )
    else:
        spent = yield from credits.spend(
            books,
            transaction,
            account,
            amount_minor,
            Counter.REMOVED,
            service_ids=command.service_ids,
            lifetime=reason.moves_lifetime,
        )
        credit = spent[0] if len(spent) == 1 else None
    credits.follow_tier(books, transaction, account, lifetime_before)
    return _outcome(context, transaction, account, credit)


def _check_used_up(books: Books, command: AdjustCredit) -> None:
    """Raises CreditNotOpen if a merge left nothing of the named credit, so that it has no account."""
    credit = books.credits_by_id.get(command.credit_id) if command.credit_id else None
    if credit is not None and books.homes.get(credit.account_id) == (command.customer_id, command.asset):
        raise CreditNotOpen(answering.credit_view(credit, command.asset).status(books.now))


def check_no_dates(books: Books, command: AdjustCredit) -> None:
    """A removal takes from open credits: it has no expiry, and cannot start later."""
    if command.expires_in_days not in (None, 0):
        raise ExpiryConflict("A removal has no expiry. Leave it out.", field=("expiresInDays",))
    if command.expires_at is not None:
        raise ExpiryConflict("A removal has no expiry. Leave it out.", field=("expiresAt",))
    if command.effective_on is None:
        return
    calendar.checked_date(command.effective_on, "effectiveOn")
    if command.effective_on > calendar.local_date(books.now, books.config.zone):
        raise ExpiryConflict("A removal cannot start in the future. Leave the date out.", field=("effectiveOn",))


def named_credit(
    books: Books, account: AccountState, credit_id: UUID, amount_minor: int, service_ids: Sequence[UUID] = ()
) -> CreditState:
    """Return the one credit that `creditId` names, with enough on it. Raises NotFound, Invalid, CreditNotOpen,
    InsufficientBalance."""
    credit = books.credits_by_id.get(credit_id)
    if credit is None or not credits.is_locked(books, credit) or credits.account_of_lot(books, credit) is not account:
        raise NotFound("The customer has no such credit in this asset.", field=("creditId",))
    if service_ids and not credits.serves(credit, service_ids):
        raise Invalid("The credit cannot be spent on these services. Choose another one.", field=("serviceIds",))
    if not credits.is_open(credit, books.now):
        raise CreditNotOpen(answering.credit_view(credit, account.asset).status(books.now))
    if amount_minor > credit.free_minor:
        raise InsufficientBalance(
            to_decimal(credit.free_minor, account.asset), account.asset, what="left of the credit"
        )
    return credit


def _outcome(
    context: PostingContext, transaction: TransactionDraft, account: AccountState, credit: CreditState | None
) -> Outcome:
    views: tuple[Any, ...] = ()
    if context.shown:
        views = answering.transaction_view(transaction), answering.account_view(account)
        if credit is not None:
            views = *views, answering.credit_view(credit, account.asset)
    return Outcome(
        transaction_id=transaction.id, account_id=account.id, credit_id=credit.id if credit else None, views=views
    )
