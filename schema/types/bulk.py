"""Bulk operations, with the result of each row."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from auth.principal import Principal
from auth.roles import Permission, Role, may
from gateway.reading import Pending
from models.kinds import BulkKind, BulkMode, BulkStatus, FileFormat, LimitKind, LimitScope
from models.money import exponent, to_decimal
from models.reads import requests
from models.reads.paging import Condition
from models.reads.requests import BulkRowView
from models.views import BulkOperationView
from schema.context import Context, Info
from schema.ids import global_id
from schema.nodes import by_ids, node
from schema.scalars import AssetCode
from schema.types.base import Connection, Node, Reader, resolved
from schema.types.customer import Customer
from schema.types.enums import UserErrorCode
from schema.types.errors import UserError
from schema.types.ledger import Actor, Transaction
from schema.types.limits import LimitRemaining
from schema.types.money import by_view, money
from schema.types.pages import paged
from schema.types.refs import BulkOperationRef


@node(BulkRowView, by_ids(requests.rows_by_ids), Permission.BULK, owner=None, part_of=("BulkOperation", "operation_id"))
@strawberry.type
@money(by_view, "amount", "moved", "taken", "used")
class BulkRow(Node):
    """Result of one row of a bulk."""

    row: int
    """Number of the row, counted from 0."""
    line: int | None
    """Number of the row's first line in its file, counted from 1; of a workbook, of its row. Null if there was no file."""
    amount: Decimal | None
    """Amount asked for; null if the row's amount could not be read."""
    error: UserError | None
    """Reason for which the row was not posted; null if it was, or has not been tried yet. In a reversal: for which it was
    not taken back. The first of `errors`."""
    errors: list[UserError]
    """All that is wrong with the row, so far as it is known without the others."""
    view: strawberry.Private[BulkRowView]

    @classmethod
    def of(cls, view: BulkRowView, _reader: Reader) -> "BulkRow":
        kept = [] if view.error is None else [view.error, *view.error.get("more", ())]
        errors = [_kept_error(error, view.row, view.asset) for error in kept]
        return cls(
            id=global_id("BulkRow", view.id),
            row=view.row,
            line=view.line,
            amount=_as_asked(view.amount, view.asset),
            error=errors[0] if errors else None,
            errors=errors,
            view=view,
        )

    @resolved(Customer | None)
    def customer(self, info: Info) -> Pending[Any]:
        """Customer of the row; null if the row names none that exists."""
        if self.view.customer_id is None:
            return None
        info.context.require(Permission.READ_CUSTOMERS)
        return info.context.loaders.customers.get(self.view.customer_id)

    @resolved(Transaction | None)
    def transaction(self, info: Info) -> Pending[Any]:
        """Transaction that the row posted; null if it was not posted. In a reversal: the one that took the row back."""
        if self.view.transaction_id is None:
            return None
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.transactions.get(self.view.transaction_id)

    @resolved(Transaction | None)
    def reversal(self, info: Info) -> Pending[Any]:
        """Transaction that took the row back; null if none has."""
        if self.view.reversal_id is None:
            return None
        info.context.require(Permission.READ_LEDGER)
        return info.context.loaders.transactions.get(self.view.reversal_id)

    @resolved(Decimal | None)
    def moved(self, info: Info) -> Decimal | None:
        """With the mode SET: amount added, or removed if negative, so that the amount asked for is available; in a dry run,
        the amount that would be. Null elsewhere, and until the row is tried."""
        if self.view.moved is None:
            return None
        info.context.require(Permission.READ_LEDGER)
        return _as_asked(self.view.moved, self.view.asset)

    @resolved(Decimal | None)
    def taken(self, info: Info) -> Decimal | None:
        """In a reversal: amount taken back of what the row added, or put back of what it removed; in a dry run, the amount
        that would be. Null elsewhere."""
        return self._figure(info, self.view.taken_minor)

    @resolved(Decimal | None)
    def used(self, info: Info) -> Decimal | None:
        """In a reversal: amount of what the row added that is in use, so that it is taken back only when it comes back.
        Null elsewhere."""
        return self._figure(info, self.view.used_minor)

    @resolved(str | None)
    def tier_before(self, info: Info) -> str | None:
        """In a reversal that moves the customer to another tier: name of the one before; null if there was none."""
        info.context.require(Permission.READ_REWARDS)
        return self.view.tier_before

    @resolved(str | None)
    def tier_after(self, info: Info) -> str | None:
        """In a reversal that moves the customer to another tier: name of the one after; null below the first."""
        info.context.require(Permission.READ_REWARDS)
        return self.view.tier_after

    def _figure(self, info: Info, figure_minor: int | None) -> Decimal | None:
        """Raises Denied to a token that may not read the ledger."""
        if figure_minor is None:
            return None
        info.context.require(Permission.READ_LEDGER)
        return to_decimal(figure_minor, self.view.asset)


