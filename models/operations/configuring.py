"""Steps of every change of the configuration: queue for the tenant's row, claim a key if there is one, change one row,
record the change.

Postings read the configuration by its version and lock none of it, so changes never block them.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from models import idempotency
from models.commands import Actor
from models.currencies import hold_currencies
from models.errors import Busy, Duplicate, Invalid
from models.ledger import Ledger
from models.operations.auditing import Doer, changes, doer_of, record_event
from models.planning.limits import MONEY
from models.session import TenantConnection, tenant_transaction


@dataclass(frozen=True, slots=True)
class Created:
    """A row that was created, by its id. replayed: whether that was before, under the same key."""

    row_id: UUID
    replayed: bool = False


class Configuring:
    """One change of a tenant's configuration, under the lock that lets only one happen at a time."""

    def __init__(self, connection: TenantConnection, ledger: Ledger, doer: Doer) -> None:
        self.connection = connection
        self._ledger = ledger
        self._doer = doer

    async def fetchrow(self, sql: str, *arguments: object) -> Any:
        """The first row, or None; $1 is the tenant."""
        return await self.connection.raw.fetchrow(sql, self.connection.tenant_id, *arguments)

    @property
    def doer_id(self) -> UUID:
        """The row of the actor who makes the change."""
        return self._doer.id

    async def record(self, action: str, row_id: UUID, details: Mapping[str, Any]) -> None:
        """Record a change made by other means than the methods below."""
        await record_event(self.connection, self._ledger, self._doer, action, row_id, details=details)

    async def claim(self, operation: str, command: object, row_id: UUID, key: str | None) -> UUID | None:
        """Claim the key, if there is one, for the row to be created under this id. Returns the id of the row that was
        created under it before: then nothing is to be changed. Raises Invalid, IdempotencyKeyReused, Busy."""
        if key is None:
            return None
        idempotency.check_key(key)
        place = key, idempotency.client_of(self._doer.actor)
        use = idempotency.Use(operation, idempotency.input_hash(command), row_id)
        claimed, used = await idempotency.claim(self.connection, {place: use}, self._ledger.clock.given)
        if place in claimed:
            return None
        if place not in used:  # it has just been freed
            raise Busy
        return idempotency.answer(used[place], operation, (use.input_hash,))

    async def check_room(self, table: str, most: int) -> None:
        """Raises Invalid if the tenant has the maximum number of rows. `table` is a constant from the code."""
        if (await self.fetchrow(f"SELECT count(*) FROM {table} WHERE tenant_id = $1"))[0] >= most:
            raise Invalid(f"There are already {most:,}, which is the maximum. Change one of them instead.")

    async def insert(self, table: str, action: str, row_id: UUID, values: Mapping[str, Any]) -> None:
        """Insert one row. `table` and the names are constants from the code. The currency of its amounts is stored
        with the books."""
        held = (values.get(name) for name in ("currency", "asset"))
        now = self._ledger.clock()
        await hold_currencies(self.connection, self._ledger.source, now, (asset for asset in held if asset != MONEY))
        places = ", ".join(f"${n}" for n in range(3, len(values) + 3))
        sql = f"INSERT INTO {table} (tenant_id, id, {', '.join(values)}) VALUES ($1, $2, {places})"
        await self.connection.raw.execute(sql, self.connection.tenant_id, row_id, *values.values())
        await record_event(self.connection, self._ledger, self._doer, action, row_id, details=values)

    async def update(
        self,
        table: str,
        action: str,
        row: Any,
        wanted: Mapping[str, Any],
        *,
        cleared: Iterable[str] = (),
        named: Iterable[str] = (),
    ) -> bool:
        """Set the values that are not None on the row, which was read under the lock; False if nothing differs.

        cleared: columns to set to null. named: columns that identify the row in the audit if it has no id in the API.
        """
        given = {name: value for name, value in wanted.items() if value is not None}
        changed = changes(row, given | dict.fromkeys(cleared))
        if not changed:
            return False
        sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(changed, start=3))
        key = "id = $1 AND id = $2" if table == "tenants" else "tenant_id = $1 AND id = $2"
        values = [new for _, new in changed.values()]
        identity = {name: row[name] for name in named}
        await self.connection.raw.execute(
            f"UPDATE {table} SET {sets} WHERE {key}", self.connection.tenant_id, row["id"], *values
        )
        await record_event(self.connection, self._ledger, self._doer, action, row["id"], details=identity | changed)
        return True

    async def delete(self, table: str, action: str, row: Any) -> None:
        """Delete the row, and record its values."""
        await self.connection.raw.execute(
            f"DELETE FROM {table} WHERE tenant_id = $1 AND id = $2", self.connection.tenant_id, row["id"]
        )
        details = {name: value for name, value in row.items() if name not in ("tenant_id", "id")}
        await record_event(self.connection, self._ledger, self._doer, action, row["id"], details=details)


@asynccontextmanager
async def configuring(
    ledger: Ledger, tenant_id: UUID, actor: Actor, *, taken: str = "name"
) -> AsyncIterator[Configuring]:
    """Open a transaction that changes the configuration. Raises Duplicate, at the field `taken`, if a name is taken."""
    doer = await doer_of(ledger, tenant_id, actor)
    try:
        async with tenant_transaction(tenant_id) as connection:
            await connection.raw.execute("SELECT FROM tenants WHERE id = $1 FOR NO KEY UPDATE", tenant_id)
            yield Configuring(connection, ledger, doer)
    except asyncpg.UniqueViolationError:
        raise Duplicate(f"Another one has this {taken}. Choose another {taken}.", field=(taken,)) from None
