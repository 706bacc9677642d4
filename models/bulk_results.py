"""Writes what became of a bulk's rows, and its progress. The rows stand in a table already, each to be settled once."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from models import lookups
from models.errors import InvariantViolated
from models.kinds import BulkStatus
from models.planning.columns import ActorIds, Columns, all_columns, to_json
from models.planning.drafts import RowReport, RowResult
from models.planning.state import Books
from models.session import TenantConnection
from turns.slices import each_in_slices

ROWS_AT_ONCE: Final = 1_000


async def write_row_results(connection: TenantConnection, books: Books, actors: ActorIds) -> None:
    """Write the results of pending rows, and their bulk's progress."""
    columns = all_columns(RowResult)
    results = books.writes.row_results
    values = await each_in_slices(partial(columns.values, actors=actors), results)
    for start in range(0, len(values), ROWS_AT_ONCE):
        await _settle(connection, columns, values[start : start + ROWS_AT_ONCE])
    if any(result.moved is not None for result in results):
        await _note_moved(connection, results)
    await write_progress(connection, results)


async def write_progress(connection: TenantConnection, results: "Sequence[RowResult | RowReport]") -> None:
    """Write the progress of the bulks that these rows belong to. One that is over by now, as somebody else's, takes no more:
    a worker that was away for long posts nothing to it."""
    for operation_id in {result.operation_id for result in results}:
        own = [result for result in results if result.operation_id == operation_id]
        failed = sum(result.error is not None for result in own)
        status = await connection.raw.fetchval(
            """UPDATE bulk_operations SET processed = processed + $3, succeeded = succeeded + $3 - $4,
                failed = failed + $4 WHERE tenant_id = $1 AND id = $2 RETURNING status""",
            connection.tenant_id,
            operation_id,
            len(own),
            failed,
        )
        if status != BulkStatus.RUNNING:
            raise InvariantViolated(f"bulk {operation_id} is {status}: none of its rows may be posted any more")


async def _settle(connection: TenantConnection, columns: Columns, values: list[tuple[Any, ...]]) -> None:
    """Write the results of pending rows. The condition is phrased so that an index on pending rows, which may hold the
    whole bulk, would not match it, and the planner does not choose it."""
    row_result = lookups.each(*(f"{column.name} {column.sql}" for column in columns.columns))
    status = await connection.raw.execute(
        f"""UPDATE bulk_rows r SET transaction_id = u.transaction_id, error = u.error FROM {row_result} u
        WHERE r.tenant_id = $1 AND r.operation_id = u.operation_id AND r."row" = u."row"
            AND num_nonnulls(r.transaction_id, r.error, r.details->>'moved') = 0""",
        connection.tenant_id,
        # What all of them lack is left out: unnest fills it with nulls.
        *(array if any(value is not None for value in array) else () for array in zip(*values, strict=True)),
    )
    if status != f"UPDATE {len(values)}":
        raise InvariantViolated(f"bulk_rows: {status} of {len(values)} that were pending")


async def _note_moved(connection: TenantConnection, results: "Sequence[RowResult]") -> None:
    """Write what rows that set what is available have moved: it ends those that moved nothing."""
    for start in range(0, len(results), ROWS_AT_ONCE):
        some = [result for result in results[start : start + ROWS_AT_ONCE] if result.moved is not None]
        await note_moved(connection, [(result.operation_id, result.row, result.moved) for result in some])


async def note_moved(connection: TenantConnection, moved: Sequence[tuple[Any, int, Any]]) -> None:
    """Write what these rows have moved, or would move: by operation and row."""
    each = lookups.each("operation_id uuid", '"row" int', "moved text")
    await connection.raw.execute(
        f"""UPDATE bulk_rows r SET details = coalesce(r.details, '{{}}') || u.moved::jsonb
        FROM {each} u WHERE r.tenant_id = $1 AND r.operation_id = u.operation_id AND r."row" = u."row" """,
        connection.tenant_id,
        [operation_id for operation_id, _, _ in moved],
        [row for _, row, _ in moved],
        [to_json({"moved": format(amount, "f")}) for _, _, amount in moved],
    )
