"""The database as a whole: reaching it, migrating it, opening the app's pool. Its contents are the models' affair."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Any, Final

import aerich
import asyncpg
from tortoise import BaseDBAsyncClient
from tortoise.backends.asyncpg.client import TransactionWrapper
from tortoise.context import TortoiseContext
from tortoise.exceptions import OperationalError

import migrations
from app.postgres.connecting import CONNECT_TIMEOUT_S, SERVER_SETTINGS, check_same, connecting, place, user_of
from app.postgres.distributed import IN_TURN, check_can_distribute, distribute, is_distributed, take_to_the_shards
from app.postgres.engines import refused_engine
from app.postgres.hosts import Hosts
from app.postgres.shards import statements_of
from app.problems import SetupProblem
from migrations.clashing_names import NamesClash
from models.errors import Unavailable
from models.ledger import Ledger
from models.operations.restate import restate_those_left
from models.pool import Connection, is_pooled
from models.privileges import grants
from models.reads.verify import every_tenant

CONNECTION: Final = "default"
APP_LABEL: Final = "models"
OLDEST_SERVER: Final = 15
POOL_CONNECT_TIMEOUT_S: Final = 5
"""Less than the wait for a connection (models/pool.py), so that the reason is reported."""
KEEPALIVE: Final = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 10_000}
"""Seconds until a silent connection is asked for a sign of life, and between the questions; how many; and milliseconds
until sent data has to be acknowledged. Otherwise it takes the kernel a quarter of an hour."""
STATEMENT_CACHE: Final = 100
"""Prepared statements that a connection keeps. 0: none, for poolers that know none."""
LOCK_TIMEOUT: Final = "500ms"
"""How long a step waits for a lock. Others who ask for the table after it wait no longer, either."""
MAX_LOCK_TRIES: Final = 120
LOCK_PAUSE_S: Final = 2.0
"""Before a step that got no lock is tried again, all of it."""
MIGRATION_LOCK: Final = 0x5C_71_90
"""The key of the advisory lock that one migration at a time holds: any number that nothing else uses."""
LOCATION: Final = Path(migrations.__file__).parent


def tortoise_config(
    url: str,
    *,
    pool_min: int = 0,
    pool_max: int = 2,
    statement_cache: int = STATEMENT_CACHE,
    settings: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Tortoise's configuration for a pool of connections to `url`. settings: of each session, which no pooler may share.

    asyncpg reads the URL itself, so that every option that it knows works: sockets, TLS. Of several hosts each is asked
    by itself (app/postgres/hosts.py).
    """
    hosts = Hosts(url)

    asked: list[bool] = []

    async def connect(*_: object, **options: Any) -> Any:
        kept = {name: options[name] for name in ("loop", "connection_class", "record_class") if name in options}
        connection = await hosts.connect(
            timeout=POOL_CONNECT_TIMEOUT_S,
            server_settings={**SERVER_SETTINGS, **(settings or {})},
            statement_cache_size=statement_cache,
            max_cached_statement_lifetime=0,  # a statement that is forgotten after a while leaves a reference cycle
            **kept,
        )
        _notice_silence(connection)
        connection.used_at = monotonic()
        try:
            if not asked:  # once for each pool
                asked.append(await is_distributed(connection))
        except BaseException:
            connection.terminate()
            raise
        connection.distributed = asked[0]
        return connection

    async def keep(connection: Any) -> None:
        """Do nothing, instead of asyncpg's `RESET ALL`, a round trip on every release: all our settings end with their
        transaction.

        asyncpg has rolled back a transaction left open by then. tests/models/test_session.py proves that nothing stays.
        """
        connection.used_at = monotonic()

    credentials = {
        "minsize": pool_min,
        "maxsize": pool_max,
        "connect": connect,
        "reset": keep,
        "connection_class": Connection,
    }
    return {
        "connections": {CONNECTION: {"engine": "tortoise.backends.asyncpg", "credentials": credentials}},
        "apps": {APP_LABEL: {"models": ["models.tables", "aerich.models"], "default_connection": CONNECTION}},
        "use_tz": True,
        "timezone": "UTC",
    }


def _notice_silence(connection: Any) -> None:
    """Have the kernel find out within some seconds that the other end is gone without a word."""
    given = connection._transport.get_extra_info("socket")  # noqa: SLF001 - asyncpg has no other way to it
    if given.family == socket.AF_UNIX:
        return
    with socket.fromfd(given.fileno(), given.family, given.type) as tcp:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if (option := getattr(socket, name, None)) is not None:  # not every system has them all
                tcp.setsockopt(socket.IPPROTO_TCP, option, value)


