"""Large reversals: by workers, in chunks, cancelled, gone on with by somebody else, reported on beforehand."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from app.postgres.embedded import Urls
from models.commands import Outcome
from models.ledger import Ledger
from models.operations import reverse_bulk, run_reversals
from models.operations.cancel_bulk import cancel_bulk
from models.operations.run_bulks import run_bulk
from models.sources import system_clock
from tests.models.test_bulk_jobs import people, queue, row, state, work
from tests.support.killed_bulks import claims_run_out, work_until_killed
from tests.support.tenants import MANAGER, Tenant, known

ROOT = Path(__file__).parents[2]


async def posted_file(tenant: Tenant, rows: int, *, amount: int = 5) -> Outcome:
    """A file of additions, of which every seventh row is a removal that fails."""
    lines = [row(customer, -1 if n % 7 == 3 else amount) for n, customer in enumerate(await people(tenant, rows))]
    outcome = await queue(tenant, lines, error_policy="SKIP_FAILED")
    await work(tenant)
    return outcome


async def total(tenant: Tenant) -> int:
    found: int = (await tenant.rows("SELECT coalesce(sum(balance_minor), 0) FROM accounts WHERE tenant_id = $1"))[0][0]
    return found


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_reversals, "CHUNK_ROWS", 2)
    monkeypatch.setattr(run_reversals, "CHUNKS_PER_RUN", 1)
    monkeypatch.setattr(reverse_bulk, "AT_ONCE", 0)


@pytest.mark.usefixtures("small_chunks")
async def test_in_chunks_the_last_row_first(tenant: Tenant) -> None:
    file = await posted_file(tenant, 7)
    back = await tenant.reverse(file)
    assert await state(tenant, back) == ("QUEUED", 6, 0, 0, 0)
    assert await run_bulk(tenant.ledger, tenant.id) == 2
    assert await state(tenant, back) == ("RUNNING", 6, 2, 2, 0)
    numbers = "SELECT row FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2 ORDER BY row"
    assert await tenant.rows(numbers, back.bulk_operation_id) == [(5,), (6,)]
    await work(tenant)
    assert await state(tenant, back) == ("COMPLETED", 6, 6, 6, 0)
    assert await total(tenant) == 0
    topics = "SELECT topic FROM outbox WHERE tenant_id = $1 AND subject_id = $2"
    assert await tenant.rows(topics, back.bulk_operation_id) == [("bulk.completed",)]


@pytest.mark.usefixtures("small_chunks")
async def test_cancelled_the_rest_is_another_s(tenant: Tenant) -> None:
    file = await posted_file(tenant, 6)
    back = await tenant.reverse(file)
    async with tenant.refused("BULK_NOT_REVERSIBLE"):  # one at a time
        await tenant.reverse(file)
    await run_bulk(tenant.ledger, tenant.id)
    assert await cancel_bulk(tenant.ledger, tenant.id, MANAGER, known(back.bulk_operation_id))
    await work(tenant)
    assert await state(tenant, back) == ("CANCELLED", 5, 2, 2, 0)
    assert await total(tenant) == 15
    rest = await tenant.reverse(file)
    await work(tenant)
    assert await state(tenant, rest) == ("COMPLETED", 3, 3, 3, 0)
    assert (await total(tenant), await tenant.count("reversed_rows")) == (0, 5)


@pytest.mark.usefixtures("small_chunks")
async def test_a_cancelled_bulk_is_taken_back_as_far_as_it_went(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.operations.run_bulks.CHUNK_ROWS", 2)
    monkeypatch.setattr("models.operations.run_bulks.CHUNKS_PER_RUN", 1)
    file = await queue(tenant, [row(c, 5) for c in await people(tenant, 6)], error_policy="SKIP_FAILED")
    async with tenant.refused("BULK_NOT_REVERSIBLE"):
        await tenant.reverse(file)
    await run_bulk(tenant.ledger, tenant.id)
    assert await cancel_bulk(tenant.ledger, tenant.id, MANAGER, known(file.bulk_operation_id))
    await work(tenant)
    assert await total(tenant) == 10
    back = await tenant.reverse(file)
    await work(tenant)
    assert await state(tenant, back) == ("COMPLETED", 2, 2, 2, 0)
    assert await total(tenant) == 0


async def test_a_small_one_is_done_in_its_request(tenant: Tenant) -> None:
    back = await tenant.reverse(await posted_file(tenant, 5))
    assert (await state(tenant, back))[0] == "COMPLETED"
    assert await run_bulk(tenant.ledger, tenant.id) == 0


async def test_a_dry_run_of_many_in_batches(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_reversals, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(reverse_bulk, "AT_ONCE", 0)
    names = await people(tenant, 4)
    file = await queue(tenant, [row(name, 5) for name in names for _ in range(3)], allow_duplicate_customers=True)
    await work(tenant)
    dry = await tenant.reverse(file, dry_run=True)
    async with tenant.refused("BULK_NOT_REVERSIBLE"):
        await tenant.reverse(dry)
    await work(tenant)
    assert await state(tenant, dry) == ("COMPLETED", 12, 12, 12, 0)
    told = """SELECT row, details->>'taken_minor', transaction_id FROM bulk_rows
        WHERE tenant_id = $1 AND operation_id = $2 ORDER BY row"""
    assert await tenant.rows(told, dry.bulk_operation_id) == [(n, "5", None) for n in range(12)]
    assert (await total(tenant), await tenant.count("reversed_rows")) == (60, 0)


async def test_by_two_workers_at_once(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_reversals, "CHUNK_ROWS", 20)
    monkeypatch.setattr(reverse_bulk, "AT_ONCE", 0)
    known_people = await people(tenant, 100)
    files = [
        await queue(tenant, [row(customer, 5) for customer in some], error_policy="SKIP_FAILED")
        for some in (known_people, known_people[::-1])
    ]
    await work(tenant)
    both = [await tenant.reverse(file) for file in files]
    other = Ledger(tenant.clock)
    try:
        await asyncio.gather(work(tenant), work(tenant, other))
    finally:
        await other.close()
    await work(tenant)
    assert [await state(tenant, one) for one in both] == [("COMPLETED", 100, 100, 100, 0)] * 2
    assert await total(tenant) == 0


async def test_a_run_that_is_killed_half_way_ends_as_if_it_had_not_been(tenant: Tenant, database_urls: Urls) -> None:
    tenant.clock.stand_still(system_clock())
    file = await posted_file(tenant, 3_000)
    good = 3_000 - len([n for n in range(3_000) if n % 7 == 3])
    back = await tenant.reverse(file)
    assert isinstance(back.bulk_operation_id, UUID)
    assert (await state(tenant, back))[:2] == ("QUEUED", good)
    await work_until_killed(tenant, database_urls)
    status, _, processed, *_ = await state(tenant, back)
    assert status == "RUNNING"
    assert 0 < processed < good
    claims_run_out(tenant)
    await work(tenant)

    assert await state(tenant, back) == ("COMPLETED", good, good, good, 0)
    assert (await total(tenant), await tenant.count("reversed_rows")) == (0, good)
    sequences = await tenant.rows("SELECT DISTINCT sequence FROM accounts WHERE tenant_id = $1")
    assert sequences == [(2,)]
