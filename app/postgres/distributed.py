"""A database that Citus distributes: what it lacks for that, and how its tables get there (docs/scaling.md).

All rows of a tenant are on one node (models/nodes.py).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from app.postgres.shards import BESIDE, BESIDE_SQL, CannotBeDistributed, for_shards
from app.problems import SetupProblem
from models.nodes import EVERYWHERE, FIRST, NOWHERE_ELSE, ON_ONE_ALONE

Raw = Any
"""A connection as asyncpg has it, which has no types."""

OLDEST_CITUS: Final = 14
SERVERS: Final = (16, 18)
"""The PostgreSQL versions that this Citus runs on, from and to."""
SETTINGS: Final[Mapping[str, str]] = {
    "citus.enable_unsafe_triggers": "on",
    "citus.propagate_set_commands": "local",
    "citus.show_shards_for_app_name_prefixes": "scrip",
    "jit": "off",
}
"""Of the database, on each node. Triggers are refused on distributed tables without the first; row security sees no row
without the second; without the third, asyncpg asks for types for up to a second on each new connection."""
IN_TURN: Final[Mapping[str, str]] = {"citus.multi_shard_modify_mode": "sequential"}
"""For sessions that change tables and functions in one transaction: that takes one connection to each node."""
PLANS: Final = "plan_cache_mode=force_custom_plan"
"""Of the coordinator's database: which node a statement goes to is decided by its values, when it is planned."""


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that is not as it has to be, and the way out of it."""

    message: str
    todo: str


async def citus_version(raw: Raw) -> str | None:
    """The version of the extension in this database, or None."""
    version: str | None = await raw.fetchval("SELECT extversion FROM pg_extension WHERE extname = 'citus'")
    return version


async def is_distributed(raw: Raw) -> bool:
    """Whether tenants are on several nodes, or can be."""
    return await citus_version(raw) is not None and bool(
        await raw.fetchval("SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass($1))", FIRST)
    )


async def lacks_of_the_cluster(raw: Raw) -> list[Lack]:
    """Faults of the nodes that only their administrator can mend."""
    version = await citus_version(raw)
    if version is None:
        return [
            Lack(
                "The extension citus is not in this database.",
                "On every node: shared_preload_libraries = 'citus', a restart, and CREATE EXTENSION citus in this database.",
            )
        ]
    lacks = []
    if int(version.split(".")[0].split("-")[0]) < OLDEST_CITUS:
        lacks.append(Lack(f"Citus is {version}.", f"Upgrade it: Scrip needs {OLDEST_CITUS} or newer."))
    server = raw.get_server_version().major
    if not SERVERS[0] <= server <= SERVERS[1]:
        lacks.append(Lack(f"PostgreSQL is {server}.", f"Use PostgreSQL {SERVERS[0]} to {SERVERS[1]} on every node."))
    nodes = await raw.fetch("SELECT * FROM pg_dist_node WHERE noderole = 'primary' ORDER BY nodeid")
    if nodes and nodes[0]["groupid"] != 0 and not any(node["groupid"] == 0 for node in nodes):
        lacks.append(
            Lack("The coordinator is not among its nodes.", "SELECT citus_set_coordinator_host('its name', its port);")
        )
    if await raw.fetchval("SELECT groupid FROM pg_dist_local_group") != 0:
        lacks.append(
            Lack("This is a worker.", "Name the coordinator in DATABASE_URL and SCRIP_MIGRATION_DATABASE_URL.")
        )
    if not any(node["isactive"] and node["shouldhaveshards"] for node in nodes):
        lacks.append(
            Lack("There is no worker.", "For each: SELECT citus_add_node('its name', its port); as a superuser here.")
        )
    for node in nodes:
        name = f"{node['nodename']}:{node['nodeport']}"
        if not node["isactive"]:
            lacks.append(
                Lack(f"{name} is not active.", f"SELECT citus_activate_node('{node['nodename']}', {node['nodeport']});")
            )
        elif node["groupid"] != 0 and not (node["hasmetadata"] and node["metadatasynced"]):
            lacks.append(
                Lack(
                    f"{name} does not know the tables.",
                    f"SELECT start_metadata_sync_to_node('{node['nodename']}', {node['nodeport']});",
                )
            )
    return lacks


async def lacks_of_the_settings(raw: Raw) -> list[Lack]:
    """The settings that some node's database does not have. Asks the nodes."""
    database = await raw.fetchval("SELECT quote_ident(current_database())")
    lacks = []
    for place, settings in (await _settings_by_node(raw)).items():
        for name, value in SETTINGS.items():
            if settings.get(name) != value:
                lacks.append(
                    Lack(
                        f"{name} is {settings.get(name)} on {place}.",
                        f"There: ALTER DATABASE {database} SET {name} = {value};",
                    )
                )
    return lacks


