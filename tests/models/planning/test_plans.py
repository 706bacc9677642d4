"""What holds of every plan, whatever the books and whatever is asked."""

from importlib import import_module
from itertools import pairwise
from pkgutil import iter_modules
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import planning
from models.commands import Actor, AdjustCredit, BulkCredit, Command, Outcome
from models.errors import InsufficientBalance, InvariantViolated, LedgerError
from models.money import MAX_AMOUNT_MINOR, to_decimal, to_minor
from models.planning import adjust
from models.planning.credits import serves
from models.planning.state import Books, PostingContext
from tests.support.books import (
    MANAGER,
    NOW,
    STAFF,
    adjustments,
    all_books,
    expired,
    lots_of,
    open_lots,
    other_commands,
    scheduled,
    snapshot,
)
from turns.steps import finish

ACTORS = st.sampled_from((MANAGER, STAFF))
ANY = adjustments() | other_commands()
FEW = settings(max_examples=80)


def test_every_command_has_a_plan() -> None:
    for module in iter_modules(planning.__path__, "models.planning."):
        import_module(module.name)
    assert {kind.__name__ for kind in Command.__subclasses__()} == {kind.__name__ for kind in planning.PLANS}


def test_none_has_two() -> None:
    with pytest.raises(InvariantViolated, match="AdjustCredit"):
        planning.plan_of(AdjustCredit)(adjust.plan)


def plan(books: Books, actor: Actor, command: Command) -> Outcome | LedgerError:
    try:
        return finish(planning.plan(books, PostingContext(actor, None, books.source.new_id()), command))
    except LedgerError as error:
        return error


@FEW
@given(all_books(), st.lists(st.tuples(ACTORS, ANY), min_size=1, max_size=4))
def test_undoing_leaves_no_trace(books: Books, asked: list[tuple[Actor, Command]]) -> None:
    before, start = snapshot(books), books.savepoint()
    seen = []
    for actor, command in asked:
        seen.append((snapshot(books), books.savepoint()))
        plan(books, actor, command)
    for earlier, savepoint in reversed(seen):
        books.rollback_to(savepoint)
        assert snapshot(books) == earlier
    books.rollback_to(start)
    assert snapshot(books) == before


@FEW
@given(all_books(), st.lists(st.tuples(ACTORS, ANY), min_size=1, max_size=4))
def test_a_refusal_comes_before_the_first_change(books: Books, asked: list[tuple[Actor, Command]]) -> None:
    for actor, command in asked:
        before = snapshot(books)
        answer = plan(books, actor, command)
        if isinstance(answer, LedgerError) and not isinstance(command, BulkCredit):
            assert snapshot(books) == before  # nobody has taken anything back


@FEW
@given(all_books(), st.lists(st.tuples(ACTORS, ANY), min_size=1, max_size=4))
def test_value_is_conserved(books: Books, asked: list[tuple[Actor, Command]]) -> None:
    before = snapshot(books)
    for actor, command in asked:
        savepoint = books.savepoint()
        if isinstance(plan(books, actor, command), LedgerError):
            books.rollback_to(savepoint)

    for account in books.accounts.values():
        entries = [entry for entry in books.writes.entries if entry.account_id == account.id]
        was = before["accounts"][account.customer_id, account.asset]
        assert account.balance_minor == was.balance_minor + sum(entry.amount_minor for entry in entries)
        assert account.lifetime_minor == was.lifetime_minor + sum(entry.lifetime_minor for entry in entries)
        assert [e.sequence for e in entries] == list(range(was.sequence + 1, was.sequence + len(entries) + 1))
        running = was.balance_minor
        for entry in entries:
            running += entry.amount_minor
            assert entry.balance_after_minor == running
        lots = lots_of(books, account)
        assert account.balance_minor == sum(lot.remaining_minor for lot in lots)
        assert (account.scheduled_minor, account.expired_minor) == (scheduled(lots), expired(lots))
        assert account.lifetime_minor >= 0
        assert all(0 <= lot.remaining_minor <= lot.amount_minor for lot in lots)


@FEW
@given(all_books(), adjustments(sign=lambda _: -1).filter(lambda command: command.credit_id is None))
def test_a_removal_burns_in_order_and_exactly(books: Books, command: AdjustCredit) -> None:
    account = books.accounts.get((command.customer_id, command.asset))
    lots = [] if account is None else open_lots(books, account)
    if command.service_ids:
        lots = [lot for lot in lots if serves(lot, command.service_ids)]
    left = {lot.id: lot.remaining_minor for lot in lots}
    answer = plan(books, MANAGER, command)
    if isinstance(answer, LedgerError):
        if isinstance(answer, InsufficientBalance) and "lifetime" not in answer.message:
            assert answer.available == to_decimal(sum(left.values()), command.asset)
            assert -to_minor(command.amount, command.asset) > sum(left.values())
        return

    taken = [(entry.credit_id, -entry.amount_minor) for entry in books.writes.entries if entry.credit_id is not None]
    assert sum(amount for _, amount in taken) == -to_minor(command.amount, command.asset)
    assert [credit_id for credit_id, _ in taken] == [lot.id for lot in lots][: len(taken)]
    for (credit_id, amount), _ in pairwise(taken):
        assert amount == left[credit_id]  # only the last may be left with something


@FEW
@given(all_books(), st.lists(adjustments(sign=lambda _: 1), min_size=1, max_size=6))
def test_limits_are_never_passed(books: Books, commands: list[AdjustCredit]) -> None:
    day = NOW.date()
    used = {key: counter.used_minor for key, counter in books.counters.items()}
    for command in commands:
        savepoint = books.savepoint()
        before = len(books.writes.entries)
        if isinstance(plan(books, STAFF, command), LedgerError):
            books.rollback_to(savepoint)
            continue
        amount = sum(entry.amount_minor for entry in books.writes.entries[before:])  # 0 for an approval request
        actor = ("PER_ACTOR_DAY", "STAFF", STAFF.subject, command.asset, day)
        customer = ("PER_CUSTOMER_DAY", "STAFF", str(command.customer_id), command.asset, day)
        for key, most in ((actor, 500), (customer, 200)):
            used[key] += amount
            assert books.counters[key].used_minor == used[key]
            assert amount == 0 or used[key] <= to_minor(to_decimal(0, command.asset) + most, command.asset)
        assert amount <= to_minor(to_decimal(0, command.asset) + 100, command.asset)


@given(all_books(), st.integers(0, 3), st.sampled_from(("GBP", "POINTS")))
def test_nothing_is_clamped_at_the_top(books: Books, below: int, asset: str) -> None:
    account = books.accounts[UUID(int=1), asset]
    room = MAX_AMOUNT_MINOR - account.balance_minor
    command = AdjustCredit(account.customer_id, asset, to_decimal(room + 2 - below, asset), "GOODWILL")
    answer = plan(books, MANAGER, command)

    assert isinstance(answer, LedgerError) == (below < 2)
    if isinstance(answer, LedgerError):
        assert answer.code == "AMOUNT_OUT_OF_RANGE"
