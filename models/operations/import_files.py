"""A file of adjustments for the ledger: what its sender says of all rows, what the file is, and what each row says."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from models.commands import LATER
from models.errors import LedgerError
from models.kinds import BulkErrorPolicy, BulkMode, FileFormat
from models.texts import Texts


@dataclass(frozen=True, slots=True)
class ImportCredits:
    """A file of adjustments and its defaults; a row may have its own asset, reason, texts, services and dates instead.

    digest: SHA-256 of the file, in hex. mode: what its amounts are. services: their names. reading: how it is to be read,
    as far as its sender says so. The other fields are as in BulkCredit.
    """

    digest: str
    asset: str | None = None
    reason: str | None = None
    note: str | None = None
    expires_in_days: int | None = None
    expires_at: datetime | None = None
    error_policy: str = BulkErrorPolicy.REJECT_ALL
    dry_run: bool = False
    allow_duplicate_customers: bool = False
    texts: Texts | None = field(default=None, metadata=LATER)
    effective_on: date | None = field(default=None, metadata=LATER)
    services: tuple[str, ...] = field(default=(), metadata=LATER)
    mode: str = field(default=BulkMode.ADJUST.value, metadata=LATER)
    reading: tuple[tuple[str, str], ...] = field(default=(), metadata=LATER)


@dataclass(frozen=True, slots=True)
class FileTold:
    """A file's format and how it is read, to be told. name: as its sender says. sheet: of a workbook.

    Of a CSV file: encoding, delimiter. The marks are those of amounts: what the request says of them, or the default.
    """

    name: str | None = None
    format: str = FileFormat.CSV
    encoding: str | None = None
    delimiter: str | None = None
    decimal_mark: str | None = None
    thousands_mark: str | None = None
    sheet: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As a value for JSON: what is known of it."""
        given = ((name, getattr(self, name)) for name in self.__slots__)
        return {name: value for name, value in given if value is not None}


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One row of a file. customer: the tenant's own id for them. expires_on: the last day it can be spent. services: their
    names. line: of the file, from 1.

    errors: all that it has already; the other fields then hold as much as was understood. unread: cells as they were
    written, by column, in case that the row is refused as it is.
    """

    customer: str | None
    amount: Decimal | None
    asset: str | None = None
    reason: str | None = None
    note: str | None = None
    expires_in_days: int | None = None
    expires_on: date | None = None
    texts: Texts | None = None
    errors: tuple[LedgerError, ...] = ()
    effective_on: date | None = None
    services: tuple[str, ...] = ()
    line: int = 0
    unread: tuple[tuple[str, str], ...] = ()
