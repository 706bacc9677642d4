"""A large bulk holds its actor's day for a moment only: what else they add meanwhile is posted, and no limit is passed."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from app.postgres.embedded import Urls
from models.commands import Actor, Outcome
from models.errors import LedgerErrors, LimitExceeded
from models.money import to_decimal
from models.planning import limits
from models.planning.config import LimitRuleValues
from models.units import MANY_COUNTED, Requeued, Unit
from tests.models.test_bulk_jobs import queue, row, state, work
from tests.support.holding import transaction_elsewhere
from tests.support.locks import UnitRecorder
from tests.support.mutating import statements_sent
from tests.support.pausing import Pause
from tests.support.tenants import MANAGER, PARTNER, STAFF, Tenant

ROWS: Final = MANY_COUNTED + 1
SOON: Final = 15
LOCKED: Final = "FOR NO KEY UPDATE OF l"
RAISED: Final = "used_minor + excluded.used_minor"
ACTOR_DAY: Final = "SELECT FROM limit_counters WHERE tenant_id = $1 AND scope = 'PER_ACTOR_DAY' FOR UPDATE"

Bulk = asyncio.Task[Outcome]


@pytest.fixture
async def people(tenant: Tenant) -> list[UUID]:
    return [await tenant.customer(name=f"C{n}") for n in range(3)]


@pytest.fixture
def pause(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pause]:
    """Holds up the first bulk once it is planned."""
    pause = Pause(monkeypatch, "models.posting.write")
    yield pause
    pause.go_on.set()  # so that a test which fails ends


def large(tenant: Tenant, people: list[UUID], rows: int = ROWS, **more: Any) -> Bulk:
    """A bulk of the partner's under way: one point for each row, to these customers in turn."""
    items = [(people[n % len(people)], 1) for n in range(rows)]
    return asyncio.create_task(tenant.bulk(*items, actor=PARTNER, allow_duplicate_customers=True, **more))


async def used(tenant: Tenant, holder: str = "app", asset: str = "POINTS") -> int:
    """What the actor's day counts."""
    sql = """SELECT used_minor FROM limit_counters
        WHERE tenant_id = $1 AND scope = 'PER_ACTOR_DAY' AND holder = $2 AND asset = $3"""
    found = await tenant.rows(sql, holder, asset)
    return found[0][0] if found else 0


async def points(tenant: Tenant) -> int:
    sql = "SELECT coalesce(sum(balance_minor), 0)::bigint FROM accounts WHERE tenant_id = $1 AND asset = 'POINTS'"
    found: int = (await tenant.rows(sql))[0][0]
    return found


def of_counters(sent: list[tuple[str, tuple[Any, ...]]]) -> list[str]:
    return [sql for sql, _ in sent if "limit_counters" in sql]


@pytest.mark.parametrize("first_of_day", [True, False])
async def test_what_the_same_actor_adds_meanwhile_is_posted_and_counts(
    tenant: Tenant, other: Tenant, anna: UUID, people: list[UUID], pause: Pause, first_of_day: bool
) -> None:
    before = 0 if first_of_day else 5
    if before:
        pause.reached.set()  # this one goes through
        await tenant.adjust(anna, before, "POINTS", actor=PARTNER)
        pause.reached.clear()
    bulk = large(tenant, people)
    await pause.reached.wait()
    async with asyncio.timeout(SOON):
        for n in range(10):
            await (tenant, other)[n % 2].adjust(anna, 1, "POINTS", actor=PARTNER)
        await tenant.bulk((anna, 1), actor=PARTNER)  # a small one as well
    assert not bulk.done()
    assert await used(tenant) == before + 11
    pause.go_on.set()
    await bulk
    assert await used(tenant) == await points(tenant) == before + 11 + ROWS
    assert tenant.ledger.metrics.retries == 0


@pytest.mark.parametrize("first_of_day", [True, False])
async def test_a_bulk_that_does_not_fit_any_more_is_refused_and_moves_nothing(
    tenant: Tenant, anna: UUID, people: list[UUID], pause: Pause, first_of_day: bool
) -> None:
    await tenant.limit("PARTNER", "POINTS", actor_day=ROWS + 10)
    if not first_of_day:
        pause.reached.set()
        await tenant.adjust(anna, 1, "POINTS", actor=PARTNER)
        pause.reached.clear()
    bulk = large(tenant, people)
    await pause.reached.wait()
    async with asyncio.timeout(SOON):
        await tenant.adjust(anna, 30, "POINTS", actor=PARTNER)
    before = await tenant.fingerprint()
    pause.go_on.set()
    with pytest.raises(LedgerErrors) as caught:
        await bulk
    assert await tenant.fingerprint() == before
    refused = caught.value.errors
    left = ROWS + 10 - 30 - (not first_of_day)
    assert [error.row for error in refused] == list(range(left, ROWS))
    for error in refused:
        assert isinstance(error, LimitExceeded)
        assert error.code == "LIMIT_EXCEEDED"
        assert {one.scope: one.remaining for one in error.remaining} == {"PER_ACTOR_DAY": 0}
    assert await used(tenant) == await points(tenant) == 30 + (not first_of_day)
    assert tenant.ledger.metrics.retries == 1


