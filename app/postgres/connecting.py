"""One connection, for a few statements; and in words why there is none."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import asyncpg

from app.postgres.hosts import Hosts, is_of_authentication, is_of_tls, is_refused, may_pass, unreadable_file
from app.problems import OutOfReach, SetupProblem
from models.outages import cause_of, is_outage

CONNECT_TIMEOUT_S: Final = 10
SERVER_SETTINGS: Final = {"application_name": "scrip"}
"""Nothing else: PgBouncer refuses what it does not know. That nothing is compiled (jit) is said by the migrated database."""
WITHOUT_CACHE: Final = 0
"""Of connections for a few statements, which may lead through any pooler."""


@asynccontextmanager
async def connecting(url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """One connection, for a few statements. Raises SetupProblem if there can be none, OutOfReach if that may pass.

    Also if it is lost: a pooler lets in whose database is away, and only the first statement finds out.
    """
    try:
        connection = await Hosts(url).connect(
            timeout=CONNECT_TIMEOUT_S, server_settings=SERVER_SETTINGS, statement_cache_size=WITHOUT_CACHE
        )
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        passes = may_pass(error) and unreadable_file(error, url) is None
        problem = OutOfReach if passes else SetupProblem
        raise problem(_why_not(error, url)) from error
    try:
        yield connection
    except Exception as error:
        if is_outage(error, lost=connection.is_closed(), writes=True):
            lost = f"The database at {place(url)} was lost, or cannot be used now: {cause_of(error)}"
            raise OutOfReach(lost) from error
        raise
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)


async def check_same(url: str, other: str) -> None:
    """Raises SetupProblem if the two lead to different databases: a command would prove one and change the other.

    A standby is the same as its primary.
    """
    if url == other:
        return
    found = []
    for each in (url, other):
        async with connecting(each) as raw:
            found.append(await raw.fetchrow(_WHICH))
    (name, number, began), (other_name, other_number, other_began) = found
    if (name, number) != (other_name, other_number) or (began and other_began and began != other_began):
        raise SetupProblem(
            f"Two databases are set where one is meant: {place(url)} and {place(other)}. Nothing was done. "
            "Check DATABASE_URL, SCRIP_MIGRATION_DATABASE_URL and SCRIP_BACKUP_DATABASE_URL."
        )


_WHICH: Final = """SELECT datname, oid::bigint, CASE WHEN NOT pg_is_in_recovery() THEN pg_postmaster_start_time() END
    FROM pg_database WHERE datname = current_database()"""


def _why_not(error: Exception, url: str) -> str:
    if (told := _of_the_way(error, url)) is not None:
        return told
    match error:
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return f"The database at {place(url)} refuses {_who(url)}: {error}. Check the role and the password in its URL."
        case asyncpg.InvalidCatalogNameError():
            return f"There is no such database at {place(url)}: {error}. Make it first, or check the URL."
        case asyncpg.PostgresError():
            return f"The database at {place(url)} does not take connections now: {error}"
        case asyncpg.TargetServerAttributeNotMatched():
            return (
                f"None of the servers at {place(url)} is what target_session_attrs in the URL asks for. "
                "Is there a primary among them, and does it run?"
            )
        case TimeoutError():
            return f"The database at {place(url)} did not answer within {CONNECT_TIMEOUT_S} s. Is the address right?"
        case OSError():
            return f"The database at {place(url)} is out of reach: {error}. Does it run, and is the address right?"
    # The error would quote the part that it is about, and it takes a wrong one for a part now and then.
    return "The database's URL is not understood: its port, its options or another part is not as it must be."


def _of_the_way(error: Exception, url: str) -> str | None:
    """The line about a fault between here and the database; None if it is something else."""
    if (file := unreadable_file(error, url)) is not None:
        return (
            f"{file} cannot be read, which the URL of the database at {place(url)} names. Check the file, or the URL."
        )
    if is_of_tls(error):
        return f"There is no TLS as the URL asks for it with the database at {place(url)}: {_of_tls(error)}"
    if is_of_authentication(error):
        return f"The database at {place(url)} asks for an authentication that Scrip does not know: {error}"
    if is_refused(error):
        return f"The pooler at {place(url)} refuses {_who(url)}: {error}. Check its URL: role, password and database."
    return None


def _of_tls(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{error.verify_message}. Check sslrootcert and sslmode in it."
    if isinstance(error, ssl.SSLError):
        return f"{error}. Check the files of sslrootcert, sslcert, sslkey and sslcrl in it."
    return "the server takes no TLS. Check sslmode in it."


def _who(url: str) -> str:
    return f"the role {name}" if (name := user_of(url)) else "whoever asks"


def place(url: str) -> str:
    """The URL's target, without the password: for messages."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2] or "the socket"
    return f"{host}{parts.path}"


def user_of(url: str) -> str | None:
    """The role that the URL names."""
    name = urlsplit(url).username
    return None if name is None else unquote(name)
