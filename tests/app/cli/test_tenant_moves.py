"""`scrip tenant export`, `import` and `delete`, as processes: afterwards all is there as it was before, or nothing."""

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from app.files.tenant_file import MANIFEST, TenantFile
from app.postgres.embedded import Urls
from app.problems import SetupProblem
from models.operations.keep_feed import keep_feed
from models.operations.keep_standings import keep_standings
from models.operations.keep_totals import keep_latest, keep_totals
from models.reads.verify import verify
from tests.app.cli.test_run import Scrip
from tests.app.cli.test_work import output, scrip
from tests.conftest import cloned_database
from tests.simulation.driver import Play, Simulation
from tests.support.citus import ACTIVITY
from tests.support.clock import NOON, Clock
from tests.support.tampering import past_triggers
from tests.support.tampering_rows import everything
from tests.support.tenants import Tenant

SECRET = "a secret for servers under test, and long enough"
STEPS = 60
PATIENCE_S = 90
OF_TENANTS = """SELECT a.attrelid::regclass::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE a.attname = 'tenant_id' AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1"""
BALANCES = """{ customers(first: 50) { edges { node {
    id externalId name balances { asset available scheduled lifetime } } } } }"""


@pytest.fixture
async def elsewhere(server: Urls, worker_id: str) -> AsyncIterator[Urls]:
    """Another database, migrated and without a tenant."""
    async with cloned_database(server, f"elsewhere_{worker_id}") as urls:
        yield urls


@pytest.fixture
async def tenant(database: Urls) -> AsyncIterator[Tenant]:
    """With rows in every table."""
    clock = Clock(NOON)
    made = await Tenant.open(clock)
    await everything(made, clock)
    yield made
    await made.ledger.close()


async def run(urls: Urls, *arguments: str, **variables: str) -> tuple[int | None, str, str]:
    return await output(await scrip(urls, "tenant", *arguments, **variables))


async def exported(urls: Urls, slug: str, file: Path, **variables: str) -> dict[str, Any]:
    """What the manifest says."""
    status, _, said = await run(urls, "export", slug, str(file), **variables)
    assert status == 0, said
    with zipfile.ZipFile(file) as archive:
        told: dict[str, Any] = json.loads(archive.read(MANIFEST))
    return told


async def imported(urls: Urls, file: Path) -> None:
    status, out, said = await run(urls, "import", str(file))
    assert status == 0, out + said
    assert "all agree" in out


@asynccontextmanager
async def superuser(urls: Urls) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(urls.admin)
    try:
        yield connection
    finally:
        await connection.close()


async def rows_of(urls: Urls, tenant_id: UUID) -> dict[str, int]:
    """How many rows of the tenant are in each table, whatever policies say; those without any are left out."""
    async with superuser(urls) as connection:
        counts = {
            name: await connection.fetchval(f"SELECT count(*) FROM {name} WHERE tenant_id = $1", tenant_id)
            for (name,) in await connection.fetch(OF_TENANTS)
        }
        counts["tenants"] = await connection.fetchval("SELECT count(*) FROM tenants WHERE id = $1", tenant_id)
    return {name: count for name, count in counts.items() if count}


async def suspend(urls: Urls, tenant_id: UUID) -> None:
    """Since an hour ago."""
    status, _, said = await run(urls, "suspend", str(tenant_id))
    assert status == 0, said
    await suspended_since(urls, tenant_id, "-1 hour")


async def suspended_since(urls: Urls, tenant_id: UUID, when: str) -> None:
    async with superuser(urls) as connection, connection.transaction():
        await connection.execute(f"SET LOCAL scrip.tenant = '{tenant_id}'")  # so that it is sealed
        await connection.execute(
            f"UPDATE tenants SET suspended_at = now() + interval '{when}' WHERE id = $1", tenant_id
        )


