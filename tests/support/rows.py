"""One tenant's rows: what is in its books, and whether something moved."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

import pytest

from models import tables
from models.errors import LedgerError
from models.reads import accounts
from models.reads.session import ReadSession
from models.session import tenant_transaction
from models.views import AccountView
from tests.support.clock import Clock

# Everything that a mutation could leave behind. Actors are left out: a refused request may well have introduced one. So are
# seals, which change where what they seal does.
MOVED_TABLES: Final = tuple(
    sorted({getattr(tables, name)._meta.db_table for name in tables.__all__} - {"actors", "seals", "tenants"})
)
# A counter that stands at 0 says nothing: it was only locked. That access was denied is written down on purpose.
_LEFT_OUT: Final = {"limit_counters": "AND used_minor > 0", "audit_events": "AND action <> 'access.denied'"}
_FINGERPRINT: Final = " UNION ALL ".join(
    f"SELECT '{table}' AS name, count(*) AS rows, md5(string_agg(t::text, '|' ORDER BY t::text)) AS digest"
    f" FROM {table} t WHERE tenant_id = $1 {_LEFT_OUT.get(table, '')}"
    for table in MOVED_TABLES
)


class TenantRows:
    """The rows of one tenant, read as the app's role."""

    def __init__(self, tenant_id: UUID, clock: Clock) -> None:
        self.id = tenant_id
        self.clock = clock

    async def fetch(self, sql: str, *arguments: object) -> list[Any]:
        """The rows of one statement as the app's role, to be read by name; $1 is the tenant."""
        async with tenant_transaction(self.id, read_only=True) as connection:
            rows: list[Any] = await connection.raw.fetch(sql, self.id, *arguments)
            return rows

    async def rows(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        """The same as tuples, to be compared."""
        return [tuple(row) for row in await self.fetch(sql, *arguments)]

    async def count(self, table: str) -> int:
        found: int = (await self.rows(f"SELECT count(*) FROM {table} WHERE tenant_id = $1"))[0][0]
        return found

    async def account(self, customer_id: UUID, asset: str = "GBP") -> AccountView | None:
        """The account as it stands at the clock's time."""
        session = ReadSession(self.id)
        try:
            views = await accounts.of_customers(session, [customer_id], self.clock())
        finally:
            await session.release()
        return next((view for view in views if view.asset == asset), None)

    async def available(self, customer_id: UUID, asset: str = "GBP") -> int:
        """In minor units; 0 where there is no account."""
        view = await self.account(customer_id, asset)
        return 0 if view is None else view.available_minor

    async def remainders(self, *credit_ids: UUID) -> list[int]:
        """In the order asked for, in minor units."""
        sql = "SELECT id, remaining_minor FROM credits WHERE tenant_id = $1 AND id = ANY($2)"
        found = {row[0]: row[1] for row in await self.rows(sql, credit_ids)}
        return [found[credit_id] for credit_id in credit_ids]

    async def entries(self, customer_id: UUID, asset: str = "GBP") -> list[tuple[UUID, int, int]]:
        """Credit, amount and balance after of each entry, in order."""
        return [
            (row[0], row[1], row[2])
            for row in await self.rows(
                """SELECT e.credit_id, e.amount_minor, e.balance_after_minor FROM entries e
                JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id
                WHERE e.tenant_id = $1 AND a.customer_id = $2 AND a.asset = $3 ORDER BY e.sequence""",
                customer_id,
                asset,
            )
        ]

    async def invoice_state(self, invoice_id: UUID) -> tuple[str, int, int]:
        """Status, paid and credited."""
        sql = "SELECT status, paid_minor, credited_minor FROM invoices WHERE tenant_id = $1 AND id = $2"
        status, paid, credited = (await self.rows(sql, invoice_id))[0]
        return status, paid, credited

    async def fingerprint(self) -> dict[str, tuple[int, str | None]]:
        """How many rows each table has that a mutation could change, and a digest of them."""
        return {row["name"]: (row["rows"], row["digest"]) for row in await self.fetch(_FINGERPRINT)}

    @asynccontextmanager
    async def nothing_moves(self) -> AsyncIterator[None]:
        """Fails where the block changes, adds or removes any row that a mutation could."""
        before = await self.fingerprint()
        yield
        after = await self.fingerprint()
        changed = [table for table in MOVED_TABLES if before[table] != after[table]]
        assert not changed, f"something moved in {changed}"

    @asynccontextmanager
    async def refused(self, code: str) -> AsyncIterator["pytest.ExceptionInfo[LedgerError]"]:
        """The block is refused with this code, and nothing has moved."""
        async with self.nothing_moves():
            with pytest.raises(LedgerError) as caught:
                yield caught
            assert caught.value.code == code, caught.value
