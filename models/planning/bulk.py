"""Many adjustments as one unit (sources 000, 002, 003). Pure."""

from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from models.commands import AdjustCredit, BulkCredit, BulkItem, Outcome
from models.errors import CurrencyNotAllowed, Duplicate, Invalid, LedgerError, LedgerErrors, NotFound
from models.kinds import BulkErrorPolicy, BulkStatus
from models.money import exponent, to_minor
from models.named_ids import told_by_name
from models.planning import adjust, plan_of
from models.planning.answering import actor_view
from models.planning.drafts import BulkOperationDraft, BulkRowDraft
from models.planning.events import emit
from models.planning.faults import with_faults
from models.planning.needs import Needs, merge
from models.planning.setting import needs_to_set, to_reach
from models.planning.state import AccountKey, Books, PostingContext
from models.texts import Texts
from models.views import BulkOperationView
from turns.steps import Steps

MAX_ROWS: Final = 10_000


class _RowResult(NamedTuple):
    """A row's transaction, or its error. moved: of a row that sets what is available, the amount that it took; at zero it
    has no transaction."""

    transaction_id: UUID | None = None
    error: LedgerError | None = None
    moved: Decimal | None = None


def needs(command: BulkCredit) -> Steps[Needs]:
    """The needs of all rows together; for a row without an amount only its customer, for the report."""
    rows: list[Needs] = []
    additions: list[AccountKey] = []
    for item in command.items[:MAX_ROWS]:
        if item.customer_id is None:
            continue
        try:
            amount_minor = to_minor(item.amount, command.asset)
            if command.sets:
                rows.append(needs_to_set(row_command(command, item), amount_minor))
            elif amount_minor > 0:
                additions.append((item.customer_id, command.asset))
            else:
                rows.append(adjust.needs(row_command(command, item), amount_minor))
        except LedgerError:
            rows.append(Needs(customers=(item.customer_id,)))
        yield
    return merge([adjust.needs_to_add(additions), *rows])


def row_command(command: BulkCredit, item: BulkItem) -> AdjustCredit:
    """The adjustment of one row. Raises NotFound if the row names no customer."""
    if item.customer_id is None:
        raise NotFound("There is no such customer.", field=("customerId",))
    return AdjustCredit(
        customer_id=item.customer_id,
        asset=command.asset,
        amount=item.amount,
        reason=command.reason,
        note=command.note,
        expires_in_days=command.expires_in_days if item.amount > 0 else None,
        expires_at=command.expires_at if item.amount > 0 else None,
        effective_on=command.effective_on if item.amount > 0 else None,
        service_ids=command.service_ids,
    )


def _row_texts(command: BulkCredit, row: int) -> Texts | None:
    """The row's own, or the bulk's."""
    own = command.row_texts[row] if command.row_texts else None
    return own or command.texts


@plan_of(BulkCredit)
def plan(books: Books, context: PostingContext, command: BulkCredit) -> Steps[Outcome]:
    """Plan every row. REJECT_ALL raises LedgerErrors with all bad rows; SKIP_FAILED reports them and posts the rest."""
    if not 1 <= len(command.items) <= MAX_ROWS:
        raise Invalid(f"A bulk has between 1 and {MAX_ROWS:,} rows.", field=("items",))
    exponent(command.asset)  # an unknown asset is one error, not one for each row
    start = books.savepoint()
    results = yield from _plan_rows(books, context, command)
    errors = tuple([result.error for result in results if result.error])
    if errors and command.error_policy == BulkErrorPolicy.REJECT_ALL and not command.dry_run:
        raise LedgerErrors(errors)
    if command.dry_run:
        yield from books.rolling_back_to(start)
        results = [result._replace(transaction_id=None) for result in results]  # rows not posted have none
    return (yield from _report(books, context, command, results, failed=len(errors)))


