"""The query's parameters of `POST /imports/credits`, and what its headers say of the file."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from starlette.requests import Request

from app.files.importing.dialects import NAMED, Said, encoding_named, said_of
from app.files.requests import parameters_of, parsed
from gateway.errors import BadUserInput, ErrorCode
from gateway.http.requests import HttpError
from models.kinds import BulkErrorPolicy, BulkMode
from models.texts import texts_of
from schema import texts
from schema.scalars import parse_asset, parse_date, parse_instant
from schema.types.metadata import reference

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES: Final = frozenset({"text/csv", "text/tab-separated-values", "application/vnd.ms-excel", XLSX})
"""The file itself says which of both formats it is. Windows with Excel takes CSV files for the third."""
MAX_FILE_NAME: Final = 255
MAX_SHEET_NAME: Final = 255
MAX_SERVICES: Final = 20_000
_PARAMETERS: Final = frozenset(
    {
        "asset",
        "reason",
        "note",
        "reference",
        "services",
        "expiresInDays",
        "expiresAt",
        "effectiveOn",
        "mode",
        "errorPolicy",
        "dryRun",
        "allowDuplicateCustomers",
        "fileName",
        "sheet",
        *NAMED,
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """values: of the command, as ImportCredits has them. said: how the file is to be read. file_name: as its sender says."""

    values: dict[str, Any]
    said: Said
    file_name: str | None


def asked_by(request: Request) -> Asked:
    """Read the request's query and its headers. Raises BadUserInput, HttpError, Invalid."""
    charset = _charset(request)
    asked = parameters_of(request, _PARAMETERS)
    for name, values in NAMED.items():
        if name in asked and asked[name].lower() not in values:
            raise BadUserInput(f"{name} is one of {', '.join(values)}.", name)
    said = said_of(
        encoding=asked.get("encoding"),
        delimiter=asked.get("delimiter"),
        decimal_mark=asked.get("decimalMark"),
        thousands_mark=asked.get("thousandsMark"),
        sheet=texts.optional(asked.get("sheet"), MAX_SHEET_NAME, "sheet"),
        charset=charset,
    )
    file_name = texts.optional(asked.get("fileName"), MAX_FILE_NAME, "fileName")
    return Asked(_values(asked) | {"reading": said.hashed()}, said, file_name)


def _charset(request: Request) -> str | None:
    """The encoding that the media type names. Raises HttpError for other types and encodings."""
    media_type, *parameters = request.headers.get("content-type", "").split(";")
    if media_type.strip().lower() not in MEDIA_TYPES:
        raise HttpError(415, f"Send the file as text/csv, or a workbook as {XLSX}.", ErrorCode.UNSUPPORTED_MEDIA_TYPE)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HttpError(415, "Send the file without a content encoding.", ErrorCode.UNSUPPORTED_MEDIA_TYPE)
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            if (encoding := encoding_named(value)) is None:
                known = ", ".join(NAMED["encoding"])
                raise HttpError(415, f"The charset must be one of {known}.", ErrorCode.UNSUPPORTED_MEDIA_TYPE)
            return encoding
    return None


def _values(asked: dict[str, str]) -> dict[str, Any]:
    days = asked.get("expiresInDays")
    if days is not None and not (days.isascii() and days.isdecimal() and len(days) <= 6):
        raise BadUserInput("expiresInDays is a whole number of days.", "expiresInDays")
    services = texts.optional(asked.get("services"), MAX_SERVICES, "services") or ""
    day: date | None = parsed(asked, "effectiveOn", parse_date)
    return {
        "asset": parsed(asked, "asset", parse_asset),
        "reason": texts.optional(asked.get("reason"), texts.MAX_REASON, "reason"),
        "note": texts.optional(asked.get("note"), texts.MAX_NOTE, "note"),
        "texts": texts_of(reference(asked.get("reference")), None),
        "expires_in_days": None if days is None else int(days),
        "expires_at": parsed(asked, "expiresAt", parse_instant),
        "effective_on": day,
        "services": tuple([name.strip() for name in services.split(";") if name.strip()]),
        "mode": _one_of(asked, "mode", BulkMode.ADJUST, tuple(BulkMode.__members__)),
        "error_policy": _one_of(asked, "errorPolicy", BulkErrorPolicy.REJECT_ALL, tuple(BulkErrorPolicy.__members__)),
        "dry_run": _one_of(asked, "dryRun", "false", ("true", "false")) == "true",
        "allow_duplicate_customers": _one_of(asked, "allowDuplicateCustomers", "false", ("true", "false")) == "true",
    }


def _one_of(asked: dict[str, str], name: str, default: str, values: tuple[str, ...]) -> str:
    value = asked.get(name, str(default))
    if value not in values:
        raise BadUserInput(f"{name} is {' or '.join(values)}.", name)
    return value
