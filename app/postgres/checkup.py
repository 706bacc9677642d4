"""The database as the app's role finds it: reachable, new enough, migrated; its clock, roles, pooler and settings."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import asyncpg

from app.finding import Finding, fault, ok, warning
from app.postgres.archive import look_at_archive
from app.postgres.clock import webhook_setup
from app.postgres.connecting import check_same, connecting, place
from app.postgres.database import OLDEST_SERVER, check_migrated, statements_survive
from app.postgres.distributed import (
    citus_version,
    is_distributed,
    lacks_of_the_cluster,
    lacks_of_the_settings,
    lacks_of_the_tables,
)
from app.postgres.engines import refused_engine
from app.problems import SetupProblem
from app.settings import Settings
from models.pool import is_pooled
from models.privileges import APP_PRIVILEGES
from models.reads.webhooks import keys_in_use

SKEW_S: Final = 0.5
"""Seconds from which a difference of the clocks is worth a look."""
PROBE_S: Final = 5.0

_OWNS: Final = """SELECT coalesce(bool_and(pg_has_role(relowner, 'USAGE')), true) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""
"""Whether this role may do what the owner of all tables may; true as long as there are none."""

Raw = Any
"""A connection as asyncpg has it, which has no types."""


async def look_at_database(settings: Settings, url: str) -> list[Finding]:
    """Findings of the database, and of the way to it as its owner."""
    findings = _hosts(url)
    try:
        async with connecting(url) as raw:
            findings += await _server(raw, url)
            findings.append(await _clock(raw, settings))
            findings += await _migrated(raw, url)
            findings += await _role(raw)
            findings += await _pooler(raw, settings, url)
            findings += await _settings_there(raw, settings)
            findings.append(await look_at_archive(raw))
            findings += await _citus(raw)
            findings += await _webhooks(raw, settings)
    except SetupProblem as problem:
        findings.append(fault("database", str(problem), "Check DATABASE_URL, the network, and that the server runs."))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        findings.append(fault("database", f"It failed while it was looked at: {error}", "Run this again."))
    return findings + await _owner(settings)


def _hosts(url: str) -> list[Finding]:
    parts = urlsplit(url)
    several = "," in parts.netloc.rpartition("@")[2]
    asked = parse_qs(parts.query).get("target_session_attrs", ["any"])[-1]
    if several and asked not in ("read-write", "primary"):
        return [
            warning(
                "hosts",
                f"DATABASE_URL names several, and takes the first that answers, a standby too ({asked}).",
                "Add ?target_session_attrs=read-write to it.",
            )
        ]
    return []


async def _server(raw: Raw, url: str) -> list[Finding]:
    version = raw.get_server_version()
    if (reason := await refused_engine(raw, place(url))) is not None:
        return [fault("database", reason, "Use PostgreSQL itself, or Citus: docs/scaling.md.")]
    if version.major < OLDEST_SERVER:
        todo = f"Upgrade it: Scrip needs {OLDEST_SERVER} or newer."
        return [fault("database", f"PostgreSQL {version.major} at {place(url)} is too old.", todo)]
    findings = [ok("database", f"PostgreSQL {await raw.fetchval('SHOW server_version')} at {place(url)}.")]
    if (encoding := await raw.fetchval("SHOW server_encoding")) != "UTF8":
        todo = "Make a database with ENCODING 'UTF8' TEMPLATE template0, and restore into it."
        findings.append(fault("database", f"It is in {encoding}, and Scrip needs one in UTF8.", todo))
    if await raw.fetchval("SHOW transaction_read_only") == "on":
        todo = "Name the primary; of several hosts, ?target_session_attrs=read-write finds it."
        findings.append(fault("database", "It takes no writes: it is a standby, or set to be read-only.", todo))
    return findings


