"""Whether the database keeps what takes it back to a point in time: its archived WAL."""

from typing import Any

from app.finding import Finding, ok, warning

PART = "archive"
_FAILS = """SELECT last_failed_wal FROM pg_stat_archiver
    WHERE last_failed_time > coalesce(last_archived_time, '-infinity')"""
_HAS_A_WAY = "SELECT current_setting('archive_command') <> '' OR current_setting('archive_library') <> ''"
_RECEIVED = "SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'physical' AND active"


async def look_at_archive(raw: Any) -> Finding:
    """raw: a connection of any role. Only what PostgreSQL tells everybody is looked at, not where the files go."""
    if await raw.fetchval("SHOW archive_mode") == "off":
        if await raw.fetchval(_RECEIVED):
            return ok(PART, "WAL is not archived, and somebody receives it.")
        return warning(
            PART,
            "WAL is not archived: what was posted since the last backup is lost with the disk.",
            "Set archive_mode and archive_command, or receive it (docs/running.md, Backups).",
        )
    if not await raw.fetchval(_HAS_A_WAY):
        return warning(
            PART,
            "WAL is kept to be archived, and archive_command is empty: it fills the database's disk.",
            "Set archive_command, or archive_library (docs/running.md, Backups).",
        )
    failed = await raw.fetchval(_FAILS)
    if failed is not None:
        return warning(PART, f"The last attempt to archive WAL failed ({failed}).", "See the database's log.")
    return ok(PART, "WAL is archived.")
