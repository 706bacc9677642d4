"""`GET /imports/credits/{operation}` and `….csv?onlyFailed=true`: how far a bulk is, and what became of each of its rows.

The token and the rights are those of the query `bulkOperation`. The report has the columns of a file of adjustments, and
beside them columns that a file may have and nobody reads: corrected, it can be sent again, with the file's own query. So
its amounts have the decimal mark that the request for the file named: another one would be another amount to it.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Send

from app.files.importing.columns import METADATA, OURS
from app.files.importing.dialects import DECIMAL_MARKS
from app.files.requests import HEADERS, away, charged, parameters_of, refusal
from auth.roles import Permission
from gateway.errors import BadUserInput, CodedError
from models.errors import DatabaseAway
from models.money import exponent
from models.planning.calendar import local_date
from models.reads.bulk_reports import ReportRow, metadata_keys, report_rows
from schema.context import Context
from schema.csv_cells import rows, safe
from schema.ids import asked_id, global_id
from schema.types.bulk import BulkOperation
from schema.types.errors import FIGURES

PATH: Final = "/imports/credits/{operation}"
COST: Final = 100
"""Cost against the rate limit of a look at the progress."""
REPORT_COST: Final = 1_000
LINES_IN_A_TURN: Final = 100
_WRITTEN, _MARK = "utf-8", "\ufeff"
"""Encoding of a report, and its byte order mark: it is there if the file had another encoding, which its query may name."""
_AMOUNT: Final = re.compile(r"-?[0-9]+(?:[.,][0-9]+)*", re.ASCII)
_SENT: Final = ("customer", "amount", "asset", "expires", "effectiveOn", "services", "reason", "note", "reference")
_ADDED: Final = ("line", "result", "transaction", "moved", "errors")


def report_routes(make_context: Callable[[Request], Awaitable[Context]]) -> list[Route]:
    """The routes. They need the pool, and authentication in front of them."""

    async def progress(context: Context, request: Request) -> Response:
        try:
            operation = await _operation(context, request, COST)
        except CodedError as error:
            return refusal(request, error)
        except DatabaseAway as error:
            return await away(request, error)
        finally:
            await context.close()
        return _no_such() if operation is None else JSONResponse(_progress(operation), headers=HEADERS)

    async def report(context: Context, request: Request) -> Response:
        async with AsyncExitStack() as held:
            held.push_async_callback(context.close)
            try:
                only_failed = _only_failed(request)
                operation = await _operation(context, request, REPORT_COST)
            except CodedError as error:
                return refusal(request, error)
            except DatabaseAway as error:
                return await away(request, error)
            if operation is None:
                return _no_such()
            await context.reads.release()  # no connection is held while a client takes its time
            held.pop_all()  # by now it is the file's to close
        headers = {**HEADERS, "content-disposition": 'attachment; filename="report.csv"'}
        pieces = _pieces(context, operation, only_failed=only_failed)
        return _CutOff(pieces, headers=headers, media_type="text/csv; charset=utf-8")

    ways = (f"{PATH}.csv", report), (PATH, progress)
    return [Route(path, charged(make_context, answer), methods=["GET"]) for path, answer in ways]


class _CutOff(StreamingResponse):
    """A file that ends in the middle if the database goes away under it. The connection is closed then, so that its
    client can tell."""

    async def stream_response(self, send: Send) -> None:
        """Send it piece by piece."""
        with suppress(DatabaseAway):
            await super().stream_response(send)


def _no_such() -> JSONResponse:
    return JSONResponse({"errors": [{"message": "There is no such bulk operation."}]}, 404, HEADERS)


def _only_failed(request: Request) -> bool:
    value = parameters_of(request, frozenset({"onlyFailed"})).get("onlyFailed", "false")
    if value not in ("true", "false"):
        raise BadUserInput("onlyFailed is true or false.", "onlyFailed")
    return value == "true"


async def _operation(context: Context, request: Request, cost: int) -> BulkOperation | None:
    """The operation; None if it does not exist, or is not for this token to see."""
    await context.charge(cost)
    await context.admit((Permission.BULK,), own=False, place=PATH)
    operation_id = asked_id(request.path_params["operation"], "BulkOperation", "operation")
    if operation_id is None:
        return None
    operation: BulkOperation | None = await context.loaders.bulk_operations.load(operation_id)
    return operation if operation is not None and operation.may_be_seen(context.principal) else None


def _progress(operation: BulkOperation) -> dict[str, Any]:
    return {
        "operation": operation.id,
        "status": operation.status.value,
        "mode": operation.mode.value,
        "dryRun": operation.dry_run,
        "total": operation.total,
        "processed": operation.processed,
        "succeeded": operation.succeeded,
        "failed": operation.failed,
        "report": f"{PATH.format(operation=operation.id)}.csv",
    }


async def _pieces(context: Context, operation: BulkOperation, *, only_failed: bool) -> AsyncIterator[str]:
    """The file, piece by piece."""
    pending = "PENDING" if operation.finished_at is None else "NOT_POSTED"
    try:
        keys = await metadata_keys(context.reads, operation.view.id)
        file = operation.view.file or {}
        line = _Line(
            context, pending, keys, DECIMAL_MARKS[file.get("decimal_mark", "point")], dry_run=operation.dry_run
        )
        yield (_MARK if file.get("encoding", _WRITTEN) != _WRITTEN else "") + rows([line.header])
        async for page in report_rows(context.reads, operation.view.id, only_failed=only_failed):
            await line.load_services(page)
            await context.reads.release()
            for first in range(0, len(page), LINES_IN_A_TURN):
                yield rows([line.of(row) for row in page[first : first + LINES_IN_A_TURN]])
                await asyncio.sleep(0)  # a client that reads fast would keep the loop from all others
    finally:
        await context.close()


class _Line:
    """Writes a row, as far as the token may read it."""

    def __init__(self, context: Context, pending: str, keys: list[str], mark: str, *, dry_run: bool) -> None:
        self._context = context
        self._mark = mark
        self._people = context.may(Permission.READ_CUSTOMERS)
        self._ledger = context.may(Permission.READ_LEDGER)
        self._pending = pending
        self._keys = keys
        self._dry_run = dry_run
        self._services: dict[str, str] = {}
        self._zone = ZoneInfo(context.tenant.time_zone)

    @property
    def header(self) -> tuple[str, ...]:
        """The columns: those of a file, the keys of its metadata among them, and what is added."""
        return (*_SENT, *(safe(f"{METADATA}{key}") for key in self._keys), *(f"{OURS}{name}" for name in _ADDED))

    async def load_services(self, page: list[ReportRow]) -> None:
        """Load the names of the services that these rows name."""
        if not self._context.may(Permission.READ_CATALOGUE):
            return
        named = {each for row in page for each in _services(row)} - self._services.keys()
        found = await asyncio.gather(*(self._context.loaders.services.load(UUID(each)) for each in named))
        self._services |= {
            each: service.name for each, service in zip(named, found, strict=True) if service is not None
        }

    def of(self, row: ReportRow) -> tuple[str, ...]:
        own = row.details or {}
        unread: dict[str, str] = dict(own.get("unread") or {})
        if not self._people:
            unread.pop("customer", None)
        reference, pairs = own.get("texts") or (None, ())
        metadata = dict(pairs) if self._ledger else {}
        sent = {
            "customer": row.customer if self._people else None,
            "amount": None if row.amount is None else _amount(row).replace(".", self._mark),
            "asset": own.get("asset"),
            "expires": own.get("expires_in_days", own.get("expires_on", self._last_day(own.get("expires_at")))),
            "effectiveOn": own.get("effective_on"),
            "services": "; ".join(self._services[each] for each in _services(row) if each in self._services),
            "reason": own.get("reason"),
            "note": own.get("note") if self._ledger else None,
            "reference": reference if self._ledger else None,
        }
        read = {name: unread.get(name, "" if value is None else str(value)) for name, value in sent.items()}
        transaction = None if row.transaction_id is None else global_id("Transaction", row.transaction_id)
        return (
            *(_safe(name, read[name]) for name in _SENT),
            *(safe(metadata.get(key, "")) for key in self._keys),
            "" if row.line is None else str(row.line),
            self._result(row),
            transaction or "" if self._ledger else "",
            own.get("moved", "").replace(".", self._mark) if self._ledger else "",
            safe(self._errors(row)),
        )

    def _last_day(self, expires_at: str | None) -> date | None:
        """The last day on which it can be spent, of a row that was stored without the day."""
        if expires_at is None:
            return None
        return local_date(datetime.fromisoformat(expires_at), self._zone) - timedelta(days=1)

    def _result(self, row: ReportRow) -> str:
        if row.error is not None:
            return "FAILED"
        if row.transaction_id is not None or (row.details or {}).get("moved") is not None:
            return "GOOD" if self._dry_run else "POSTED"
        return "GOOD" if self._dry_run and self._pending != "PENDING" else self._pending

    def _errors(self, row: ReportRow) -> str:
        kept = [] if row.error is None else [row.error, *row.error.get("more", ())]
        return " · ".join(f"{error['code']}: {self._message(error)}" for error in kept)

    def _message(self, error: dict[str, Any]) -> str:
        hidden = FIGURES.get(error["code"])
        told: str = error["message"] if hidden is None or self._context.may(hidden[0]) else hidden[1]
        return told


def _services(row: ReportRow) -> list[str]:
    """The ids of the services that a row names."""
    ids: list[str] = (row.details or {}).get("service_ids") or []
    return ids


def _amount(row: ReportRow) -> str:
    assert row.amount is not None  # noqa: S101 - for the type checker
    amount = round(row.amount, exponent(row.asset))
    return format(amount if amount == row.amount else row.amount.normalize(), "f")


def _safe(name: str, value: str) -> str:
    """A number below zero is an amount, and no formula."""
    return value if name == "amount" and _AMOUNT.fullmatch(value) else safe(value)
