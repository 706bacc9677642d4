"""Files in mode SET: the difference to what is available when a row is posted, whatever happens beside it."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest

from models.commands import Actor, Outcome
from models.operations import run_bulks
from models.operations.hold_credit import hold_credit
from models.planning.holding import HoldCredit
from tests.models.test_bulk_jobs import balances, failures, queue, row, state, work
from tests.support.clock import Clock
from tests.support.tenants import MANAGER, PARTNER, Tenant

ALL: Final[dict[str, Any]] = {"mode": "SET", "allow_duplicate_customers": True, "error_policy": "SKIP_FAILED"}


async def moved(tenant: Tenant, outcome: Outcome) -> list[str | None]:
    sql = "SELECT details->>'moved' FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2 ORDER BY row"
    return [found for (found,) in await tenant.rows(sql, outcome.bulk_operation_id)]


async def set_to(tenant: Tenant, *rows: tuple[str, int], actor: Actor = MANAGER, **whole: Any) -> Outcome:
    lines = [row(customer, amount) for customer, amount in rows]
    outcome = await queue(tenant, lines, actor=actor, **{**ALL, **whole})
    await work(tenant)
    return outcome


async def person(tenant: Tenant, name: str = "carol") -> UUID:
    return await tenant.customer(name)


async def test_what_is_scheduled_held_or_expired_is_untouched(tenant: Tenant, clock: Clock) -> None:
    carol = await person(tenant)
    await tenant.adjust(carol, 100, "POINTS")
    await tenant.adjust(carol, 30, "POINTS", effective_on=date(2199, 1, 1))
    await tenant.adjust(carol, 20, "POINTS", expires_at=tenant.clock() + timedelta(hours=1))
    held = HoldCredit(carol, "POINTS", Decimal(15), "Table 7", expires_in_minutes=1_000)
    await hold_credit(tenant.ledger, tenant.id, MANAGER, held, "hold")
    clock.advance(hours=2)

    before = await tenant.available(carol, "POINTS")
    outcome = await set_to(tenant, ("carol", 40))
    assert await moved(tenant, outcome) == [str(40 - before)]
    assert await tenant.available(carol, "POINTS") == 40


async def test_twice_in_one_file_the_last_row_counts(tenant: Tenant) -> None:
    carol = await person(tenant)
    outcome = await set_to(tenant, ("carol", 40), ("carol", 40), ("carol", 15))
    assert await moved(tenant, outcome) == ["40", "0", "-25"]
    assert await tenant.available(carol, "POINTS") == 15


async def test_services_are_those_of_what_is_added_and_anything_is_removed(tenant: Tenant) -> None:
    """As the expiry: what is to be available counts credits for whatever services."""
    cut, colour = await tenant.service("Cut"), await tenant.service("Colour")
    carol = await tenant.customer("carol")
    await tenant.adjust(carol, 5, "SERVICE_CREDITS", service_ids=(cut,))
    whole: dict[str, Any] = {**ALL, "asset": "SERVICE_CREDITS", "services": ("Colour",)}
    outcome = await queue(tenant, [row("carol", 2), row("carol", 2), row("carol", 3)], **whole)
    await work(tenant)

    assert await moved(tenant, outcome) == ["-3", "0", "1"]
    sql = "SELECT service_id FROM credit_services s JOIN credits c ON c.tenant_id = $1 AND c.id = s.credit_id"
    added = await tenant.rows(f"{sql} WHERE s.tenant_id = $1 AND c.amount_minor = 1")
    assert [found for (found,) in added] == [colour]


async def test_what_is_added_for_no_services_is_refused_either_way(tenant: Tenant) -> None:
    """Points have no services, whether some are missing or too many."""
    await tenant.service("Cut")
    for name in ("carol", "dave"):
        await tenant.adjust(await tenant.customer(name), 5, "POINTS")
    outcome = await queue(tenant, [row("carol", 2), row("dave", 9)], **ALL, services=("Cut",))
    await work(tenant)
    assert [code for _, code in await failures(tenant, outcome)] == ["INVALID", "INVALID"]


async def test_beside_postings_it_ends_where_it_aimed_plus_what_came_after(tenant: Tenant) -> None:
    carol = await person(tenant)
    await tenant.adjust(carol, 10, "POINTS")
    outcome = await queue(tenant, [row("carol", 1_000)], **ALL)
    await asyncio.gather(work(tenant), *(tenant.adjust(carol, 1, "POINTS") for _ in range(20)))

    rows = await tenant.rows(
        """SELECT e.balance_after_minor, t.idempotency_key LIKE 'bulk:%' FROM entries e
        JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id WHERE e.tenant_id = $1 ORDER BY e.sequence"""
    )
    assert [after for after, by_file in rows if by_file] == [1_000]
    later = len(rows) - 1 - [by_file for _, by_file in rows].index(True)
    assert await tenant.available(carol, "POINTS") == 1_000 + later
    assert await state(tenant, outcome) == ("COMPLETED", 1, 1, 1, 0)


async def test_zero_empties_an_account_and_opens_none(tenant: Tenant) -> None:
    carol = await person(tenant)
    await person(tenant, "dave")
    await tenant.adjust(carol, 10, "POINTS")
    outcome = await set_to(tenant, ("carol", 0), ("dave", 0))
    assert await moved(tenant, outcome) == ["-10", "0"]
    assert await balances(tenant) == [("carol", "POINTS", 0, 2)]


async def test_what_a_row_cannot_be(tenant: Tenant) -> None:
    for name in ("a", "b", "c", "d"):
        await person(tenant, name)
    rows = [
        row("a", -1),
        row("b", 5, effective_on=date(2199, 1, 1)),
        row("c", 5, reason="POLICY"),
        row("d", 5, reason="PROMOTION"),
    ]
    outcome = await queue(tenant, rows, **ALL)
    await work(tenant)
    assert await failures(tenant, outcome) == [(0, "INVALID"), (1, "EXPIRY_CONFLICT"), (2, "REASON_DIRECTION")]
    again = await set_to(tenant, ("d", 1), reason="PROMOTION")
    assert await failures(tenant, again) == [(0, "REASON_DIRECTION")]
    nothing = await set_to(tenant, ("d", 5), reason="PROMOTION")  # to move, in no direction
    assert await state(tenant, nothing) == ("COMPLETED", 1, 1, 1, 0)


async def test_the_senders_limits_hold_for_what_is_added(tenant: Tenant) -> None:
    carol = await person(tenant)
    await tenant.limit("PARTNER", "POINTS", adjustment=50)
    await tenant.adjust(carol, 60, "POINTS")
    outcome = await set_to(tenant, ("carol", 100), ("carol", 200), ("carol", 20), actor=PARTNER)
    assert await moved(tenant, outcome) == ["40", None, "-80"]
    assert await failures(tenant, outcome) == [(1, "LIMIT_EXCEEDED")]


async def test_all_or_nothing(tenant: Tenant) -> None:
    carol = await person(tenant)
    await tenant.adjust(carol, 60, "POINTS")
    outcome = await set_to(tenant, ("carol", 10), ("carol", -1), error_policy="REJECT_ALL")
    assert (await state(tenant, outcome))[0] == "FAILED"
    assert await tenant.available(carol, "POINTS") == 60
    outcome = await set_to(tenant, ("carol", 10), ("carol", 10), error_policy="REJECT_ALL")
    assert await state(tenant, outcome) == ("COMPLETED", 2, 2, 2, 0)
    assert await moved(tenant, outcome) == ["-50", "0"]


async def test_a_run_that_was_interrupted_goes_on_after_rows_that_moved_nothing(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_bulks, "CHUNK_ROWS", 2)
    monkeypatch.setattr(run_bulks, "CHUNKS_PER_RUN", 1)
    names = ("a", "b", "c", "d", "e")
    for name in names:
        await person(tenant, name)
    outcome = await set_to(tenant, *((name, 5 * (n % 2)) for n, name in enumerate(names)))
    assert await state(tenant, outcome) == ("COMPLETED", 5, 5, 5, 0)
    assert await moved(tenant, outcome) == ["0", "5", "0", "5", "0"]


async def test_a_reversal_takes_back_what_was_moved(tenant: Tenant) -> None:
    carol, dave, erin = [await person(tenant, name) for name in ("carol", "dave", "erin")]
    await tenant.adjust(carol, 60, "POINTS")
    await tenant.adjust(erin, 7, "POINTS")
    outcome = await set_to(tenant, ("carol", 10), ("dave", 25), ("erin", 7))
    back = await tenant.reverse(outcome)
    assert await state(tenant, back) == ("COMPLETED", 2, 2, 2, 0)
    assert [await tenant.available(who, "POINTS") for who in (carol, dave, erin)] == [60, 0, 7]
