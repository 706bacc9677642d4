"""A statement as CSV (RFC 4180, UTF-8) for spreadsheets: nothing in it is taken for a formula."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from models.money import to_decimal
from models.reads.statements import StatementLine, StatementView
from schema.csv_cells import rows, safe
from schema.ids import global_id

COLUMNS: Final = (
    "asset",
    "time",
    "sequence",
    "event",
    "reason",
    "amount",
    "balance",
    "transaction",
    "credit",
    "account",
)
NOTE: Final = "note"
REFERENCE: Final = "reference"


class StatementCsv:
    """Writes a statement piece by piece. notes: whether staff's notes are shown (never to customers)."""

    def __init__(self, *, notes: bool) -> None:
        self._notes = notes

    def header(self) -> str:
        return rows([self._row(COLUMNS, NOTE, REFERENCE)])

    def opening(self, view: StatementView) -> str:
        return self._balance(view, "OPENING BALANCE", view.from_, view.opening_minor)

    def closing(self, view: StatementView) -> str:
        return self._balance(view, "CLOSING BALANCE", view.to, view.closing_minor)

    def lines(self, view: StatementView, lines: Iterable[StatementLine]) -> str:
        return rows(self._line(view, line) for line in lines)

    def _line(self, view: StatementView, line: StatementLine) -> tuple[str, ...]:
        asset = view.asset
        row = (
            asset,
            _instant(line.created_at),
            str(line.sequence),
            line.kind,
            safe(line.reason or ""),
            _amount(line.amount_minor, asset),
            _amount(line.balance_minor, asset),
            global_id("Transaction", line.transaction_id),
            "" if line.credit_id is None else global_id("Credit", line.credit_id),
            _account(view),
        )
        return self._row(row, safe(line.note or ""), safe(line.reference or ""))

    def _balance(self, view: StatementView, event: str, at: datetime | None, minor: int) -> str:
        time = "" if at is None else _instant(at)
        row = (view.asset, time, "", event, "", "", _amount(minor, view.asset), "", "", _account(view))
        return rows([self._row(row, "", "")])

    def _row(self, row: tuple[str, ...], note: str, reference: str) -> tuple[str, ...]:
        return (*row, note, reference) if self._notes else (*row, reference)


def _account(view: StatementView) -> str:
    return "" if view.account_id is None else global_id("Account", view.account_id)


def _amount(minor: int, asset: str) -> str:
    return format(to_decimal(minor, asset), "f")


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"