async def test_every_kind_of_row_is_the_same_elsewhere(
    tenant: Tenant, database_urls: Urls, elsewhere: Urls, tmp_path: Path
) -> None:
    await keep_totals(tenant.ledger, tenant.id, 5)
    assert await keep_latest(tenant.ledger, tenant.id)
    await keep_standings(tenant.ledger, tenant.id)
    await keep_feed(tenant.ledger, tenant.id)
    await suspend(database_urls, tenant.id)
    file, again = tmp_path / "tenant.zip", tmp_path / "again.zip"

    told = await exported(database_urls, tenant.slug, file)
    assert file.stat().st_mode & 0o777 == 0o600
    there = await rows_of(database_urls, tenant.id)
    exported_rows = {name: table["rows"] for name, table in told["tables"].items() if table["rows"]}
    assert exported_rows | {"tenant_slugs": 1} == there  # which follows from the tenant's row
    assert told["tables"].keys() - there.keys() == set()
    await imported(elsewhere, file)

    assert (await exported(elsewhere, tenant.slug, again))["tables"] == told["tables"]
    assert await rows_of(elsewhere, tenant.id) == there
    status, listed, _ = await run(elsewhere, "list")
    assert (status, listed.split()) == (0, [tenant.slug, str(tenant.id), "suspended"])


async def test_what_a_simulation_did_is_the_same_elsewhere(database: Urls, elsewhere: Urls, tmp_path: Path) -> None:
    simulation = await Simulation.open("1.0", Play())
    try:
        for _ in range(STEPS):
            await simulation.step()
        await simulation.finish()
    finally:
        await simulation.close()
    file = tmp_path / "tenant.zip"
    told = await exported(database, simulation.tenant.slug, file)

    await imported(elsewhere, file)

    assert (await exported(elsewhere, simulation.tenant.slug, tmp_path / "again.zip"))["tables"] == told["tables"]


async def test_the_api_answers_the_same_and_goes_on(
    tenant: Tenant, database_urls: Urls, elsewhere: Urls, tmp_path: Path
) -> None:
    file, secret = tmp_path / "tenant.zip", {"SCRIP_JWT_SECRET": SECRET}
    await exported(database_urls, tenant.slug, file)
    await imported(elsewhere, file)
    token = await scrip(elsewhere, "token", "--tenant", tenant.slug, "--role", "admin", **secret)
    _, bearer, _ = await output(token)
    answers = []
    for place, urls in {"here": database_urls, "there": elsewhere}.items():
        (folder := tmp_path / place).mkdir()
        serving = Scrip("serve", cwd=folder, DATABASE_URL=urls.app, **secret)
        try:
            answers.append(await asyncio.to_thread(asked, serving.url(), bearer.strip(), BALANCES))
            if urls is elsewhere:
                customer = answers[0]["data"]["customers"]["edges"][0]["node"]["id"]
                await asyncio.to_thread(add_credit, serving.url(), bearer.strip(), customer)
        finally:
            serving.process.kill()
            serving.wait()
    assert answers[0]["data"] == answers[1]["data"]
    people = [edge["node"] for edge in answers[0]["data"]["customers"]["edges"]]
    assert any(account["available"] != "0.00" for person in people for account in person["balances"])
    status, out, _ = await output(await scrip(elsewhere, "verify"))
    assert (status, "all agree" in out) == (0, True)


def asked(address: str, token: str, query: str) -> Any:
    headers = {"authorization": f"Bearer {token}"}
    answer = httpx.post(f"{address}/graphql", json={"query": query}, headers=headers, timeout=30).json()
    assert "errors" not in answer, answer
    return answer


def add_credit(address: str, token: str, customer: str) -> None:
    answer = asked(
        address,
        token,
        f"""mutation {{ adjustCredit(input: {{customerId: "{customer}", asset: "GBP", amount: "1.00", reason: "GOODWILL",
        idempotencyKey: "{uuid4()}"}}) {{ userErrors {{ code message }} }} }}""",
    )
    assert answer["data"]["adjustCredit"]["userErrors"] == []


