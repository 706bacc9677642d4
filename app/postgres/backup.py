"""Backups by PostgreSQL's own programs: as a role that reads every tenant's rows and can write none, into one file."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from app.postgres.account import installed_programs
from app.postgres.connecting import connecting, place
from app.postgres.database import migrate
from app.problems import SetupProblem
from models.pool import is_pooled

DEBIAN: Final = Path("/usr/lib/postgresql")
"""The folder in which Debian keeps the programs of each version."""
MAKE_ROLE: Final = (
    "CREATE ROLE scrip_backup LOGIN BYPASSRLS PASSWORD '…'; GRANT pg_read_all_data TO scrip_backup; (as a superuser)"
)
_VERSION: Final = re.compile(r"\) (\d+)")


def back_up(url: str, file: Path) -> None:
    """Write the whole database to the file, which is there in full or not at all, and readable by its owner alone.

    Raises SetupProblem if the role reads too little or could write, if there is no program of the server's version, or it
    fails.
    """
    if file.exists():
        raise SetupProblem(f"{file} is there already, and is left as it is. Name another file.")
    program = program_for("pg_dump", asyncio.run(_check_reader(url)))
    part = file.with_name(f".{file.name}.part")
    try:
        part.touch(mode=0o600)
        _run([str(program), "--format=custom", "--no-password", f"--file={part}"], url)
        part.rename(file)
    except OSError as error:
        raise SetupProblem(f"{file} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)


def restore(owner_url: str, app_url: str, file: Path, say: Callable[[str], None]) -> None:
    """Restore the file into an empty database, as its owner, all or nothing; then migrate it to this version.

    Raises SetupProblem if the database is not empty, or the file is no backup.
    """
    if not file.is_file():
        raise SetupProblem(f"There is no file {file}.")
    program = program_for("pg_restore", asyncio.run(_check_empty(owner_url)))
    _run([str(program), "--no-owner", "--exit-on-error", "--single-transaction", "--no-password", str(file)], owner_url)
    applied = asyncio.run(migrate(owner_url, app_url, say))
    if applied:
        say(f"Migrated what was restored: {', '.join(applied)}")


async def _check_reader(url: str) -> int:
    """The server's version. Raises SetupProblem unless the role reads all and writes nothing."""
    async with connecting(url) as raw:
        who = await raw.fetchrow(
            "SELECT rolname, rolsuper OR rolbypassrls AS unbound, "
            "EXISTS (SELECT FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace "
            "AND NOT has_table_privilege(c.oid, 'SELECT')) AS lacks, "
            "EXISTS (SELECT FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace "
            "AND (has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE') OR has_any_column_privilege(c.oid, 'UPDATE'))) "
            "AS writes FROM pg_roles WHERE rolname = current_user"
        )
        if await is_pooled(raw):
            raise SetupProblem(f"There is a pooler at {place(url)}, and a backup needs the server itself.")
        version = int(raw.get_server_version().major)
    if not who["unbound"] or who["lacks"]:
        reason = "is bound by row-level security" if not who["unbound"] else "may not read all tables"
        raise SetupProblem(f"The role {who['rolname']} {reason}, so its backup would restore to nothing. {MAKE_ROLE}")
    if who["writes"]:
        raise SetupProblem(f"The role {who['rolname']} may write. Give backups a role that only reads. {MAKE_ROLE}")
    return version


async def _check_empty(url: str) -> int:
    """The server's version. Raises SetupProblem if there are tables."""
    async with connecting(url) as raw:
        there = await raw.fetchval(
            "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        if there:
            raise SetupProblem(
                f"The database at {place(url)} has {there} tables, and a restore needs an empty one: make a new database "
                "for it, and set DATABASE_URL and SCRIP_MIGRATION_DATABASE_URL to that."
            )
        return int(raw.get_server_version().major)


def program_for(name: str, server: int, folders: list[Path] | None = None) -> Path:
    """PostgreSQL's program of this name, of the server's version or newer: Debian's, that of the PATH, or the embedded
    server's. Raises SetupProblem if there is none."""
    for folder in _folders(server) if folders is None else folders:
        program = folder / name
        if program.exists() and _version_of(program) >= server:
            return program
    raise SetupProblem(
        f"There is no {name} of PostgreSQL {server} or newer here. Install it: apt install postgresql-client-{server}"
    )


def _folders(server: int) -> list[Path]:
    folders = [DEBIAN / str(server) / "bin"]
    if (found := shutil.which("pg_dump")) is not None:
        folders.append(Path(found).parent)
    try:
        folders.append(installed_programs())
    except SetupProblem:
        return folders
    return folders


def _version_of(program: Path) -> int:
    said = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False).stdout
    found = _VERSION.search(said)
    return int(found[1]) if found else 0


def _run(command: list[str], url: str) -> None:
    """Run it on the database. The password goes by the environment, where other users of the machine do not see it."""
    parts = urlsplit(url)
    user, _, hosts = parts.netloc.rpartition("@")
    shown = urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{hosts}" if user else hosts))
    environment = {**os.environ, "PGPASSWORD": unquote(parts.password or ""), "PGAPPNAME": "scrip backup"}
    done = subprocess.run([*command, f"--dbname={shown}"], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        told = "\n  ".join(done.stderr.strip().splitlines()[:5])
        raise SetupProblem(f"{Path(command[0]).name} failed, and nothing was done:\n  {told}")
