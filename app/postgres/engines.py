"""Databases that speak as PostgreSQL does and are none that Scrip runs on."""

from typing import Any, Final

Raw = Any
"""A connection as asyncpg has it, which has no types."""

_BY_VERSION: Final = (
    ("-YB-", "YugabyteDB", "its triggers see no transition tables, which hold the chains of entries together"),
    ("Yugabyte", "YugabyteDB", "its triggers see no transition tables, which hold the chains of entries together"),
    ("CockroachDB", "CockroachDB", "its advisory locks do nothing, so that limits would be lost"),
)
"""Part of what `version()` returns, the engine, and why not."""


async def refused_engine(raw: Raw, host: str = "") -> str | None:
    """Why Scrip does not run on this database, in a sentence; None if it is PostgreSQL, with Citus or without."""
    told = str(await raw.fetchval("SELECT version()"))
    for mark, name, reason in _BY_VERSION:
        if mark in told:
            return f"{name} is not supported: {reason}."
    # It calls itself PostgreSQL.
    locks = await raw.fetchval("SELECT to_regprocedure('pg_advisory_xact_lock(integer, integer)') IS NOT NULL")
    if not locks or ".dsql." in host:
        return "Aurora DSQL is not supported: it has no row security, no triggers and no advisory locks."
    return None
