"""Plans are made anew as connections grow older, and nobody notices but the planner."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

import pytest

from models.commands import AdjustCredit
from models.operations.adjust import preview_adjustment
from models.plan_ages import FIRST_S, MOST_S, PlanAges
from models.reads.session import ReadSession
from models.reads.verify import verify
from models.session import tenant_transaction
from tests.models.test_bulk_jobs import people, queue, row, state, work
from tests.support.approvals import approve, ask
from tests.support.tenants import STAFF, Tenant


class Connection:
    """Something that can be told apart and referred to weakly."""


class Loan:
    def __init__(self, con: Connection) -> None:
        self._con = con


class Seconds:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_plans_are_never_older_than_half_of_their_connection() -> None:
    clock, connection = Seconds(), Connection()
    ages = PlanAges(clock)
    assert not ages.due(connection)
    made = []
    for tenth in range(1, 20_000):
        clock.now = 1_000.0 + tenth / 10
        if ages.due(connection):
            made.append(tenth / 10)
            assert not ages.due(connection)  # once for each time
    assert made[:5] == [FIRST_S, 3 * FIRST_S, 7 * FIRST_S, 15 * FIRST_S, 31 * FIRST_S]
    gaps = [after - before for before, after in pairwise(made)]
    assert max(gaps) == gaps[-1] == MOST_S
    assert all(gap <= before + FIRST_S or gap == MOST_S for gap, before in zip(gaps, made, strict=False))


def test_each_connection_has_an_age_of_its_own_whoever_has_it_on_loan() -> None:
    clock, old, young = Seconds(), Connection(), Connection()
    ages = PlanAges(clock)
    assert not ages.due(Loan(old))
    clock.now += FIRST_S / 2
    assert not ages.due(Loan(young))
    clock.now += FIRST_S / 2
    assert (ages.due(Loan(old)), ages.due(Loan(young))) == (True, False)
    clock.now += FIRST_S / 2
    assert (ages.due(Loan(old)), ages.due(Loan(young))) == (False, True)
    del old
    assert len(ages._due) == 1  # a connection that is gone is forgotten


@pytest.fixture
def always_due(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """With every transaction. Answers the connections on which they were made anew."""
    asked: list[object] = []

    def due(_: PlanAges, connection: object) -> bool:
        asked.append(connection)
        return True

    with monkeypatch.context() as patched:
        patched.setattr(PlanAges, "due", due)
        yield asked


@pytest.mark.parametrize("settling", [False, True], ids=["given time", "settling"])
async def test_reads_see_one_moment_all_the_same(
    tenant: Tenant, anna: UUID, always_due: list[object], *, settling: bool
) -> None:
    session = ReadSession(tenant.id, settling=settling)

    async def entries() -> tuple[int, str]:
        sql = "SELECT count(*), current_setting('transaction_isolation') FROM entries WHERE tenant_id = $1"
        ((count, isolation),) = await session.fetch(sql)
        return count, isolation

    try:
        assert await entries() == (0, "repeatable read")
        await tenant.adjust(anna, 5)
        assert await entries() == (0, "repeatable read")
        await session.release()
        assert await entries() == (1, "repeatable read")
        await session.settle(datetime.now(UTC))
        assert await entries() == (1, "repeatable read")
        assert (session.settled is not None) == settling
    finally:
        await session.close()
    assert len(always_due) >= 3


async def test_a_transaction_that_writes_keeps_its_isolation(tenant: Tenant, always_due: list[object]) -> None:
    for read_only in (False, True):
        async with tenant_transaction(tenant.id, read_only=read_only) as connection:
            assert await connection.raw.fetchval("SHOW transaction_isolation") == "read committed"
            assert await connection.raw.fetchval("SHOW enable_seqscan") == "off"
            assert await connection.raw.fetchval("SELECT count(*) FROM tenants") == 1
    assert len(always_due) == 2


async def test_whatever_is_posted_is_posted(tenant: Tenant, anna: UUID, always_due: list[object]) -> None:
    """By one and by many at once, in bulk and from a file, previewed, approved, expired and proved."""
    await asyncio.gather(*(tenant.adjust(anna, 1) for _ in range(20)))
    bea = await tenant.customer(name="Bea")
    await tenant.bulk((anna, 5), (bea, 5))
    await tenant.pay(await tenant.invoice(await tenant.customer(name="Cem"), 7), 7)
    assert await tenant.available(anna) == 20_00
    command = AdjustCredit(anna, "GBP", Decimal(5), "GOODWILL")
    told = await preview_adjustment(tenant.ledger, tenant.id, STAFF, command)
    assert told.errors == ()
    await approve(tenant, await ask(tenant, bea, 200))
    queued = await queue(tenant, [row(name, 1) for name in await people(tenant, 150)])
    await work(tenant)
    assert await state(tenant, queued) == ("COMPLETED", 150, 150, 150, 0)
    await tenant.adjust(bea, 3, expires_in_days=1)
    tenant.clock.advance(days=3)
    assert await tenant.expire() == 1
    assert (await verify(tenant.id)).holds
    assert len(always_due) > 20


def test_a_connection_that_is_gone_has_no_plans() -> None:
    """As one that the pool has taken back from who had it."""

    class Lent:
        _con = None

    assert not PlanAges().due(Lent())
