"""Prints the SQL that puts a table's new columns under the seal of its rows, to append to a step:

    python -m scripts.seal_columns customers >> migrations/sql/NAME.sql

The new columns are those that models/tables/ has and the triggers in `migrations/database.sql` do not; models/tables/ has
them last. The step adds them before. Rows whose seal fits are sealed anew; a seal that does not fit stays as it is.
"""

import re
import sys
from collections.abc import Sequence
from typing import Final

from models.reads.verify_seals import SALTED, SEALED, fact
from scripts.database_sql import PICTURE

_ARRAY: Final = re.compile(r"(?<=json_build_array\()(?P<said>.*?)(?P<end>\s*)(?=\)::text, 'UTF8'\))", re.DOTALL)
BY_HAND: Final = frozenset({"credits", "idempotency_keys", "transactions"})
"""Tables whose rows are not all sealed, or not by their id."""


def unsealed(picture: str, table: str) -> list[str]:
    """The columns that the table's triggers do not seal yet. Raises ValueError if they are not its last ones."""
    sealed = SEALED[table].split()
    known = _columns(_function(picture, f"seal_added_{table}"))
    if sealed[: len(known)] != known:
        raise ValueError(f"{table}: new columns have to be the last in models/tables/")
    return sealed[len(known) :]


def step(picture: str, table: str, columns: Sequence[str]) -> str:
    """The SQL: first the rows that are there, then the triggers."""
    if table in BY_HAND:
        raise ValueError(f"{table}: its rows are not all sealed by their id; write the step by hand")
    added, changed = _function(picture, f"seal_added_{table}"), _function(picture, f"seal_{table}")
    found = _ARRAY.search(added)
    if found is None:
        raise ValueError(f"{table}: no seal is computed in seal_added_{table}")
    old, salt = found["said"], "s.salt || " if table in SALTED else ""
    own = "n.id" if table == "tenants" else "n.tenant_id"
    sealing_anew = (
        f"UPDATE seals s SET digest = {_digest(salt, _more(old, columns))}\n"
        f"FROM {table} n WHERE s.tenant_id = {own} AND s.of_table = '{table}' AND s.id = n.id\n"
        f"    AND s.digest = {_digest(salt, old)};"
    )
    parts = [
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;",
        "ALTER TABLE seals NO FORCE ROW LEVEL SECURITY;",
        sealing_anew,
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY;",
        "ALTER TABLE seals FORCE ROW LEVEL SECURITY;",
        *(_ARRAY.sub(lambda m: _more(m["said"], columns) + m["end"], text) for text in (added, changed)),
    ]
    trigger = re.search(rf"CREATE TRIGGER seal_changed AFTER UPDATE OF ([^;]*?) ON {table}\n[^;]*;", picture, re.DOTALL)
    if trigger is not None:
        names = ", ".join(f'"{column}"' for column in columns)
        parts += [f"DROP TRIGGER seal_changed ON {table};", trigger[0].replace(trigger[1], f"{trigger[1]}, {names}", 1)]
    return "\n".join(parts) + "\n"


def _function(picture: str, name: str) -> str:
    found = re.search(rf"CREATE FUNCTION {name}\(\).*?END \$function\$;", picture, re.DOTALL)
    if found is None:
        raise ValueError(f"{PICTURE.name} has no function {name}")
    return found[0].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)


def _columns(function: str) -> list[str]:
    found = _ARRAY.search(function)
    return [] if found is None else re.findall(r'\bn\."(\w+)"', found["said"])


def _more(said: str, columns: Sequence[str]) -> str:
    """The facts, and those of the new columns of the same row."""
    row = re.findall(r'(\w+)\."\w+"', said)[-1]
    return ", ".join([said, *(fact(column, row) for column in columns)])


def _digest(salt: str, said: str) -> str:
    return f"sha256({salt}convert_to(json_build_array({said}\n)::text, 'UTF8'))"


if __name__ == "__main__":
    picture = PICTURE.read_text("utf-8")
    new = unsealed(picture, sys.argv[1])
    if not new:
        sys.exit(f"{sys.argv[1]} has no column that is not sealed yet")
    print(step(picture, sys.argv[1], new), end="")  # noqa: T201 - its answer
