"""What is kept of a row that was left out says no less than the error itself."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from models.errors import CurrencyNotAllowed, InsufficientBalance, LedgerError, LimitExceeded, LimitRemaining, NotFound
from models.planning.bulk import error_report
from models.reads.requests import BulkRowView
from schema.types.bulk import BulkRow
from schema.types.errors import UserError

ERRORS = [
    NotFound("There is no such customer.", field=("customerId",)),
    InsufficientBalance(Decimal("1.50"), "GBP"),
    CurrencyNotAllowed("JPY", ("EUR", "GBP")),
    LimitExceeded(
        (
            LimitRemaining("PER_ACTOR_DAY", "GBP", Decimal("0.10")),
            LimitRemaining("PER_ADJUSTMENT", "GBP", Decimal(5), "SELLING_CREDIT"),
        )
    ),
]


class Anybody:
    """Who reads it makes no difference."""

    now = datetime(2026, 1, 1, tzinfo=UTC)
    for_customer = False


def shown(kept: object) -> UserError | None:
    error = json.loads(json.dumps(kept))
    return BulkRow.of(BulkRowView(uuid4(), uuid4(), 3, "GBP", uuid4(), Decimal(1), None, error), Anybody()).error


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_an_error_comes_back_whole(error: LedgerError) -> None:
    error.row = 3
    assert shown(error_report(error)) == UserError.of(error)


def test_a_limit_of_before_there_was_a_kind_is_on_adding() -> None:
    kept = error_report(LimitExceeded((LimitRemaining("PER_ACTOR_DAY", "GBP", Decimal(1)),)))
    del kept["remaining"][0]["kind"]
    error = shown(kept)
    assert error is not None
    assert error.remaining is not None
    assert [left.kind for left in error.remaining] == ["ADDING"]