async def _clock(raw: Raw, settings: Settings) -> Finding:
    began = datetime.now(UTC)
    told = await raw.fetchval("SELECT clock_timestamp()")
    ended = datetime.now(UTC)
    skew = (began + (ended - began) / 2 - told).total_seconds()
    message = f"This machine's is {abs(skew):.3f} s {'ahead of' if skew > 0 else 'behind'} the database's."
    if abs(skew) > settings.max_clock_skew:
        return fault("clock", message, "Nothing is written like this. Set the clocks by NTP, on both machines.")
    if abs(skew) > SKEW_S:
        return warning(
            "clock", message, f"From {settings.max_clock_skew:g} s nothing is written. Set the clocks by NTP."
        )
    return ok("clock", message)


async def _migrated(raw: Raw, url: str) -> list[Finding]:
    try:
        await check_migrated(raw, url)
    except SetupProblem as problem:
        return [fault("migrations", str(problem), "Run scrip migrate with this version.")]
    return [ok("migrations", "All of this version's are there.")]


async def _role(raw: Raw) -> list[Finding]:
    row = await raw.fetchrow(
        "SELECT rolname, rolsuper OR rolbypassrls AS unbound FROM pg_roles WHERE rolname = current_user"
    )
    findings = []
    if row["unbound"]:
        todo = f"ALTER ROLE {row['rolname']} NOSUPERUSER NOBYPASSRLS, or give the app another role."
        findings.append(fault("role", f"{row['rolname']} is not bound by row-level security.", todo))
    there = await raw.fetch(
        "SELECT c.relname, pg_get_userbyid(c.relowner) = current_user AS owns, "
        "has_table_privilege(c.oid, 'SELECT') AS reads, has_table_privilege(c.oid, 'INSERT') AS inserts, "
        "has_table_privilege(c.oid, 'DELETE') AS deletes, ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE "
        "a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "AND has_column_privilege(c.oid, a.attnum, 'UPDATE')) AS updates "
        "FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname = ANY ($1)",
        list(APP_PRIVILEGES),
    )
    if any(table["owns"] for table in there):
        todo = "Give it a role of its own in DATABASE_URL, and the owner's in SCRIP_MIGRATION_DATABASE_URL."
        findings.append(
            warning("role", f"The app's role {row['rolname']} owns the tables: it could rewrite the books.", todo)
        )
    if lacking := [table["relname"] for table in there if _lacks(table)]:
        message = f"{row['rolname']} lacks rights in {', '.join(lacking[:5])}."
        findings.append(fault("role", message, "Run scrip migrate, which gives the app's role its rights."))
    too_many = [table["relname"] for table in there if _may_too_much(table)]
    if too_many and not findings:
        message = f"{row['rolname']} has more rights than it needs in {', '.join(too_many[:5])}."
        findings.append(warning("role", message, "Run scrip migrate, which takes the others away."))
    return findings or [ok("role", f"{row['rolname']} has its rights and no more.")]


def _lacks(table: Any) -> bool:
    may = APP_PRIVILEGES[table["relname"]]
    lacks_a_table = not table["reads"] or may.inserts > table["inserts"] or may.deletes > table["deletes"]
    return lacks_a_table or not set(may.updates) <= set(table["updates"])


def _may_too_much(table: Any) -> bool:
    may = APP_PRIVILEGES[table["relname"]]
    has_a_table = table["inserts"] > may.inserts or table["deletes"] > may.deletes
    return has_a_table or not set(table["updates"]) <= set(may.updates)


async def _pooler(raw: Raw, settings: Settings, url: str) -> list[Finding]:
    if not await is_pooled(raw):
        return [ok("pooler", "There is none in between.")]
    if settings.database_statement_cache == 0:
        return [ok("pooler", "There is one (PgBouncer), and no statement is prepared.")]
    with suppress(TimeoutError):
        async with asyncio.timeout(PROBE_S):
            if await statements_survive(url):
                return [ok("pooler", "There is one (PgBouncer), and it knows prepared statements.")]
    return [
        fault(
            "pooler",
            "There is one (PgBouncer), and prepared statements are lost in it.",
            "Set its max_prepared_statements (from 1.21), or SCRIP_DATABASE_STATEMENT_CACHE=0.",
        )
    ]


