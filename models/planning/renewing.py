"""How what has expired of a credit comes back, under a new expiry. Pure.

How much has expired of a lot is said by its entries, and how much of that was put back by its revivals, in rows of their
own: together they are never more.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from models.commands import Actor, NewExpiry
from models.errors import ExpiryConflict, Invalid, InvariantViolated
from models.kinds import Counter, Role, TransactionKind
from models.planning import calendar, credits
from models.planning.burn_order import burn_key
from models.planning.drafts import CreditChangeDraft, RevivalDraft, TransactionDraft
from models.planning.lots import Lots
from models.planning.state import AccountState, Books, CreditState, PostingContext
from turns.steps import Steps

REVIVING: Final = (Role.MANAGER, Role.ADMIN)
"""Roles that may revive, and give a new expiry to what comes back."""


def check_may_renew(actor: Actor, expiry: NewExpiry) -> None:
    """Raises Invalid if the actor gives a new expiry to what comes back, and may not."""
    if expiry.ways and actor.role not in REVIVING:
        raise Invalid("Only a manager can give a new expiry to what comes back.", field=(expiry.ways[0],))


def new_expiry(books: Books, expiry: NewExpiry, starts_at: datetime) -> datetime | None:
    """The instant of the new expiry, which must be given, in one way. Raises ExpiryConflict, ExpiryInPast, Invalid."""
    if len(expiry.ways) != 1:
        how = " in one way only" if expiry.ways else ""
        raise ExpiryConflict(
            f"Give the new expiry{how}: expiresAt, expiresInDays or neverExpires.", field=("expiresAt",)
        )
    return calendar.expiry_of_credit(
        expiry.in_days,
        expiry.at,
        effective_on=calendar.local_date(books.now, books.config.zone),
        starts_at=starts_at,
        now=books.now,
        zone=books.config.zone,
    )


def is_unswept(books: Books, credit: CreditState) -> bool:
    """Whether it has expired with something left that is not held, and that no sweep has written off yet."""
    return credit.free_minor > 0 and _has_expired(books, credit)


def put_back(
    books: Books, transaction: TransactionDraft, credit: CreditState, amount_minor: int, expires_at: datetime | None
) -> CreditState:
    """Put this much of what has expired back on the credit, under the new expiry. Returns the credit, or its
    continuation if a merge has left nothing of it to move. The caller has checked the amount and the room, and written off
    what had expired."""
    account = credits.account_of_lot(books, credit)
    if credit.account_id != account.id:
        credit = credits.succeed(books, transaction, credit, account)
    if is_unswept(books, credit):
        raise InvariantViolated(f"what has expired of credit {credit.id} is to be written off before it is put back")
    lapsed = books.lapsed[credit.lot_id]
    books.writes.revivals.append(
        RevivalDraft(
            id=books.source.new_id(),
            transaction_id=transaction.id,
            credit_id=credit.id,
            account_id=account.id,
            lot_id=credit.lot_id,
            amount_minor=amount_minor,
            expired_minor=lapsed.expired_minor,
            before_minor=lapsed.revived_minor,
            expired_at=credit.expires_at,
            revived_at=account.stamp(books.now),
        )
    )
    books.change(lapsed, revived_minor=lapsed.revived_minor + amount_minor)
    _renew(books, transaction, credit, expires_at)
    credits.move(books, transaction, account, credit, amount_minor, Counter.EXPIRED)
    lots = books.credits.setdefault(account.id, Lots())
    if lots.add_or_look_again(credit, burn_key):
        books.on_rollback(lots.remove, credit, burn_key)
    return credit


def put_back_what_came(
    books: Books,
    context: PostingContext,
    account: AccountState,
    parts: Sequence[tuple[CreditState, int]],
    expires_at: datetime | None,
) -> Steps[None]:
    """Revive, as an event of its own, those parts that have come back to credits and expired at once. It was asked for as
    well: a second person stands on it, too."""
    expired = []
    for credit, amount_minor in parts:
        if credit.voided_at is None and _has_expired(books, credit):
            expired.append((credit, amount_minor))
        yield
    if not expired:
        return
    beside = replace(context, result_id=books.source.new_id())
    transaction = credits.begin(books, TransactionKind.REVIVAL, account.customer_id, beside)
    for credit, amount_minor in expired:
        put_back(books, transaction, credit, amount_minor, expires_at)
        yield


def _renew(books: Books, transaction: TransactionDraft, credit: CreditState, expires_at: datetime | None) -> None:
    """Give the credit its new expiry, as a change of its terms."""
    if expires_at != credit.expires_at:
        services = list(credit.service_ids)
        books.writes.credit_changes.append(
            CreditChangeDraft(
                id=books.source.new_id(),
                credit_id=credit.id,
                transaction_id=transaction.id,
                old_expires_at=credit.expires_at,
                new_expires_at=expires_at,
                old_auto_apply=credit.auto_apply,
                new_auto_apply=credit.auto_apply,
                old_services=services,
                new_services=services,
                created_at=books.now,
            )
        )
    credits.amend(books, credit, expires_at=expires_at, swept_at=None)


def _has_expired(books: Books, credit: CreditState) -> bool:
    return credit.expires_at is not None and credit.expires_at <= books.now
