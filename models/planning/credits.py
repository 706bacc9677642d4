"""How value moves: credits opened, spent in burn order and put back, one entry for each movement.

Everything here changes the books; the caller has done all checks. From the first `move` of a unit on, only a bug may
make anything fail.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

from models.errors import AmountOutOfRange, InsufficientBalance, Invalid, InvariantViolated, NotFound
from models.kinds import Counter, TransactionKind
from models.money import MAX_AMOUNT_MINOR, POINTS, to_decimal
from models.planning.burn_order import ORDERED_BY, burn_key
from models.planning.drafts import EntryDraft, Limited, TierChangeDraft, TransactionDraft, TransactionTextDraft
from models.planning.events import emit
from models.planning.lots import Lots
from models.planning.notes import kept_note, kept_texts
from models.planning.state import AccountState, Books, CreditState, PostingContext
from turns.steps import Steps

GONE: Final = frozenset({Counter.REMOVED, Counter.EXPIRED, Counter.ORDERS, Counter.NOTES})
"""Counters of value that leaves a credit unused: taken back, or expired."""


def has_started(credit: CreditState, now: datetime) -> bool:
    """Whether it has started; a credit that started when created has, even if the clock was ahead then."""
    return credit.starts_at <= max(now, credit.created_at)


def is_open(credit: CreditState, now: datetime) -> bool:
    """Whether it can be spent at `now`, as far as nothing of it is held."""
    return (
        credit.remaining_minor > 0
        and has_started(credit, now)
        and (credit.expires_at is None or credit.expires_at > now)
    )


def serves(credit: CreditState, service_ids: Iterable[UUID]) -> bool:
    """Whether a spend for any of `service_ids` may use this credit: it names one of them, or no service."""
    return not credit.service_ids or any(s in credit.service_ids for s in service_ids)


def _gives(credit: CreditState, now: datetime, service_ids: tuple[UUID, ...]) -> bool:
    """Whether a spend for these services, or for none, takes from it at `now`."""
    return credit.free_minor > 0 and is_open(credit, now) and (not service_ids or serves(credit, service_ids))


def spendable(books: Books, account: AccountState, service_ids: tuple[UUID, ...] = ()) -> Iterator[CreditState]:
    """The account's open credits in burn order; with services named, only those that serve one of them."""
    return (credit for credit in looked_through(books, account, service_ids) if credit is not None)


def looked_through(
    books: Books, account: AccountState, service_ids: tuple[UUID, ...] = ()
) -> Iterator[CreditState | None]:
    """The same, with None for each credit that cannot be spent, so that a long search can pause."""
    lots = books.credits.get(account.id) or Lots()
    for number in range(lots.passed.get(service_ids, 0), len(lots.credits)):
        credit = lots.credits[number]
        yield credit if _gives(credit, books.now, service_ids) else None


def begin(
    books: Books,
    kind: TransactionKind,
    customer_id: UUID,
    context: PostingContext,
    *,
    reason: str | None = None,
    note: str | None = None,
    limited: Limited | None = None,
) -> TransactionDraft:
    """Start one business event, under the context's result id, with the context's texts. Its entries follow. limited: its
    use of daily limits."""
    note, texts = kept_note(books, customer_id, note), kept_texts(books, customer_id, context.texts)
    transaction = TransactionDraft(
        id=context.result_id,
        customer_id=customer_id,
        kind=kind,
        reason=reason,
        note=note,
        salt=books.source.new_salt() if note or texts else None,
        actor=context.actor,
        approved_by=context.approved_by,
        idempotency_key=context.key,
        created_at=books.now,
        texts=texts,
    )
    if limited is not None:
        transaction.limited_asset, transaction.limited_minor = limited.asset, limited.amount_minor
        transaction.limited_on = limited.day
    if transaction.salt is not None:
        text = TransactionTextDraft(transaction.id, note or "", transaction.salt, transaction)
        if texts is not None:
            text = replace(text, reference=texts.reference, metadata=texts.stored_metadata)
        books.writes.transaction_texts.append(text)
    books.writes.transactions.append(transaction)
    return transaction