async def test_what_does_not_fit_any_more_is_left_out(
    tenant: Tenant, anna: UUID, people: list[UUID], pause: Pause
) -> None:
    await tenant.limit("PARTNER", "POINTS", actor_day=ROWS + 10)
    bulk = large(tenant, people, error_policy="SKIP_FAILED")
    await pause.reached.wait()
    async with asyncio.timeout(SOON):
        await tenant.adjust(anna, 30, "POINTS", actor=PARTNER)
    pause.go_on.set()
    outcome = await bulk
    assert await state(tenant, outcome) == ("COMPLETED", ROWS, ROWS, ROWS - 20, 20)
    sql = "SELECT row, error->>'code' FROM bulk_rows WHERE tenant_id = $1 AND error IS NOT NULL ORDER BY row"
    assert await tenant.rows(sql) == [(n, "LIMIT_EXCEEDED") for n in range(ROWS - 20, ROWS)]
    assert await used(tenant) == await points(tenant) == ROWS + 10


async def test_it_fits_to_the_last_point(tenant: Tenant, anna: UUID, people: list[UUID], pause: Pause) -> None:
    await tenant.limit("PARTNER", "POINTS", actor_day=ROWS + 10)
    bulk = large(tenant, people)
    await pause.reached.wait()
    await tenant.adjust(anna, 10, "POINTS", actor=PARTNER)
    pause.go_on.set()
    await bulk
    assert await used(tenant) == await points(tenant) == ROWS + 10
    assert tenant.ledger.metrics.retries == 0


@pytest.mark.parametrize("paused", [True, False])
async def test_two_at_once_on_two_servers_never_pass_the_limit_together(
    tenant: Tenant, other: Tenant, people: list[UUID], pause: Pause, paused: bool
) -> None:
    await tenant.limit("PARTNER", "POINTS", actor_day=150)
    if not paused:
        pause.reached.set()
    first = large(tenant, people[:1], error_policy="SKIP_FAILED")
    if paused:
        await pause.reached.wait()
    second = large(other, people[1:], error_policy="SKIP_FAILED")
    if paused:
        async with asyncio.timeout(SOON):
            await second
        assert await used(tenant) == ROWS
        pause.go_on.set()
    await asyncio.gather(first, second)
    assert await used(tenant) == await points(tenant) == 150


async def test_a_small_bulk_and_a_single_addition_send_what_they_sent(
    tenant: Tenant, other: Tenant, anna: UUID, people: list[UUID]
) -> None:
    """Other additions than those of a large bulk: one statement locks the counters, one writes them."""
    for customer in people:
        await tenant.adjust(customer, 1, "POINTS", actor=PARTNER)
    for small in (
        lambda: tenant.adjust(people[0], 1, "POINTS", actor=PARTNER),
        lambda: large(tenant, people, MANY_COUNTED),
    ):
        with statements_sent() as sent:
            await small()
        lock, write = of_counters(sent)
        assert LOCKED in lock
        assert RAISED not in write
    with statements_sent() as sent:
        await large(tenant, people)
    read, lock, write, last = of_counters(sent)
    assert LOCKED not in read
    assert LOCKED in lock
    assert RAISED in last
    assert "COMMIT" in sent[-1][0]
    assert sent[-2][0] == last


async def test_a_dry_run_locks_no_counter(tenant: Tenant, anna: UUID, people: list[UUID], pause: Pause) -> None:
    for rows in (1, ROWS):
        with statements_sent() as sent:
            bulk = large(tenant, people, rows, dry_run=True)
            pause.go_on.set()
            await bulk
        assert len(of_counters(sent)) == 1
        assert LOCKED not in of_counters(sent)[0]
    assert await tenant.count("limit_counters") == 0


async def test_a_bulk_that_brings_a_currency_has_its_counters_from_the_first(
    tenant: Tenant, people: list[UUID]
) -> None:
    await tenant.limit("PARTNER", "MONEY")
    with statements_sent() as sent:
        await large(tenant, people, asset="CHF", reason="GOODWILL")
    assert not any(RAISED in sql for sql, _ in sent)
    with statements_sent() as sent:
        await large(tenant, people, asset="CHF", reason="GOODWILL")
    assert any(RAISED in sql for sql, _ in sent)
    assert await used(tenant, asset="CHF") == 2 * ROWS * 100


