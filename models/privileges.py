"""Rights of the app's role in each table: the minimum that it needs. Granted anew after every migration.

The role that runs the migrations owns the tables; the app's should not. SELECT is for all tables; each table declares
the rest (models/tables/): INSERT for all of the ledger, UPDATE for columns that can change, DELETE for rows that are no
records. Entries, transactions and their texts are insert-only (and triggers refuse other changes to the owner as well).
"""

from collections.abc import Mapping
from typing import Final

from models import tables
from models.tables.base import Privileges

_TABLES: Final = tuple(getattr(tables, name) for name in tables.__all__)
APP_PRIVILEGES: Final[Mapping[str, Privileges]] = {
    "aerich": Privileges(inserts=False),
    **{table._meta.db_table: table.app_may for table in _TABLES},  # noqa: SLF001 - as Tortoise calls what it tells of a model
}
"""Rights by table name."""

APP_FUNCTIONS: Final = ("settled_instant(integer)",)
"""Functions that only the app's role may call."""


def grants(role: str) -> str:
    """SQL that gives `role` exactly these rights in the current schema, replacing earlier ones. For the owner to
    run."""
    quoted = '"' + role.replace('"', '""') + '"'
    statements = [f"REVOKE ALL ON {', '.join(APP_PRIVILEGES)} FROM {quoted}"]
    for table, may in APP_PRIVILEGES.items():
        # REVOKE on a table takes the rights on its columns with it.
        rights = ["SELECT"]
        if may.inserts:
            rights.append("INSERT")
        if may.deletes:
            rights.append("DELETE")
        if may.updates:
            rights.append(f"UPDATE ({', '.join(may.updates)})")
        statements.append(f"GRANT {', '.join(rights)} ON {table} TO {quoted}")
    statements += [f"GRANT EXECUTE ON FUNCTION {function} TO {quoted}" for function in APP_FUNCTIONS]
    return ";\n".join(statements) + ";"
