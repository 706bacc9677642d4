"""What nobody may do to the books, so that their proof can be seen to find it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
from pglast import ast, parse_sql
from pglast.enums import BoolExprType
from pglast.stream import RawStream

from tests.support.sharding import TENANT, nodes_of, tables_of


@asynccontextmanager
async def past_triggers(superuser: "asyncpg.Connection[Any]") -> AsyncIterator[None]:
    """One transaction in which triggers and foreign keys are asleep: on every node, since only SET LOCAL is passed on."""
    async with superuser.transaction():
        await superuser.execute("SET LOCAL session_replication_role = replica")
        yield


async def set_one(
    connection: "asyncpg.Connection[Any]", table: str, change: Sequence[Any], where: str, *values: object
) -> str:
    """Set whole columns of one row, as an UPDATE's parsed list says. What they are set to is worked out before: of several
    nodes, each refuses to work out in an UPDATE what a setting may change, such as an hour later."""
    kinds = dict(await connection.fetch(_KINDS, table))
    wanted = ", ".join(f"({RawStream()(each.val)})::text" for each in change)
    row = await connection.fetchrow(f"SELECT {wanted} FROM {table} WHERE {where}", *values)
    assert row is not None, where
    first = len(values) + 1
    changes = ", ".join(f'"{each.name}" = ${n}::text::{kinds[each.name]}' for n, each in enumerate(change, first))
    done: str = await connection.execute(f"UPDATE {table} SET {changes} WHERE {where}", *values, *row)
    return done


_KINDS: Final = """SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped"""


class Tampering:
    """What nobody may do, done as the owner of the tables with the triggers switched off."""

    def __init__(self, connection: "asyncpg.Connection[Any]", tenant_id: UUID) -> None:
        self.connection = connection
        self.tenant_id = tenant_id

    async def __call__(self, table: str, statement: str) -> None:
        """Run one statement on `table`; it has to change exactly one row of the tenant's."""
        parsed: Any = parse_sql(statement)[0].stmt
        _lead(parsed, self.tenant_id)
        where: Any = parsed.whereClause
        async with self.connection.transaction():
            await self.connection.execute(f"SET LOCAL scrip.tenant = '{self.tenant_id}'")
            await self.connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            if isinstance(parsed, ast.UpdateStmt):
                changed = await set_one(self.connection, table, parsed.targetList or (), RawStream()(where))
            else:
                changed = await self.connection.execute(RawStream()(parsed))
            await self.connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        assert changed in ("UPDATE 1", "DELETE 1")


def _lead(statement: Any, tenant_id: UUID) -> None:
    """Have the statement name the tenant of every table, in each query of it: so it leads to the node that has the rows."""
    for query in list(nodes_of(statement)):
        if not isinstance(query, ast.SelectStmt | ast.UpdateStmt | ast.DeleteStmt):
            continue
        for table in list(tables_of(query)):
            named = table.alias.aliasname if table.alias else table.relname
            more: Any = parse_sql(f"SELECT WHERE {named}.{TENANT.get(table.relname, 'tenant_id')} = '{tenant_id}'")
            conditions = [each for each in (query.whereClause, more[0].stmt.whereClause) if each is not None]
            query.whereClause = ast.BoolExpr(boolop=BoolExprType.AND_EXPR, args=tuple(conditions))


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