def move(
    books: Books,
    transaction: TransactionDraft,
    account: AccountState,
    credit: CreditState,
    amount_minor: int,
    counter: Counter,
    *,
    lifetime: bool = False,
    is_new: bool = False,
) -> None:
    """Write one entry: `amount_minor` onto (or, negative, off) the credit and its account.

    lifetime: whether value is added to the credit or taken back, not just spent, given back or written off. That moves
    the lifetime total if the credit counts (domain: the lifetime total). is_new: whether it opens the credit, which is
    then undone as a whole.
    """
    balance, remaining = account.balance_minor + amount_minor, credit.remaining_minor + amount_minor
    lifetime_minor = amount_minor if lifetime and credit.counts else 0
    is_gone = counter in GONE and (amount_minor < 0 or counter in (Counter.REMOVED, Counter.EXPIRED))  # or is put back
    gone = credit.gone_minor - (amount_minor if is_gone else 0)
    total = account.lifetime_minor + lifetime_minor
    fits = min(balance, total, gone, remaining - credit.held_minor) >= 0 and remaining + gone <= credit.amount_minor
    if not fits or credit.account_id != account.id:
        raise InvariantViolated(f"{counter} {amount_minor} on {credit.id}: {balance=} {total=} {remaining=} {gone=}")
    books.change(account, balance_minor=balance, lifetime_minor=total, sequence=account.sequence + 1)
    if is_new:
        credit.remaining_minor, credit.gone_minor = remaining, gone
    else:
        books.change(credit, remaining_minor=remaining, gone_minor=gone)
        books.writes.touched_credits.append(credit)
    if not has_started(credit, books.now):
        books.change(account, scheduled_minor=account.scheduled_minor + amount_minor)
    elif credit.expires_at is not None and credit.expires_at <= books.now:
        books.change(account, expired_minor=account.expired_minor + amount_minor)
    _enter(books, transaction, account, credit.id, counter, amount_minor, lifetime_minor)


def move_lifetime(
    books: Books,
    transaction: TransactionDraft,
    account: AccountState,
    lifetime_minor: int,
    counter: Counter = Counter.MERGED,
) -> None:
    """Write one entry that moves the lifetime total and no value: in a merge, or when books are restated."""
    lifetime, sequence = account.lifetime_minor + lifetime_minor, account.sequence + 1
    if lifetime < 0:
        raise InvariantViolated(f"{counter} on account {account.id}: {lifetime=}")
    books.change(account, lifetime_minor=lifetime, sequence=sequence)
    _enter(books, transaction, account, None, counter, 0, lifetime_minor)


def _enter(
    books: Books,
    transaction: TransactionDraft,
    account: AccountState,
    credit_id: UUID | None,
    counter: Counter,
    amount_minor: int,
    lifetime_minor: int,
) -> None:
    """Write the entry of a movement that is on the account already."""
    stamp = account.stamp(books.now)
    transaction.created_at = max(transaction.created_at, stamp)
    _touch(books, account)
    books.writes.entries.append(
        EntryDraft(
            id=books.source.new_id(),
            account_id=account.id,
            sequence=account.sequence,
            transaction=transaction,
            credit_id=credit_id,
            counter=counter,
            amount_minor=amount_minor,
            lifetime_minor=lifetime_minor,
            balance_after_minor=account.balance_minor,
            created_at=stamp,
        )
    )


def _touch(books: Books, account: AccountState) -> None:
    """Mark the account to be written with the batch. A unit that moves many credits does so between at most two
    accounts: once for each."""
    touched = books.writes.touched_accounts
    if touched and (touched[-1] is account or (len(touched) > 1 and touched[-2] is account)):
        return
    touched.append(account)


def check_open(books: Books, customer_id: UUID, *field: str) -> None:
    """Raises NotFound for an unknown customer, Invalid for an erased one, to whom nothing may be added."""
    customer = books.customers.get(customer_id)
    if customer is None:
        raise NotFound("There is no such customer.", field=field)
    if customer.erased:
        raise Invalid("The customer was erased.", field=field)


def check_room(account: AccountState, amount_minor: int) -> None:
    """Raises AmountOutOfRange if the balance would exceed an account's maximum. The lifetime total limits nothing."""
    if account.balance_minor + amount_minor > MAX_AMOUNT_MINOR:
        raise AmountOutOfRange(amount=to_decimal(amount_minor, account.asset), asset=account.asset)


def check_comes_back(account: AccountState, amount_minor: int) -> None:
    """The same for an amount that returns to the account, which no input field names."""
    try:
        check_room(account, amount_minor)
    except AmountOutOfRange as error:
        error.field = None
        raise