async def migrate(owner_url: str, app_url: str, say: Callable[[str], None], *, distributed: bool = False) -> list[str]:
    """Bring the database up to date as its owner, and give the app's role its rights. Returns the steps applied.

    distributed: distribute its tables among the nodes of Citus; one that is distributed stays so without being told.
    Two at once wait for each other. Raises SetupProblem if the database is out of reach, too old, not in UTF-8, or
    refuses, if the two URLs lead to two databases, if names in it have to be told apart first, and if its nodes cannot take
    the tables.
    """
    async with connecting(owner_url) as connection:
        await _check_server(connection, owner_url)
        await _check_can_migrate(connection, owner_url)
        await _check_encoding(connection, owner_url)
        distributed = distributed or await is_distributed(connection)
        if distributed:
            await check_can_distribute(connection, place(owner_url))
        app_role = await _app_role(connection, owner_url, app_url, say)
        await check_same(owner_url, app_url)
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", MIGRATION_LOCK):
            say("Another Scrip is migrating this database; waiting for it")
            await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        try:  # the lock ends with the connection at the latest
            applied = await _upgrade(owner_url, say, IN_TURN if distributed else {})
            await _without_jit(connection, say)
            if distributed:
                await distribute(connection, say)
            if app_role is not None:
                await _grant(connection, app_role, say)
            await _restate(owner_url, say)
        except NamesClash as clash:
            listed = "\n  ".join(clash.lines)
            raise SetupProblem(
                f"Nothing was migrated at {place(owner_url)}: names are trimmed of white space and brought to Unicode's "
                f"NFC from now on, and these have to be renamed or merged first (docs/names.md):\n  {listed}"
            ) from clash
        except (asyncpg.InsufficientPrivilegeError, OperationalError) as error:
            # Tortoise puts one of its own around what the migrations' statements raise.
            refused = error.__cause__ if isinstance(error, OperationalError) else error
            if not isinstance(refused, asyncpg.InsufficientPrivilegeError):
                raise
            raise SetupProblem(
                f"The role {user_of(owner_url)} may not migrate the database at {place(owner_url)}: {error}. "
                "Set SCRIP_MIGRATION_DATABASE_URL to the owner's."
            ) from error
        return applied


async def _grant(connection: "asyncpg.Connection[Any]", role: str, say: Callable[[str], None]) -> None:
    """Give the app's role its rights, unless a newer version has: it serves by now, and needs those that it gave."""
    newer = sorted(set(await _applied(connection)) - _known_steps())
    if newer:
        say(f"A newer version has migrated this database ({', '.join(newer)}): the rights of {role} stay as they are")
        return
    async with connection.transaction():
        await connection.execute(grants(role))


async def _without_jit(connection: "asyncpg.Connection[Any]", say: Callable[[str], None]) -> None:
    """Have the database compile no statements: ours are short, and compiling one takes longer than running it."""
    if await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase "
        "WHERE d.datname = current_database() AND s.setrole = 0 AND 'jit=off' = ANY (s.setconfig))"
    ):
        return
    name = await connection.fetchval("SELECT quote_ident(current_database())")
    try:
        await connection.execute(f"ALTER DATABASE {name} SET jit = off")
    except asyncpg.InsufficientPrivilegeError:
        say(
            "Warning: statements may be compiled, which slows them. As the database's owner: "
            f"ALTER DATABASE {name} SET jit = off"
        )


