"""Several hosts in a database's URL, and poolers on the way."""

from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

import asyncpg
import pytest

from app.postgres.connecting import place
from app.postgres.database import CONNECTION, check_database, migrate, tortoise_config
from app.postgres.embedded import Urls
from app.postgres.hosts import Hosts, each_host
from app.problems import SetupProblem
from models.pool import Connection
from tests.conftest import cloned_database
from tests.support.proxy import Proxy


@pytest.fixture
async def hosts(database_urls: Urls) -> AsyncIterator[tuple[Proxy, Proxy]]:
    """Two ways to the same server."""
    first, second = Proxy(database_urls.app), Proxy(database_urls.app)
    await first.open()
    await second.open()
    yield first, second
    await first.refuse()
    await second.refuse()


def both(hosts: tuple[Proxy, Proxy], attributes: str = "") -> str:
    first, second = hosts
    one = f"127.0.0.1:{first.port}"
    return first.url.replace(one, f"{one},127.0.0.1:{second.port}") + attributes


async def test_the_one_that_is_left_is_found(hosts: tuple[Proxy, Proxy]) -> None:
    url = both(hosts, "&target_session_attrs=read-write")
    await check_database(url)
    await hosts[0].refuse()
    await check_database(url)
    await hosts[1].refuse()
    with pytest.raises(SetupProblem, match=f"127.0.0.1:{hosts[0].port},127.0.0.1:{hosts[1].port}.* out of reach"):
        await check_database(url)


async def test_a_silent_one_is_waited_for_once(hosts: tuple[Proxy, Proxy]) -> None:
    """As after a failover, where the old primary's machine is gone: nothing answers there, and nothing refuses."""
    first, second = hosts
    url = both(hosts, "&target_session_attrs=read-write")
    asked = Hosts(url)
    first.silent = True
    began = monotonic()
    for _ in range(3):
        connection = await asked.connect(timeout=4.0)
        assert connection._addr == ("127.0.0.1", second.port)
        connection.terminate()
    assert monotonic() - began < 4.0  # half of the time for one of them
    first.silent = False


async def test_one_that_takes_a_connection_and_drops_it_is_passed_by(hosts: tuple[Proxy, Proxy]) -> None:
    """As a proxy does in front of a server that is gone."""
    hosts[0].serves("postgresql:///scrip?host=/nowhere")
    await check_database(both(hosts, "&target_session_attrs=read-write"))


async def test_the_reason_is_that_of_one_that_is_out_of_reach(hosts: tuple[Proxy, Proxy]) -> None:
    await hosts[0].refuse()
    with pytest.raises(ConnectionRefusedError):
        await Hosts(both(hosts, "&target_session_attrs=standby")).connect(timeout=2.0)


def test_each_host_has_a_url_of_its_own() -> None:
    assert each_host("postgresql://u:p@h1:1,h2:2/d?target_session_attrs=primary") == [
        "postgresql://u:p@h1:1/d?target_session_attrs=primary",
        "postgresql://u:p@h2:2/d?target_session_attrs=primary",
    ]
    # Which of them is to be taken only who sees them all can say.
    one = "postgresql://u:p@h1:1,h2:2/d?target_session_attrs=prefer-standby"
    assert each_host(one) == [one]
    assert each_host("postgresql:///d?host=/run") == ["postgresql:///d?host=/run"]


async def test_that_none_is_what_was_asked_for_is_said(hosts: tuple[Proxy, Proxy]) -> None:
    with pytest.raises(SetupProblem, match=r"None of the servers at .* is what target_session_attrs .* asks for"):
        await check_database(both(hosts, "&target_session_attrs=standby"))


async def test_a_standby_is_not_migrated_and_the_message_says_how_the_primary_is_found(database_urls: Urls) -> None:
    standby = f"{database_urls.owner}&default_transaction_read_only=on"
    with pytest.raises(SetupProblem, match=r"takes no writes.*target_session_attrs=read-write"):
        await migrate(standby, database_urls.app, lambda _: None)


async def test_migrations_need_the_server_itself(database_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pooler makes up the number of the server's process."""
    monkeypatch.setattr(asyncpg.Connection, "get_server_pid", lambda _: 1_234_567)
    with pytest.raises(SetupProblem, match=r"a pooler \(PgBouncer\).*SCRIP_MIGRATION_DATABASE_URL"):
        await migrate(database_urls.owner, database_urls.app, lambda _: None)


async def connected(url: str, **options: Any) -> "asyncpg.Connection[Any]":
    """A connection as the pool makes them."""
    config = tortoise_config(url, **options)
    credentials = config["connections"][CONNECTION]["credentials"]
    connection: asyncpg.Connection[Any] = await credentials["connect"](connection_class=Connection)
    return connection


async def test_nothing_is_set_at_start_that_poolers_refuse(database_urls: Urls) -> None:
    connection = await connected(database_urls.app)
    try:
        given = await connection.fetch("SELECT name FROM pg_settings WHERE source = 'client'")
    finally:
        await connection.close()
    assert {row["name"] for row in given} <= {"application_name", "client_encoding"}


@pytest.mark.parametrize(("cache", "kept"), [(100, 1), (0, 0)])
async def test_statements_are_kept_as_set(database_urls: Urls, cache: int, kept: int) -> None:
    connection = await connected(database_urls.app, statement_cache=cache)
    try:
        assert await connection.fetchval("SELECT $1::int", 7) == 7
        found = await connection.fetchval(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT $1::int'"
        )
    finally:
        await connection.close()
    assert found == kept


async def test_a_migrated_database_compiles_no_statements(server: Urls, worker_id: str) -> None:
    async with cloned_database(server, f"jit_{worker_id}") as urls:
        said: list[str] = []
        await migrate(urls.owner, urls.app, said.append)
        connection = await asyncpg.connect(urls.app)
        try:
            source = await connection.fetchrow("SELECT setting, source FROM pg_settings WHERE name = 'jit'")
        finally:
            await connection.close()
    assert (source["setting"], source["source"]) == ("off", "database")
    assert said == []


def test_messages_name_all_hosts_and_no_password() -> None:
    assert place("postgresql://u:hunter2@h1:5432,h2:5433/d?target_session_attrs=any") == "h1:5432,h2:5433/d"
