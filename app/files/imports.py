"""`POST /imports/credits?asset=…&reason=…`: a CSV file of adjustments for many customers, as the request's body.

The token and the rights are those of `bulkCredit`, and the header `Idempotency-Key` stands for its `idempotencyKey`.
Defaults for all rows are in the query: asset, reason, note, reference, expiresInDays or expiresAt. There are also
errorPolicy, dryRun and allowDuplicateCustomers. The response names the operation, as `bulkOperation` and
`cancelBulkOperation` know it.
"""

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final, TextIO

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.files.importing.credit_rows import credit_rows
from app.files.requests import HEADERS, away, parameters_of, parsed, refusal
from auth.roles import Permission
from gateway.errors import BadUserInput, CodedError, ErrorCode
from gateway.http.requests import HttpError
from models.commands import Outcome
from models.errors import DatabaseAway, IdempotencyKeyReused, LedgerError, Unavailable
from models.kinds import BulkErrorPolicy
from models.operations.import_credits import ImportCredits, import_credits
from models.texts import texts_of
from schema import texts
from schema.context import Context
from schema.ids import global_id
from schema.mutations.base import idempotency_key
from schema.scalars import parse_asset, parse_instant
from schema.types.metadata import reference

PATH: Final = "/imports/credits"
MAX_FILE_BYTES: Final = 256 * 1024 * 1024
"""A million rows with a short note each come to about 60 MB."""
MAX_FILE_SECONDS: Final = 900
"""Seconds that a client has to send it: 256 MB at 2.4 Mbit/s."""
COST: Final = 1_000
"""Cost against the rate limit, independent of the size: a job processes the file, one file at a time."""
_IN_MEMORY_BYTES: Final = 1024 * 1024
_STATUSES: Final = {IdempotencyKeyReused.code: 409, Unavailable.code: 503}
"""Statuses of the refusals that are not 422."""
_PARAMETERS: Final = frozenset(
    {
        "asset",
        "reason",
        "note",
        "reference",
        "expiresInDays",
        "expiresAt",
        "errorPolicy",
        "dryRun",
        "allowDuplicateCustomers",
    }
)


def import_route(
    make_context: Callable[[Request], Awaitable[Context]], *, max_file_bytes: int = MAX_FILE_BYTES
) -> Route:
    """The route. It needs the pool, and authentication in front of it."""

    async def post(request: Request) -> Response:
        context = await make_context(request)
        try:
            outcome = await _take_in(context, request, max_file_bytes)
        except (CodedError, HttpError) as error:
            return refusal(request, error)
        except LedgerError as refused:
            return _not_taken(refused)
        except DatabaseAway as error:
            return await away(request, error)
        finally:
            await context.close()
        assert outcome.bulk_operation_id is not None  # noqa: S101 - for the type checker
        answer = {"operation": global_id("BulkOperation", outcome.bulk_operation_id), "replayed": outcome.replayed}
        return JSONResponse(answer, 202, HEADERS)

    return Route(PATH, post, methods=["POST"])


def _not_taken(refused: LedgerError) -> JSONResponse:
    error = {"code": refused.code, "message": refused.message, "field": list(refused.field or ()) or None}
    return JSONResponse({"userErrors": [error]}, _STATUSES.get(refused.code, 422), HEADERS)


async def _take_in(context: Context, request: Request, max_bytes: int) -> Outcome:
    """Check everything before a byte of the file is read; and before a row is kept, whether it removes anything."""
    await context.charge(COST)
    await context.admit((Permission.BULK,), own=False, place=PATH)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/csv":
        raise HttpError(415, "Send the file as text/csv in UTF-8.", ErrorCode.UNSUPPORTED_MEDIA_TYPE)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HttpError(415, "Send the file without a content encoding.", ErrorCode.UNSUPPORTED_MEDIA_TYPE)
    keys = request.headers.getlist("idempotency-key")
    if len(keys) != 1:
        raise BadUserInput("The header Idempotency-Key has to be given, once.")
    key, said = idempotency_key(keys[0]), _said(request)
    await context.reads.release()
    with SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
        digest = await _spool(request, file, max_bytes)
        file.seek(0)
        lines = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        if not context.may(Permission.REMOVE_CREDIT) and await asyncio.to_thread(_removes, lines):
            context.require(Permission.REMOVE_CREDIT)
        lines.seek(0)
        command = ImportCredits(digest=digest, **said)
        return await import_credits(context.ledger, context.tenant.id, context.actor, command, credit_rows(lines), key)


def _removes(lines: TextIO) -> bool:
    """Whether any row removes value. Searched beside the event loop: a file may be large."""
    return any(row.amount is not None and row.amount < 0 for row in credit_rows(lines))


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


def _said(request: Request) -> dict[str, Any]:
    """The query's parameters as ImportCredits. Raises BadUserInput, Invalid."""
    asked = parameters_of(request, _PARAMETERS)
    policy = asked.get("errorPolicy", "REJECT_ALL")
    if policy not in BulkErrorPolicy.__members__:
        raise BadUserInput("errorPolicy is REJECT_ALL or SKIP_FAILED.")
    days = asked.get("expiresInDays")
    if days is not None and not (days.isascii() and days.isdecimal() and len(days) <= 6):
        raise BadUserInput("expiresInDays is a whole number of days.")
    asset, expires_at = parsed(asked, "asset", parse_asset), parsed(asked, "expiresAt", parse_instant)
    return {
        "asset": asset,
        "reason": texts.optional(asked.get("reason"), texts.MAX_REASON, "reason"),
        "note": texts.optional(asked.get("note"), texts.MAX_NOTE, "note"),
        "texts": texts_of(reference(asked.get("reference")), None),
        "expires_in_days": None if days is None else int(days),
        "expires_at": expires_at,
        "error_policy": policy,
        "dry_run": _flag(asked, "dryRun"),
        "allow_duplicate_customers": _flag(asked, "allowDuplicateCustomers"),
    }


def _flag(asked: dict[str, str], name: str) -> bool:
    value = asked.get(name, "false")
    if value not in ("true", "false"):
        raise BadUserInput(f"{name} is true or false.")
    return value == "true"
