"""Some rows of a bulk that continues after its request (domain: bulk, files). Pure."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from models.commands import Actor, AdjustCredit, Outcome, PostRows, RowAdjustment
from models.errors import LedgerError, LedgerErrors, RequesterNotAllowed
from models.money import to_minor
from models.planning import adjust, plan_of
from models.planning.bulk import error_report
from models.planning.drafts import RowResult
from models.planning.faults import with_faults
from models.planning.needs import Needs, merge
from models.planning.setting import needs_to_set, to_reach
from models.planning.state import AccountKey, Books, PostingContext
from turns.steps import Steps

KEYS: Final = "bulk:"
"""Prefix of the idempotency keys that bulks make for their rows. Reserved for them."""
BULK, REMOVE = "credits:bulk", "credits:remove"


class RowOutcome(NamedTuple):
    """A row's transaction, or its error. moved: of a row that sets what is available, the amount that it took; at zero it
    has no transaction."""

    row: int
    transaction_id: UUID | None
    error: LedgerError | None
    moved: Decimal | None = None


def sender_scopes(asked: AdjustCredit) -> frozenset[str]:
    """The scopes that a partner's token needs for this row to be posted. (A test compares them to auth/roles.py.)"""
    return frozenset({BULK, REMOVE} if asked.amount < 0 else {BULK})


def needs(rows: "tuple[RowAdjustment, ...]") -> Steps[Needs]:
    """The needs of all rows together; for a row without an amount only its customer, for the report."""
    wanted: list[Needs] = []
    additions: list[AccountKey] = []
    for row in rows:
        asked = row.adjustment
        try:
            amount_minor = to_minor(asked.amount, asked.asset)
            if row.sets:
                wanted.append(needs_to_set(asked, amount_minor))
            elif amount_minor > 0:
                additions.append((asked.customer_id, asked.asset))
            else:
                wanted.append(adjust.needs(asked, amount_minor))
        except LedgerError:
            wanted.append(Needs(customers=(asked.customer_id,)))
        yield
    return merge([adjust.needs_to_add(additions), *wanted])


@plan_of(PostRows)
def plan(books: Books, context: PostingContext, command: PostRows) -> Steps[Outcome]:
    """Plan every row, and record its result. Raises LedgerErrors with every bad row if the bulk is all or nothing."""
    outcomes = yield from plan_each(books, context, command.operation_id, command.rows)
    errors = tuple([outcome.error for outcome in outcomes if outcome.error])
    if errors and command.all_or_nothing:
        raise LedgerErrors(errors)
    for row, transaction_id, error, moved in outcomes:
        report: dict[str, Any] | None = error_report(error) if error else None
        books.writes.row_results.append(RowResult(command.operation_id, row, transaction_id, report, moved))
        yield
    return Outcome(bulk_operation_id=command.operation_id)


def plan_each(
    books: Books,
    context: PostingContext,
    operation_id: UUID,
    rows: "Iterable[RowAdjustment]",
    only_rows: AbstractSet[UUID] = frozenset(),
) -> Steps[list[RowOutcome]]:
    """Each row with its transaction or error. A refused row leaves the others planned.

    The bulk's sender may have lost the right to it since: such a row is refused like any other. only_rows: customers whose
    addition is only checked, since no other row here is theirs, and nothing will be written.
    """
    outcomes: list[RowOutcome] = []
    for row in rows:
        savepoint = None
        try:
            asked = row.adjustment
            if asked.customer_id in only_rows and asked.amount > 0 and not row.sets:
                check_sender(books, context.actor, sender_scopes(asked))
                adjust.check_row(books, context, asked)
                outcome = RowOutcome(row.row, None, None)
            else:
                savepoint = books.savepoint()
                outcome = yield from _plan_row(books, context, operation_id, row)
        except LedgerError as error:
            if savepoint is not None:  # what is only checked is refused before it changes anything
                books.rollback_to(savepoint)
            error.__traceback__ = None  # ten thousand of them would keep all these frames
            error.row = row.row
            outcome = RowOutcome(row.row, None, with_faults(books, row.adjustment, error, sets=row.sets))
        outcomes.append(outcome)
        yield
    return outcomes


def _plan_row(books: Books, context: PostingContext, operation_id: UUID, row: RowAdjustment) -> Steps[RowOutcome]:
    asked = to_reach(books, row.adjustment) if row.sets else row.adjustment
    moved = asked.amount if row.sets else None
    check_sender(books, context.actor, sender_scopes(asked))
    if moved is not None and not moved:
        return RowOutcome(row.row, None, None, moved)
    row_context = PostingContext(
        context.actor, row_key(operation_id, row.row), books.source.new_id(), shown=False, texts=asked.texts
    )
    return RowOutcome(row.row, (yield from adjust.plan_row(books, row_context, asked)), None, moved)


def check_sender(books: Books, sender: Actor, needed: frozenset[str]) -> None:
    """Raises RequesterNotAllowed if the partner's client has no token with these scopes, as far as known."""
    tokens = books.senders.get(sender.client or "") if sender.role == "PARTNER" else None
    if tokens is not None and not any(needed <= scopes for scopes in tokens):
        raise RequesterNotAllowed(sender.client, field=None)


def row_key(operation_id: UUID, row: int) -> str:
    """The idempotency key of one row, derived from the operation's id."""
    return f"{KEYS}{operation_id}:{row}"
