"""What is made for a database of several nodes, on one PostgreSQL: the forms of statements and of trigger functions."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import asyncpg
import pytest
from pglast import parse_sql
from pglast.stream import RawStream
from tortoise.context import TortoiseContext

from app.postgres import database as databases
from app.postgres.database import LOCATION, check_database, migrate, tortoise_config
from app.postgres.distributed import Lack, _functions, _in_order, apart, check_can_distribute, lacks_of_the_cluster
from app.postgres.embedded import Urls
from app.postgres.engines import refused_engine
from app.postgres.shards import BESIDE, MARK, CannotBeDistributed, for_shards, statements_of
from app.problems import SetupProblem
from models.reads.verify import every_tenant, verify
from tests.conftest import cloned_database
from tests.simulation.driver import simulate

TABLES = ("entries", "seals")
STEPS = 80
ONE_MACHINE = f"""CREATE FUNCTION {BESIDE}(own name, wanted text) RETURNS text LANGUAGE sql AS
    $$ SELECT CASE WHEN own !~ '_[0-9]+$' THEN quote_ident(wanted) END $$"""
"""What it is without nodes: every table stands for itself."""


def body(statement: str, rest: str = "", declared: str = "") -> str:
    return f"\n{declared}BEGIN\n    {statement};\n{rest}    RETURN NULL;\nEND "


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("INSERT INTO seals (id) SELECT n.id FROM added n", "INSERT INTO %1$s (id) SELECT n.id FROM added n"),
        (
            "DELETE FROM seals USING (SELECT * FROM added) n WHERE seals.id = n.id AND 5 % 2 = 1",
            "DELETE FROM %1$s AS seals USING (SELECT * FROM added) n WHERE seals.id = n.id AND 5 %% 2 = 1",
        ),
    ],
)
def test_a_statement_of_changed_rows_names_the_shards(statement: str, wanted: str) -> None:
    executed = f"EXECUTE format($shards${wanted}$shards$, shard_beside(TG_TABLE_NAME, 'seals'))"
    assert for_shards(body(statement), TABLES) == f"{MARK}{body(executed)}"


def test_what_it_selects_into_tells_whether_it_was_found() -> None:
    found = for_shards(
        body(
            "SELECT n.id INTO broken FROM added n JOIN entries e ON e.id = n.id",
            "    IF FOUND THEN RAISE 'no; %', broken.id; END IF;\n",
            "DECLARE\n    broken record;\n",
        ),
        TABLES,
    )
    assert found is not None
    assert "$shards$SELECT n.id FROM added n JOIN %1$s e ON e.id = n.id$shards$" in found
    assert "INTO broken;\n    IF broken IS NOT NULL THEN RAISE 'no; %', broken.id; END IF;" in found


def test_variables_are_handed_over() -> None:
    statement = 'UPDATE seals SET salt = fresh, of = \'fresh NEW\', "NEW" = TG_OP WHERE id = NEW."id"'
    found = for_shards(
        body(f"IF TG_OP = 'UPDATE' THEN {statement}", "    END IF;\n", "DECLARE\n    fresh bytea;\n"), TABLES
    )
    assert found is not None
    assert (
        "THEN EXECUTE format($shards$UPDATE %1$s AS seals SET salt = $1, of = 'fresh NEW', \"NEW\" = $2 "
        "WHERE id = ($3).\"id\"$shards$, shard_beside(TG_TABLE_NAME, 'seals')) USING fresh, TG_OP, NEW;" in found
    )


def test_others_are_left_as_they_are_and_nothing_is_done_twice() -> None:
    assert for_shards(body("NEW.version := OLD.version + 1"), TABLES) is None
    assert for_shards(body("RAISE 'FROM entries'; -- UPDATE seals\n"), TABLES) is None
    once = for_shards(body("INSERT INTO seals SELECT * FROM added"), TABLES)
    assert once is not None
    assert for_shards(once, TABLES) is None


@pytest.mark.parametrize(
    "wrong",
    [
        body("IF EXISTS (SELECT FROM seals) THEN RETURN NULL; END IF"),
        body("PERFORM 1 FROM entries"),
        body("INSERT INTO seals SELECT * FROM added", "    IF NOT FOUND THEN RETURN NULL; END IF;\n"),
    ],
)
def test_what_has_no_such_form_is_refused(wrong: str) -> None:
    with pytest.raises(CannotBeDistributed):
        for_shards(wrong, TABLES)


async def test_no_trigger_of_a_shard_is_for_truncate_as_well(owner_connection: "asyncpg.Connection[Any]") -> None:
    """Citus gives the shards none that is: neither DELETE nor UPDATE would be refused there."""
    sql = "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal AND tgtype & 32 > 0"
    found = await owner_connection.fetch(sql)
    assert len(found) > 10
    for name, definition in found:
        first, alone = apart(definition)
        assert first == definition.replace(" OR TRUNCATE ", " ")
        assert "TRUNCATE" not in first
        assert alone.startswith(f"CREATE TRIGGER {name}_truncate BEFORE TRUNCATE ON public.")
        assert alone.endswith(" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    for (definition,) in await owner_connection.fetch(
        "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal AND tgtype & 32 = 0"
    ):
        assert apart(definition) == [definition]


@pytest.mark.parametrize("file", sorted((LOCATION / "sql").rglob("*.sql")), ids=lambda file: file.name)
def test_a_step_is_taken_apart_as_postgresql_does(file: Path) -> None:
    script = file.read_text()

    def told(text: str) -> list[str]:
        statements: list[Any] = [raw.stmt for raw in parse_sql(text)]
        return [RawStream()(statement) for statement in statements]

    assert [told(each) for each in statements_of(script)] == [[each] for each in told(script)]


@pytest.fixture
async def as_on_nodes(server: Urls) -> AsyncIterator[Urls]:
    """A database whose functions and statements have the forms for nodes."""
    async with cloned_database(server, f"nodes_{uuid4().hex}") as urls:
        owner = await asyncpg.connect(urls.owner)
        try:
            await owner.execute(ONE_MACHINE)
            functions = await _functions(owner)
            assert {"entries_continue()", "accounts_follow()", "raise_config_version()"} <= {
                name for name, _ in functions
            }
            for _, definition in functions:
                await owner.execute(definition)
            assert await _functions(owner) == []
        finally:
            await owner.close()

        async def always(_: Any) -> bool:
            return True

        with patch.object(databases, "is_distributed", always):
            async with TortoiseContext() as context:
                await context.init(tortoise_config(urls.app, pool_max=10))
                yield urls


async def test_the_ledger_agrees_in_the_forms_for_nodes(as_on_nodes: Urls) -> None:
    answers = await simulate(11, STEPS)

    assert sum(count for what, count in answers.items() if what.endswith(" done")) > STEPS / 2
    for tenant in await every_tenant():
        assert (await verify(tenant.id, lanes=4)).holds


async def test_the_triggers_hold_the_chains_in_that_form(as_on_nodes: Urls) -> None:
    await simulate(12, STEPS)
    owner = await asyncpg.connect(as_on_nodes.admin)
    try:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="does not agree with its newest entry"):
            await owner.execute("UPDATE accounts SET sequence = sequence + 1 WHERE sequence > 0")
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="does not continue the one before it"):
            await owner.execute(
                """INSERT INTO entries SELECT (jsonb_populate_record(e, jsonb_build_object(
                    'id', gen_random_uuid(), 'sequence', e.sequence + 1000))).* FROM entries e
                WHERE e.sequence > 1 LIMIT 1"""
            )
    finally:
        await owner.close()


async def test_without_nodes_nothing_is_distributed_and_it_is_said_what_is_missing(database_urls: Urls) -> None:
    with pytest.raises(SetupProblem, match=r"The extension citus is not in this database\. On every node:"):
        await migrate(database_urls.owner, database_urls.app, lambda _: None, distributed=True)


class Nodes:
    """Answers as a coordinator would."""

    def __init__(self, version: str, server: int, nodes: list[dict[str, Any]], group: int = 0) -> None:
        self._answers = {"pg_extension": version, "pg_dist_local_group": group}
        self._nodes = nodes
        self._server = server

    async def fetchval(self, sql: str) -> Any:
        return next(answer for word, answer in self._answers.items() if word in sql)

    async def fetch(self, _: str) -> list[dict[str, Any]]:
        return self._nodes

    def get_server_version(self) -> Any:
        return asyncpg.types.ServerVersion(self._server, 0, 0, "final", 0)


def node(group: int, **other: Any) -> dict[str, Any]:
    usual = {"isactive": True, "shouldhaveshards": group > 0, "hasmetadata": True, "metadatasynced": True}
    return {"nodename": f"db{group}", "nodeport": 5432, "groupid": group} | usual | other


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        (Nodes("14.0-1", 18, [node(0), node(1), node(2)]), []),
        (Nodes("13.2-1", 17, [node(0), node(1)]), ["Citus is 13.2-1."]),
        (Nodes("14.0-1", 15, [node(0), node(1)]), ["PostgreSQL is 15."]),
        (Nodes("14.0-1", 18, [node(1)]), ["The coordinator is not among its nodes."]),
        (Nodes("14.0-1", 18, [node(0), node(1)], group=1), ["This is a worker."]),
        (Nodes("14.0-1", 18, []), ["There is no worker."]),
        (Nodes("14.0-1", 18, [node(0), node(1), node(2, isactive=False)]), ["db2:5432 is not active."]),
        (Nodes("14.0-1", 18, [node(0), node(1, metadatasynced=False)]), ["db1:5432 does not know the tables."]),
    ],
)
async def test_what_nodes_lack_is_said_with_the_way_out(nodes: Nodes, told: list[str]) -> None:
    lacks = await lacks_of_the_cluster(nodes)
    assert [lack.message for lack in lacks] == told
    assert all(lack.todo for lack in lacks)
    if told:
        with pytest.raises(SetupProblem, match="Nothing was distributed at here"):
            await check_can_distribute(nodes, "here")


def test_tables_come_after_those_that_they_point_to() -> None:
    assert _in_order({"a": ["b"], "b": ["c", "gone"], "c": []}) == ["c", "b", "a"]
    with pytest.raises(SetupProblem, match="need each other: a, b"):
        _in_order({"a": ["b"], "b": ["a"]})
    assert Lack("a", "b") == Lack("a", "b")


class Engine:
    def __init__(self, version: str, *, locks: bool = True) -> None:
        self._answers = {"version()": version, "to_regprocedure": locks}

    async def fetchval(self, sql: str) -> Any:
        return next(answer for word, answer in self._answers.items() if word in sql)


@pytest.mark.parametrize(
    ("engine", "host", "name"),
    [
        (Engine("PostgreSQL 15.12-YB-2025.2.0.0-b0 on x86_64-pc-linux-gnu"), "", "YugabyteDB"),
        (Engine("CockroachDB CCL v25.4.0 (x86_64-pc-linux-gnu)"), "", "CockroachDB"),
        (Engine("PostgreSQL 16", locks=False), "", "Aurora DSQL"),
        (Engine("PostgreSQL 16"), "abc.dsql.eu-west-1.on.aws/postgres", "Aurora DSQL"),
    ],
)
async def test_engines_that_lose_what_scrip_needs_are_refused(engine: Engine, host: str, name: str) -> None:
    reason = await refused_engine(engine, host)
    assert reason is not None
    assert reason.startswith(f"{name} is not supported: ")


async def test_postgres_is_not_refused_and_another_engine_does_not_start(database_urls: Urls) -> None:
    connection = await asyncpg.connect(database_urls.app)
    try:
        assert await refused_engine(connection, "db/scrip") is None
    finally:
        await connection.close()

    async def refused(*_: Any) -> str:
        return "X is not supported: it forgets."

    with patch.object(databases, "refused_engine", refused), pytest.raises(SetupProblem, match="X is not supported"):
        await check_database(database_urls.app)
