"""A worker that was away for longer than its claim on a bulk lasts, as a stopped machine: another has the bulk by then;
and one whose tenant is suspended meanwhile."""

import asyncio
from typing import Any

import pytest

from models.ledger import Ledger
from models.operations import reverse_bulk, run_bulks, run_reversals
from models.operations.bulk_claims import ClaimLost, claim_next, finish, keep_claim, note_validated, release
from models.operations.bulk_row import RunningBulk
from models.operations.cancel_bulk import cancel_bulk
from models.operations.run_bulks import run_bulk
from models.operations.suspend_tenant import resume_tenant, suspend_tenant
from models.operations.validate_bulk import validate
from models.sources import system_clock
from tests.models.test_bulk_jobs import balances, people, queue, row, state, work
from tests.support.killed_bulks import claims_run_out
from tests.support.tenants import ADMIN, MANAGER, Tenant, known


async def claimed(tenant: Tenant) -> RunningBulk:
    bulk = await claim_next(tenant.ledger, tenant.id)
    assert bulk is not None
    return bulk


async def test_who_has_lost_the_claim_takes_nothing_from_who_has_it(tenant: Tenant) -> None:
    tenant.clock.stand_still(system_clock())
    outcome = await queue(tenant, [row(customer, 5) for customer in await people(tenant, 2)])
    first = await claimed(tenant)
    assert await keep_claim(tenant.ledger, tenant.id, first)
    claims_run_out(tenant)
    second = await claimed(tenant)
    with pytest.raises(ClaimLost):
        await keep_claim(tenant.ledger, tenant.id, first)
    with pytest.raises(ClaimLost):
        await note_validated(tenant.ledger, tenant.id, first)
    with pytest.raises(ClaimLost):
        await finish(tenant.ledger, tenant.id, first, "FAILED")
    await release(tenant.id, first)
    assert await claim_next(tenant.ledger, tenant.id) is None
    assert await state(tenant, outcome) == ("RUNNING", 2, 0, 0, 0)

    assert await keep_claim(tenant.ledger, tenant.id, second)
    await release(tenant.id, second)
    await work(tenant)
    assert await state(tenant, outcome) == ("COMPLETED", 2, 2, 2, 0)


async def test_rows_that_it_was_about_to_post_stay_unposted_once_the_bulk_is_cancelled(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant.clock.stand_still(system_clock())
    outcome = await queue(
        tenant, [row(customer, 5) for customer in await people(tenant, 2)], error_policy="SKIP_FAILED"
    )
    has_read, goes_on, pending = asyncio.Event(), asyncio.Event(), run_bulks._pending

    async def stopped(*asked: object) -> object:
        rows = await pending(*asked)  # type: ignore[arg-type]
        has_read.set()
        await goes_on.wait()
        return rows

    monkeypatch.setattr(run_bulks, "_pending", stopped)
    slow = asyncio.create_task(run_bulk(tenant.ledger, tenant.id))
    await has_read.wait()
    monkeypatch.setattr(run_bulks, "_pending", pending)
    claims_run_out(tenant)
    await cancel_bulk(tenant.ledger, tenant.id, MANAGER, known(outcome.bulk_operation_id))
    other = Ledger(tenant.clock)
    await work(tenant, other)
    await other.close()
    cancelled = await state(tenant, outcome)
    assert cancelled == ("CANCELLED", 2, 0, 0, 0)

    goes_on.set()
    await slow
    assert await state(tenant, outcome) == cancelled
    assert await balances(tenant) == []


async def test_a_bulk_rests_while_its_tenant_is_suspended(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = await queue(tenant, [row(customer, 5) for customer in await people(tenant, 6)])

    async def suspended_meanwhile(*asked: Any) -> int | None:
        found = await validate(*asked)
        await suspend_tenant(tenant.ledger, tenant.id, ADMIN)
        return found

    monkeypatch.setattr(run_bulks, "validate", suspended_meanwhile)
    await work(tenant)
    assert await state(tenant, outcome) == ("RUNNING", 6, 0, 0, 0)
    assert await tenant.count("transactions") == 0
    assert await tenant.rows("SELECT 1 FROM bulk_operations WHERE tenant_id = $1 AND claimed_until IS NOT NULL") == []
    await resume_tenant(tenant.ledger, tenant.id, ADMIN)
    await work(tenant)
    assert await state(tenant, outcome) == ("COMPLETED", 6, 6, 6, 0)


@pytest.mark.parametrize("reversal", [False, True], ids=["file", "reversal"])
async def test_no_chunk_begins_once_the_tenant_is_suspended(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, reversal: bool
) -> None:
    """But for those that were under way, or about to be."""
    for module in (run_bulks, run_reversals):
        monkeypatch.setattr(module, "CHUNK_ROWS", 2)
    monkeypatch.setattr(reverse_bulk, "AT_ONCE", 0)
    rows = [row(customer, 5) for customer in await people(tenant, 20)]
    outcome = await queue(tenant, rows, error_policy="SKIP_FAILED")
    if reversal:
        await work(tenant)
        outcome = await tenant.reverse(outcome)
    submit = tenant.ledger.submit

    async def suspended_by_then(*asked: Any) -> Any:
        found = await submit(*asked)
        await suspend_tenant(tenant.ledger, tenant.id, ADMIN)
        return found

    monkeypatch.setattr(tenant.ledger, "submit", suspended_by_then)
    await work(tenant)
    resting = await state(tenant, outcome)
    assert resting[0] == "RUNNING"
    assert resting[2] <= 2 * (run_bulks.AT_ONCE + 1)
    monkeypatch.setattr(tenant.ledger, "submit", submit)
    await work(tenant)
    assert await state(tenant, outcome) == resting
    await resume_tenant(tenant.ledger, tenant.id, ADMIN)
    await work(tenant)
    assert await state(tenant, outcome) == ("COMPLETED", 20, 20, 20, 0)
