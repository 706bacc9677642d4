"""Many customers at once."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from models.commands import AdjustCredit, BulkCredit, BulkItem, MergeCustomers, Outcome
from models.errors import LedgerErrors
from models.ledger import Ledger
from models.operations.adjust import adjust_credit
from models.operations.bulk_credit import bulk_credit
from models.operations.merge_customers import merge_customers
from tests.support.clock import Clock
from tests.support.tenants import MANAGER, PARTNER, Tenant


@pytest.fixture
async def three(tenant: Tenant) -> list[UUID]:
    return [await tenant.customer(name=name) for name in ("Anna", "Ben", "Cleo")]


async def report(tenant: Tenant) -> list[tuple[Any, ...]]:
    """Row, whether it was posted, and the code of its failure."""
    return await tenant.rows(
        "SELECT row, transaction_id IS NOT NULL, error->>'code' FROM bulk_rows WHERE tenant_id = $1 ORDER BY row"
    )


async def counts(tenant: Tenant) -> tuple[Any, ...]:
    return (await tenant.rows("SELECT total, processed, succeeded, failed FROM bulk_operations WHERE tenant_id = $1"))[
        0
    ]


async def test_each_row_is_an_event_of_its_customer(tenant: Tenant, three: list[UUID]) -> None:
    await tenant.adjust(three[2], 9, "POINTS")
    outcome = await tenant.bulk((three[0], 5), (three[1], "7.00"), (three[2], -4), note="Sorry", expires_in_days=3)

    assert [await tenant.available(c, "POINTS") for c in three] == [5, 7, 5]
    assert await counts(tenant) == (3, 3, 3, 0)
    assert await report(tenant) == [(0, True, None), (1, True, None), (2, True, None)]
    assert await tenant.count("transaction_texts") == 3
    assert (await tenant.rows("SELECT id FROM bulk_operations WHERE tenant_id = $1")) == [(outcome.bulk_operation_id,)]
    expiring = await tenant.rows("SELECT count(*) FROM credits WHERE tenant_id = $1 AND expires_at IS NOT NULL")
    assert expiring == [(2,)]


async def test_reject_all_posts_nothing_and_names_every_bad_row(tenant: Tenant, three: list[UUID]) -> None:
    async with tenant.refused("INVALID") as caught:
        await tenant.bulk((three[0], 5), (three[1], -7), (uuid4(), 5), (three[2], "0.5"), (None, 1), (three[0], 0))

    assert isinstance(caught.value, LedgerErrors)
    assert [(error.row, error.code, error.field) for error in caught.value.errors] == [
        (1, "INSUFFICIENT_BALANCE", ("items", "1", "amount")),
        (2, "NOT_FOUND", ("items", "2", "customerId")),
        (3, "AMOUNT_PRECISION", ("items", "3", "amount")),
        (4, "NOT_FOUND", ("items", "4", "customerId")),
        (5, "DUPLICATE", ("items", "5", "customerId")),
    ]


async def test_skip_failed_posts_the_rest_and_reports(tenant: Tenant, three: list[UUID]) -> None:
    nobody = uuid4()
    await tenant.bulk(
        (three[0], 5), (three[1], -7), (nobody, 5), (three[2], 2), (three[2], 2), error_policy="SKIP_FAILED"
    )

    assert [await tenant.available(c, "POINTS") for c in three] == [5, 0, 2]
    assert await counts(tenant) == (5, 5, 2, 3)
    assert await report(tenant) == [
        (0, True, None),
        (1, False, "INSUFFICIENT_BALANCE"),
        (2, False, "NOT_FOUND"),
        (3, True, None),
        (4, False, "DUPLICATE"),
    ]
    assert await tenant.count("accounts") == 2  # none for the row that was refused


async def test_a_dry_run_gives_the_same_report_and_posts_nothing(tenant: Tenant, three: list[UUID]) -> None:
    for policy in ("REJECT_ALL", "SKIP_FAILED"):
        before = await tenant.fingerprint()
        outcome = await tenant.bulk((three[0], 5), (three[1], -7), error_policy=policy, dry_run=True, key="k")
        after = await tenant.fingerprint()

        moved = {name for name in after if after[name] != before[name]}
        assert moved <= {"bulk_operations", "bulk_rows", "outbox"}
        rows = await tenant.rows(
            "SELECT row, error->>'code' FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2 ORDER BY row",
            outcome.bulk_operation_id,
        )
        assert rows == [(0, None), (1, "INSUFFICIENT_BALANCE")]
    await tenant.bulk((three[0], 5), key="k")  # it has freed its key
    assert await tenant.available(three[0], "POINTS") == 5


async def test_duplicates_only_when_allowed(tenant: Tenant, three: list[UUID]) -> None:
    async with tenant.refused("INVALID"):
        await tenant.bulk((three[0], 5), (three[0], 5))
    await tenant.bulk((three[0], 5), (three[0], -2), (three[0], 5), allow_duplicate_customers=True)
    assert await tenant.available(three[0], "POINTS") == 8


async def test_rows_see_the_rows_before_them(tenant: Tenant, three: list[UUID]) -> None:
    await tenant.bulk(
        (three[0], 5), (three[0], -6), (three[0], -5), allow_duplicate_customers=True, error_policy="SKIP_FAILED"
    )
    assert await report(tenant) == [(0, True, None), (1, False, "INSUFFICIENT_BALANCE"), (2, True, None)]


async def test_limits_hold_over_the_rows(tenant: Tenant, three: list[UUID]) -> None:
    rows = [(await tenant.customer(), 1000) for _ in range(6)]
    await tenant.bulk(*rows, actor=PARTNER, error_policy="SKIP_FAILED")
    assert await report(tenant) == [*((n, True, None) for n in range(5)), (5, False, "LIMIT_EXCEEDED")]


async def test_what_no_bulk_is(tenant: Tenant, three: list[UUID], clock: Clock) -> None:
    async with tenant.refused("INVALID"):
        await tenant.bulk()
    async with tenant.refused("INVALID"):
        await tenant.bulk(*[(three[0], 1)] * 10_001)
    async with tenant.refused("INVALID"):
        await tenant.bulk((three[0], 1), asset="XAU", error_policy="SKIP_FAILED")
    async with tenant.refused("INVALID"):
        await tenant.bulk((three[0], 1), expires_in_days=1, expires_at=clock() + timedelta(days=3))


async def test_a_repetition_answers_the_same_operation(tenant: Tenant, three: list[UUID]) -> None:
    once = await tenant.bulk((three[0], 5), (three[1], 5), key="k")
    before = await tenant.fingerprint()
    again, third = await asyncio.gather(*(tenant.bulk((three[0], 5), (three[1], 5), key="k") for _ in range(2)))

    assert again.bulk_operation_id == third.bulk_operation_id == once.bulk_operation_id
    assert again.replayed
    assert await tenant.fingerprint() == before


async def test_ten_thousand_rows_at_once(tenant: Tenant) -> None:
    most = 10_000
    await tenant.execute(
        """INSERT INTO customers (tenant_id, id, external_id, name, created_at, updated_at)
        SELECT t.id, u.id, 'many-' || u.n, 'Many', now(), now()
        FROM tenants t CROSS JOIN unnest($2::uuid[]) WITH ORDINALITY AS u(id, n) WHERE t.id = $1""",
        [uuid4() for _ in range(most)],
    )
    everybody = [row[0] for row in await tenant.rows("SELECT id FROM customers WHERE tenant_id = $1")]
    async with tenant.refused("INVALID") as caught:
        await tenant.bulk(*((c, 1) for c in everybody[:-1]), (uuid4(), 1))
    assert isinstance(caught.value, LedgerErrors)
    assert [error.row for error in caught.value.errors] == [most - 1]
    await tenant.bulk(*((c, 2) for c in everybody))

    sql = "SELECT count(*), sum(balance_minor), min(sequence), max(sequence) FROM accounts WHERE tenant_id = $1"
    rows = await tenant.rows(sql)
    assert rows == [(most, 2 * most, 1, 1)]


async def test_each_malformed_id_is_nobody_s(tenant: Tenant, anna: UUID) -> None:
    outcome = await tenant.bulk((None, 5), (anna, 5), (None, 5), (anna, 5), error_policy="SKIP_FAILED")
    sql = "SELECT error->>'code' FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2 ORDER BY row"
    codes = [row[0] for row in await tenant.rows(sql, outcome.bulk_operation_id)]
    assert codes == ["NOT_FOUND", None, "NOT_FOUND", "DUPLICATE"]


async def test_a_bulk_that_opens_accounts_is_posted_beside_those_who_open_them_too(tenant: Tenant) -> None:
    """Each account may be made by somebody else between looking and locking; to begin again each time would never end."""
    people = [await tenant.customer(name=f"P{n}") for n in range(300)]
    other = Ledger(tenant.clock)
    items = tuple(BulkItem(customer, Decimal(1)) for customer in people)
    done = asyncio.Event()

    async def singles() -> int:
        posted = 0
        for customer in reversed(people):
            if done.is_set():
                break
            command = AdjustCredit(customer, "NOK", Decimal(1), "GOODWILL")
            await adjust_credit(other, tenant.id, MANAGER, command, uuid4().hex)
            posted += 1
        return posted

    async def bulk() -> None:
        command = BulkCredit(items, "NOK", "GOODWILL")
        await bulk_credit(tenant.ledger, tenant.id, MANAGER, command, "bulk")
        done.set()

    posted, _ = await asyncio.gather(singles(), bulk())
    await other.close()
    total = await tenant.rows("SELECT sum(balance_minor) FROM accounts WHERE tenant_id = $1 AND asset = 'NOK'")
    assert total == [(100 * (300 + posted),)]


async def test_a_merged_record_and_its_person_are_one_customer_whatever_is_wrong_with_the_row(tenant: Tenant) -> None:
    """Also to a process that has not met the record yet."""
    old, now = await tenant.customer(name="Old"), await tenant.customer(name="Now")
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(old, now), "m")
    command = BulkCredit(
        (BulkItem(old, Decimal("0.001")), BulkItem(now, Decimal(5))), "GBP", "GOODWILL", error_policy="SKIP_FAILED"
    )
    other = Ledger(tenant.clock)
    await bulk_credit(other, tenant.id, MANAGER, command, "bulk")
    await other.close()
    assert await report(tenant) == [(0, False, "AMOUNT_PRECISION"), (1, False, "DUPLICATE")]


# Amounts that are to be available


async def moved(tenant: Tenant, outcome: Outcome) -> list[tuple[Any, ...]]:
    """Of each row what it moved, whether it has a transaction, and the code of its failure."""
    return await tenant.rows(
        """SELECT details->>'moved', transaction_id IS NOT NULL, error->>'code' FROM bulk_rows
        WHERE tenant_id = $1 AND operation_id = $2 ORDER BY row""",
        outcome.bulk_operation_id,
    )


async def test_in_mode_set_each_amount_is_what_is_available_afterwards(tenant: Tenant, three: list[UUID]) -> None:
    await tenant.adjust(three[0], 9, "POINTS")
    await tenant.adjust(three[1], 5, "POINTS")
    outcome = await tenant.bulk((three[0], 5), (three[1], 5), (three[2], 5), mode="SET", expires_in_days=3)
    assert await moved(tenant, outcome) == [("-4", True, None), ("0", False, None), ("5", True, None)]
    assert [await tenant.available(c, "POINTS") for c in three] == [5, 5, 5]
    assert await counts(tenant) == (3, 3, 3, 0)
    back = await tenant.reverse(outcome)
    assert [await tenant.available(c, "POINTS") for c in three] == [9, 5, 0]
    assert back.bulk_operation_id is not None


async def test_in_mode_set_the_last_row_of_a_customer_counts(tenant: Tenant, three: list[UUID]) -> None:
    rows = [(three[0], 40), (three[0], 40), (three[0], 15), (three[1], 0)]
    outcome = await tenant.bulk(*rows, mode="SET", allow_duplicate_customers=True)
    assert await moved(tenant, outcome) == [
        ("40", True, None),
        ("0", False, None),
        ("-25", True, None),
        ("0", False, None),
    ]
    assert await tenant.available(three[0], "POINTS") == 15


async def test_in_mode_set_a_dry_run_tells_what_would_be_moved(tenant: Tenant, three: list[UUID]) -> None:
    await tenant.adjust(three[0], 9, "POINTS")
    outcome = await tenant.bulk((three[0], 5), (three[1], -1), (three[2], 2), mode="SET", dry_run=True)
    assert await moved(tenant, outcome) == [("-4", False, None), (None, False, "INVALID"), ("2", False, None)]
    assert await tenant.available(three[0], "POINTS") == 9


async def test_in_mode_set_one_bad_row_posts_nothing(tenant: Tenant, three: list[UUID]) -> None:
    await tenant.adjust(three[0], 9, "POINTS")
    async with tenant.refused("INVALID") as caught:
        await tenant.bulk((three[0], 5), (three[1], -1), (three[2], "0.5"), mode="SET")
    assert isinstance(caught.value, LedgerErrors)
    assert [(error.row, error.code, error.field) for error in caught.value.errors] == [
        (1, "INVALID", ("items", "1", "amount")),
        (2, "AMOUNT_PRECISION", ("items", "2", "amount")),
    ]


async def test_in_mode_set_beside_postings_it_ends_where_it_aimed_plus_what_came_after(tenant: Tenant) -> None:
    carol = await tenant.customer()
    await tenant.adjust(carol, 10, "POINTS")
    await asyncio.gather(
        tenant.bulk((carol, 1_000), mode="SET"), *(tenant.adjust(carol, 1, "POINTS") for _ in range(20))
    )
    rows = await tenant.rows(
        """SELECT e.balance_after_minor, b.id IS NOT NULL FROM entries e
        LEFT JOIN bulk_rows b ON b.tenant_id = $1 AND b.transaction_id = e.transaction_id
        WHERE e.tenant_id = $1 ORDER BY e.sequence"""
    )
    assert [after for after, by_bulk in rows if by_bulk] == [1_000]
    later = len(rows) - 1 - [by_bulk for _, by_bulk in rows].index(True)
    assert await tenant.available(carol, "POINTS") == 1_000 + later


async def test_in_mode_set_it_is_another_request_than_the_same_amounts_added(tenant: Tenant, three: list[UUID]) -> None:
    first = await tenant.bulk((three[0], 5), mode="SET", key="k")
    again = await tenant.bulk((three[0], 5), mode="SET", key="k")
    assert (again.bulk_operation_id, again.replayed) == (first.bulk_operation_id, True)
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await tenant.bulk((three[0], 5), key="k")
    assert await tenant.available(three[0], "POINTS") == 5
