"""Two records of one person become one: remainders move, and the history stays as it was written. Pure.

The merged record's rows keep their customer; reads and postings follow the record to the survivor (persons.py). A merge
moves the value, credit by credit, the lifetime totals, today's limit counters, and the membership.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from models.commands import MergeCustomers, Outcome
from models.errors import Invalid, InvariantViolated, NotFound
from models.kinds import Counter, TransactionKind
from models.planning import credits, limits, plan_of
from models.planning.auditing import audit
from models.planning.drafts import MergedCustomer, TransactionDraft
from models.planning.events import emit
from models.planning.needs import Needs
from models.planning.notes import check_note
from models.planning.setting_aside import held_parts, move_home, take_off_all
from models.planning.state import AccountState, Books, CounterKey, CreditState, CustomerState, PostingContext
from turns.steps import Steps

_FIRST: Final = datetime.min.replace(tzinfo=UTC)


def needs(command: MergeCustomers) -> Needs:
    """Both customers, locked exclusively; the first one's credits are read once no other posting can add any."""
    return Needs(
        customers=(command.from_id, command.into_id), opens_accounts=True, merges=(command.from_id, command.into_id)
    )


@plan_of(MergeCustomers)
def plan(books: Books, context: PostingContext, command: MergeCustomers) -> Steps[Outcome]:
    """Plan the move. Raises NotFound, Invalid, AmountOutOfRange. Does nothing for two records merged already."""
    check_note(command.note)
    source, target = _customer(books, command.from_id, "fromId"), _customer(books, command.into_id, "intoId")
    if command.from_id == command.into_id:
        raise Invalid("A customer cannot be merged into themselves.", field=("intoId",))
    if source is target:
        if source.id == command.from_id:
            raise Invalid("The other record is already merged into this one.", field=("intoId",))
        return Outcome()
    for customer, field in ((source, "fromId"), (target, "intoId")):
        if customer.erased:
            raise Invalid("The customer was erased.", field=(field,))
    sources = [account for (customer, _), account in sorted(books.accounts.items()) if customer == source.id]
    moving = [account for account in sources if account.balance_minor or account.lifetime_minor]
    for account in moving:
        credits.check_comes_back(books.accounts[target.id, account.asset], account.balance_minor)
    # Must succeed from here on.
    if moving:
        taken = credits.begin(books, TransactionKind.MERGE, source.id, context, note=command.note)
        given_origin = replace(context, result_id=books.source.new_id())
        given = credits.begin(books, TransactionKind.MERGE, target.id, given_origin, note=command.note)
        for account in moving:
            yield from move_account(books, taken, given, account, books.accounts[target.id, account.asset])
    _add_up_counters(books, source.id, target.id)
    _keep_membership(books, source, target)
    books.change(source, merged_into_id=target.id)
    books.writes.merged_customers.append(MergedCustomer(source.id, target.id))
    # Where value moves, its transactions keep the note.
    audit(books, context, "customer.merged", target.id, source.id, None if moving else command.note)
    emit(books, "customer.merged", source.id)
    return Outcome()


def _customer(books: Books, customer_id: UUID, field: str) -> CustomerState:
    """The customer that the id names: for a merged record, the survivor."""
    found = books.customers.get(books.persons.get(customer_id, customer_id))
    if found is None:
        raise NotFound("There is no such customer.", field=(field,))
    return found


def _lots(books: Books, account: AccountState) -> list[CreditState]:
    listed = books.credits.get(account.id)
    lots = [lot for lot in listed.credits if lot.remaining_minor] if listed else []
    if sum([lot.remaining_minor for lot in lots]) != account.balance_minor:
        raise InvariantViolated(f"account {account.id}: {account.balance_minor} is not what its open credits hold")
    return lots


def move_account(
    books: Books, taken: TransactionDraft, given: TransactionDraft, account: AccountState, target: AccountState
) -> Steps[None]:
    """Move every credit as is, started or not, expired and unswept ones too; then the lifetime total."""
    lots, before, target_before = _lots(books, account), account.lifetime_minor, target.lifetime_minor
    held = yield from held_parts(books)
    for lot in lots:
        amount_minor, parts = lot.remaining_minor, held.get(lot.id, ())
        if parts:
            take_off_all(books, account, lot)
        credits.move(books, taken, account, lot, -amount_minor, Counter.MERGED)
        new = credits.succeed(books, given, lot, target)
        credits.move(books, given, target, new, amount_minor, Counter.MERGED)
        for hold, part in parts:
            move_home(books, taken, given, hold, part, lot, new)
        if lot.expires_at is not None and lot.expires_at <= books.now:
            # As if written off here: a balance in the past looks for what had expired among what was (models/reads).
            credits.amend(books, lot, swept_at=account.stamp(books.now))
        yield
    if before:
        credits.move_lifetime(books, taken, account, -before)
        credits.move_lifetime(books, given, target, before)
    credits.follow_tier(books, taken, account, before)
    credits.follow_tier(books, given, target, target_before)


def _add_up_counters(books: Books, from_id: UUID, into_id: UUID) -> None:
    """Add up both records' counters: a limit per customer and day is per person."""
    for (scope, role, holder, asset, day), counter in sorted(books.counters.items()):
        if scope in limits.CUSTOMER_DAYS and holder == str(from_id) and counter.used_minor:
            key: CounterKey = (scope, role, str(into_id), asset, day)
            total = books.counters[key]
            books.change(total, used_minor=total.used_minor + counter.used_minor)
            books.change(counter, used_minor=0)
            books.writes.touched_counters += [total, counter]


def _keep_membership(books: Books, source: CustomerState, target: CustomerState) -> None:
    """Keep the running membership; of two, the one that started first; if none runs, the one that ended last.

    Of equal ones the survivor's stays.
    """
    started_at, cancelled_at = max(_membership(target), _membership(source), key=_rank)
    if (started_at, cancelled_at) != _membership(target):
        books.change(
            target, membership_started_at=started_at, membership_cancelled_at=cancelled_at, updated_at=books.now
        )
        books.writes.memberships.append(target)


def _membership(customer: CustomerState) -> tuple[datetime | None, datetime | None]:
    return customer.membership_started_at, customer.membership_cancelled_at


def _rank(membership: tuple[datetime | None, datetime | None]) -> tuple[int, timedelta]:
    """A membership's rank: running ones by age, before ended ones by their end, before none. To the microsecond."""
    started_at, cancelled_at = membership
    if cancelled_at is not None:
        return 1, cancelled_at - _FIRST
    if started_at is not None:
        return 2, _FIRST - started_at
    return 0, timedelta(0)