def open_credit(
    books: Books,
    transaction: TransactionDraft,
    account: AccountState,
    amount_minor: int,
    counter: Counter,
    *,
    effective_on: date,
    starts_at: datetime,
    expires_at: datetime | None,
    service_ids: tuple[UUID, ...],
    auto_apply: bool,
    counts: bool,
) -> CreditState:
    """Open a credit on the account, with the entry that fills it. counts: whether that raises the lifetime total."""
    credit = CreditState(
        id=books.source.new_id(),
        account_id=account.id,
        transaction_id=transaction.id,
        amount_minor=amount_minor,
        remaining_minor=0,
        effective_on=effective_on,
        starts_at=starts_at,
        expires_at=expires_at,
        service_ids=service_ids,
        auto_apply=auto_apply,
        created_at=books.now,
        counts=counts,
        opened_sequence=account.sequence + 1,
    )
    list_new(books, credit)
    move(books, transaction, account, credit, amount_minor, counter, lifetime=True, is_new=True)
    return credit


def list_new(books: Books, credit: CreditState) -> None:
    """Add a new credit to the books. The caller writes its first entry."""
    books.writes.credits.append(credit)
    books.credits_by_id[credit.id] = credit
    books.on_rollback(books.credits_by_id.pop, credit.id)
    lots = books.credits.get(credit.account_id)
    if lots is None:
        lots = books.credits[credit.account_id] = Lots()
    lots.add(credit, burn_key)
    books.on_rollback(lots.remove, credit, burn_key)


def account_of_lot(books: Books, credit: CreditState) -> AccountState:
    """The account that the credit belongs to now: its own, or, if its customer was merged, the survivor's."""
    home = books.homes.get(credit.account_id)
    return books.accounts_by_id[credit.account_id] if home is None else books.accounts[home]


def is_locked(books: Books, credit: CreditState) -> bool:
    """Whether the account that the credit belongs to is locked: it is not if it appeared after the accounts were looked
    up."""
    home = books.homes.get(credit.account_id)
    return credit.account_id in books.accounts_by_id if home is None else home in books.accounts


def succeed(books: Books, transaction: TransactionDraft, credit: CreditState, account: AccountState) -> CreditState:
    """Open the credit on the survivor's account that a merged record's credit continues as: with the first one's
    amount, its used and gone parts, age, source, services and terms. The caller writes its first entry.
    """
    new = replace(
        credit,
        id=books.source.new_id(),
        account_id=account.id,
        transaction_id=transaction.id,
        remaining_minor=0,
        opened_sequence=account.sequence + 1,
        origin_id=credit.origin_id or credit.id,
    )
    list_new(books, new)
    if new.voided_at is not None or new.swept_at is not None:
        books.writes.amended_credits.append(new)
    books.change(credit, successor_id=new.id)
    books.writes.moved_credits.append(credit)
    ids = (credit.id, *books.other_ids.get(credit.id, ()))
    for name in ids:
        books.change_item(books.credits_by_id, name, new)
    books.other_ids[new.id] = ids
    books.on_rollback(books.other_ids.pop, new.id)
    return new


def restore(
    books: Books,
    transaction: TransactionDraft,
    credit: CreditState,
    amount_minor: int,
    counter: Counter,
    *,
    lifetime: bool = False,
) -> CreditState:
    """Undo a spend: the amount goes back on the credit it came from, under that credit's own expiry. Returns that
    credit, or, if a merge has left nothing of it to move, its continuation on the survivor's account.

    lifetime: whether it was taken off the lifetime total too (see `move`). If its expiry has passed, it comes back and
    expires in the same transaction, both visible. If it was voided since, it is reversed like the rest, out of the total as
    well if it counts; the caller updates the tier. Raises AmountOutOfRange for no room; the posting rolls the rest back.
    """
    account = account_of_lot(books, credit)
    check_comes_back(account, amount_minor)
    if credit.account_id != account.id:
        credit = succeed(books, transaction, credit, account)
    move(books, transaction, account, credit, amount_minor, counter, lifetime=lifetime)
    if credit.voided_at is not None:
        move(books, transaction, account, credit, -amount_minor, Counter.REMOVED, lifetime=True)
        return credit
    if credit.expires_at is not None and credit.expires_at <= books.now:
        expire(books, transaction, account, credit)
        return credit
    lots = books.credits.setdefault(account.id, Lots())  # empty: the account had nothing to spend before
    if lots.add_or_look_again(credit, burn_key):
        books.on_rollback(lots.remove, credit, burn_key)
    return credit


