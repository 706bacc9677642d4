"""Tenants on several nodes, as docs/scaling.md has it.

Needs a Citus coordinator with two workers, which SCRIP_TEST_CITUS_URL names (tests/support/citus.py).
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
import pytest
from tortoise.context import TortoiseContext

from app.finding import State
from app.postgres.checkup import look_at_database
from app.postgres.database import migrate, open_database, tortoise_config
from app.postgres.distributed import lacks_of_the_tables
from app.postgres.embedded import Urls
from app.settings import Settings
from models.nodes import FILLED_IN
from models.reads.verify import every_tenant, verify
from tests.docs.blocks import Examples
from tests.operations.test_upgrade import COMING, coming
from tests.simulation.driver import simulate
from tests.support.citus import SETTING, at_node, distributed_database, given_cluster
from tests.support.clock import Clock
from tests.support.releases import ROOT, as_of
from tests.support.tenants import Tenant

OF_THE_PAGE: Final = "THE-TENANTS-ID"
STEPS: Final = 60


@pytest.fixture(scope="module")
async def nodes() -> AsyncIterator[Urls]:
    """A distributed database of this file's own."""
    cluster = given_cluster()
    if cluster is None:
        pytest.fail(f"Set {SETTING} to the URL of a Citus coordinator with two workers.")
    name = f"nodes_{uuid4().hex[:8]}"
    async with distributed_database(cluster, name) as urls, open_database(urls.app, pool_min=1, pool_max=10):
        yield urls


@pytest.fixture
async def admin(nodes: Urls) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(nodes.admin)
    try:
        yield connection
    finally:
        await connection.close()


async def holds() -> bool:
    return all([(await verify(tenant.id, lanes=4)).holds for tenant in await every_tenant()])


async def test_everything_agrees_and_doctor_has_nothing_to_say(nodes: Urls) -> None:
    await simulate(5, STEPS)
    assert await holds()
    settings = Settings(database_url=nodes.app, migration_database_url=nodes.owner)
    found = {finding.part: finding for finding in await look_at_database(settings, nodes.app)}
    assert found["citus"].state is State.OK
    assert found["citus"].message.endswith("tenants are on 2 nodes.")


async def test_migrating_again_does_nothing_and_a_later_table_and_function_follow(nodes: Urls, admin: Any) -> None:
    owner = await asyncpg.connect(nodes.owner)
    try:
        await owner.execute(
            "CREATE TABLE later (tenant_id uuid REFERENCES tenants (id), id uuid, PRIMARY KEY (tenant_id, id))"
        )
        await owner.execute("ALTER TABLE later ENABLE ROW LEVEL SECURITY")
        body = "BEGIN UPDATE tenants SET config_version = config_version + 1 WHERE id = NEW.tenant_id; RETURN NULL; END"
        await owner.execute(f"CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS $${body}$$")
        await owner.execute("CREATE TRIGGER later AFTER INSERT ON later FOR EACH ROW EXECUTE FUNCTION later()")
        said: list[str] = []
        assert await migrate(nodes.owner, nodes.app, said.append) == []
        assert said == ["Distributed later"]
        said.clear()
        await migrate(nodes.owner, nodes.app, said.append, distributed=True)
        assert said == []
        assert "shard_beside" in await owner.fetchval("SELECT prosrc FROM pg_proc WHERE proname = 'later'")
        await owner.execute("DROP TABLE later; DROP FUNCTION later()")
    finally:
        await owner.close()


async def test_rows_that_the_database_fills_in_are_known(nodes: Urls, admin: Any) -> None:
    rows = await admin.fetch(
        """SELECT DISTINCT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_dist_partition p ON p.logicalrelid = c.oid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated = ''
        WHERE a.attnum > 0 AND (a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE '%(%')"""
    )
    assert {row["relname"] for row in rows} == FILLED_IN


