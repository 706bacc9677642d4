"""Some rows of a bulk that continues after its request (domain: bulk). Pure."""

from typing import Any, Final
from uuid import UUID

from models.commands import Actor, AdjustCredit, Outcome, PostRows, RowAdjustment
from models.errors import LedgerError, LedgerErrors, RequesterNotAllowed
from models.money import to_minor
from models.planning import adjust, plan_of
from models.planning.bulk import error_report
from models.planning.drafts import RowResult
from models.planning.needs import Needs, merge
from models.planning.state import AccountKey, Books, PostingContext
from turns.steps import Steps

KEYS: Final = "bulk:"
"""Prefix of the idempotency keys that bulks make for their rows. Reserved for them."""
BULK, REMOVE = "credits:bulk", "credits:remove"


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
            if amount_minor > 0:
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
    row_results = yield from plan_each(books, context, command.operation_id, command.rows)
    errors = tuple([error for _, _, error in row_results if error])
    if errors and command.all_or_nothing:
        raise LedgerErrors(errors)
    for row, transaction_id, error in row_results:
        report: dict[str, Any] | None = error_report(error) if error else None
        books.writes.row_results.append(RowResult(command.operation_id, row, transaction_id, report))
        yield
    return Outcome(bulk_operation_id=command.operation_id)


def plan_each(
    books: Books, context: PostingContext, operation_id: UUID, rows: "tuple[RowAdjustment, ...]"
) -> Steps[list[tuple[int, UUID | None, LedgerError | None]]]:
    """Each row with its transaction or error. A refused row leaves the others planned.

    The bulk's sender may have lost the right to it since: such a row is refused like any other.
    """
    row_results: list[tuple[int, UUID | None, LedgerError | None]] = []
    for row in rows:
        savepoint = books.savepoint()
        try:
            check_sender(books, context.actor, sender_scopes(row.adjustment))
            row_context = PostingContext(
                context.actor,
                row_key(operation_id, row.row),
                books.source.new_id(),
                shown=False,
                texts=row.adjustment.texts,
            )
            outcome = yield from adjust.plan(books, row_context, row.adjustment)
            row_results.append((row.row, outcome.transaction_id, None))
        except LedgerError as error:
            books.rollback_to(savepoint)
            error.__traceback__ = None  # ten thousand of them would keep all these frames
            error.row = row.row
            row_results.append((row.row, None, error))
        yield
    return row_results


def check_sender(books: Books, sender: Actor, needed: frozenset[str]) -> None:
    """Raises RequesterNotAllowed if the partner's client has no token with these scopes, as far as known."""
    tokens = books.senders.get(sender.client or "") if sender.role == "PARTNER" else None
    if tokens is not None and not any(needed <= scopes for scopes in tokens):
        raise RequesterNotAllowed(sender.client, field=None)


def row_key(operation_id: UUID, row: int) -> str:
    """The idempotency key of one row, derived from the operation's id."""
    return f"{KEYS}{operation_id}:{row}"