async def lacks_of_the_tables(raw: Raw) -> list[Lack]:
    """The tables and functions that a migration has left undistributed."""
    left = await _left(raw)
    anew = [name for name, _ in await _functions(raw)]
    anew += [f"{trigger['name']} of {trigger['of']}" for trigger in await raw.fetch(_NOT_ON_SHARDS)]
    if left or anew:
        names = ", ".join([*left, *anew][:5])
        return [Lack(f"Not distributed yet: {names}.", "Run scrip migrate --distributed.")]
    return []


async def check_can_distribute(raw: Raw, place: str) -> None:
    """Raises SetupProblem with all that is missing."""
    try:
        lacks = await lacks_of_the_cluster(raw)
    except asyncpg.PostgresError as error:
        raise SetupProblem(f"The nodes of {place} cannot be asked: {error}") from error
    if lacks:
        listed = "\n  ".join(f"{lack.message} {lack.todo}" for lack in lacks)
        raise SetupProblem(f"Nothing was distributed at {place} (docs/scaling.md):\n  {listed}")


async def distribute(raw: Raw, say: Callable[[str], None]) -> list[str]:
    """Distribute the tables that are not yet, and bring the trigger functions into the form that shards run. Returns the
    tables. Safe to run again, whatever was done before it stopped.

    Raises SetupProblem if a node refuses.
    """
    try:
        await _set_settings(raw)
        await raw.execute("SET citus.enable_unsafe_triggers = on")
        left = await _left(raw)
        for statement in ON_ONE_ALONE if FIRST in left else ():
            await raw.execute(statement)
        await take_to_the_shards(raw)
        for table in left:
            await _distribute(raw, table, say)
        await _forget_what_was_copied(raw)
    except asyncpg.InsufficientPrivilegeError as error:
        raise SetupProblem(
            f"The owner may not distribute: {error}. On each node, as a superuser: make the role the owner of the database."
        ) from error
    return left


async def _set_settings(raw: Raw) -> None:
    """Set what is not set yet, on every node."""
    database = await raw.fetchval("SELECT quote_ident(current_database())")
    by_node = await _settings_by_node(raw)
    for name, value in SETTINGS.items():
        if any(settings.get(name) != value for settings in by_node.values()):
            statement = f"ALTER DATABASE {database} SET {name} = {value}"
            await raw.execute(statement)
            # Citus may have passed it on, and may have not; from the node itself it would not.
            await _on_workers(raw, _HERE_ALONE.format(statement))
    if PLANS not in await raw.fetchval(_TOLD):
        await raw.execute(_HERE_ALONE.format(f"ALTER DATABASE {database} SET {PLANS}"))


_HERE_ALONE: Final = "DO $$BEGIN SET LOCAL citus.enable_ddl_propagation = off; {}; END$$"
_TOLD: Final = """SELECT coalesce(string_agg(c, ' '), '')
    FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase CROSS JOIN unnest(s.setconfig) c
    WHERE d.datname = current_database() AND s.setrole = 0"""