@pytest.mark.parametrize("table", ["entries", "transactions", "audit_events", "transaction_texts", "credit_changes"])
async def test_what_only_grows_does_so_on_the_shards_themselves(nodes: Urls, admin: Any, table: str) -> None:
    """Whoever goes past the coordinator: not the app's role, not the owner as the tenant, and no superuser."""
    tenant = await Tenant.open(Clock())
    await tenant.adjust(await tenant.customer(), "1.00")
    sql = """SELECT s.shardid, n.nodename, n.nodeport
        FROM pg_dist_placement s JOIN pg_dist_node n USING (groupid)
        WHERE s.shardid = get_shard_id_for_distribution_column($1, $2::uuid)"""
    shard, host, port = await admin.fetchrow(sql, table, tenant.id)
    changed = {"entries": "amount_minor = 1", "transactions": "reason = NULL", "credit_changes": "created_at = now()"}
    statements = [f"DELETE FROM {table}_{shard}"]
    statements += [f"UPDATE {table}_{shard} SET {changed[table]}"] if table in changed else []
    refused = {
        nodes.app: asyncpg.InsufficientPrivilegeError,
        nodes.owner: asyncpg.IntegrityConstraintViolationError,
        nodes.admin: asyncpg.IntegrityConstraintViolationError,
    }
    before = await tenant.fingerprint()
    owner = await asyncpg.connect(nodes.owner)
    try:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="TRUNCATE refused"):
            await owner.execute(f"TRUNCATE {table} CASCADE")
    finally:
        await owner.close()
    for url, why in refused.items():
        connection = await asyncpg.connect(at_node(url, host, port))
        try:
            for statement in statements:
                async with connection.transaction():
                    await connection.execute(f"SET LOCAL scrip.tenant = '{tenant.id}'")
                    with pytest.raises(why):
                        async with connection.transaction():
                            await connection.execute(statement)
        finally:
            await connection.close()
    assert await tenant.fingerprint() == before


async def test_a_tenant_moves_and_gets_a_shard_of_its_own_while_it_is_used(nodes: Urls, admin: Any) -> None:
    clock = Clock()
    tenant = await Tenant.open(clock)
    customer = await tenant.customer()
    going, done = True, 0

    async def use() -> None:
        nonlocal done
        while going:
            await tenant.adjust(customer, "1.00")
            done += 1

    page = Examples("docs/scaling.md", "sql")
    blocks = [page.take("sql").text.replace(OF_THE_PAGE, str(tenant.id)) for _ in range(4)]
    user = asyncio.create_task(use())
    try:
        allow, select, move, forbid = _statements(blocks[2])
        await admin.execute(allow)
        shard, host, port = await admin.fetchrow(select)
        to = await admin.fetchrow(
            "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0 AND (nodename, nodeport) <> ($1, $2)",
            host,
            port,
        )
        for word, instead in (
            ("102010", shard),
            ("'db1', 5432", f"'{host}', {port}"),
            ("'db2', 5432", f"'{to[0]}', {to[1]}"),
        ):
            assert word in move
            move = move.replace(word, str(instead))
        await admin.execute(move)
        await admin.execute(forbid)
        assert tuple(await admin.fetchrow(select)) == (shard, *to)
        (isolate,) = _statements(blocks[3])
        alone = await admin.fetchval(isolate)
        assert (await admin.fetchrow(select))[0] == alone
    finally:
        going = False
        await user
    assert done > 0
    account = await tenant.account(customer)
    assert account is not None
    assert account.balance_minor == 100 * done
    assert await holds()


async def test_a_later_version_migrates_beside_those_who_post(tmp_path: Path) -> None:
    """With a table, a column, an index and a trigger function of its own, by the steps that stop nobody."""
    cluster = given_cluster()
    assert cluster is not None
    function = (ROOT / "migrations" / "database.sql").read_text().partition("CREATE FUNCTION entries_continue()")[2]
    replaced = f"CREATE OR REPLACE FUNCTION entries_continue(){function.partition('END $function$;')[0]}END $function$;"
    steps = {**COMING, "more.sql": f"{COMING['more.sql']}\n{replaced}"}
    after = await asyncio.to_thread(coming, tmp_path, steps)
    async with distributed_database(cluster, f"nodes_{uuid4().hex[:8]}") as urls, TortoiseContext() as context:
        await context.init(tortoise_config(urls.app, pool_max=10))
        tenants = [await Tenant.open(Clock()) for _ in range(2)]
        people = [await tenant.customer() for tenant in tenants]
        going, done = True, [0, 0]

        async def use(n: int) -> None:
            while going:
                await tenants[n].adjust(people[n], "1.00")
                done[n] += 1

        users = [asyncio.create_task(use(n)) for n in range(2)]
        try:
            assert "applied" in await asyncio.to_thread(as_of, after, urls, "migrate")
        finally:
            going = False
            await asyncio.gather(*users)
        for tenant, customer, number in zip(tenants, people, done, strict=True):
            assert number > 0
            await tenant.adjust(customer, "1.00")
            assert await tenant.available(customer) == 100 * (number + 1)
        assert all([(await verify(tenant.id)).holds for tenant in tenants])
        owner = await asyncpg.connect(urls.owner)
        try:
            assert await lacks_of_the_tables(owner) == []
            assert await owner.fetchval(
                "SELECT count(*) FROM pg_dist_partition WHERE logicalrelid = 'nicknames'::regclass"
            )
        finally:
            await owner.close()
        for tenant in tenants:
            await tenant.ledger.close()


def _statements(block: str) -> list[str]:
    return [statement.strip() for statement in block.split(";") if statement.strip()]
