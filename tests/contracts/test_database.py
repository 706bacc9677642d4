"""What the models' pool and transactions take for granted of Tortoise's, of asyncpg's, and migrating of aerich's."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import aerich
import asyncpg
import pytest
from aerich.migrate import Migrate
from asyncpg.pool import PoolConnectionProxy
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.context import TortoiseContext
from tortoise.fields import CharField, IntField
from tortoise.models import Model

from tests.contracts.shape import accepts, has, parents_have, takes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from app.postgres.embedded import Urls


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """As the models' own, with one attribute more."""

    __slots__ = ("used_at",)
    used_at: float


class Colour(Model):
    id = IntField(primary_key=True)
    name = CharField(16, unique=True)

    class Meta:
        table = "colours"
        unique_together = (("id", "name"),)


@pytest.fixture
async def opened(database_urls: Urls) -> AsyncIterator[tuple[Any, list[str]]]:
    """Tortoise's client with a pool whose hooks are ours, and what of them was called."""
    called: list[str] = []

    async def connect(*_: object, **options: Any) -> Any:
        called.append("connect")
        assert options["connection_class"] is Connection
        kept = {name: options[name] for name in ("loop", "connection_class", "record_class") if name in options}
        return await asyncpg.connect(database_urls.app, **kept)

    async def reset(connection: Any) -> None:
        assert isinstance(connection, Connection)
        called.append("reset")

    client = AsyncpgDBClient(
        connection_name="contract", minsize=0, maxsize=3, connect=connect, reset=reset, connection_class=Connection
    )
    yield client, called
    await client.close()


async def test_client(opened: tuple[Any, list[str]]) -> None:
    """Tortoise's client makes its pool when it is first asked to, and keeps it in `_pool`."""
    client, called = opened
    assert isinstance(client, AsyncpgDBClient)
    assert getattr(client, "_pool", "none") is None, "Tortoise's client no longer keeps its pool in _pool"
    await client.acquire_connection().ensure_connection()
    assert isinstance(client._pool, asyncpg.pool.Pool)
    assert client._pool.get_max_size() == 3, "Tortoise no longer hands minsize and maxsize to the pool"
    raw = await client._pool.acquire()
    await client._pool.release(raw)
    assert called == ["connect", "reset"], "the pool no longer calls the hooks that Tortoise was given"


async def test_pool(opened: tuple[Any, list[str]]) -> None:
    """asyncpg: with another `_generation`, connections are replaced; a lent one has its own in `_con`.

    `_get_new_connection` makes one that is not the pool's to give.
    """
    client, called = opened
    await client.acquire_connection().ensure_connection()
    pool = client._pool
    assert pool._generation == 0, "asyncpg's pool counts its generations elsewhere than in _generation"
    raw = await pool.acquire()
    assert isinstance(raw, PoolConnectionProxy)
    own = raw._con
    assert isinstance(own, Connection), "a lent connection no longer has the pool's in _con"
    own.used_at = 1.0
    assert raw.used_at == 1.0, "a lent connection no longer shows its own attributes"
    pool._generation += 1
    await pool.release(raw)
    again = await pool.acquire()
    assert again._con is not own, "asyncpg keeps a connection of an older generation"
    await pool.release(again)
    assert called.count("connect") == 2
    beside = await pool._get_new_connection()
    assert isinstance(beside, Connection), "asyncpg's pool makes its connections otherwise"
    assert pool.get_size() == 1, "what _get_new_connection makes is the pool's"
    await beside.close()
    assert "_generation += 1" in inspect.getsource(type(pool).expire_connections), "expire_connections does more now"


async def test_connection(database_urls: Urls) -> None:
    """asyncpg: its socket is reached through `_transport`."""
    connection = await asyncpg.connect(database_urls.app, connection_class=Connection)
    try:
        assert connection._transport.get_extra_info("socket") is not None, "asyncpg keeps its transport elsewhere"
        parents_have(Connection, "is_closed", "terminate", "execute", "fetch", "fetchval", "close")
    finally:
        await connection.close()
    accepts(asyncpg.connect, "timeout", "server_settings", "connection_class", "record_class", "loop")


async def test_transaction_wrapper(opened: tuple[Any, list[str]]) -> None:
    """Tortoise: a transaction is a wrapper round a client, bound to a connection by `_connection`."""
    client, _ = opened
    takes(TransactionWrapper.__init__, "connection")
    await client.acquire_connection().ensure_connection()
    raw = await client._pool.acquire()
    try:
        wrapper = TransactionWrapper(client)
        wrapper._connection = raw
        await raw.execute("SET scrip.contract = 'mine'")
        _, rows = await wrapper.execute_query("SELECT current_setting('scrip.contract') AS it")
        assert [row["it"] for row in rows] == ["mine"], "a query with a transaction's wrapper goes elsewhere"
    finally:
        await client._pool.release(raw)


def test_context() -> None:
    """Tortoise: other tasks than the one that opens the pool see it only where this is asked for."""
    accepts(TortoiseContext.init, "config", "_enable_global_fallback")
    parents_have(TortoiseContext, "close_connections")


def test_meta() -> None:
    """Tortoise: what it knows of a model's table is in `_meta`."""
    meta = Colour._meta
    has(meta, "db_table", "fields_map", "fields_db_projection", "unique_together")
    assert (meta.db_table, {*meta.fields_db_projection}) == ("colours", {"id", "name"})
    assert meta.fields_map["name"].get_for_dialect("postgres", "SQL_TYPE") == "VARCHAR(16)"


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """aerich: steps are the files `<n>_*.py` in the folder `models`, in the order of their numbers."""
    takes(aerich.Command.__init__, "tortoise_config", "app", "location")
    accepts(aerich.Command.upgrade, "run_in_transaction")
    assert "await self._upgrade(conn," in inspect.getsource(aerich.Command.upgrade), "a step has no call of its own"
    for name in ("10_a.py", "9_b.py", "notes.py"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr(Migrate, "migrate_location", tmp_path, raising=False)
    assert Migrate.get_all_version_files() == ["9_b.py", "10_a.py"], "aerich finds its steps in another way"


def test_a_step_needs_no_state_of_the_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """aerich: MODELS_STATE may be left out; what is read instead is the models as they are."""
    (tmp_path / "0_a.py").write_text("async def upgrade(db): return ''\nasync def downgrade(db): return ''\n")
    monkeypatch.setattr(Migrate, "migrate_location", tmp_path, raising=False)
    assert Migrate.get_migration_info_for_file("0_a.py").models_state is None
    source = inspect.getsource(aerich.Command._upgrade)
    assert 'getattr(m, "MODELS_STATE", None)' in source, "aerich wants MODELS_STATE of a step"
    assert 'getattr(m, "RUN_IN_TRANSACTION"' in inspect.getsource(aerich.Command.upgrade)