async def _settings_by_node(raw: Raw) -> dict[str, dict[str, str]]:
    """The values that a new session in the database has of SETTINGS, by node."""
    by_node = {"the coordinator": await raw.fetchval(_TOLD)}
    for row in await raw.fetch("SELECT nodename, nodeport, success, result FROM run_command_on_workers($1)", _TOLD):
        place = f"{row['nodename']}:{row['nodeport']}"
        if not row["success"]:
            raise SetupProblem(f"The node {place} does not answer: {row['result']}")
        by_node[place] = row["result"]
    return {
        place: dict(pair.split("=", 1) for pair in text.split(" ") if "=" in pair) for place, text in by_node.items()
    }


async def _on_workers(raw: Raw, statement: str) -> None:
    for row in await raw.fetch("SELECT nodename, nodeport, success, result FROM run_command_on_workers($1)", statement):
        if not row["success"]:
            raise SetupProblem(
                f"The node {row['nodename']}:{row['nodeport']} refuses: {row['result']}. There, as a superuser: {statement}"
            )


async def _left(raw: Raw) -> list[str]:
    """The tables that are not distributed yet, those first that others point to."""
    rows = await raw.fetch(
        """SELECT c.relname AS name, ARRAY(
            SELECT DISTINCT t.relname::text FROM pg_constraint k JOIN pg_class t ON t.oid = k.confrelid
            WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid <> c.oid) AS needs
        FROM pg_class c
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> ALL ($1::text[])
            AND NOT EXISTS (SELECT FROM pg_dist_partition p WHERE p.logicalrelid = c.oid)
            AND NOT relation_is_a_known_shard(c.oid)
        ORDER BY c.relname <> ALL ($2::text[]), c.relname <> $3, c.relname""",
        list(NOWHERE_ELSE),
        list(EVERYWHERE),
        FIRST,
    )
    return _in_order({row["name"]: row["needs"] for row in rows})