@strawberry.type
class BulkFile:
    """A file of adjustments: what it is, and how it was read."""

    name: str | None
    """Name that its sender gave it; null if none."""
    format: FileFormat
    """Format of the file, by its own bytes."""
    encoding: str | None
    """Encoding of a CSV file."""
    delimiter: str | None
    """Delimiter of a CSV file: comma, semicolon, tab or pipe."""
    decimal_mark: str | None
    """Decimal mark of its amounts: point, or comma if the request says so."""
    thousands_mark: str | None
    """Mark between thousands in its amounts: none unless the request names one."""
    sheet: str | None
    """Sheet that was read, of a workbook."""

    @classmethod
    def of(cls, kept: dict[str, str]) -> "BulkFile":
        names = ("name", "encoding", "delimiter", "decimal_mark", "thousands_mark", "sheet")
        return cls(format=FileFormat(kept["format"]), **{name: kept.get(name) for name in names})


@strawberry.type
class BulkSum:
    """Sum of the amounts that the rows of a bulk ask for in one asset."""

    asset: AssetCode
    """Asset of the rows."""
    amount: Decimal
    """Sum, whether the rows were posted or not; negative if they remove more than they add."""


@node(BulkOperationView, by_ids(requests.operations_by_ids), Permission.BULK, owner=None)
@strawberry.type
class BulkOperation(Node):
    """Many adjustments requested at once, or the reversal of such, with the result of each."""

    status: BulkStatus
    """Progress of the operation."""
    kind: BulkKind
    """Whether it adjusts, or takes another bulk back."""
    dry_run: bool
    """Whether it only reports, and posts nothing."""
    total: int
    """Number of rows."""
    processed: int
    """Number of rows that are finished, posted or failed."""
    succeeded: int
    """Number of rows posted; in a dry run, of good rows: those that SKIP_FAILED would post, and REJECT_ALL only if no row
    failed."""
    failed: int
    """Number of rows rejected."""
    sent_by: Actor
    """User or program that sent it."""
    created_at: datetime
    """Instant at which it was sent."""
    finished_at: datetime | None
    """Instant at which it ended; null until then."""
    mode: BulkMode
    """Meaning of its amounts: to be added and removed, or to be available."""
    retries: int
    """Number of times that its rows which were not posted were tried again."""
    file: BulkFile | None
    """File that it was sent as; null of one that was sent otherwise, or from before this was recorded."""
    file_digest: str | None
    """SHA-256 of the file that it came from, in hexadecimal digits; null if it came from none."""
    view: strawberry.Private[BulkOperationView]

    @classmethod
    def of(cls, view: BulkOperationView, _reader: Reader) -> "BulkOperation":
        return cls(
            id=global_id("BulkOperation", view.id),
            status=BulkStatus(view.status),
            kind=BulkKind.ADJUSTMENT if view.reverses_id is None else BulkKind.REVERSAL,
            dry_run=view.dry_run,
            total=view.total,
            processed=view.processed,
            succeeded=view.succeeded,
            failed=view.failed,
            sent_by=Actor.of(view.sent_by),
            created_at=view.created_at,
            finished_at=view.finished_at,
            mode=BulkMode(view.mode),
            retries=view.retries,
            file=None if view.file is None else BulkFile.of(view.file),
            file_digest=view.digest,
            view=view,
        )

    def may_be_seen(self, principal: Principal) -> bool:
        """A partner's program sees what its own client sent; what others did, where it may read the ledger."""
        return self.may_be_cancelled(principal) or may(principal, Permission.READ_LEDGER)

    def may_be_cancelled(self, principal: Principal) -> bool:
        """By those who may send bulks; by a partner's program, what its own client sent."""
        who, program = self.view.sent_by, principal.role is Role.PARTNER
        holder = principal.client_id or principal.subject
        return not program or (who.role == Role.PARTNER.name and (who.client or who.subject) == holder)

    @property
    def may_remove(self) -> bool:
        """Whether any of its rows removes, or may remove; if that is not known, too."""
        return self.mode is BulkMode.SET or self.view.removes

    @resolved(list[BulkSum] | None)
    async def sums(self, info: Info) -> list[BulkSum] | None:
        """Sums of the amounts that its rows ask for, by asset; null of a reversal, and of old files of more than 10,000
        rows."""
        if self.view.reverses_id is not None:
            return None
        found: dict[str, Decimal] | None
        if self.view.sums is None:
            found = await info.context.loaders.bulk_sums.load(self.view.id)
        else:
            found = {asset: Decimal(amount) for asset, amount in self.view.sums.items()}
        if found is None:
            return None if self.view.total > requests.MOST_ADDED_UP else []
        return [BulkSum(asset=AssetCode(a), amount=_shown(amount, a)) for a, amount in sorted(found.items())]

    @resolved(BulkOperationRef | None)
    async def reverses(self, info: Info) -> Any:
        """Bulk that it takes back; null of any but a reversal."""
        return await _operation_if_seen(info, self.view.reverses_id)

    @resolved(Connection[BulkOperationRef] | None)
    def reversals(
        self, info: Info, first: int | None = None, after: str | None = None, reverse: bool | None = False
    ) -> Pending[Any]:
        """Reversals of it, oldest first, dry runs included. Each row is taken back once, by one of them. A partner's program
        sees those that its own client sent, and those of others if it may read the ledger."""
        info.context.require(Permission.BULK)
        page = (first, after, None, None, reverse)
        return paged(info, requests.REVERSALS, self.view.id, page, *only_seen(info.context))

    @resolved(Connection[BulkRow])
    def rows(
        self,
        info: Info,
        only_failed: bool | None = False,
        first: int | None = None,
        after: str | None = None,
        reverse: bool | None = False,
    ) -> Pending[Any]:
        """Rows in the order in which they were sent.

        only_failed: Whether to list failed rows only.
        """
        conditions = (requests.ONLY_FAILED,) if only_failed else ()
        return paged(info, requests.BULK_ROWS, self.view.id, (first, after, None, None, reverse), *conditions)


