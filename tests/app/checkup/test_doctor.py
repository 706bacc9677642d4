"""`scrip doctor`, as an operator runs it, on deployments with one thing wrong."""

import json
import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.checkup.counts import look_at_counts
from app.checkup.machine import look_at_machine
from app.finding import State
from app.postgres.archive import look_at_archive
from app.postgres.checkup import look_at_database
from app.postgres.embedded import Urls
from app.settings import Settings
from models.webhooks import WebhookKey
from tests.app.cli.test_work import output, scrip
from tests.conftest import cloned_database

SECRET = {"SCRIP_JWT_SECRET": "a secret for servers under test, and long enough"}


async def doctor(urls: Urls, **variables: str) -> tuple[int | None, dict[str, list[dict[str, Any]]]]:
    """Its exit status, and its findings by part."""
    status, out, said = await output(await scrip(urls, "doctor", "--json", **variables))
    assert said == ""
    told = json.loads(out)
    parts: dict[str, list[dict[str, Any]]] = {}
    for finding in told["findings"]:
        parts.setdefault(finding["part"], []).append(finding)
    assert (told["state"] == "fault") == (status == 1)
    return status, parts


async def test_all_is_well(database_urls: Urls) -> None:
    status, parts = await doctor(database_urls, **SECRET)
    assert status == 0
    assert {name for name, found in parts.items() if any(each["state"] != "ok" for each in found)} <= {
        "disk",
        "archive",
        "checkpoints",
        "webhooks",  # of other tests
    }
    assert {"settings", "keys", "disk", "database", "clock", "migrations", "role", "pooler", "citus", "owner"} <= set(
        parts
    )


async def test_what_is_wrong_has_a_line_and_what_to_do(database_urls: Urls) -> None:
    status, out, _ = await output(await scrip(database_urls, "doctor"))
    assert status == 1
    lines = out.splitlines()
    (at,) = (n for n, line in enumerate(lines) if line.startswith("FAULT"))
    assert lines[at].split()[1:6] == ["keys", "There", "are", "no", "keys"]
    assert lines[at + 1].startswith(" " * 22 + "docs/identity-providers.md")
    assert any(line.startswith("ok       database") for line in lines)  # the rest was looked at all the same


async def test_settings_that_cannot_be_read(database_urls: Urls) -> None:
    status, parts = await doctor(database_urls, SCRIP_PORT="http", SCRIP_WORKERS="0")
    assert status == 1
    assert [each["message"].partition(":")[0] for each in parts["settings"]] == ["SCRIP_PORT", "SCRIP_WORKERS"]


async def test_keys_out_of_reach(database_urls: Urls, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/keys"
    status, parts = await doctor(database_urls, SCRIP_JWKS_URL=url, SCRIP_JWT_ISSUER="https://sso.example")
    assert status == 1
    assert parts["keys"][0]["message"].startswith(f"{url}: the key set cannot be fetched")
    assert parts["database"][0]["state"] == "ok"


async def test_a_database_out_of_reach_and_a_password_kept(database_urls: Urls, unused_tcp_port: int) -> None:
    url = f"postgresql://u:hunter2@127.0.0.1:{unused_tcp_port},127.0.0.1:{unused_tcp_port}/x"
    status, out, _ = await output(
        await scrip(database_urls, "doctor", **SECRET, DATABASE_URL=url, SCRIP_MIGRATION_DATABASE_URL="")
    )
    assert status == 1
    assert "is out of reach" in out
    assert "hunter2" not in out
    assert "warning  hosts" in out


async def test_one_that_is_not_migrated(server: Urls, worker_id: str) -> None:
    async with cloned_database(server, f"doctor_{worker_id}") as urls:
        connection = await asyncpg.connect(urls.owner)
        try:
            await connection.execute("DELETE FROM aerich WHERE version LIKE '5_%'")
        finally:
            await connection.close()
        status, parts = await doctor(urls, **SECRET)
    assert status == 1
    assert parts["migrations"][0]["todo"] == "Run scrip migrate with this version."


async def found(urls: Urls, url: str, **settings: Any) -> dict[str, State]:
    given = Settings(database_url=url, migration_database_url=urls.owner, **settings)
    return {finding.part: finding.state for finding in await look_at_database(given, url)}


async def test_roles_that_may_too_much(database_urls: Urls) -> None:
    assert (await found(database_urls, database_urls.admin))["role"] is State.FAULT
    assert (await found(database_urls, database_urls.owner))["role"] is State.WARNING
    assert (await found(database_urls, database_urls.app))["role"] is State.OK


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ("REVOKE INSERT ON entries FROM scrip_app", State.FAULT),
        ("GRANT UPDATE ON entries TO scrip_app", State.WARNING),
        ("GRANT DELETE ON entries TO scrip_app", State.WARNING),
    ],
)
async def test_other_rights_than_migrate_gives(server: Urls, worker_id: str, change: str, state: State) -> None:
    async with cloned_database(server, f"doctor_{worker_id}") as urls:
        connection = await asyncpg.connect(urls.owner)
        try:
            await connection.execute(change)
        finally:
            await connection.close()
        assert (await found(urls, urls.app))["role"] is state


async def test_two_databases_where_one_is_meant(database_urls: Urls) -> None:
    other = re.sub(r"/\w+\?host", "/postgres?host", database_urls.owner)
    assert other != database_urls.owner
    given = Settings(database_url=database_urls.app, migration_database_url=other)
    (finding,) = (each for each in await look_at_database(given, database_urls.app) if each.part == "owner")
    assert finding.state is State.FAULT
    assert finding.message.startswith("Two databases are set where one is meant")


