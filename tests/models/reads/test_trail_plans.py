"""Events by what they have an index for: one plan for all values reads few rows, also where one value has nearly all."""

from typing import Any, Final

import asyncpg
import pytest

from models.commands import Actor
from models.reads import audit
from models.reads.paging import Condition, load_pages, page_request
from models.reads.session import ReadSession
from tests.support.citus import OF_ONE_PLAN
from tests.support.mutating import statements_sent
from tests.support.tenants import Tenant

FREQUENT: Final = 3_000
PAGE: Final = 5
BY: Final = {
    "action": audit.with_action("a.rare"),
    "request_id": audit.of_request("a.rare"),
    "address": audit.from_address("a.rare"),
}
ADD: Final = """INSERT INTO audit_events (tenant_id, id, actor_id, subject_id, action, request_id, address, created_at)
    SELECT $1, gen_random_uuid(), $2, $2, $3, $4, $5, $6::timestamptz + n * interval '1 second'
      FROM generate_series(1, $7) n"""


async def page_statement(tenant: Tenant, condition: Condition) -> tuple[str, tuple[Any, ...]]:
    session, request = ReadSession(tenant.id), page_request(audit.AUDIT_TRAIL, None, None, PAGE, None)
    with statements_sent() as sent:
        await load_pages(session, audit.AUDIT_TRAIL, [tenant.id], request, (condition,))
        await session.release()
    ((sql, values),) = [each for each in sent if "goes_below" in each[0]]
    return sql, values


@OF_ONE_PLAN
@pytest.mark.parametrize("column", BY)
async def test_a_value_that_is_rare_is_found_without_reading_all_that_is_frequent(
    tenant: Tenant, owner_connection: "asyncpg.Connection[Any]", column: str
) -> None:
    """The statistics, too, are taken back: they are those of a business whose events are nearly all alike."""
    sql, values = await page_statement(tenant, BY[column])
    someone = await tenant.ledger.actor_id(tenant.id, Actor("someone", "ADMIN"))
    transaction = owner_connection.transaction()
    await transaction.start()
    try:
        await owner_connection.execute("SELECT set_config('scrip.tenant', $1, true)", str(tenant.id))
        for value, number in (("a.rare", 1), ("a.frequent", FREQUENT)):
            given = {"action": "a.none", "request_id": "", "address": ""} | {column: value}
            await owner_connection.execute(ADD, tenant.id, someone, *given.values(), tenant.clock(), number)
        await owner_connection.execute(f"ALTER TABLE audit_events ALTER COLUMN {column} SET (n_distinct = 1)")
        await owner_connection.execute("ANALYZE audit_events")
        await owner_connection.execute("SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off")
        rows = await owner_connection.fetch(sql, *values)
        read = await owner_connection.fetchval(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'audit_events'"
        )
    finally:
        await transaction.rollback()
    assert [row["id"] is not None for row in rows] == [True]
    assert read < FREQUENT / 10
