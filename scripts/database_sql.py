"""The picture of the database: every object that the steps make, as SQL, from the catalogue of a freshly built database.

`make database` writes it to `migrations/database.sql`, and `make check` compares. It is for reading: tables by name, each
with its constraints, indexes, policies, triggers and grants, then the functions. (The steps are what builds a database.)
"""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import asyncpg

from app.postgres.database import migrate
from app.postgres.embedded import EmbeddedPostgres

ROOT: Final = Path(__file__).parents[1]
PICTURE: Final = ROOT / "migrations" / "database.sql"
HEAD: Final = """\
-- The database that the steps in sql/ build, in the words of PostgreSQL {server}. Written by `make database`.
-- `scrip_app` is the role of the running app, whatever it is called elsewhere; the owner has every right.
"""

OTHER_KINDS: Final = {"S": "SEQUENCE", "v": "VIEW", "m": "MATERIALIZED VIEW", "c": "TYPE", "f": "FOREIGN TABLE"}
WIDTH: Final = 120
LONG_KEY: Final = 60
_SHORT: Final = {"character varying": "varchar", "timestamp with time zone": "timestamptz"}
_TYPES: Final = re.compile("|".join(_SHORT))
_LITERAL: Final = re.compile(r"'(?:[^']|'')*'")
_WORD: Final = re.compile(r"""(?:'(?:[^']|'')*'|"[^"]*"|[^\s'"])+""")

Connection: TypeAlias = "asyncpg.Connection[Any]"

_TABLES: Final = """SELECT oid, relname AS name, reloptions AS options, relrowsecurity AS secured,
        relforcerowsecurity AS forced, relpersistence::text AS persistence, relacl AS acl
    FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace ORDER BY relname"""