async def test_an_owner_that_cannot_migrate(database_urls: Urls) -> None:
    for owner, app in (
        (f"{database_urls.owner}&default_transaction_read_only=on", database_urls.app),
        (database_urls.app, database_urls.owner),
    ):
        given = Settings(database_url=app, migration_database_url=owner)
        (finding,) = (each for each in await look_at_database(given, app) if each.part == "owner")
        assert finding.state is State.WARNING


async def test_a_redis_that_does_not_answer(unused_tcp_port: int) -> None:
    (finding,) = await look_at_counts(Settings(rate_limit_url=f"redis://127.0.0.1:{unused_tcp_port}/0"))
    assert finding.state is State.WARNING
    assert finding.message == "Redis does not answer: ConnectionError."
    assert await look_at_counts(Settings()) == []


def test_places_for_metrics(tmp_path: Path) -> None:
    good = Settings(metrics_dir=tmp_path, verify_metrics=tmp_path / "verify.prom", work_port=8001)
    assert "metrics" not in {finding.part for finding in look_at_machine(good)}
    made = Settings(metrics_dir=tmp_path / "not/yet/there")
    assert "metrics" not in {finding.part for finding in look_at_machine(made)}
    file = tmp_path / "file"
    file.touch()
    bad = Settings(metrics_dir=file / "none", verify_metrics=tmp_path / "none/verify.prom", work_port=8000)
    found = [finding for finding in look_at_machine(bad) if finding.part == "metrics"]
    assert [finding.state for finding in found] == [State.FAULT, State.FAULT, State.WARNING]


async def test_a_standby(database_urls: Urls) -> None:
    assert (await found(database_urls, f"{database_urls.app}&default_transaction_read_only=on"))[
        "database"
    ] is State.FAULT


async def test_a_pooler(database_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that makes up the server's number; statements survive here, since there is none in truth."""
    monkeypatch.setattr(asyncpg.Connection, "get_server_pid", lambda _: 1_234_567)
    parts = await found(database_urls, database_urls.app)
    assert (parts["pooler"], parts["owner"]) == (State.OK, State.WARNING)

    async def lost(_: str) -> bool:
        return False

    monkeypatch.setattr("app.postgres.checkup.statements_survive", lost)
    assert (await found(database_urls, database_urls.app))["pooler"] is State.FAULT
    assert (await found(database_urls, database_urls.app, database_statement_cache=0))["pooler"] is State.OK


async def test_more_connections_than_there_are(database_urls: Urls) -> None:
    parts = await found(database_urls, database_urls.app, workers=64, database_pool_max=100)
    assert parts["connections"] is State.WARNING


@pytest.mark.parametrize(
    ("told", "state", "message"),
    [
        (["off", 0], State.WARNING, "is not archived"),
        (["off", 1], State.OK, "receives it"),
        (["on", True, "0000000100000000000000A1"], State.WARNING, "0000000100000000000000A1"),
        (["on", True, None], State.OK, "is archived"),
        (["on", False], State.WARNING, "archive_command is empty"),
    ],
)
async def test_the_archive(told: list[object], state: State, message: str) -> None:
    class Raw:
        async def fetchval(self, _: str) -> object:
            return told.pop(0)

    finding = await look_at_archive(Raw())
    assert finding.state is state
    assert message in finding.message


async def test_the_archive_as_the_apps_role_sees_it(database_urls: Urls) -> None:
    assert (await found(database_urls, database_urls.app))["archive"] is State.WARNING


def test_processes_that_count_for_themselves() -> None:
    parts = {finding.part: finding.state for finding in look_at_machine(Settings(workers=2))}
    assert parts["rate limit"] is State.WARNING
    assert "rate limit" not in {finding.part for finding in look_at_machine(Settings())}


async def test_webhooks_whose_key_is_missing(server: Urls, worker_id: str) -> None:
    key, other = "a key that webhooks are made with".ljust(40, "."), "another one of this operator's".ljust(40, ".")
    async with cloned_database(server, f"doctor_{worker_id}") as urls:
        assert "webhooks" not in await found(urls, urls.app)
        status, _, said = await output(
            await scrip(urls, "tenant", "create", "tea", "--time-zone", "Europe/London", **SECRET)
        )
        assert status == 0, said
        connection = await asyncpg.connect(urls.admin)
        try:
            await connection.execute("SELECT set_config('scrip.tenant', id::text, false) FROM tenants")
            await connection.execute(
                """WITH a AS (INSERT INTO actors (tenant_id, id, subject, role, client)
                    SELECT id, uuidv7(), 'ann', 'ADMIN', '' FROM tenants RETURNING tenant_id, id)
                INSERT INTO webhooks (tenant_id, id, url, rights, status, status_since, secret_salt, secret_key, position,
                    settled, version, created_by_id, created_at)
                SELECT a.tenant_id, a.id, 'https://example.com', '', 'ACTIVE', now(), $1, $2, 0, 0, 1, a.id, now() FROM a""",
                bytes(16),
                WebhookKey(key.encode()).fingerprint,
            )
        finally:
            await connection.close()
        assert (await found(urls, urls.app))["webhooks"] is State.WARNING
        assert (await found(urls, urls.app, webhook_key=other))["webhooks"] is State.WARNING
        assert (await found(urls, urls.app, webhook_key=f"{other},{key}"))["webhooks"] is State.OK