async def test_a_damaged_file_is_found_and_nothing_is_added(
    tenant: Tenant, database_urls: Urls, elsewhere: Urls, tmp_path: Path
) -> None:
    file, damaged = tmp_path / "tenant.zip", tmp_path / "damaged.zip"
    await exported(database_urls, tenant.slug, file)
    good = file.read_bytes()
    middle = good.index(b"tables/entries.copy") + 200
    cases = {
        "is not a zip file": good[: len(good) // 2],
        "cannot be imported": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
        "no item named 'manifest.json'": repacked(file, lambda name, data: None if name == MANIFEST else data),
        "is damaged: the rows of credits are not those": repacked(
            file, lambda name, data: data.replace(b"\t2", b"\t3", 1) if name == "tables/credits.copy" else data
        ),
        "in version 2 of the format": repacked(
            file, lambda name, data: data.replace(b'"version": 1', b'"version": 2') if name == MANIFEST else data
        ),
        "it is no export of a tenant": repacked(file, lambda name, data: b"{}" if name == MANIFEST else data),
    }
    for told, contents in cases.items():
        damaged.write_bytes(contents)
        with pytest.raises(SetupProblem, match=told), TenantFile(damaged) as opened:
            opened.check()
    with pytest.raises(SetupProblem, match="There is no file"):
        TenantFile(tmp_path / "none.zip")
    later = repacked(file, lambda name, data: data.replace(b"_init.py", b"_later.py") if name == MANIFEST else data)
    for told, contents in {"is not a zip file": good[:-100], "another version of the tables": later}.items():
        damaged.write_bytes(contents)
        status, out, said = await run(elsewhere, "import", str(damaged))
        assert (status, out, told in said) == (1, "", True), said
    assert await rows_of(elsewhere, tenant.id) == {}


def repacked(file: Path, change: Any) -> bytes:
    """The file with other contents, and right sums of them."""
    other = file.with_name("repacked.zip")
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            if (data := change(name, source.read(name))) is not None:
                target.writestr(name, data)
    return other.read_bytes()


async def test_a_clash_is_told_and_nothing_is_added(
    tenant: Tenant, database_urls: Urls, elsewhere: Urls, tmp_path: Path
) -> None:
    file = tmp_path / "tenant.zip"
    await exported(database_urls, tenant.slug, file)
    made = ("create", tenant.slug, "--time-zone", "Europe/London")
    status, _, said = await run(elsewhere, *made, SCRIP_JWT_SECRET=SECRET)
    assert status == 0, said

    status, _, said = await run(elsewhere, "import", str(file))
    assert (status, f"is called '{tenant.slug}' here" in said) == (1, True), said
    assert await rows_of(elsewhere, tenant.id) == {}
    status, _, said = await run(database_urls, "import", str(file))
    assert (status, "is here already" in said) == (1, True), said
    status, _, said = await run(database_urls, "export", tenant.slug, str(file))
    assert (status, "is there already, and is left as it is" in said) == (1, True)
    assert (await verify(tenant.id)).holds


async def test_rows_changed_past_their_seals_do_not_become_right_by_moving(
    tenant: Tenant, database_urls: Urls, elsewhere: Urls, tmp_path: Path
) -> None:
    """A row that was never sealed would be sealed where it is added."""
    async with superuser(database_urls) as connection, past_triggers(connection):
        await connection.execute(
            "INSERT INTO services (tenant_id, id, name, active) VALUES ($1, $2, 'Forged', true)", tenant.id, uuid4()
        )
    file = tmp_path / "tenant.zip"
    await exported(database_urls, tenant.slug, file)

    status, _, said = await run(elsewhere, "import", str(file))

    assert (status, "seals: " in said, "past their seals" in said) == (1, True, True), said
    assert await rows_of(elsewhere, tenant.id) == {}


async def test_an_import_that_is_killed_leaves_nothing_and_can_be_done_again(
    tenant: Tenant, database_urls: Urls, elsewhere: Urls, tmp_path: Path
) -> None:
    file = tmp_path / "tenant.zip"
    told = await exported(database_urls, tenant.slug, file)
    async with superuser(elsewhere) as connection:
        async with connection.transaction():
            await connection.execute("LOCK TABLE entries")
            process = await scrip(elsewhere, "tenant", "import", str(file))
            await until_waiting(connection)
            process.kill()
            await process.communicate()
        await until_alone(connection)
    assert await rows_of(elsewhere, tenant.id) == {}

    await imported(elsewhere, file)

    assert (await exported(elsewhere, tenant.slug, tmp_path / "again.zip"))["tables"] == told["tables"]


async def until_waiting(connection: "asyncpg.Connection[Any]") -> None:
    """Until somebody waits for a lock of this database."""
    waiting = f"SELECT EXISTS (SELECT FROM {ACTIVITY} WHERE wait_event_type = 'Lock' AND datname = current_database())"
    async with asyncio.timeout(PATIENCE_S):
        while not await connection.fetchval(waiting):
            await connection.execute("SELECT pg_stat_clear_snapshot(), pg_sleep(0.05)")


async def until_alone(connection: "asyncpg.Connection[Any]") -> None:
    """Until no process of Scrip's is connected any more; nodes have connections of their own."""
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'scrip'"
    async with asyncio.timeout(PATIENCE_S):
        while await connection.fetchval(others):
            await connection.execute("SELECT pg_sleep(0.05)")


async def test_a_reading_role_is_enough_to_export(
    tenant: Tenant, server: Urls, database_urls: Urls, tmp_path: Path
) -> None:
    role = f"reader_{uuid4().hex}"
    async with superuser(server) as admin:
        await admin.execute(f"CREATE ROLE {role} LOGIN BYPASSRLS PASSWORD 'secret'")
        await admin.execute(f"GRANT pg_read_all_data TO {role}")
        url = f"postgresql://{role}:secret@{database_urls.app.partition('@')[2]}"
        by_reader = await exported(database_urls, tenant.slug, tmp_path / "1.zip", SCRIP_BACKUP_DATABASE_URL=url)
        await admin.execute(f"DROP OWNED BY {role}")
        await admin.execute(f"DROP ROLE {role}")
    assert by_reader["tables"] == (await exported(database_urls, tenant.slug, tmp_path / "2.zip"))["tables"]


async def test_deleting_leaves_no_row_and_touches_no_other(tenant: Tenant, database_urls: Urls, tmp_path: Path) -> None:
    clock = Clock(NOON + timedelta(hours=9))
    other = await Tenant.open(clock)
    await everything(other, clock)
    kept, had = await rows_of(database_urls, other.id), await rows_of(database_urls, tenant.id)
    file = tmp_path / "tenant.zip"
    told = await exported(database_urls, tenant.slug, file)
    sure = ("delete", tenant.slug, "--confirm", tenant.slug)
    refused = {
        sure: "is not suspended: scrip tenant suspend",
        ("delete", tenant.slug): f"Say that it is meant: --confirm {tenant.slug}",
        ("delete", tenant.slug, "--confirm", other.slug): "Nothing was deleted: ",
    }
    for arguments, why in refused.items():
        status, out, said = await run(database_urls, *arguments)
        assert (status, out, why in said) == (1, "", True), said
    await run(database_urls, "suspend", tenant.slug)
    await suspended_since(database_urls, tenant.id, "10 minutes")  # however long a process takes to start
    status, _, said = await run(database_urls, *sure)
    assert (status, "was suspended only now" in said) == (1, True), said
    assert await rows_of(database_urls, tenant.id) == had | {
        "audit_events": had["audit_events"] + 1,
        "actors": had["actors"] + 1,
        "seals": had["seals"] + 2,
    }
    await suspend(database_urls, tenant.id)

    status, out, said = await run(database_urls, *sure)

    assert status == 0, said
    assert "None is left." in said
    deleted = {line.split()[0]: int(line.split()[1].replace(",", "")) for line in out.splitlines()}
    assert deleted["entries"] == had["entries"]
    assert deleted["tenants"] == 1
    assert await rows_of(database_urls, tenant.id) == {}
    assert await rows_of(database_urls, other.id) == kept
    assert (await verify(other.id)).holds
    status, _, said = await run(database_urls, *sure)
    assert (status, "There is no tenant" in said) == (1, True)

    await imported(database_urls, file)
    assert (await exported(database_urls, tenant.slug, tmp_path / "again.zip"))["tables"] == told["tables"]
    await other.ledger.close()


async def test_a_deletion_that_is_killed_goes_on_and_lets_nobody_in(tenant: Tenant, database_urls: Urls) -> None:
    await suspend(database_urls, tenant.id)
    had = await rows_of(database_urls, tenant.id)
    sure = ("delete", tenant.slug, "--confirm", tenant.slug)
    async with superuser(database_urls) as connection, connection.transaction():
        await connection.execute("LOCK TABLE entries IN SHARE MODE")
        process = await scrip(database_urls, "tenant", *sure)
        await until_waiting(connection)
        process.kill()
        await process.communicate()
    left = await rows_of(database_urls, tenant.id)
    assert left["entries"] == had["entries"]
    assert "seals" not in left

    for arguments, why in {
        ("resume", tenant.slug): "is being deleted",
        ("export", tenant.slug, "/tmp/never.zip"): "is being deleted",
    }.items():
        status, _, said = await run(database_urls, *arguments)
        assert (status, why in said) == (1, True), said
    _, listed, _ = await run(database_urls, "list")
    assert [tenant.slug, str(tenant.id), "being", "deleted"] in [line.split() for line in listed.splitlines()]
    status, _, said = await run(database_urls, *sure)
    assert status == 0, said
    assert await rows_of(database_urls, tenant.id) == {}


async def test_only_rows_of_a_tenant_that_is_being_deleted_are_let_go(tenant: Tenant, database_urls: Urls) -> None:
    """Not to the app's role, not of another tenant, and not to who is not bound by the policies."""
    await suspend(database_urls, tenant.id)
    other = await Tenant.open(Clock(NOON))
    await other.ledger.close()
    async with superuser(database_urls) as connection:
        await connection.execute("UPDATE tenants SET deletion_began_at = now() WHERE id = $1", tenant.id)
    refused = {
        database_urls.app: (tenant.id, asyncpg.InsufficientPrivilegeError),
        database_urls.owner: (other.id, asyncpg.IntegrityConstraintViolationError),
        database_urls.admin: (tenant.id, asyncpg.IntegrityConstraintViolationError),
    }
    for url, (tenant_id, why) in refused.items():
        connection = await asyncpg.connect(url)
        try:
            for table in ("entries", "transactions", "audit_events", "transaction_texts", "credit_changes"):
                async with connection.transaction():
                    await connection.execute(f"SET LOCAL scrip.tenant = '{tenant_id}'")  # reaches other nodes, too
                    with pytest.raises(why):
                        async with connection.transaction():
                            await connection.execute(f"DELETE FROM {table}")
        finally:
            await connection.close()
    owner = await asyncpg.connect(database_urls.owner)
    try:
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute(f"SET LOCAL scrip.tenant = '{tenant.id}'")
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="UPDATE refused"):
            async with owner.transaction():
                await owner.execute("UPDATE entries SET amount_minor = 1")
        await transaction.rollback()
    finally:
        await owner.close()


@pytest.mark.parametrize("what", ["export", "import", "delete"])
async def test_two_databases_where_one_is_meant_are_refused(
    tenant: Tenant, database_urls: Urls, elsewhere: Urls, tmp_path: Path, what: str
) -> None:
    """One of the two URLs was forgotten when the others were changed."""
    await suspend(database_urls, tenant.id)
    file = tmp_path / "tenant.zip"
    mixed = Urls(app=elsewhere.app, owner=database_urls.owner, admin=database_urls.admin)
    variables = {}
    if what == "import":
        await exported(database_urls, tenant.slug, file)
    if what == "export":
        variables["SCRIP_BACKUP_DATABASE_URL"] = database_urls.app
    arguments = {"delete": (tenant.slug, "--confirm", tenant.slug), "import": (str(file),)}.get(
        what, (tenant.slug, str(file))
    )
    there = await rows_of(database_urls, tenant.id)
    status, _, said = await run(mixed, what, *arguments, **variables)
    assert (status, "Two databases are set where one is meant" in said) == (1, True)
    assert await rows_of(database_urls, tenant.id) == there