def only_seen(context: Context) -> tuple[Condition, ...]:
    """The condition of lists for which `BulkOperation.may_be_seen` is so of each."""
    principal = context.principal
    if principal.role is not Role.PARTNER or context.may(Permission.READ_LEDGER):
        return ()
    return (requests.operation_sent_through(principal.client_id or principal.subject),)


async def _operation_if_seen(info: Info, operation_id: UUID | None) -> BulkOperation | None:
    if operation_id is None:
        return None
    operation = await info.context.loaders.bulk_operations.load(operation_id)
    return operation if operation is not None and operation.may_be_seen(info.context.principal) else None


def _as_asked(amount: Decimal | None, asset: str) -> Decimal | None:
    return None if amount is None else _shown(amount, asset)


def _shown(amount: Decimal, asset: str) -> Decimal:
    """Return the amount with the asset's decimal places, or more if more were asked for: the row's column has four."""
    shown = round(amount, exponent(asset))
    return shown if shown == amount else amount.normalize()


def _kept_error(kept: dict[str, Any], row: int, asset: str) -> UserError:
    """Return a userError as models/planning/bulk.py stores it."""
    available, remaining, currencies = kept.get("available"), kept.get("remaining"), kept.get("currencies")
    return UserError(
        code=UserErrorCode(kept["code"]),
        text=kept["message"],
        field=kept.get("field"),
        spendable=None if available is None else Decimal(available),
        unit=None if available is None else asset,
        remaining=None if remaining is None else [_kept_limit(left) for left in remaining],
        row=row,
        currencies=None if currencies is None else [AssetCode(code) for code in currencies],
    )


def _kept_limit(kept: dict[str, str]) -> LimitRemaining:
    return LimitRemaining(
        scope=LimitScope(kept["scope"]),
        asset=AssetCode(kept["asset"]),
        remaining=Decimal(kept["remaining"]),
        kind=LimitKind(kept.get("kind", LimitKind.ADDING.value)),  # of before there was another
    )
