"""Rows of a bulk that are only checked, beside the same rows planned."""

import copy
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from models.commands import Actor, AdjustCredit, RowAdjustment
from models.planning.bulk_rows import RowOutcome, plan_each
from models.planning.state import Books, CounterKey, PostingContext
from tests.support.books import ANNA, BEN, MANAGER, NOBODY, STAFF, adjustments, all_books
from turns.steps import finish

BULK = UUID(int=5)


@settings(max_examples=300, deadline=None)
@given(all_books(), st.sampled_from((MANAGER, STAFF)), st.lists(adjustments(), min_size=1, max_size=3))
def test_a_row_that_is_only_checked_is_refused_as_it_would_be_if_it_was_posted(
    books: Books, actor: Actor, asked: list[AdjustCredit]
) -> None:
    """And it uses up the same limits. No customer has two rows."""
    rows = [
        RowAdjustment(n, replace(each, customer_id=customer, request_approval=False))
        for n, (each, customer) in enumerate(zip(asked, (ANNA, BEN, NOBODY), strict=False))
    ]
    planned, checked = copy.deepcopy(books), books
    posted = finish(plan_each(planned, PostingContext(actor, None, BULK), BULK, rows))
    only_rows = {row.adjustment.customer_id for row in rows if row.adjustment.amount > 0}
    found = finish(plan_each(checked, PostingContext(actor, None, BULK), BULK, rows, only_rows))

    assert [told(outcome) for outcome in found] == [told(outcome) for outcome in posted]
    assert used(checked) == used(planned)
    added = {row.row for row in rows if row.adjustment.amount > 0}
    assert all(outcome.transaction_id is None for outcome in found if outcome.row in added)


def told(outcome: RowOutcome) -> tuple[Any, ...]:
    error = outcome.error
    return outcome.row, error and (error.code, error.message, error.field, [other.code for other in error.others])


def used(books: Books) -> dict[CounterKey, int]:
    return {key: counter.used_minor for key, counter in books.counters.items()}


@settings(max_examples=20, deadline=None)
@given(all_books())
def test_what_is_only_checked_is_not_planned(books: Books) -> None:
    row = RowAdjustment(0, AdjustCredit(ANNA, "GBP", Decimal(1), "GOODWILL"))
    [outcome] = finish(plan_each(books, PostingContext(MANAGER, None, BULK), BULK, [row], {ANNA}))
    assert outcome == RowOutcome(0, None, None)
    assert not any(books.writes.lengths())
