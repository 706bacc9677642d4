"""The rows of a bulk for a report as a file: what was asked for and what became of it, page by page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from models.reads.columns import columns, parsed, rows
from models.reads.requests import ROW_ASSET, ROW_LINE
from models.reads.session import ReadSession

ROWS_AT_ONCE: Final = 500
BEFORE_ALL: Final = -1


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One row. customer: its external id, or the name that it was not found by. details: the row's own values, as they are
    stored. error: as it is stored."""

    row: int
    line: int | None
    customer: str | None
    amount: Decimal | None
    asset: str
    details: dict[str, Any] | None
    transaction_id: UUID | None
    error: dict[str, Any] | None


_COLUMNS: Final = columns(
    ReportRow,
    row='t."row"',
    line=ROW_LINE,
    customer="""coalesce((select c.external_id from customers c where c.tenant_id = $1 and c.id = t.customer_id),
    t.details->>'customer')""",
    asset=ROW_ASSET,
)
_row: Final = rows(ReportRow, details=parsed, error=parsed)


async def report_rows(session: ReadSession, operation_id: UUID, *, only_failed: bool) -> AsyncIterator[list[ReportRow]]:
    """All rows of an operation, or those with an error. A caller that sends them slowly releases the session in between."""
    after = BEFORE_ALL
    failed = " and t.error is not null" if only_failed else ""
    page = f"""select {_COLUMNS} from bulk_rows t
     where t.tenant_id = $1 and t.operation_id = $2 and t."row" > $3{failed} order by t."row" limit {ROWS_AT_ONCE}"""
    while found := await session.fetch(page, operation_id, after):
        after = found[-1]["row"]
        yield [_row(row) for row in found]


async def metadata_keys(session: ReadSession, operation_id: UUID) -> list[str]:
    """The keys of the metadata that rows of an operation came with, in order."""
    found = await session.fetch(
        "select command->'metadata' as keys from bulk_operations where tenant_id = $1 and id = $2", operation_id
    )
    keys: list[str] = (parsed(found[0]["keys"]) if found else None) or []
    return keys
