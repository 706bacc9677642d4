"""A customer's statement."""

from datetime import datetime, timedelta
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
_AN_INSTANT: Final = timedelta(microseconds=1)
"""The finest difference between two instants: the period ends before `to`."""


@strawberry.type
class Statement:
    """A customer's statement in one asset: entries of a period, and the ledger balance before and after. After a merge
    it covers the accounts of all merged records."""

    asset: AssetCode
    """Asset of all amounts here."""
    from_: datetime | None = strawberry.field(name="from")
    """Start of the period, included; null for the first entry."""
    to: datetime | None
    """End of the period, excluded; null for now."""
    opening_balance: Decimal
    """Ledger balance before the first entry of the period."""
    closing_balance: Decimal
    """Ledger balance after the last entry of the period."""
    views: strawberry.Private[list[StatementView]]
    person_id: strawberry.Private[UUID]

    @classmethod
    def of(cls, views: list[StatementView], person_id: UUID) -> "Statement":
        """views: one for each account; if there is none, one that is empty."""
        asset = views[0].asset
        return cls(
            asset=AssetCode(asset),
            from_=views[0].from_,
            to=views[0].to,
            opening_balance=to_decimal(sum(view.opening_minor for view in views), asset),
            closing_balance=to_decimal(sum(view.closing_minor for view in views), asset),
            views=views,
            person_id=person_id,
        )

    @resolved(Decimal)
    async def held(self, info: Info) -> Decimal:
        """Part of closingBalance that was set aside by holds at the end of the period."""
        at = info.context.now if self.to is None else self.to - _AN_INSTANT
        asked = [(view.account_id, at) for view in self.views if view.account_id is not None]
        found = await info.context.loaders.balances_at.load_all(asked)
        return to_decimal(sum(balance.held_minor for balance in found), self.asset)

    @resolved(Connection[LedgerEntry])
    def entries(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool | None = False,
    ) -> Pending[Any]:
        """Entries of the period by sequence. balanceAfter is the running balance of the entry's own account."""
        account_id, page = self.views[0].account_id, (first, after, last, before, reverse)
        if account_id is None:
            empty: list[Edge[LedgerEntry]] = []
            ends = PageInfo(has_next_page=False, has_previous_page=False)
            return Connection(edges=empty, page_info=ends)
        if len(self.views) > 1:
            chosen = statements.entries_of_all(self.views)
            return paged(info, ledger.CUSTOMER_LEDGER, self.person_id, page, chosen)
        return paged(info, ledger.ACCOUNT_LEDGER, account_id, page, statements.entries_of(self.views[0]))

    @resolved(str)
    async def csv(self, info: Info) -> str:
        """The statement as CSV text, with up to 5,000 entries. For more, download GET /statements/{customer id}.csv."""
        if sum(view.last - view.after for view in self.views) > MAX_CSV_ENTRIES:
            raise BadUserInput(f"The statement has more than {MAX_CSV_ENTRIES:,} entries: narrow from and to.")
        csv = StatementCsv(notes=not info.context.is_customer)
        pieces = [csv.header()]
        for view in self.views:
            pieces.append(csv.opening(view))
            pieces += [csv.lines(view, some) async for some in statements.lines(info.context.reads, view)]
            pieces.append(csv.closing(view))
        return "".join(pieces)
