"""Rights of the app's role in each table: the least that it needs. Granted anew after every migration.

The role that runs the migrations owns the tables; the app should not. SELECT is for all tables; the rest stands with each
(models/tables/): INSERT for all of the ledger, UPDATE for the columns that ever change, DELETE for what is nobody's
record. Entries, transactions and their texts are only added to (and triggers refuse the rest to the owner as well).
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
"""By the name of the table."""

APP_FUNCTIONS: Final = ("settled_instant(integer)",)
"""Functions that the app's role may call, and nobody else."""


def grants(role: str) -> str:
    """The SQL that gives `role` exactly these rights in the current schema, whatever it had before. For the owner to run."""
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