_COLUMNS: Final = """SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
        a.attidentity::text AS identity, a.attgenerated::text AS generated,
        pg_get_expr(d.adbin, d.adrelid, true) AS expression,
        CASE WHEN a.attcollation <> t.typcollation THEN quote_ident(c.collname) END AS collation, a.attoptions AS options,
        a.attacl AS acl
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_collation c ON c.oid = a.attcollation
    WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
# Keys first; that a column is required, newer servers tell by a constraint as well.
_CONSTRAINTS: Final = """SELECT conname AS name, pg_get_constraintdef(k.oid, true)
        || coalesce(' WITH (' || array_to_string(i.reloptions, ', ') || ')', '') AS definition
    FROM pg_constraint k LEFT JOIN pg_class i ON i.oid = k.conindid AND k.contype IN ('p', 'u', 'x')
    WHERE conrelid = $1 AND contype IN ('p', 'u', 'f', 'c', 'x')
    ORDER BY array_position('{p,u,x,f,c}'::text[], contype::text), conname"""
_INDEXES: Final = """SELECT pg_get_indexdef(i.indexrelid, 0, true) AS definition, i.indisvalid AS valid,
        c.relname AS name
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = $1 AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN
        ('p', 'u', 'x')) ORDER BY c.relname"""
_POLICIES: Final = """SELECT policyname AS name, permissive, roles, cmd, qual, with_check FROM pg_policies
    WHERE schemaname = 'public' AND tablename = $1 ORDER BY policyname"""
_TRIGGERS: Final = """SELECT tgname AS name, pg_get_triggerdef(oid, true) AS definition, tgenabled::text AS enabled
    FROM pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal ORDER BY tgname"""
_STATISTICS: Final = """SELECT pg_get_statisticsobjdef(oid) AS definition FROM pg_statistic_ext
    WHERE stxrelid = $1 ORDER BY stxname"""
_RIGHTS: Final = """SELECT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END AS role,
        x.privilege_type AS right
    FROM aclexplode($1::aclitem[]) x WHERE x.grantee <> x.grantor ORDER BY 1, 2"""
_OTHERS: Final = """SELECT relname AS name, relkind::text AS kind FROM pg_class WHERE relnamespace = 'public'::regnamespace
    AND relkind NOT IN ('r', 'p', 'i', 'I', 't') ORDER BY relname"""
_FUNCTIONS: Final = """SELECT oid::regprocedure::text AS name, pg_get_functiondef(oid) AS definition, proacl AS acl
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY proname, 1"""


async def picture(connection: Connection) -> str:
    """The schema `public`, as SQL. The same catalogue gives the same text, byte by byte."""
    await connection.execute("SET search_path = public")
    tables = [await _table(connection, table) for table in await connection.fetch(_TABLES)]
    others = [f"-- {OTHER_KINDS[row['kind']]} {row['name']}\n" for row in await connection.fetch(_OTHERS)]
    functions = [await _function(connection, function) for function in await connection.fetch(_FUNCTIONS)]
    head = HEAD.format(server=connection.get_server_version().major)
    return "\n".join([head, *tables, *others, *functions])


async def _table(connection: Connection, table: asyncpg.Record) -> str:
    oid, name = table["oid"], table["name"]
    columns = await connection.fetch(_COLUMNS, oid)
    constraints = await connection.fetch(_CONSTRAINTS, oid)
    width = max(len(column["name"]) for column in columns)
    rows = [_column(column, width) for column in columns]
    rows += [_indented(f"CONSTRAINT {row['name']} {_readable(row['definition'])}") for row in constraints]
    kind = "UNLOGGED TABLE" if table["persistence"] == "u" else "TABLE"
    options = f" WITH ({', '.join(table['options'])})" if table["options"] else ""
    lines = [f"CREATE {kind} {name} (\n" + ",\n".join(rows) + f"\n){options};"]
    lines += [
        f"ALTER TABLE {name} ALTER COLUMN {column['name']} SET ({', '.join(column['options'])});"
        for column in columns
        if column["options"]
    ]
    lines += [_readable(row["definition"]) + ";" for row in await connection.fetch(_STATISTICS, oid)]
    for row in await connection.fetch(_INDEXES, oid):
        lines.append(_readable(row["definition"]) + ";" + ("" if row["valid"] else " -- not valid"))
    if table["secured"]:
        lines.append(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;")
    if table["forced"]:
        lines.append(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY;")
    lines += [_policy(name, row) for row in await connection.fetch(_POLICIES, name)]
    lines += [_trigger(row) for row in await connection.fetch(_TRIGGERS, oid)]
    lines += await _grants(connection, table, columns)
    return _wrapped("\n".join(lines)) + "\n"


def _column(column: asyncpg.Record, width: int) -> str:
    parts = [f"    {column['name']:<{width}} {_TYPES.sub(lambda found: _SHORT[found[0]], column['type'])}"]
    if column["collation"]:
        parts.append(f"COLLATE {column['collation']}")
    if column["required"]:
        parts.append("NOT NULL")
    if column["identity"]:
        parts.append(f"GENERATED {'ALWAYS' if column['identity'] == 'a' else 'BY DEFAULT'} AS IDENTITY")
    elif column["generated"]:
        stored = "STORED" if column["generated"] == "s" else "VIRTUAL"
        parts.append(_indented(f"GENERATED ALWAYS AS ({_readable(column['expression'])}) {stored}").strip())
    elif column["expression"]:
        parts.append(f"DEFAULT {_readable(column['expression'])}")
    return " ".join(parts)


def _policy(table: str, row: asyncpg.Record) -> str:
    kind = "" if row["permissive"] == "PERMISSIVE" else f" AS {row['permissive']}"
    command = "" if row["cmd"] == "ALL" else f" FOR {row['cmd']}"
    roles = "" if row["roles"] == ["public"] else f" TO {', '.join(row['roles'])}"
    using = f"\n    USING {_parenthesised(_readable(row['qual']))}" if row["qual"] else ""
    check = f"\n    WITH CHECK {_parenthesised(_readable(row['with_check']))}" if row["with_check"] else ""
    return f"CREATE POLICY {row['name']} ON {table}{kind}{command}{roles}{using}{check};"


def _parenthesised(expression: str) -> str:
    return expression if expression.startswith("(") else f"({expression})"


def _trigger(row: asyncpg.Record) -> str:
    fires = {"O": "", "D": " -- disabled", "R": " -- on replicas alone", "A": " -- always"}[row["enabled"]]
    definition = re.sub(r" (REFERENCING|FOR EACH) ", r"\n    \1 ", _readable(row["definition"]), count=1)
    return f"{definition};{fires}"


async def _grants(connection: Connection, table: asyncpg.Record, columns: list[asyncpg.Record]) -> list[str]:
    """One line per role, with the columns if a right is limited to some."""
    rights: dict[str, dict[str, list[str]]] = {}
    for row in await _rights(connection, table["acl"]):
        rights.setdefault(row["role"], {})[row["right"]] = []
    for column in columns:
        for row in await _rights(connection, column["acl"]):
            rights.setdefault(row["role"], {}).setdefault(row["right"], []).append(column["name"])
    lines = []
    for role, granted in sorted(rights.items()):
        told = [f"{right} ({', '.join(granted[right])})" if granted[right] else right for right in _in_order(granted)]
        lines.append(f"GRANT {', '.join(told)} ON {table['name']} TO {role};")
    return lines


def _in_order(rights: Iterable[str]) -> list[str]:
    usual = ["SELECT", "INSERT", "UPDATE", "DELETE"]
    return sorted(rights, key=lambda right: (usual.index(right) if right in usual else len(usual), right))


async def _rights(connection: Connection, acl: list[str] | None) -> list[asyncpg.Record]:
    return await connection.fetch(_RIGHTS, acl) if acl else []


async def _function(connection: Connection, function: asyncpg.Record) -> str:
    definition = function["definition"].rstrip().replace("CREATE OR REPLACE", "CREATE", 1).replace("public.", "", 1)
    lines = [f"{definition};"]
    if function["acl"] is not None:
        rows = await _rights(connection, function["acl"])
        if not any(row["role"] == "PUBLIC" for row in rows):
            lines.append(f"REVOKE ALL ON FUNCTION {function['name']} FROM PUBLIC;")
        lines += [f"GRANT {row['right']} ON FUNCTION {function['name']} TO {row['role']};" for row in rows]
    return "\n".join(lines) + "\n"


def _readable(expression: str) -> str:
    """Removes what PostgreSQL adds by itself: casts between types of text, and of whole numbers."""
    text = _LITERAL.sub(lambda found: _visible(found[0]), expression)
    text = text.replace("::character varying", "").replace("public.", "").replace(" USING btree", "")
    text = re.sub(r"'(-?\d+)'::bigint", r"\1", text)
    text = re.sub(r"::text(?!\[)", "", text)
    text = re.sub(r"= ANY \(ARRAY\[([^]]*)\](?:::text\[\])?\)", r"IN (\1)", text)
    text = re.sub(r"<> ALL \(ARRAY\[([^]]*)\](?:::text\[\])?\)", r"NOT IN (\1)", text)
    text = re.sub(r"\(NULLIF\((.*?), ''\)\)::uuid", r"nullif(\1, '')::uuid", text)
    text = text.replace("( SELECT", "(SELECT").replace(' AS "nullif"', "")
    return text.replace(" REFERENCES", "\n    REFERENCES") if len(text) > LONG_KEY else text


def _visible(literal: str) -> str:
    """Writes the invisible characters of a literal as their codes."""
    if literal.isprintable():
        return literal
    shown = (c if c.isprintable() else f"\\u{ord(c):04X}" for c in literal.replace("\\", "\\\\"))
    return f"E{''.join(shown)}"


def _wrapped(text: str) -> str:
    """Breaks lines that are too long at spaces outside of quotes."""
    lines: list[str] = []
    for line in text.split("\n"):
        margin = " " * (len(line) - len(line.lstrip()))
        if len(line) <= WIDTH:
            lines.append(line)
            continue
        lines.append(margin)
        for word in _WORD.findall(line):
            if len(lines[-1]) + len(word) >= WIDTH:
                lines.append(f"{margin}   ")
            lines[-1] += word if lines[-1] == margin else f" {word}"
    return "\n".join(lines)


def _indented(text: str) -> str:
    return "    " + text.replace("\n", "\n    ")


@asynccontextmanager
async def built_database() -> AsyncIterator[Connection]:
    """Connects, as the owner, to a database that the steps have just built; both end with the block."""
    folder = ROOT / ".cache" / f"database-{os.getpid()}"
    server = EmbeddedPostgres(folder, durable=False)
    try:
        urls = server.start()
        await migrate(urls.owner, urls.app, lambda _: None)
        connection = await asyncpg.connect(urls.owner)
        try:
            yield connection
        finally:
            await connection.close()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def write() -> None:
    """Write the picture anew."""
    async with built_database() as connection:
        PICTURE.write_text(await picture(connection), "utf-8")


if __name__ == "__main__":
    asyncio.run(write())