def expire(books: Books, transaction: TransactionDraft, account: AccountState, credit: CreditState) -> None:
    """Write off what is not held of a credit whose expiry has passed. What was held of one as it was voided is reversed
    like the rest of that, out of the lifetime total as well if it counts."""
    before, counter = account.lifetime_minor, Counter.REMOVED if credit.voided_at else Counter.EXPIRED
    if counter is Counter.EXPIRED and (lapsed := books.lapsed.get(credit.lot_id)) is not None:
        books.change(lapsed, expired_minor=lapsed.expired_minor + credit.free_minor)
    move(books, transaction, account, credit, -credit.free_minor, counter, lifetime=counter is Counter.REMOVED)
    follow_tier(books, transaction, account, before)
    amend(books, credit, swept_at=account.stamp(books.now))  # as the entry, which may be ahead


def amend(books: Books, credit: CreditState, **values: object) -> None:
    """Change a credit's terms, and update its place in the burn order.

    One that was loaded by name, and not among those that the account's spends need, is listed from then on: its new
    place may be before theirs.
    """
    lots = books.credits.get(credit.account_id)
    if lots is None or values.keys().isdisjoint(ORDERED_BY):
        books.change(credit, **values)
    else:
        listed = lots.holds(credit, burn_key)
        if listed:
            lots.remove(credit, burn_key)
            books.on_rollback(lots.add, credit, burn_key)
        books.change(credit, **values)
        if listed or credit.remaining_minor > 0:
            lots.add(credit, burn_key)
            books.on_rollback(lots.remove, credit, burn_key)
    books.writes.amended_credits.append(credit)


def require_spendable(
    books: Books, account: AccountState, amount_minor: int, service_ids: tuple[UUID, ...]
) -> Steps[None]:
    """Raises InsufficientBalance, with the figure, if less than `amount_minor` can be spent."""
    if not service_ids:
        available = account.available_minor
    else:
        available = yield from found_minor(books, account, amount_minor, service_ids)
    if amount_minor > available:
        raise InsufficientBalance(to_decimal(available, account.asset), account.asset)


def found_minor(
    books: Books, account: AccountState, enough_minor: int, service_ids: tuple[UUID, ...] = ()
) -> Steps[int]:
    """The spendable sum of the account's loaded credits. The search stops once that is enough."""
    found = 0
    for credit in looked_through(books, account, service_ids):
        yield
        found += credit.free_minor if credit else 0
        if found >= enough_minor:
            break
    return found


def to_take(
    books: Books, account: AccountState, amount_minor: int, service_ids: tuple[UUID, ...] = ()
) -> Iterator[tuple[CreditState, int] | None]:
    """The amounts to take from each credit for `amount_minor`, in burn order; the caller takes each before it requests
    the next. None for each credit skipped. The caller has called `require_spendable`.
    """
    lots, left = books.credits.get(account.id) or Lots(), amount_minor
    passed = lots.passed.get(service_ids, 0)
    for number in range(passed, len(lots.credits)):
        credit = lots.credits[number]
        if not _gives(credit, books.now, service_ids):
            yield None
            continue
        taken = min(left, credit.free_minor)
        left -= taken
        yield credit, taken
        if left == 0:
            if number > passed:
                lots.pass_by(service_ids, number)
                books.on_rollback(lots.pass_no_more_than, service_ids, passed)
            return
    raise InvariantViolated(f"account {account.id}: {left} of {amount_minor} not found in its open credits")


def spend(
    books: Books,
    transaction: TransactionDraft,
    account: AccountState,
    amount_minor: int,
    counter: Counter,
    *,
    service_ids: tuple[UUID, ...] = (),
    lifetime: bool = False,
) -> Steps[list[CreditState]]:
    """Take `amount_minor` in burn order, and return the amount per credit. The caller has called `require_spendable`.

    lifetime: whether it is taken back, not just spent (see `move`).
    """
    spent = []
    for taking in to_take(books, account, amount_minor, service_ids):
        if taking is not None:
            credit, taken = taking
            move(books, transaction, account, credit, -taken, counter, lifetime=lifetime)
            spent.append(credit)
        yield
    return spent


def follow_tier(books: Books, transaction: TransactionDraft, account: AccountState, lifetime_before_minor: int) -> None:
    """Record the tier change if the points account's lifetime total has crossed a threshold."""
    if account.asset != POINTS:
        return
    old, new = books.config.tier_name(lifetime_before_minor), books.config.tier_name(account.lifetime_minor)
    if old != new:
        change_id = books.source.new_id()
        books.writes.tier_changes.append(
            TierChangeDraft(change_id, account.id, transaction.id, old, new, created_at=account.stamp(books.now))
        )
        emit(books, "tier.changed", change_id)