async def _upgrade(
    owner_url: str, say: Callable[[str], None] = lambda _: None, settings: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """The steps that were applied. One that gets no lock in time is rolled back and tried again, so that nobody waits long
    behind it (docs/upgrading.md). Raises SetupProblem if it never gets it."""
    before = set(await applied_steps(owner_url))
    for left in reversed(range(MAX_LOCK_TRIES)):
        try:
            await _upgrade_now(owner_url, settings)
            break
        except (asyncpg.LockNotAvailableError, OperationalError) as error:
            if not isinstance(error.__cause__ or error, asyncpg.LockNotAvailableError):
                raise
            if not left:
                raise SetupProblem(
                    f"Others have held locks at {place(owner_url)} for {MAX_LOCK_TRIES * LOCK_PAUSE_S:.0f} s: a report, "
                    "a backup, a transaction left open. Steps done so far are kept; run the command again."
                ) from error
            if left == MAX_LOCK_TRIES - 1:
                say("Others hold locks that a step needs; it is tried again every few seconds")
        await asyncio.sleep(LOCK_PAUSE_S)
    return [step for step in await applied_steps(owner_url) if step not in before]


async def _upgrade_now(owner_url: str, settings: Mapping[str, str]) -> None:
    config = tortoise_config(owner_url, settings={"lock_timeout": LOCK_TIMEOUT, **settings})
    async with TortoiseContext() as context:
        # In a context of its own: aerich would migrate whatever database the process has open already.
        await context.init(config)
        command = _Steps(config, app=APP_LABEL, location=str(LOCATION))
        await command.init()
        await command.upgrade(run_in_transaction=True)


class _Steps(aerich.Command):
    """aerich's. On several nodes a step brings its triggers to the shards, and their functions into the form that these run,
    before it is committed: the version that still serves writes beside it."""

    async def _upgrade(self, conn: Any, *rest: Any, **more: Any) -> None:
        raw = conn._connection if isinstance(conn, TransactionWrapper) else None  # noqa: SLF001 - as Tortoise has it
        if raw is None or not await is_distributed(raw):
            await super()._upgrade(conn, *rest, **more)
            return
        one_by_one: Any = _OneByOne(conn)
        await super()._upgrade(one_by_one, *rest, **more)
        await take_to_the_shards(raw)


class _OneByOne:
    """Tortoise's connection, on which a script's statements are sent one by one: Citus hands each of them on to the nodes by
    the text of its whole message."""

    def __init__(self, conn: BaseDBAsyncClient) -> None:
        self._conn = conn

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conn, name)

    async def execute_script(self, query: str) -> None:
        for statement in statements_of(query):
            await self._conn.execute_script(statement)


async def _restate(owner_url: str, say: Callable[[str], None]) -> None:
    """Bring tenants' books to the rules that a step has brought, by postings of the system's. Raises SetupProblem."""
    async with TortoiseContext() as context:
        await context.init(tortoise_config(owner_url))
        names = {tenant.id: tenant.slug for tenant in await every_tenant()}
        try:
            restated = await restate_those_left(Ledger(), list(names))
        except Unavailable as error:
            raise SetupProblem(f"The books were not restated: {error.message}") from error
        for tenant_id, accounts in restated.items():
            if accounts:
                say(
                    f"{names[tenant_id]}: {accounts:,} accounts were restated; see their entries of MERGE and RESTATEMENT"
                )


async def _app_role(
    connection: "asyncpg.Connection[Any]", owner_url: str, app_url: str, say: Callable[[str], None]
) -> str | None:
    """The role to give rights to, or None if it is our own. Warns if that leaves the books less protected."""
    user, role = await connection.fetchval("SELECT current_user"), user_of(app_url) or user_of(owner_url)
    row = await connection.fetchrow("SELECT rolsuper OR rolbypassrls AS unbound FROM pg_roles WHERE rolname = $1", role)
    if row is None:
        raise SetupProblem(
            f"There is no role {role} at {place(owner_url)}, and DATABASE_URL names it. "
            f"Make it first: CREATE ROLE {role} LOGIN PASSWORD '…'"
        )
    if row["unbound"]:
        say(
            f"Warning: the role {role} is not bound by row-level security. Give the app one "
            "without SUPERUSER and BYPASSRLS."
        )
    if role != user:
        return str(role)
    # Before the first migration there is no table yet, and this role will own what it makes.
    owner = await connection.fetchval(
        "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass('aerich')"
    )
    if owner in (None, role):
        say(
            f"Warning: the app runs as {role}, the owner of its tables, who can lift the protection of the books. "
            "Give it a role of its own in DATABASE_URL, and the owner's in SCRIP_MIGRATION_DATABASE_URL."
        )
    return None


@asynccontextmanager
async def open_database(
    url: str, *, pool_min: int, pool_max: int, statement_cache: int = STATEMENT_CACHE
) -> AsyncIterator[None]:
    """The pool that the models use, from any task, until the block ends.

    Raises SetupProblem if the database is too old or not migrated, OutOfReach if it is away.
    """
    await check_database(url)
    context = TortoiseContext()
    with context:
        # Without the fallback, requests find no context: they run in other tasks than the one that starts the app.
        config = tortoise_config(url, pool_min=pool_min, pool_max=pool_max, statement_cache=statement_cache)
        await context.init(config, _enable_global_fallback=True)
    try:
        await context.connections.get(CONNECTION).create_connection(with_db=True)
        yield
    finally:
        await context.close_connections()