def _in_order(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Each after those that it needs, else as they come. Raises SetupProblem if two need each other."""
    order: list[str] = []
    while len(order) < len(needs):
        ready = [name for name in needs if name not in order and all(n in order or n not in needs for n in needs[name])]
        if not ready:
            raise SetupProblem(f"These tables need each other: {', '.join(n for n in needs if n not in order)}")
        order += ready
    return order


async def _distribute(raw: Raw, table: str, say: Callable[[str], None]) -> None:
    """Distribute one table with its rows, or leave it as it was. Its owner sees all rows meanwhile, and it alone."""
    if table in EVERYWHERE:
        call = f"SELECT create_reference_table('{table}')"
    elif table == FIRST:
        call = f"SELECT create_distributed_table('{table}', 'id')"
    else:
        call = f"SELECT create_distributed_table('{table}', 'tenant_id', colocate_with := '{FIRST}')"
    async with raw.transaction():
        await raw.execute("SET LOCAL citus.multi_shard_modify_mode = 'sequential'")
        await raw.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        triggers = await raw.fetch(_TRIGGERS, table)
        for trigger in triggers:  # the rows that are moved are not new ones
            await raw.execute(f"DROP TRIGGER {trigger['name']} ON {table}")
        before = await raw.fetchval(f"SELECT count(*) FROM {table}")
        await raw.execute(call)
        after = await raw.fetchval(f"SELECT count(*) FROM {table}")
        if after != before:
            raise SetupProblem(f"{table} had {before:,} rows and would have {after:,}: it was left as it was.")
        for trigger in triggers:
            for statement in apart(trigger["definition"]):
                await raw.execute(statement)
        await raw.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    say(f"Distributed {table}" + (f", {after:,} rows" if after else ""))


async def _forget_what_was_copied(raw: Raw) -> None:
    """Delete what the coordinator still has of the tables that are distributed: nobody sees it, and nothing erases it."""
    tables = await raw.fetch(
        """SELECT logicalrelid::regclass::text AS name FROM pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid
        WHERE c.relnamespace = 'public'::regnamespace AND pg_relation_size(c.oid) > 0"""
    )
    async with raw.transaction():
        await raw.execute("SET LOCAL citus.enable_ddl_propagation = off")
        for table in tables:
            await raw.execute(f"ALTER TABLE {table['name']} DISABLE TRIGGER USER")
        for table in tables:  # with those that point to it
            await raw.execute(f"SELECT truncate_local_data_after_distributing_table('{table['name']}')")
        for table in tables:
            await raw.execute(f"ALTER TABLE {table['name']} ENABLE TRIGGER USER")


_TRIGGERS: Final = """SELECT quote_ident(tgname) AS name, pg_get_triggerdef(oid) AS definition
    FROM pg_trigger WHERE tgrelid = to_regclass($1) AND NOT tgisinternal ORDER BY tgname"""


async def _functions(raw: Raw) -> list[tuple[str, str]]:
    """The trigger functions that are not in the form for shards yet: the name, and its definition in that form."""
    tables = [
        row["relname"]
        for row in await raw.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
    ]
    rows = await raw.fetch(
        """SELECT DISTINCT p.oid::regprocedure::text AS name, p.prosrc AS body, pg_get_functiondef(p.oid) AS definition
        FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE NOT t.tgisinternal AND p.pronamespace = 'public'::regnamespace ORDER BY 1"""
    )
    found = []
    for row in rows:
        body = for_shards(row["body"], tables)
        if body is not None:
            found.append((row["name"], row["definition"].replace(row["body"], body)))
    return found


_NOT_ON_SHARDS: Final = """SELECT quote_ident(t.tgname) AS name, t.tgrelid::regclass::text AS of,
        pg_get_triggerdef(t.oid) AS definition
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_dist_partition p ON p.logicalrelid = c.oid
    WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace AND t.tgtype & 32 > 0 AND t.tgtype & 28 > 0
    ORDER BY 2, 1"""
"""Triggers of distributed tables that are for TRUNCATE and for something else: by PostgreSQL's bits of `tgtype`."""
_ALSO_TRUNCATE: Final = re.compile(r"^CREATE TRIGGER (\S+) (BEFORE|AFTER) .+? OR TRUNCATE ON ")


def apart(definition: str) -> list[str]:
    """The trigger, as PostgreSQL defines it, with what it does on TRUNCATE in another one: Citus gives its shards no trigger
    that is for TRUNCATE, also if it is for something else."""
    found = _ALSO_TRUNCATE.match(definition)
    if found is None:
        return [definition]
    rest = definition[found.end() :]
    alone = f"CREATE TRIGGER {found[1]}_truncate {found[2]} TRUNCATE ON {rest}"
    return [definition.replace(" OR TRUNCATE ON ", " ON ", 1), alone]


async def take_to_the_shards(raw: Raw) -> None:
    """Bring the triggers of distributed tables that are not there yet to the shards, and their functions into the form that
    shards run. In a step's own transaction, nobody who writes beside it meets others. Raises SetupProblem for a function
    that has no such form."""
    await _rewrite_functions(raw)
    for trigger in await raw.fetch(_NOT_ON_SHARDS):
        async with raw.transaction():
            await raw.execute(f"DROP TRIGGER {trigger['name']} ON {trigger['of']}")
            for statement in apart(trigger["definition"]):
                await raw.execute(statement)


async def _rewrite_functions(raw: Raw) -> None:
    try:
        functions = await _functions(raw)
    except CannotBeDistributed as error:
        raise SetupProblem(f"A trigger function has no form for a distributed table: {error}") from error
    if await raw.fetchval("SELECT to_regproc($1) IS NULL", BESIDE):
        await raw.execute(BESIDE_SQL)
    await raw.execute(f"SELECT create_distributed_function('{BESIDE}(name, text)')")
    for name, definition in functions:
        await raw.execute(f"SELECT create_distributed_function('{name}')")
        await raw.execute(definition)
