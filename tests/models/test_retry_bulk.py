"""The failed rows of a file tried again: what was posted is not posted twice, by however many at once."""

import asyncio
from typing import Any

import pytest

from models.commands import Outcome
from models.errors import Invalid, LedgerError
from models.event_kinds import EventKind
from models.operations import reverse_bulk, run_bulks
from models.operations.cancel_bulk import cancel_bulk
from models.operations.keep_feed import keep_feed
from models.operations.retry_bulk import RetryBulk, retry_bulk
from models.operations.run_bulks import run_bulk
from tests.models.test_bulk_jobs import balances, failures, people, queue, row, state, work
from tests.models.test_erasing_beside import until_it_waits
from tests.models.test_keep_feed import feed
from tests.support.pausing import Pause
from tests.support.tenants import MANAGER, Tenant, known


async def retry(tenant: Tenant, outcome: Outcome, key: str = "again") -> Outcome:
    return await retry_bulk(tenant.ledger, tenant.id, MANAGER, RetryBulk(known(outcome.bulk_operation_id)), key)


async def posted(tenant: Tenant) -> int:
    return await tenant.count("transactions")


async def test_rows_whose_cause_is_gone_are_posted_and_the_others_are_not_twice(tenant: Tenant) -> None:
    a, b = await people(tenant, 2)
    rows = [
        row(a, 5),
        row("later", 7, note="For Later"),
        row(b, -3),
        row(a, 9),
        row("later", 9),
        row(b, None, errors=(Invalid("No amount", field=("amount",)),)),
    ]
    outcome = await queue(tenant, rows, error_policy="SKIP_FAILED")
    await work(tenant)
    bad = [(1, "NOT_FOUND"), (2, "INSUFFICIENT_BALANCE"), (3, "DUPLICATE"), (4, "NOT_FOUND"), (5, "INVALID")]
    assert await failures(tenant, outcome) == bad

    await tenant.customer("later")
    b_id = (await tenant.rows("SELECT id FROM customers WHERE tenant_id = $1 AND external_id = $2", b))[0][0]
    await tenant.adjust(b_id, 10, "POINTS")
    again = await retry(tenant, outcome)
    assert (again.bulk_operation_id, again.replayed) == (outcome.bulk_operation_id, False)
    assert await state(tenant, outcome) == ("QUEUED", 6, 4, 1, 3)
    await work(tenant)
    assert await state(tenant, outcome) == ("COMPLETED", 6, 6, 3, 3)
    assert await failures(tenant, outcome) == [(3, "DUPLICATE"), (4, "DUPLICATE"), (5, "INVALID")]
    assert await balances(tenant) == [(a, "POINTS", 5, 1), (b, "POINTS", 7, 2), ("later", "POINTS", 7, 1)]

    replay = await retry(tenant, outcome)
    assert (replay.bulk_operation_id, replay.replayed) == (outcome.bulk_operation_id, True)
    async with tenant.refused("BULK_NOT_RETRYABLE"):
        await retry(tenant, outcome, "once more")


async def test_at_once_and_with_workers_beside_it_posts_each_row_once(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_bulks, "CHUNK_ROWS", 3)
    rows = [row(f"later-{n}", 5) for n in range(12)]
    first = await people(tenant, 1)
    outcome = await queue(tenant, [*rows, row(first[0], 5)], error_policy="SKIP_FAILED")
    await work(tenant)
    for n in range(12):
        await tenant.customer(f"later-{n}")
    done = await asyncio.gather(
        *(retry(tenant, outcome, f"key-{n}") for n in range(5)), work(tenant), return_exceptions=True
    )
    assert any(isinstance(each, Outcome) for each in done)
    assert {each.code for each in done if isinstance(each, LedgerError)} <= {"BULK_NOT_RETRYABLE"}
    await asyncio.gather(work(tenant), work(tenant))
    assert await state(tenant, outcome) == ("COMPLETED", 13, 13, 13, 0)
    assert await posted(tenant) == 13


async def test_a_first_row_that_failed_twice_is_tried_a_third_time(tenant: Tenant) -> None:
    """Its chunk has another key each time."""
    (a,) = await people(tenant, 1)
    a_id = (await tenant.rows("SELECT id FROM customers WHERE tenant_id = $1"))[0][0]
    outcome = await queue(tenant, [row(a, -5)], error_policy="SKIP_FAILED")
    await work(tenant)
    for key in ("first", "second"):
        await retry(tenant, outcome, key)
        await work(tenant)
        assert await failures(tenant, outcome) == [(0, "INSUFFICIENT_BALANCE")]
    await tenant.adjust(a_id, 5, "POINTS")
    await retry(tenant, outcome, "third")
    await work(tenant)
    assert await state(tenant, outcome) == ("COMPLETED", 1, 1, 1, 0)


