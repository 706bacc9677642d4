"""A dry run of a bulk waits for nobody and holds nobody up: it is planned on the books of one moment, without a lock."""

import asyncio
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest

from app.postgres.embedded import Urls
from models.commands import MergeCustomers
from models.configuration_commands import SetLimit
from models.ledger import Ledger
from models.loading import accounts
from models.operations import validate_bulk
from models.operations.limits import set_limit
from models.operations.merge_customers import merge_customers
from tests.models.test_bulk_jobs import failures, queue, row, work
from tests.models.test_bulk_jobs import people as some_people
from tests.support.clock import Clock
from tests.support.holding import transaction_elsewhere
from tests.support.mutating import statements_sent
from tests.support.pausing import Pause
from tests.support.tenants import ADMIN, MANAGER, PARTNER, STAFF, Tenant

SOON: Final = 15
"""Seconds: less than anybody waits for what is held for as long as the test goes on."""


@pytest.fixture
async def people(tenant: Tenant) -> list[UUID]:
    """Two with points, one without an account."""
    found = [await tenant.customer(name=f"C{n}") for n in range(3)]
    for customer in found[:2]:
        await tenant.adjust(customer, 5, "POINTS")
    return found


@pytest.fixture
def pause(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pause]:
    """Holds up the first bulk once its report is about to be written."""
    pause = Pause(monkeypatch, "models.posting.write")
    yield pause
    pause.go_on.set()  # so that a test which fails ends


async def report(tenant: Tenant, people: list[UUID], **more: Any) -> list[tuple[Any, ...]]:
    """What it says of 1 to the first, −3 to the second, 2 to whoever has none, and −1 from them."""
    rows = ((people[0], 1), (people[1], -3), (people[2], 2), (people[2], -1), (people[2], -2))
    told = await tenant.bulk(*rows, dry_run=True, allow_duplicate_customers=True, **more)
    sql = """SELECT "row", error->>'code' FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2 ORDER BY "row" """
    return await tenant.rows(sql, told.bulk_operation_id)


REPORT = [(0, None), (1, None), (2, None), (3, None), (4, "INSUFFICIENT_BALANCE")]


@pytest.mark.parametrize(
    "held",
    [
        "SELECT FROM customers WHERE tenant_id = $1 FOR UPDATE",
        "SELECT FROM accounts WHERE tenant_id = $1 FOR UPDATE",
        "SELECT FROM tenants WHERE id = $1 FOR UPDATE",
        "UPDATE credits SET remaining_minor = 0 WHERE tenant_id = $1",
    ],
    ids=["customers", "accounts", "tenant", "credits"],
)
async def test_it_waits_for_nobody(tenant: Tenant, people: list[UUID], database_urls: Urls, held: str) -> None:
    await report(tenant, people)  # whatever is only done once
    async with transaction_elsewhere(database_urls, tenant) as connection:
        await connection.fetch(held, tenant.id)
        async with asyncio.timeout(SOON):
            assert await report(tenant, people) == REPORT


async def test_it_holds_nobody_up(tenant: Tenant, people: list[UUID], pause: Pause, clock: Clock) -> None:
    """Whether of this server or of another; and what they do changes nothing of its report."""
    other = Tenant(Ledger(clock), clock, tenant.slug, tenant.id)
    told = asyncio.create_task(report(tenant, people))
    await pause.reached.wait()
    async with asyncio.timeout(SOON):
        for one in (tenant, other):
            await one.adjust(people[1], -2, "POINTS")
            await one.adjust(people[2], 1, "POINTS", actor=STAFF)
        await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(people[0], people[1]), "m")
    pause.go_on.set()
    assert await told == REPORT
    await other.ledger.close()


async def test_it_locks_nothing_and_leaves_nothing_but_its_report(tenant: Tenant, people: list[UUID]) -> None:
    before = await tenant.fingerprint()
    with statements_sent() as sent:
        assert await report(tenant, people) == REPORT
    assert [sql for sql, _ in sent if re.search(r"FOR (KEY |NO KEY )?(SHARE|UPDATE)", sql)] == []
    after = await tenant.fingerprint()
    assert {name for name in after if after[name] != before[name]} == {"bulk_operations", "bulk_rows"}


async def test_it_sees_one_moment(tenant: Tenant, people: list[UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is posted between two of its reads is in none of them."""
    reached, go_on, load = asyncio.Event(), asyncio.Event(), accounts.load_facts

    async def held_up(*arguments: Any) -> Any:
        if not reached.is_set():
            reached.set()
            await go_on.wait()
        return await load(*arguments)

    monkeypatch.setattr("models.posting.load_facts", held_up)
    told = asyncio.create_task(report(tenant, people))
    await reached.wait()
    async with asyncio.timeout(SOON):
        await tenant.adjust(people[1], -4, "POINTS")
    go_on.set()
    assert await told == REPORT
    assert await tenant.available(people[1], "POINTS") == 1


async def test_it_follows_a_merge_that_this_server_has_not_heard_of(
    tenant: Tenant, people: list[UUID], clock: Clock
) -> None:
    elsewhere = Ledger(clock)
    await merge_customers(elsewhere, tenant.id, MANAGER, MergeCustomers(people[0], people[1]), "m")
    await elsewhere.close()
    told = await tenant.bulk((people[0], -8), dry_run=True)
    sql = "SELECT customer_id, error FROM bulk_rows WHERE tenant_id = $1 AND operation_id = $2"
    assert await tenant.rows(sql, told.bulk_operation_id) == [(people[1], None)]


async def test_a_key_that_is_used_is_told_as_ever(tenant: Tenant, people: list[UUID]) -> None:
    posted = await tenant.bulk((people[0], 1), key="k")
    async with tenant.refused("IDEMPOTENCY_KEY_REUSED"):
        await tenant.bulk((people[0], 1), key="k", dry_run=True)
    again = await tenant.bulk((people[0], 1), key="k")
    assert (again.replayed, again.bulk_operation_id) == (True, posted.bulk_operation_id)
    await tenant.bulk((people[0], 1), key="free", dry_run=True)
    assert not (await tenant.bulk((people[0], 2), key="free")).replayed


@pytest.mark.parametrize("repeated", [False, True], ids=["each once", "some twice"])
async def test_a_file_s_goes_in_the_order_in_which_rows_are_posted(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, repeated: bool
) -> None:
    """So that the same rows reach the limit of the sender's day, whatever their customers' ids."""
    monkeypatch.setattr(validate_bulk, "ROWS_AT_ONCE", 4)
    await set_limit(tenant.ledger, tenant.id, ADMIN, SetLimit("PARTNER", "POINTS", per_actor_day=Decimal(100)))
    await some_people(tenant, 8)
    sql = "SELECT external_id FROM customers WHERE tenant_id = $1 ORDER BY id DESC"
    names = [found[0] for found in await tenant.rows(sql)]
    rows = [row(names[0], 60), row(names[1], 50), *(row(name, 10) for name in names[2:])]
    if repeated:
        rows[2:2] = [row(names[1], 30), row(names[0], 10)]
    found = []
    for dry_run in (True, False):
        outcome = await queue(
            tenant, rows, actor=PARTNER, error_policy="SKIP_FAILED", dry_run=dry_run, allow_duplicate_customers=repeated
        )
        await work(tenant)
        found.append(await failures(tenant, outcome))
    assert found[0] == found[1]
    assert 0 < len(found[0]) < len(rows)