def _plan_rows(books: Books, context: PostingContext, command: BulkCredit) -> Steps[list[_RowResult]]:
    """Transaction or error of each row. A refused row leaves the others planned."""
    results: list[_RowResult] = []
    seen: set[UUID] = set()
    for row, item in enumerate(command.items):
        savepoint = books.savepoint()
        try:
            adjustment = row_command(command, item)  # two unknown ids are not the same customer
            if adjustment.customer_id in seen and not command.allow_duplicate_customers:
                raise Duplicate("The customer is listed twice.", field=("customerId",))
            seen.add(adjustment.customer_id)
            moved = None
            if command.sets:
                adjustment = to_reach(books, adjustment)
                moved = adjustment.amount
            transaction_id = None
            if moved is None or moved:
                row_context = PostingContext(
                    context.actor, context.key, books.source.new_id(), shown=False, texts=_row_texts(command, row)
                )
                transaction_id = yield from adjust.plan_row(books, row_context, adjustment)
            results.append(_RowResult(transaction_id, moved=moved))
        except LedgerError as error:
            books.rollback_to(savepoint)
            error.__traceback__ = None  # ten thousand of them would keep all these frames
            error.row = row
            results.append(_RowResult(error=_told(books, command, row, error)))
        yield
    return results


def _told(books: Books, command: BulkCredit, row: int, error: LedgerError) -> LedgerError:
    """A row's refusal as it is reported, with whatever else is wrong with the row."""
    if command.items[row].customer_id is not None:
        error = with_faults(books, row_command(command, command.items[row]), error, sets=command.sets)
    for other in error.others:
        other.at(*_row_field(row, other.field))
    return told_by_name(error.at(*_row_field(row, error.field)), command.items[row])


def _row_field(row: int, field: tuple[str, ...] | None) -> tuple[str, ...]:
    """The path of a row's failure: into the row for its own values, into the bulk for the bulk's."""
    if field and field[0] in ("customerId", "amount"):
        return ("items", str(row), *field)
    return field or ("items", str(row))


def _report(
    books: Books, context: PostingContext, command: BulkCredit, results: list[_RowResult], *, failed: int
) -> Steps[Outcome]:
    operation = BulkOperationView(
        id=context.result_id,
        status=BulkStatus.COMPLETED,
        asset=command.asset,
        total=len(results),
        processed=len(results),
        succeeded=len(results) - failed,
        failed=failed,
        sent_by=actor_view(context.actor),
        created_at=books.now,
        dry_run=command.dry_run,
        finished_at=books.now,
        mode=command.mode,
    )
    books.writes.bulk_operations.append(
        BulkOperationDraft(
            id=operation.id,
            status=operation.status,
            asset=operation.asset,
            error_policy=command.error_policy,
            dry_run=command.dry_run,
            total=operation.total,
            processed=operation.processed,
            succeeded=operation.succeeded,
            failed=operation.failed,
            actor=context.actor,
            cancel_requested=False,
            created_at=books.now,
            finished_at=books.now,
            command={"mode": command.mode} if command.sets else None,
        )
    )
    for row, (item, result) in enumerate(zip(command.items, results, strict=True)):
        books.writes.bulk_rows.append(_row_draft(books, operation.id, row, item, result))
        yield
    if not command.dry_run:
        emit(books, "bulk.completed", operation.id)
    return Outcome(bulk_operation_id=operation.id, views=(operation,))


def _row_draft(books: Books, operation_id: UUID, row: int, item: BulkItem, result: _RowResult) -> BulkRowDraft:
    return BulkRowDraft(
        id=books.source.new_id(),
        operation_id=operation_id,
        row=row,
        customer_id=item.customer_id,
        amount=item.amount,
        transaction_id=result.transaction_id,
        error=error_report(result.error) if result.error else None,
        details=None if result.moved is None else {"moved": format(result.moved, "f")},
    )


def error_report(error: LedgerError) -> dict[str, Any]:
    """A row's failure as stored: code, message, field, and the code's own data."""
    report: dict[str, Any] = {"code": error.code, "message": error.message, "field": list(error.field or ()) or None}
    available = getattr(error, "available", None)
    if available is not None:
        report["available"] = format(available, "f")
    remaining = getattr(error, "remaining", None)
    if remaining is not None:
        report["remaining"] = [
            {"scope": left.scope, "asset": left.asset, "remaining": format(left.remaining, "f"), "kind": left.kind}
            for left in remaining
        ]
    if isinstance(error, CurrencyNotAllowed):
        report["currencies"] = list(error.allowed)
    if error.others:
        report["more"] = [error_report(other) for other in error.others]
    return report