async def test_what_a_cancellation_left_goes_on(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_bulks, "CHUNK_ROWS", 2)
    monkeypatch.setattr(run_bulks, "CHUNKS_PER_RUN", 1)
    names = await people(tenant, 5)
    outcome = await queue(tenant, [row(name, 5) for name in names], error_policy="SKIP_FAILED")
    await run_bulk(tenant.ledger, tenant.id)
    assert await cancel_bulk(tenant.ledger, tenant.id, MANAGER, known(outcome.bulk_operation_id))
    async with tenant.refused("BULK_NOT_RETRYABLE"):  # it has not ended
        await retry(tenant, outcome)
    await work(tenant)
    assert await state(tenant, outcome) == ("CANCELLED", 5, 2, 2, 0)
    await retry(tenant, outcome)
    await work(tenant)
    assert await state(tenant, outcome) == ("COMPLETED", 5, 5, 5, 0)
    assert await posted(tenant) == 5


async def test_a_row_in_mode_set_aims_anew(tenant: Tenant) -> None:
    (a,) = await people(tenant, 1)
    outcome = await queue(tenant, [row(a, 5), row("later", 9)], error_policy="SKIP_FAILED", mode="SET")
    await work(tenant)
    later = await tenant.customer("later")
    await tenant.adjust(later, 4, "POINTS")
    await retry(tenant, outcome)
    await work(tenant)
    assert await balances(tenant) == [(a, "POINTS", 5, 1), ("later", "POINTS", 9, 2)]


async def test_what_cannot_be_tried_again(tenant: Tenant) -> None:
    a, b = await people(tenant, 2)
    failed = await queue(tenant, [row(a, 5), row("nobody", 5)])
    dry = await queue(tenant, [row(a, 5), row("nobody", 5)], dry_run=True)
    back = await queue(tenant, [row(b, 5), row("nobody", 5)], error_policy="SKIP_FAILED")
    await work(tenant)
    await tenant.reverse(back)
    b_id = (await tenant.rows("SELECT id FROM customers WHERE tenant_id = $1 AND external_id = $2", b))[0][0]
    small = await tenant.bulk((b_id, 5))
    await tenant.customer("nobody")
    for outcome in (failed, dry, back, small):
        async with tenant.refused("BULK_NOT_RETRYABLE"):
            await retry(tenant, outcome, "k")


async def test_one_that_waits_for_a_reversal_to_be_queued_is_refused(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have come to the file at once, and the reversal was the first to lock it."""
    (first,) = await people(tenant, 1)
    outcome = await queue(tenant, [row(first, 5), row("later", 7)], error_policy="SKIP_FAILED")
    await work(tenant)
    await tenant.customer("later")
    monkeypatch.setattr(reverse_bulk, "AT_ONCE", 0)
    pause = Pause(monkeypatch, "models.operations.reverse_bulk.record_event")
    reversing = asyncio.create_task(tenant.reverse(outcome))
    await pause.reached.wait()
    retrying = asyncio.create_task(retry(tenant, outcome))
    await until_it_waits(tenant, retrying)
    pause.go_on.set()
    await reversing
    async with tenant.refused("BULK_NOT_RETRYABLE"):
        await retrying
    await work(tenant)
    assert [line[1:] for line in await balances(tenant)] == [("POINTS", 0, 2)]


async def test_an_event_goes_on_saying_how_a_bulk_ended_then(tenant: Tenant) -> None:
    async def told() -> list[Any]:
        tenant.clock.advance(seconds=1)
        await keep_feed(tenant.ledger, tenant.id)
        return [event.facts for event in await feed(tenant) if event.kind is EventKind.BULK_FINISHED]

    (a,) = await people(tenant, 1)
    rows = [row(a, 5), row("soon", 6), row("later", 7)]
    outcome = await queue(tenant, rows, error_policy="SKIP_FAILED")
    await work(tenant)
    first = ["COMPLETED", 3, 1, 2]
    assert await told() == [first]
    await tenant.customer("soon")
    await retry(tenant, outcome)
    assert await told() == [first]
    await cancel_bulk(tenant.ledger, tenant.id, MANAGER, known(outcome.bulk_operation_id))
    await work(tenant)
    second = ["CANCELLED", 3, 1, 1]
    assert await told() == [first, second]
    await tenant.customer("later")
    await retry(tenant, outcome, "once more")
    assert await told() == [first, second]
    await work(tenant)
    assert await told() == [first, second, ["COMPLETED", 3, 3, 0]]