async def _settings_there(raw: Raw, settings: Settings) -> list[Finding]:
    findings = []
    if await raw.fetchval("SHOW jit") == "on":
        todo = "As the database's owner: ALTER DATABASE … SET jit = off. scrip migrate does so if it may."
        findings.append(warning("jit", "Statements may be compiled, which slows them.", todo))
    allowed = int(await raw.fetchval("SHOW max_connections"))
    wanted = settings.workers * settings.database_pool_max
    if wanted >= allowed:
        message = f"This server's processes may take {wanted} connections, and the database has {allowed} for all."
        findings.append(warning("connections", message, "Lower SCRIP_DATABASE_POOL_MAX, or raise max_connections."))
    return findings


async def _citus(raw: Raw) -> list[Finding]:
    """Findings of the nodes, where there are several."""
    version = await citus_version(raw)
    if version is None:
        return [ok("citus", "It is not there, and not needed.")]
    if not await is_distributed(raw):
        todo = "To spread tenants over nodes: scrip migrate --distributed (docs/scaling.md)."
        return [warning("citus", f"Citus {version} is there, and no table is distributed.", todo)]
    lacks = await lacks_of_the_cluster(raw) + await lacks_of_the_settings(raw) + await lacks_of_the_tables(raw)
    if lacks:
        return [fault("citus", lack.message, lack.todo) for lack in lacks]
    nodes = await raw.fetchval("SELECT count(*) FROM pg_dist_node WHERE isactive AND shouldhaveshards")
    return [ok("citus", f"Citus {version}: tenants are on {nodes} nodes.")]


async def _webhooks(raw: Raw, settings: Settings) -> list[Finding]:
    """Findings of the keys that webhooks need; none if there are no webhooks."""
    known = {key.fingerprint for key in webhook_setup(settings).keys}
    used = await keys_in_use(raw)
    if used <= known:
        return [ok("webhooks", "Their keys are all there.")] if used else []
    told = "Some have their secrets from a key that is not in SCRIP_WEBHOOK_KEY: they are paused, and nothing is delivered."
    if not known:
        told = "There are some, and SCRIP_WEBHOOK_KEY is not set: they are paused, and nothing is delivered."
    todo = "Set it to what it was, the same for all servers and scrip work; or have their secrets rotated."
    return [warning("webhooks", told, todo)]


async def _owner(settings: Settings) -> list[Finding]:
    """Findings of the way in for the one who migrates, if that is another role."""
    url = settings.owner_url
    if url is None or url == settings.app_url:
        return []
    try:
        async with connecting(url) as raw:
            pooled = await is_pooled(raw)
            writes = await raw.fetchval("SHOW transaction_read_only") == "off"
            owns = await raw.fetchval(_OWNS)
    except SetupProblem as problem:
        return [warning("owner", str(problem), "scrip migrate needs SCRIP_MIGRATION_DATABASE_URL; servers do not.")]
    if settings.app_url is not None:
        try:
            await check_same(url, settings.app_url)
        except SetupProblem as problem:
            return [fault("owner", str(problem), "Let both URLs name one database.")]
    if pooled:
        todo = "Set SCRIP_MIGRATION_DATABASE_URL to a URL that leads past the pooler."
        return [warning("owner", "The way leads through a pooler, and migrations need the server itself.", todo)]
    if not writes:
        todo = "Name the primary in SCRIP_MIGRATION_DATABASE_URL."
        return [warning("owner", f"The database at {place(url)} takes no writes, and cannot be migrated.", todo)]
    if not owns:
        todo = "Set SCRIP_MIGRATION_DATABASE_URL to the owner's."
        return [warning("owner", f"The role at {place(url)} does not own the tables, and cannot migrate them.", todo)]
    return [ok("owner", f"Can migrate at {place(url)}.")]
