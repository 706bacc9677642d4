"""Workers that are killed in the middle of a file in mode SET, or of rows tried again: nothing twice, nothing lost."""

from uuid import UUID, uuid4

from app.postgres.embedded import Urls
from models.commands import Outcome
from models.operations.run_bulks import run_bulk
from models.sources import system_clock
from tests.models.test_bulk_jobs import balances, failures, people, queue, row, state, work
from tests.models.test_retry_bulk import retry
from tests.models.test_set_mode import moved
from tests.support.killed_bulks import claims_run_out, work_until_killed
from tests.support.tenants import Tenant

MANY = 3_000


async def half_way(tenant: Tenant, outcome: Outcome, database_urls: Urls, *, before: int = 0) -> None:
    """Work at it until a worker is killed in the middle. before: rows that are settled already."""
    await work_until_killed(tenant, database_urls)
    status, total, processed, *_ = await state(tenant, outcome)
    assert status == "RUNNING"
    assert before < processed < total
    assert await run_bulk(tenant.ledger, tenant.id) == 0  # the dead one's claim holds
    claims_run_out(tenant)


async def test_a_file_that_sets_what_is_available(tenant: Tenant, database_urls: Urls) -> None:
    """A third has more, a third less, a third just as much: that moves nothing, and is settled all the same."""
    tenant.clock.stand_still(system_clock())
    known = await people(tenant, MANY)
    first = await queue(
        tenant, [row(customer, 4 + n % 3) for n, customer in enumerate(known)], error_policy="SKIP_FAILED"
    )
    await work(tenant)
    outcome = await queue(tenant, [row(customer, 5) for customer in known], error_policy="SKIP_FAILED", mode="SET")
    await half_way(tenant, outcome, database_urls)
    await work(tenant)

    assert await state(tenant, outcome) == ("COMPLETED", MANY, MANY, MANY, 0)
    assert await moved(tenant, outcome) == [str(1 - n % 3) for n in range(MANY)]
    found = await balances(tenant)
    assert {line[1:3] for line in found} == {("POINTS", 5)}
    assert sum(line[3] for line in found) == MANY + 2 * MANY // 3
    assert await keys(tenant, outcome) == (2 * MANY // 3,) * 2
    assert await keys(tenant, first) == (MANY,) * 2


async def test_rows_that_are_tried_again(tenant: Tenant, database_urls: Urls) -> None:
    tenant.clock.stand_still(system_clock())
    known = await people(tenant, 10)
    later = [f"later-{n}" for n in range(MANY)]
    rows = [row(customer, 5) for customer in [*known, *later]]
    outcome = await queue(tenant, rows, error_policy="SKIP_FAILED")
    await work(tenant)
    assert await state(tenant, outcome) == ("COMPLETED", MANY + 10, MANY + 10, 10, MANY)
    await arrive(tenant, later[1:])
    await retry(tenant, outcome)
    await half_way(tenant, outcome, database_urls, before=11)
    await work(tenant)

    assert await state(tenant, outcome) == ("COMPLETED", MANY + 10, MANY + 10, MANY + 9, 1)
    assert await failures(tenant, outcome) == [(10, "NOT_FOUND")]
    assert {line[1:] for line in await balances(tenant)} == {("POINTS", 5, 1)}
    assert await keys(tenant, outcome) == (MANY + 9,) * 2


async def arrive(tenant: Tenant, names: list[str]) -> None:
    """Add customers with these external ids."""
    await tenant.execute(
        """INSERT INTO customers (tenant_id, id, external_id, name, created_at, updated_at)
        SELECT t.id, u.id, u.name, 'Late', now(), now()
        FROM tenants t CROSS JOIN unnest($2::uuid[], $3::text[]) AS u(id, name) WHERE t.id = $1""",
        [uuid4() for _ in names],
        names,
    )


async def keys(tenant: Tenant, outcome: Outcome) -> tuple[int, int]:
    """How many transactions the operation's rows have, and under how many keys."""
    assert isinstance(outcome.bulk_operation_id, UUID)
    sql = """SELECT count(*), count(DISTINCT idempotency_key) FROM transactions
        WHERE tenant_id = $1 AND idempotency_key LIKE $2"""
    every, different = (await tenant.rows(sql, f"bulk:{outcome.bulk_operation_id}:%"))[0]
    return every, different