async def check_database(url: str) -> None:
    """Raises SetupProblem if the database is too old or not migrated, OutOfReach if it is away."""
    async with connecting(url) as connection:
        await _check_server(connection, url)
        await check_migrated(connection, url)


async def check_role(url: str, say: Callable[[str], None]) -> None:
    """Raises SetupProblem if row-level security does not bind the role that serves. Warns if it owns the tables."""
    async with connecting(url) as connection:
        role, unbound, owns = await connection.fetchrow(_WHO)
    if unbound:
        raise SetupProblem(
            f"The role {role} is not bound by row-level security, which keeps tenants apart: it is not served with. Give "
            "the app one without SUPERUSER and BYPASSRLS in DATABASE_URL (docs/running.md)."
        )
    if owns:
        say(f"Warning: the app runs as {role}, the owner of its tables, who can lift the protection of the books.")


_WHO: Final = """SELECT r.rolname, r.rolsuper OR r.rolbypassrls,
    EXISTS (SELECT FROM pg_class c WHERE c.oid = to_regclass('aerich') AND c.relowner = r.oid)
    FROM pg_roles r WHERE r.rolname = current_user"""


async def _check_server(connection: "asyncpg.Connection[Any]", url: str) -> None:
    version = connection.get_server_version()
    if version.major < OLDEST_SERVER:
        raise SetupProblem(
            f"The database at {place(url)} is PostgreSQL {version.major}, and Scrip needs {OLDEST_SERVER} or newer."
        )
    if (reason := await refused_engine(connection, place(url))) is not None:
        raise SetupProblem(
            f"Scrip does not run on the database at {place(url)}. {reason} It runs on PostgreSQL, and on Citus."
        )


async def _check_can_migrate(connection: "asyncpg.Connection[Any]", url: str) -> None:
    """Raises SetupProblem for a standby, and for a pooler: the lock that one migration at a time holds is a session's."""
    if await connection.fetchval("SHOW transaction_read_only") == "on":
        raise SetupProblem(
            f"The database at {place(url)} takes no writes: it is a standby, or set to be read-only. Name the primary; "
            "of several hosts, ?target_session_attrs=read-write finds it."
        )
    if await is_pooled(connection):
        raise SetupProblem(
            f"There is a pooler (PgBouncer) at {place(url)}, and migrations need the server itself: set "
            "SCRIP_MIGRATION_DATABASE_URL to a URL that leads past the pooler. DATABASE_URL may lead through it."
        )


async def statements_survive(url: str) -> bool:
    """Whether a statement that was prepared is still there once a pooler has lent its connection to somebody else."""
    hosts = Hosts(url)
    first, other = [await hosts.connect(timeout=CONNECT_TIMEOUT_S, server_settings=SERVER_SETTINGS) for _ in range(2)]
    try:
        await first.fetchval("SELECT $1::int", 1)
        async with other.transaction():
            await other.fetchval("SELECT $1::bigint", 1)  # on the connection that the first one had
            await first.fetchval("SELECT $1::int", 2)
    except asyncpg.InvalidSQLStatementNameError:
        return False
    finally:
        first.terminate()
        other.terminate()
    return True


async def _check_encoding(connection: "asyncpg.Connection[Any]", url: str) -> None:
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise SetupProblem(f"The database at {place(url)} is in {encoding}, and Scrip needs one in UTF8.")


async def check_migrated(connection: "asyncpg.Connection[Any]", url: str) -> None:
    """A database that is ahead is fine: a newer version of the app has migrated it and is about to take over."""
    missing = _known_steps() - set(await _applied(connection))
    if missing:
        names = ", ".join(sorted(missing))
        raise SetupProblem(f"The database at {place(url)} is not up to date: it lacks {names}. Run `scrip migrate`.")


def _known_steps() -> set[str]:
    return {path.name for path in (LOCATION / APP_LABEL).glob("[0-9]*_*.py")}


async def applied_steps(url: str) -> tuple[str, ...]:
    """The steps that built the database. Raises SetupProblem if it is out of reach."""
    async with connecting(url) as connection:
        return await _applied(connection)


async def _applied(connection: "asyncpg.Connection[Any]") -> tuple[str, ...]:
    try:
        rows = await connection.fetch("SELECT version FROM aerich WHERE app = $1 ORDER BY id", APP_LABEL)
    except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
        return ()
    return tuple(row["version"] for row in rows)
