"""Who asks for things in tests, and of which tenant."""

from datetime import date
from itertools import count
from typing import Final
from uuid import UUID, uuid4

from models.commands import Actor
from models.ledger import Ledger
from models.session import tenant_transaction
from tests.support.clock import Clock
from tests.support.rows import TenantRows

ADMIN: Final = Actor("admin@test", "ADMIN", name="Ada Admin")
MANAGER: Final = Actor("maria", "MANAGER", name="Maria")
STAFF: Final = Actor("sam", "STAFF", name="Sam")
PARTNER: Final = Actor("bot", "PARTNER", client="app")


class Asking(TenantRows):
    """A tenant with a ledger of its own.

    actor: who asks, where a test names nobody.
    """

    def __init__(self, ledger: Ledger, clock: Clock, slug: str, tenant_id: UUID, *, actor: Actor = MANAGER) -> None:
        super().__init__(tenant_id, clock)
        self.ledger = ledger
        self.slug = slug
        self.actor = actor
        self._number = count(1)

    def key(self) -> str:
        """An idempotency key that was not used before."""
        return uuid4().hex

    async def execute(self, sql: str, *arguments: object) -> None:
        """One statement as the app's role; $1 is the tenant."""
        async with tenant_transaction(self.id) as connection:
            await connection.raw.execute(sql, self.id, *arguments)

    async def _insert(self, table: str, **columns: object) -> UUID:
        row_id = self.ledger.source.new_id()
        names = ["tenant_id", "id", *columns]
        places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
        await self.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", row_id, *columns.values())
        return row_id

    def today(self) -> date:
        return self.clock().date()


def known(row_id: UUID | None) -> UUID:
    """The id of what an operation has made, of which not each makes one."""
    assert row_id is not None
    return row_id
