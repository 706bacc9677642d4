"""A customer's statement."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import strawberry

from models.money import to_decimal
from models.reads import ledger, statements
from models.reads.statements import StatementView
from schema.context import Info
from schema.error_codes import BadUserInput
from schema.scalars import AssetCode
from schema.statement_csv import StatementCsv
from schema.types.base import Connection, Edge, PageInfo, Pending, paged, resolved
from schema.types.ledger import LedgerEntry

MAX_CSV_ENTRIES: Final = 5_000


@strawberry.type(description="What was posted on one account between two instants, and its ledger balance around it.")
class Statement:
    asset: AssetCode
    from_: datetime | None = strawberry.field(name="from", description="Entries from then on; null: from the first.")
    to: datetime | None = strawberry.field(description="Entries before then; null: up to now.")
    opening_balance: Decimal = strawberry.field(description="The ledger balance before the first of the entries.")
    closing_balance: Decimal = strawberry.field(description="The ledger balance after the last of them.")
    view: strawberry.Private[StatementView]

    @classmethod
    def of(cls, view: StatementView) -> "Statement":
        return cls(
            asset=AssetCode(view.asset), from_=view.from_, to=view.to,
            opening_balance=to_decimal(view.opening_minor, view.asset),
            closing_balance=to_decimal(view.closing_minor, view.asset), view=view,
        )  # fmt: skip

    @resolved(Connection[LedgerEntry], "By sequence. balanceAfter is the running balance.")
    def entries(
        self, info: Info, first: int | None = None, after: str | None = None, last: int | None = None,
        before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        if self.view.account_id is None:
            empty: list[Edge[LedgerEntry]] = []
            ends = PageInfo(has_next_page=False, has_previous_page=False, start_cursor=None, end_cursor=None)
            return Connection(edges=empty, page_info=ends)
        page, condition = (first, after, last, before), statements.entries_of(self.view)
        return paged(info, ledger.ACCOUNT_LEDGER, self.view.account_id, page, condition)

    @resolved(str, f"As CSV, up to {MAX_CSV_ENTRIES:,} entries; GET /statements/{{customer id}}.csv has no such limit.")
    async def csv(self, info: Info) -> str:
        if self.view.last - self.view.after > MAX_CSV_ENTRIES:
            raise BadUserInput(f"The statement has more than {MAX_CSV_ENTRIES:,} entries: narrow from and to.")
        csv = StatementCsv(notes=not info.context.is_customer)
        found = [csv.lines(self.view, some) async for some in statements.lines(info.context.reads, self.view)]
        return "".join((csv.header(), csv.opening(self.view), *found, csv.closing(self.view)))
