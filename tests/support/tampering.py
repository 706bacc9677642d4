"""What nobody may do to the books, so that their proof can be seen to find it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg


class Tampering:
    """What nobody may do, done as the owner of the tables with the triggers switched off."""

    def __init__(self, connection: "asyncpg.Connection[Any]", tenant_id: UUID) -> None:
        self.connection = connection
        self.tenant_id = tenant_id

    async def __call__(self, table: str, statement: str) -> None:
        """Run one statement on `table`; it has to change exactly one row."""
        async with self.connection.transaction():
            await self.connection.execute(f"SET LOCAL scrip.tenant = '{self.tenant_id}'")
            await self.connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            changed = await self.connection.execute(statement)
            await self.connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        assert changed in ("UPDATE 1", "DELETE 1")


@dataclass(frozen=True, slots=True)
class Planted:
    """What is changed (None: deleted) of the one row that `where` picks, and the checks that have to find it."""

    table: str
    change: str | None
    where: str
    found: frozenset[str]

    @property
    def statement(self) -> str:
        if self.change is None:
            return f"DELETE FROM {self.table} WHERE {self.where}"
        return f"UPDATE {self.table} SET {self.change} WHERE {self.where}"


def planted(table: str, change: str | None, where: str, *found: str) -> Planted:
    return Planted(table, change, where, frozenset(found))
