"""How value is set aside for a hold, captured and let go: no entry is written until it is captured. Pure.

Everything here changes the books; the caller has done all checks. What is held of an expired credit is not expired: it
is captured like any other, and expires when it is let go.
"""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from models.planning.burn_order import burn_key
from models.planning.credits import is_open
from models.planning.drafts import TransactionDraft
from models.planning.hold_rows import HoldLotDraft, HoldPart, HoldState
from models.planning.lots import Lots
from models.planning.state import AccountState, Books, CreditState
from turns.steps import Steps


def set_aside(
    books: Books, transaction: TransactionDraft, hold: HoldState, credit: CreditState, amount_minor: int
) -> None:
    """Add a part to the hold, on this credit."""
    account = books.accounts_by_id[hold.home_id]
    _change_held(books, account, credit, amount_minor)
    part = HoldPart(len(hold.parts), credit.id, amount_minor)
    hold.parts.append(part)
    note_lot(books, transaction, hold, account, part, amount_minor)


def capture(
    books: Books, transaction: TransactionDraft, hold: HoldState, amount_minor: int
) -> Iterator[tuple[CreditState, int]]:
    """The amounts that are captured of each credit, in the order in which they are held. Each is free when it is yielded:
    the caller takes it before it requests the next."""
    account, left = books.accounts_by_id[hold.home_id], amount_minor
    for part in hold.parts:
        taken = min(left, part.held_minor)
        if taken:
            left -= taken
            credit = books.credits_by_id[part.credit_id]
            _take_off(books, transaction, hold, account, credit, part, taken)
            yield credit, taken
    _end_some(books, hold, account, amount_minor, captured_minor=amount_minor)


def let_go(
    books: Books, transaction: TransactionDraft, hold: HoldState, credit: CreditState | None = None
) -> Iterator[None]:
    """Give what the hold has left back to its credits, or to this one alone: each under its own expiry. The caller writes
    off what has expired."""
    account, gone = books.accounts_by_id[hold.home_id], 0
    for part in hold.parts:
        held = books.credits_by_id[part.credit_id]
        if part.held_minor and credit in (None, held):
            gone += part.held_minor
            _take_off(books, transaction, hold, account, held, part, part.held_minor)
            if is_open(held, books.now):
                lots = books.credits.setdefault(account.id, Lots())
                if lots.add_or_look_again(held, burn_key):
                    books.on_rollback(lots.remove, held, burn_key)
        yield
    _end_some(books, hold, account, gone)


def move_home(
    books: Books,
    taken: TransactionDraft,
    given: TransactionDraft,
    hold: HoldState,
    part: HoldPart,
    old: CreditState,
    new: CreditState,
) -> None:
    """Carry a part of the hold along in a merge, from the merged record's credit, of which nothing is held any more, to
    the one that continues it."""
    source, target = books.accounts_by_id[old.account_id], books.accounts_by_id[new.account_id]
    note_lot(books, taken, hold, source, part, -part.held_minor)
    books.change(part, credit_id=new.id)
    note_lot(books, given, hold, target, part, part.held_minor)
    _change_held(books, target, new, part.held_minor)
    if hold.home_id != target.id:
        books.change(hold, home_id=target.id)
        books.writes.moved_holds.append(hold)
        books.change(source, holds=source.holds - 1)
        books.change(target, holds=target.holds + 1)
        hold_until(books, target, hold.expires_at)


def take_off_all(books: Books, account: AccountState, credit: CreditState) -> None:
    """Before a merge moves the credit: nothing of it is held here any more."""
    _change_held(books, account, credit, -credit.held_minor)


def note_lot(
    books: Books,
    transaction: TransactionDraft,
    hold: HoldState,
    account: AccountState,
    part: HoldPart,
    amount_minor: int,
) -> None:
    """Write what the transaction did to this part."""
    at = account.stamp(books.now)
    transaction.created_at = max(transaction.created_at, at)
    books.writes.hold_lots.append(
        HoldLotDraft(
            id=books.source.new_id(),
            hold_id=hold.id,
            transaction_id=transaction.id,
            account_id=account.id,
            credit_id=part.credit_id,
            position=part.position,
            amount_minor=amount_minor,
            expires_at=hold.expires_at,
            created_at=at,
        )
    )


def hold_until(books: Books, account: AccountState, expires_at: datetime) -> None:
    """Note on the account how long something is held, so that postings and reads look for it until then, and no longer."""
    if account.held_until is None or account.held_until < expires_at:
        books.change(account, held_until=expires_at)
        books.writes.held_accounts.append(account)


def held_parts(books: Books) -> Steps[dict[UUID, list[tuple[HoldState, HoldPart]]]]:
    """The parts that the loaded holds hold, by the id of the credit that it is on."""
    found: dict[UUID, list[tuple[HoldState, HoldPart]]] = {}
    for hold in books.holds.values():
        for part in hold.parts if hold.is_live(books.now) else ():
            if part.held_minor:
                found.setdefault(part.credit_id, []).append((hold, part))
            yield
    return found


def live_holds_on(books: Books, credit: CreditState) -> Steps[list[tuple[HoldState, int]]]:
    """The loaded holds that hold something of the credit, and how much of it."""
    found = []
    for hold in books.holds.values():
        held_minor = _held_of(books, hold, credit) if hold.is_live(books.now) else 0
        if held_minor:
            found.append((hold, held_minor))
        yield
    return found


def _held_of(books: Books, hold: HoldState, credit: CreditState) -> int:
    return sum([part.held_minor for part in hold.parts if books.credits_by_id[part.credit_id] is credit])


def _take_off(
    books: Books,
    transaction: TransactionDraft,
    hold: HoldState,
    account: AccountState,
    credit: CreditState,
    part: HoldPart,
    amount_minor: int,
) -> None:
    _change_held(books, account, credit, -amount_minor)
    books.change(part, held_minor=part.held_minor - amount_minor)
    note_lot(books, transaction, hold, account, part, -amount_minor)


def _change_held(books: Books, account: AccountState, credit: CreditState, amount_minor: int) -> None:
    books.change(credit, held_minor=credit.held_minor + amount_minor)
    books.change(account, held_minor=account.held_minor + amount_minor)
    if credit.expires_at is not None and credit.expires_at <= books.now:
        books.change(account, expired_minor=account.expired_minor - amount_minor)


def _end_some(
    books: Books, hold: HoldState, account: AccountState, amount_minor: int, *, captured_minor: int = 0
) -> None:
    left = hold.held_minor - amount_minor
    books.change(hold, held_minor=left, captured_minor=hold.captured_minor + captured_minor)
    books.writes.touched_holds.append(hold)
    if left == 0:
        books.change(account, holds=account.holds - 1)
