"""A customer's statement."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import strawberry

from gateway.errors import BadUserInput
from gateway.reading import Pending
from models.money import to_decimal
from models.reads import ledger, statements
from models.reads.statements import StatementView
from schema.context import Info
from schema.scalars import AssetCode
from schema.statement_csv import StatementCsv
from schema.types.base import Connection, Edge, PageInfo, resolved
from schema.types.ledger import LedgerEntry
from schema.types.pages import paged

MAX_CSV_ENTRIES: Final = 5_000


@strawberry.type(
    description="What was posted for one customer in one asset between two instants, and the ledger balance around it. "
    "Where records were merged, that of all their accounts together, from the merge on."
)
class Statement:
    asset: AssetCode
    from_: datetime | None = strawberry.field(name="from", description="Entries from then on; null: from the first.")
    to: datetime | None = strawberry.field(description="Entries before then; null: up to now.")
    opening_balance: Decimal = strawberry.field(description="The ledger balance before the first of the entries.")
    closing_balance: Decimal = strawberry.field(description="The ledger balance after the last of them.")
    views: strawberry.Private[list[StatementView]]
    person_id: strawberry.Private[UUID]

    @classmethod
    def of(cls, views: list[StatementView], person_id: UUID) -> "Statement":
        """views: of each account; of none, one that is empty."""
        asset = views[0].asset
        return cls(
            asset=AssetCode(asset), from_=views[0].from_, to=views[0].to,
            opening_balance=to_decimal(sum(view.opening_minor for view in views), asset),
            closing_balance=to_decimal(sum(view.closing_minor for view in views), asset),
            views=views, person_id=person_id,
        )  # fmt: skip

    @resolved(
        Connection[LedgerEntry],
        "By sequence; what a merge brought along, where it came. balanceAfter is the account's running balance.",
    )
    def entries(
        self, info: Info, first: int | None = None, after: str | None = None, last: int | None = None,
        before: str | None = None,
    ) -> Pending[Any]:  # fmt: skip
        account_id, page = self.views[0].account_id, (first, after, last, before)
        if account_id is None:
            empty: list[Edge[LedgerEntry]] = []
            ends = PageInfo(has_next_page=False, has_previous_page=False)
            return Connection(edges=empty, page_info=ends)
        if len(self.views) > 1:
            chosen = statements.entries_of_all(self.views)
            return paged(info, ledger.CUSTOMER_LEDGER, self.person_id, page, chosen)
        return paged(info, ledger.ACCOUNT_LEDGER, account_id, page, statements.entries_of(self.views[0]))

    @resolved(str, f"As CSV, up to {MAX_CSV_ENTRIES:,} entries; GET /statements/{{customer id}}.csv has no such limit.")
    async def csv(self, info: Info) -> str:
        if sum(view.last - view.after for view in self.views) > MAX_CSV_ENTRIES:
            raise BadUserInput(f"The statement has more than {MAX_CSV_ENTRIES:,} entries: narrow from and to.")
        csv = StatementCsv(notes=not info.context.is_customer)
        pieces = [csv.header()]
        for view in self.views:
            pieces.append(csv.opening(view))
            pieces += [csv.lines(view, some) async for some in statements.lines(info.context.reads, view)]
            pieces.append(csv.closing(view))
        return "".join(pieces)
