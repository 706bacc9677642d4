"""Names that the step `nothing_forgets` cannot bring into one form (`sql/3_nothing_forgets/03_names.sql`).

From that step on, names are trimmed of white space and in NFC. If two names become one by that, or a name becomes empty,
a person has to decide: the step lists them and changes nothing. Two records of one person are no clash. Frozen with the
step. In Python, because SQL cannot escape the invisible characters of the names that it lists.
"""

from typing import Final

from tortoise import BaseDBAsyncClient

__all__ = ["NamesClash", "check_names"]

MAX_TOLD: Final = 200
"""Lines of what stands in the way; what there is beside them is told the next time."""

_WHITE_SPACE: Final = (
    *range(0x09, 0x0E),
    *range(0x1C, 0x21),
    0x85,
    0xA0,
    0x1680,
    *range(0x2000, 0x200B),
    0x2028,
    0x2029,
    0x202F,
    0x205F,
    0x3000,
)
"""Characters that the app strips: Python's `str.strip`, which is Unicode's White_Space and the four separators of ASCII."""
_INVISIBLE: Final = (
    (0x0001, 0x0020),
    (0x007F, 0x00A0),
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x0600, 0x0605),
    (0x061C, 0x061C),
    (0x06DD, 0x06DD),
    (0x070F, 0x070F),
    (0x0890, 0x0891),
    (0x08E2, 0x08E2),
    (0x115F, 0x1160),
    (0x1680, 0x1680),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2000, 0x200F),
    (0x2028, 0x202F),
    (0x205F, 0x206F),
    (0x2800, 0x2800),
    (0x3000, 0x3000),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x13438),
    (0x1BCA0, 0x1BCA3),
    (0x1D159, 0x1D159),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
"""First and last of what nobody can see: a name of these alone is none."""


def _literal(codes: tuple[int, ...]) -> str:
    return "E'" + "".join(f"\\U{code:08X}" for code in codes) + "'"


_SPACES: Final = _literal(_WHITE_SPACE)
_UNSEEN: Final = _literal(tuple(code for low, high in _INVISIBLE for code in range(low, high + 1)))

_NAMES: Final = (  # table, column, the longest, whether a tenant has it once
    ("customers", "external_id", 255, True),
    ("customers", "name", 255, False),
    ("invoices", "number", 64, True),
    ("services", "name", 200, True),
    ("tiers", "name", 200, True),
    ("rewards", "name", 200, True),
    ("rewards", "product", 200, False),
    ("products", "name", 200, True),
    ("reasons", "label", 200, False),
    ("partner_tokens", "name", 255, False),
    ("tenants", "name", 200, False),
)
_TABLES: Final = tuple(dict.fromkeys(table for table, *_ in _NAMES))


def _clean(column: str) -> str:
    """Not for what is in NFC and trimmed: normalize() costs more than looking."""
    return f"normalize(btrim({column}, {_SPACES}), NFC)"


def _good(column: str) -> str:
    return f"{column} = btrim({column}, {_SPACES}) AND {column} IS NFC NORMALIZED"


class NamesClash(Exception):
    """Names that become one, or none at all: a line for each, as it is to be told."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


async def check_names(db: BaseDBAsyncClient) -> None:
    """Raises NamesClash if names would become one or none. In the transaction of the step: nothing comes in between."""
    await db.execute_script(_all_rows("NO FORCE"))
    lines: list[str] = []
    for table, column, longest, once in _NAMES:
        lines += [_no_name(table, column, row) for row in await _rows(db, _bad(table, column, longest))]
        if once:
            lines += _clashes(table, column, await _rows(db, _same(table, column)))
    await db.execute_script(_all_rows("FORCE"))
    if lines:
        raise NamesClash(lines[:MAX_TOLD] + (["and more"] if len(lines) > MAX_TOLD else []))


async def _rows(db: BaseDBAsyncClient, sql: str) -> list[dict[str, object]]:
    _, rows = await db.execute_query(sql)
    return [dict(row) for row in rows]


def _all_rows(force: str) -> str:
    """The owner is bound by the rows' policies too, and would see none."""
    return "\n".join(f"ALTER TABLE {table} {force} ROW LEVEL SECURITY;" for table in _TABLES)


def _tenant(table: str) -> str:
    return "id" if table == "tenants" else "tenant_id"


def _bad(table: str, column: str, longest: int) -> str:
    """The rows whose name nobody can see, or whose NFC is longer than the column."""
    return f"""SELECT s.slug, t.id, t.{column} AS name FROM {table} t JOIN tenants s ON s.id = t.{_tenant(table)}
        WHERE t.{column} !~ '[!-~]' AND btrim(t.{column}, {_UNSEEN}) = ''
            OR t.{column} IS NOT NFC NORMALIZED AND length({_clean("t." + column)}) > {longest}
        ORDER BY s.slug, t.id LIMIT {MAX_TOLD + 1}"""


def _same(table: str, column: str) -> str:
    """The rows whose names become one, name by name; of customers those of different people."""
    # A person is all the records that were merged, over however many steps.
    person = "t.id"
    walk = ""
    if table == "customers":
        person = (
            "(SELECT w.at FROM walk w WHERE w.tenant_id = t.tenant_id AND w.id = t.id ORDER BY w.steps DESC LIMIT 1)"
        )
        walk = """, walk AS (
            SELECT tenant_id, id, id AS at, 0 AS steps FROM alike
            UNION ALL
            SELECT w.tenant_id, w.id, c.merged_into_id, w.steps + 1
            FROM walk w JOIN customers c ON c.tenant_id = w.tenant_id AND c.id = w.at
            WHERE c.merged_into_id IS NOT NULL AND w.steps < 1000)"""
    # One of them changes at the least; what it becomes is looked up in the index, once for each.
    return f"""WITH RECURSIVE changed AS MATERIALIZED (
            SELECT tenant_id, id, {column} AS name, {_clean(column)} AS clean FROM {table} WHERE NOT ({_good(column)})),
        alike AS MATERIALIZED (
            SELECT * FROM changed
            UNION ALL
            SELECT t.tenant_id, t.id, t.{column}, t.{column} FROM {table} t
            JOIN (SELECT DISTINCT tenant_id, clean FROM changed) c ON c.tenant_id = t.tenant_id AND c.clean = t.{column}
        ){walk},
        people AS (SELECT t.*, {person} AS person FROM alike t)
        SELECT s.slug, p.clean, array_agg(p.id ORDER BY p.id) AS ids, array_agg(p.name ORDER BY p.id) AS names
        FROM people p JOIN tenants s ON s.id = p.tenant_id
        GROUP BY s.slug, p.tenant_id, p.clean HAVING count(DISTINCT p.person) > 1
        ORDER BY s.slug, p.clean LIMIT {MAX_TOLD + 1}"""


def _no_name(table: str, column: str, row: dict[str, object]) -> str:
    shown = ascii(row["name"])
    return f"tenant {row['slug']}: {table}.{column} {shown} (id {row['id']}) is no name, or too long once it is written out"


def _clashes(table: str, column: str, rows: list[dict[str, object]]) -> list[str]:
    lines = []
    for row in rows:
        names, ids = row["names"], row["ids"]
        if not isinstance(names, list) or not isinstance(ids, list):
            raise TypeError("an array came back as something else")
        shown = ", ".join(f"{name!a} (id {id_})" for name, id_ in zip(names, ids, strict=True))
        lines.append(f"tenant {row['slug']}: {table}.{column} {shown} become one: {row['clean']!a}")
    return lines
