"""The statements that the app sends, and the plans that PostgreSQL makes for them without knowing any value."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Final
from unittest.mock import patch
from weakref import WeakKeyDictionary

import asyncpg

from models.reads.moments import for_nodes
from models.reads.session import ReadSession

ROOT: Final = Path(__file__).parents[2]
POSTING: Final = "SET LOCAL plan_cache_mode = force_generic_plan"
CONFIGURATION: Final = frozenset(
    {
        "reasons",
        "services",
        "rewards",
        "products",
        "tiers",
        "currencies",
        "limit_rules",
        "tenants",
        "tenant_slugs",
        "webhooks",
    }
)
"""Small, by what an admin may make of them: read whole, and past their keys."""
_ASK_FOR_OTHERS: Final = frozenset(
    {"models/reads/session.py", "models/reads/moments.py", "models/operations/configuring.py"}
)
_NOT_THE_APPS: Final = ("models/reads/verify", "app/postgres/")
"""Proof, which reads everything, and the owner's steps, which every machine runs."""
_STREAMED: Final = frozenset(
    {"Limit", "LockRows", "Result", "Subquery Scan", "Append", "Merge Append", "Nested Loop", "Memoize"}
)
"""What hands rows on as they come, so that a limit above it ends the scan below."""


@dataclass(frozen=True)
class Statement:
    """posting: with the settings that a posting makes. asked_by: the function of the app that sent it.

    message: whether it was sent as it stands, without values: then it may be several statements.
    """

    sql: str
    posting: bool
    asked_by: str
    message: bool = False

    @property
    def named(self) -> str:
        """In one line."""
        return " ".join(self.sql.split())


@contextmanager
def recorded() -> Iterator[set[Statement]]:
    """All statements that the app sends in the block, on whatever connection; not those of `scrip verify` and migrations."""
    found: set[Statement] = set()
    begun: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
    get, execute = asyncpg.Connection._get_statement, asyncpg.Connection.execute
    read: dict[str, str | None] = {}
    fetch, look_up = ReadSession.fetch, ReadSession.look_up

    async def noting_fetch(self: Any, sql: str, *arguments: Any) -> Any:
        read[sql] = read[for_nodes(sql)] = _asked_by()
        return await fetch(self, sql, *arguments)

    async def noting_look_up(self: Any, sql: str, *arguments: Any, **more: Any) -> Any:
        read[sql] = read[for_nodes(sql)] = _asked_by()
        return await look_up(self, sql, *arguments, **more)

    async def noting_get(self: Any, query: str, *rest: Any, **more: Any) -> Any:
        if asked_by := _asked_by() or read.get(query):
            found.add(Statement(query, POSTING in begun.get(self, ""), asked_by))
        return await get(self, query, *rest, **more)

    async def noting_execute(self: Any, query: str, *arguments: Any, **more: Any) -> Any:
        if query.startswith("BEGIN"):
            begun[self] = query
        if not arguments and (asked_by := _asked_by()):
            found.add(Statement(query, POSTING in begun.get(self, ""), asked_by, message=True))
        return await execute(self, query, *arguments, **more)

    with (
        patch.object(asyncpg.Connection, "_get_statement", noting_get),
        patch.object(asyncpg.Connection, "execute", noting_execute),
        patch.object(ReadSession, "fetch", noting_fetch),
        patch.object(ReadSession, "look_up", noting_look_up),
    ):
        yield found


def _asked_by() -> str | None:
    """The innermost function of the app that waits for the statement; None for those of tests, verify and migrations, and in
    the task that runs what reads have asked for."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = _in_the_project(frame.f_code.co_filename)
        if name is not None and name not in _ASK_FOR_OTHERS:
            ours = name.startswith(("models/", "jobs/", "app/")) and not name.startswith(_NOT_THE_APPS)
            return f"{name} {frame.f_code.co_name}" if ours else None
        frame = frame.f_back
    return None


@cache
def _in_the_project(file: str) -> str | None:
    """A file's path in the project; None if it is a library's, or this one."""
    path = Path(file)
    is_code = path.is_relative_to(ROOT) and path != Path(__file__) and ".venv" not in path.parts
    return path.relative_to(ROOT).as_posix() if is_code else None


_ROW: Final = re.compile(r'\("row" = ')
"""In the condition for one row of a bulk: of the others there may be a million."""


class Planner:
    """A connection that explains, with what its indexes are made of."""

    def __init__(self, connection: "asyncpg.Connection[Any]", indexes: dict[str, list[str]]) -> None:
        self._connection = connection
        self._indexes = indexes

    @classmethod
    async def on(cls, connection: "asyncpg.Connection[Any]") -> "Planner":
        rows = await connection.fetch(
            """SELECT c.relname, array_agg(a.attname ORDER BY a.attnum) AS columns
            FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relnamespace = 'public'::regnamespace GROUP BY c.relname"""
        )
        return cls(connection, {row["relname"]: row["columns"] for row in rows})

    async def plan(self, sql: str) -> dict[str, Any]:
        """The one plan for all values."""
        places = max(map(int, re.findall(r"\$(\d+)", sql)), default=0)
        values = f"({', '.join(['NULL'] * places)})" if places else ""
        await self._connection.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")
        await self._connection.execute(f"PREPARE explained AS {sql}")
        try:
            told = await self._connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE explained{values}")
        finally:
            await self._connection.execute("DEALLOCATE explained")
        found: dict[str, Any] = json.loads(told)[0]["Plan"]
        return found

    def unbounded(self, plan: dict[str, Any]) -> list[str]:
        """The scans of the plan that read as many rows as the tenant has, or one account, one customer or one bulk.

        `table by index` each; by how much it is bounded after it.
        """
        return list(self._unbounded(plan, limited=False, table=""))

    def _unbounded(self, node: dict[str, Any], *, limited: bool, table: str) -> Iterator[str]:
        kind = node["Node Type"]
        if kind == "Seq Scan" and node["Relation Name"] not in CONFIGURATION and not limited:
            yield f"{node['Relation Name']} whole"
        if kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan") and not limited:
            name = node["Index Name"]
            if name not in self._indexes:  # the catalogue's own
                return
            bound = self._bound(self._indexes[name], node.get("Index Cond", ""))
            own = node.get("Relation Name", table)
            if own not in CONFIGURATION and len(bound) < 2:
                yield f"{own} by {name}: tenant"
            elif bound[1:] in (["account_id"], ["customer_id"]) and "asset" not in self._indexes[name]:
                yield f"{own} by {name}: {bound[1]}"
            elif bound[1:2] == ["operation_id"] and not _ROW.search(node["Index Cond"]):
                yield f"{own} by {name}: operation_id"
        within = kind == "Limit" or (limited and kind in _STREAMED)
        for inner in node.get("Plans", ()):
            yield from self._unbounded(inner, limited=within, table=node.get("Relation Name", ""))

    def _bound(self, columns: list[str], condition: str) -> list[str]:
        """The leading columns of the index that the condition gives values for, the last of them perhaps a range."""
        bound = []
        for column in columns:
            name = rf'(?:"{column}"|\b{column}\b)\)?(?:::text)?'
            if re.search(rf"{name} = ", condition):
                bound.append(column)
                continue
            if re.search(rf"{name}(?:, [^)]*\))? [<>]=? ", condition):
                bound.append(column)
            break
        return bound
