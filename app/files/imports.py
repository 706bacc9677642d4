"""`POST /imports/credits?asset=…&reason=…`: a file of adjustments for many customers, CSV or XLSX, as the request's body.

The token and the rights are those of `bulkCredit`, and the header `Idempotency-Key` stands for its `idempotencyKey`.
Defaults for all rows are in the query: asset, reason, note, reference, expiresInDays or expiresAt. There are also
errorPolicy, dryRun and allowDuplicateCustomers. The response names the operation, as `bulkOperation` and
`cancelBulkOperation` know it.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.files.import_parameters import asked_by
from app.files.importing.credit_rows import credit_rows
from app.files.importing.dialects import CAMEL, Said
from app.files.importing.opened import OpenedFile, open_file
from app.files.requests import HEADERS, away, charged, refusal
from auth.roles import Permission
from gateway.errors import RETRY_AFTER_S, BadUserInput, CodedError, ErrorCode
from gateway.http.requests import HttpError
from models.commands import Outcome
from models.errors import Busy, DatabaseAway, IdempotencyKeyReused, LedgerError, Unavailable
from models.kinds import BulkMode
from models.operations.import_credits import import_credits
from models.operations.import_files import FileTold, ImportCredits
from schema.context import Context
from schema.ids import global_id
from schema.mutations.base import idempotency_key

PATH: Final = "/imports/credits"
MAX_FILE_BYTES: Final = 256 * 1024 * 1024
"""A million rows with a short note each come to about 60 MB."""
MAX_FILE_SECONDS: Final = 900
"""Seconds that a client has to send it: 256 MB at 2.4 Mbit/s."""
COST: Final = 1_000
"""Cost against the rate limit, independent of the size: a job processes the file, one file at a time."""
_IN_MEMORY_BYTES: Final = 1024 * 1024
_STATUSES: Final = {IdempotencyKeyReused.code: 409, Busy.code: 503, Unavailable.code: 503}
"""Statuses of the refusals that are not 422: after 503 the same file can be sent again as it is."""


def import_route(
    make_context: Callable[[Request], Awaitable[Context]], *, max_file_bytes: int = MAX_FILE_BYTES
) -> Route:
    """The route. It needs the pool, and authentication in front of it."""

    async def post(context: Context, request: Request) -> Response:
        try:
            taken = await _take_in(context, request, max_file_bytes)
        except (CodedError, HttpError) as error:
            return refusal(request, error)
        except LedgerError as refused:
            return _not_taken(refused)
        except DatabaseAway as error:
            return await away(request, error)
        finally:
            await context.close()
        return _taken(*taken)

    return Route(PATH, charged(make_context, post), methods=["POST"])


def _taken(outcome: Outcome, told: FileTold) -> JSONResponse:
    """The answer: the operation, how its file was read, and the places of its progress and its report."""
    assert outcome.bulk_operation_id is not None  # noqa: S101 - for the type checker
    operation = global_id("BulkOperation", outcome.bulk_operation_id)
    place = f"{PATH}/{operation}"
    answer = {
        "operation": operation,
        "replayed": outcome.replayed,
        "file": {CAMEL.get(name, name): value for name, value in told.as_json().items()},
        "report": f"{place}.csv",
    }
    return JSONResponse(answer, 202, HEADERS | {"location": place})


def _not_taken(refused: LedgerError) -> JSONResponse:
    error = {"code": refused.code, "message": refused.message, "field": list(refused.field or ()) or None}
    status = _STATUSES.get(refused.code, 422)
    again = {"retry-after": str(RETRY_AFTER_S)} if status == 503 else {}
    return JSONResponse({"userErrors": [error]}, status, HEADERS | again)


async def _take_in(context: Context, request: Request, max_bytes: int) -> tuple[Outcome, FileTold]:
    """Check everything before a byte of the file is read; and before a row is kept, whether it removes anything."""
    await context.charge(COST)
    await context.admit((Permission.BULK,), own=False, place=PATH)
    keys = request.headers.getlist("idempotency-key")
    asked = asked_by(request)
    if len(keys) != 1:
        raise BadUserInput("The header Idempotency-Key has to be given, once.")
    key = idempotency_key(keys[0])
    if asked.values["mode"] == BulkMode.SET:
        context.require(Permission.REMOVE_CREDIT)
    await context.reads.release()
    with SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
        digest = await _spool(request, file, max_bytes)
        opened = await asyncio.to_thread(open_file, file, asked.said, asked.file_name)
        try:
            if not context.may(Permission.REMOVE_CREDIT) and await asyncio.to_thread(_removes, opened, asked.said):
                context.require(Permission.REMOVE_CREDIT)
            command = ImportCredits(digest=digest, **asked.values)
            rows = credit_rows(opened.rows(), asked.said.marks)
            tenant_id, actor = context.tenant.id, context.actor
            return await import_credits(context.ledger, tenant_id, actor, command, rows, key, opened.told), opened.told
        finally:
            opened.close()


def _removes(opened: OpenedFile, said: Said) -> bool:
    """Whether any row removes value. Searched beside the event loop: a file may be large."""
    rows = credit_rows(opened.rows(), said.marks)
    return any(row is not None and row.amount is not None and row.amount < 0 for row in rows)


async def _spool(request: Request, file: IO[bytes], max_bytes: int) -> str:
    """Copy the body into the file, which goes to disk once it is large. Returns its SHA-256."""
    digest, size = hashlib.sha256(), 0
    try:
        async with asyncio.timeout(MAX_FILE_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > max_bytes:
                    raise HttpError(413, f"The file is larger than {max_bytes} bytes.", ErrorCode.PAYLOAD_TOO_LARGE)
                digest.update(chunk)
                file.write(chunk)
    except TimeoutError:
        raise HttpError(
            408, f"The file took longer than {MAX_FILE_SECONDS} seconds.", ErrorCode.TIMEOUT, {"connection": "close"}
        ) from None
    except ClientDisconnect:
        raise HttpError(400, "The request ended before its body did.") from None
    return digest.hexdigest()