@pytest.mark.parametrize("made", [True, False])
async def test_one_that_cannot_have_the_counter_in_the_end_comes_again(
    tenant: Tenant, anna: UUID, people: list[UUID], database_urls: Urls, pause: Pause, made: bool
) -> None:
    """made: the counter is there, and others have it; else they have not finished making it."""
    if made:
        pause.reached.set()
        await tenant.adjust(anna, 1, "POINTS", actor=PARTNER)
        pause.reached.clear()
    bulk = large(tenant, people)
    await pause.reached.wait()
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(transaction_elsewhere(database_urls, tenant))
        if made:
            await connection.execute(ACTOR_DAY, tenant.id)
        else:
            await connection.execute(
                """INSERT INTO limit_counters (tenant_id, id, scope, role, holder, asset, day, used_minor)
                VALUES ($1, gen_random_uuid(), 'PER_ACTOR_DAY', 'PARTNER', 'app', 'POINTS', $2, 0)""",
                tenant.id,
                tenant.today(),
            )
        pause.go_on.set()
        async with asyncio.timeout(SOON):
            while not tenant.ledger.metrics.retries:  # noqa: ASYNC110 - it has given up, and lets go of all it had
                await asyncio.sleep(0.01)
        assert await points(tenant) == made
    async with asyncio.timeout(SOON):
        await bulk
    assert await used(tenant) == await points(tenant) == ROWS + made


async def test_more_than_a_day_can_count_is_refused_in_the_end_too(
    tenant: Tenant, anna: UUID, people: list[UUID], pause: Pause
) -> None:
    await tenant.limit("PARTNER", "POINTS")  # nothing limits it
    bulk = large(tenant, people)
    await pause.reached.wait()
    await tenant.adjust(anna, 1, "POINTS", actor=PARTNER)
    await tenant.execute("UPDATE limit_counters SET used_minor = $2 WHERE tenant_id = $1", limits.MAX_COUNTED - 100)
    pause.go_on.set()
    with pytest.raises(LedgerErrors) as caught:
        await bulk
    assert [error.row for error in caught.value.errors] == [ROWS - 1]
    await tenant.execute(
        "UPDATE limit_counters SET used_minor = 1 WHERE tenant_id = $1 AND used_minor > 0"
    )  # what the books prove


@pytest.mark.parametrize("policy", ["REJECT_ALL", "SKIP_FAILED"])
async def test_rows_of_a_file_leave_their_actor_alone_too(
    tenant: Tenant, anna: UUID, people: list[UUID], pause: Pause, policy: str
) -> None:
    await tenant.limit("PARTNER", "POINTS", actor_day=ROWS + 10)
    names = dict(await tenant.rows("SELECT id, external_id FROM customers WHERE tenant_id = $1"))
    rows = [row(names[people[n % 3]], 1) for n in range(ROWS)]
    more: dict[str, Any] = {"error_policy": policy, "allow_duplicate_customers": True}
    outcome = await queue(tenant, rows, actor=PARTNER, **more)
    working = asyncio.create_task(work(tenant))
    await pause.reached.wait()
    async with asyncio.timeout(SOON):
        await tenant.adjust(anna, 30, "POINTS", actor=PARTNER)
    pause.go_on.set()
    await working
    if policy == "REJECT_ALL":
        assert await state(tenant, outcome) == ("FAILED", ROWS, ROWS, 0, 20)
    else:
        assert await state(tenant, outcome) == ("COMPLETED", ROWS, ROWS, ROWS - 20, 20)
    assert await used(tenant) == await points(tenant) == 30 + (0 if policy == "REJECT_ALL" else ROWS - 20)


async def test_whoever_has_to_come_again_for_the_account_holds_no_counter(
    tenant: Tenant, anna: UUID, database_urls: Urls
) -> None:
    """Else they would wait, with their own day in hand, for the customer's that the bulk has not finished making."""
    await tenant.adjust(anna, 1)
    recorder = UnitRecorder(tenant)
    units: list[Unit] = await recorder(recorder.tenant.adjust(anna, 1, actor=STAFF))
    async with transaction_elsewhere(database_urls, tenant) as connection:
        await connection.execute("SELECT FROM accounts WHERE tenant_id = $1 FOR UPDATE", tenant.id)
        with statements_sent() as sent:
            (result,) = await tenant.ledger._poster.post(tenant.id, units, wait=False)
    assert result == Requeued(frozenset({("accounts", anna, "GBP")}))
    assert of_counters(sent) == []


def test_a_day_may_come_to_its_limit_and_no_further() -> None:
    rule = LimitRuleValues("STAFF", "MONEY", "", None, to_decimal(10_050, "GBP"), None)
    assert limits.is_within(rule, "GBP", by_actor=10_050)
    assert not limits.is_within(rule, "GBP", by_actor=10_051)
    free = LimitRuleValues("STAFF", "MONEY", "", None, None, None)
    assert limits.is_within(free, "GBP", by_actor=limits.MAX_COUNTED)
    assert not limits.is_within(free, "GBP", by_actor=limits.MAX_COUNTED + 1)


async def test_whoever_has_no_limits_counts_nothing(tenant: Tenant, people: list[UUID]) -> None:
    with statements_sent() as sent:
        await tenant.bulk(
            *[(people[0], 1)] * ROWS, actor=Actor(uuid4().hex, MANAGER.role), allow_duplicate_customers=True
        )
    assert of_counters(sent) == []
