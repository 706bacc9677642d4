"""The list of approval requests, where most of them were decided long ago."""

from typing import Any
from uuid import UUID

import asyncpg

from models.reads.paging import load_pages, page_request
from models.reads.requests import APPROVALS, approval_status
from models.reads.session import ReadSession
from models.session import tenant_transaction
from tests.support.approvals import ask, reject
from tests.support.citus import OF_ONE_PLAN
from tests.support.tenants import Tenant

DECIDED = 2_000
PAGE = 5


@OF_ONE_PLAN
async def test_what_waits_is_found_without_reading_all_that_was_decided(
    tenant: Tenant, anna: UUID, owner_connection: "asyncpg.Connection[Any]"
) -> None:
    """By the plan that is kept for all values, which the database goes over to by itself; once it has counted the rows,
    which it does not do when a test would like it to."""
    rejected = await ask(tenant, anna)
    await reject(tenant, rejected)
    async with tenant_transaction(tenant.id) as connection:
        await connection.raw.execute(
            """INSERT INTO approval_requests (tenant_id, id, operation, command, customer_id, status, requested_by_id,
                requested_subject, decided_by_id, decided_subject, decided_at, created_at, expires_at)
            SELECT tenant_id, gen_random_uuid(), operation, command, customer_id, status, requested_by_id,
                requested_subject, decided_by_id, decided_subject, decided_at, created_at - n * interval '1 minute',
                expires_at
            FROM approval_requests, generate_series(1, $3) n WHERE tenant_id = $1 AND id = $2""",
            tenant.id,
            rejected,
            DECIDED,
        )
    tenant.clock.advance(seconds=1)
    waiting = [await ask(tenant, anna) for _ in range(2)]
    await owner_connection.execute("ANALYZE approval_requests")
    session = ReadSession(tenant.id)
    (row,) = await session.fetch("select current_setting('plan_cache_mode') as mode where $1::uuid is not null")
    assert row["mode"] == "force_generic_plan"

    pages = await load_pages(
        session,
        APPROVALS,
        [tenant.id],
        page_request(APPROVALS, PAGE, None, None, None),
        (approval_status(["PENDING"], tenant.clock()),),
    )

    assert [row.id for row in pages[tenant.id].rows] == sorted(waiting)
    read = """SELECT seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_xact_user_tables
        WHERE relname = 'approval_requests' AND $1::uuid IS NOT NULL"""
    ((rows,),) = await session.fetch(read)
    await session.release()
    assert rows < DECIDED / 10
