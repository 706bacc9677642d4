"""Burn order over more credits than are read at first, which is 256; and that these tests notice where it is broken.

The order: soonest expiry first and never last, restricted before general, then the older, then by id. It is worked out
here from the rows alone.
"""

import random
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from app.postgres.embedded import Urls
from models.errors import InsufficientBalance, InvariantViolated
from models.loading.credits import CREDITS_PER_LOAD
from models.planning import credits as planned_credits
from models.planning.burn_order import burn_key
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.planning.needs import Spend
from models.planning.state import Books, CreditState
from models.sources import RandomSource
from models.units import Failed, Posted
from tests.support.clock import Clock
from tests.support.mutating import other_sql
from tests.support.tenants import Tenant
from tests.support.units import adjustment, post, unit
from turns.steps import Steps

EXPIRIES: Final = (None, 50, 30, 40)
"""Days."""
INSTANTS: Final = 4
A_TIME: Final = 88
PER_LOAD: Final = CREDITS_PER_LOAD[1:]
"""As if no fewer were read at first: so many lots that these tests notice what they are to notice."""
WITHIN: Final = PER_LOAD[0] - 1
"""So many lots of 1 are taken where what is read at first is enough, in the middle of lots that differ in id alone."""
PAST: Final = PER_LOAD[0] + 44


class Shuffled(RandomSource):
    """Ids in no order: of two lots that were made at the same instant, the later one may come first."""

    def __init__(self) -> None:
        self._dice = random.Random(7)  # noqa: S311 - the same order in every run
        self._tenant = uuid4().int & ~(2**64 - 1)

    def new_id(self) -> UUID:
        return UUID(int=self._tenant | self._dice.getrandbits(64))


@pytest.fixture
async def tenant(database: Urls, clock: Clock) -> AsyncIterator[Tenant]:
    """Without a proof at the end: some tests break what they are to notice."""
    tenant = await Tenant.open(clock, source=Shuffled())
    yield tenant
    await tenant.ledger.close()


@pytest.fixture(autouse=True)
def as_read_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.loading.credits.CREDITS_PER_LOAD", PER_LOAD)


async def fill(tenant: Tenant, customer: UUID, asset: str = "SERVICE_CREDITS", **more: Any) -> list[UUID]:
    """Lots of 1 of every expiry, for one service or for any, at four instants; the services' ids."""
    services = [await tenant.service() for _ in range(2)]
    dice = random.Random(11)  # noqa: S311
    for _ in range(INSTANTS):
        kinds = [(expiry, n % 2) for n in range(A_TIME // len(EXPIRIES)) for expiry in EXPIRIES]
        dice.shuffle(kinds)
        units = []
        for expiry, restricted in kinds:
            only = (services[0],) if restricted and asset == "SERVICE_CREDITS" else ()
            units.append(await adjustment(tenant, customer, 1, asset, expires_in_days=expiry, service_ids=only, **more))
        assert all(isinstance(result, Posted) for result in await post(tenant, *units))
        tenant.clock.advance(seconds=60)
    return services


async def in_order(tenant: Tenant, which: Callable[[dict[str, Any]], bool] = lambda lot: True) -> list[UUID]:
    """The open lots as they are to burn."""
    columns = ("id", "expires_at", "restricted", "created_at", "auto_apply", "services")
    rows = await tenant.rows(
        """SELECT c.id, c.expires_at, c.restricted, c.created_at, c.auto_apply, ARRAY(
            SELECT s.service_id FROM credit_services s WHERE s.tenant_id = $1 AND s.credit_id = c.id)
        FROM credits c WHERE c.tenant_id = $1 AND c.remaining_minor > 0 ORDER BY random()"""
    )
    lots = [lot for lot in (dict(zip(columns, row, strict=True)) for row in rows) if which(lot)]

    def key(lot: dict[str, Any]) -> tuple[Any, ...]:
        expires = lot["expires_at"]
        return (expires is None, expires or 0, not lot["restricted"], lot["created_at"], lot["id"])

    return [lot["id"] for lot in sorted(lots, key=key)]


async def burnt(tenant: Tenant, customer: UUID) -> list[UUID]:
    """What the entries say was taken from, in their order."""
    return [
        row[0]
        for row in await tenant.rows(
            """SELECT e.credit_id FROM entries e JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id
            WHERE e.tenant_id = $1 AND a.customer_id = $2 AND e.amount_minor < 0 ORDER BY e.sequence""",
            customer,
        )
    ]


async def removed(tenant: Tenant, customer: UUID, amount: int) -> bool:
    """Whether as much is taken in burn order."""
    await fill(tenant, customer)
    expected = (await in_order(tenant))[:amount]
    await tenant.adjust(customer, -amount, "SERVICE_CREDITS")
    return await burnt(tenant, customer) == expected


async def used(tenant: Tenant, customer: UUID) -> bool:
    """Whether a use of the one service, past hundreds of lots that are for the other alone, takes what serves it."""
    restricted, served = await fill(tenant, customer)
    for _ in range(2):  # soonest of all, and not for it
        units = [
            await adjustment(tenant, customer, 1, "SERVICE_CREDITS", expires_in_days=9, service_ids=(restricted,))
            for _ in range(PER_LOAD[0] // 2)
        ]
        await post(tenant, *units)
    units = [
        await adjustment(tenant, customer, 1, "SERVICE_CREDITS", expires_in_days=days, service_ids=(served,))
        for days in EXPIRIES
    ]
    await post(tenant, *units)
    expected = (await in_order(tenant, lambda lot: served in lot["services"] or not lot["restricted"]))[:60]
    await tenant.use(customer, served, 60)
    return await burnt(tenant, customer) == expected


async def applied_alone(tenant: Tenant, customer: UUID) -> bool:
    """Whether an invoice, past hundreds of paused lots and hundreds of a later day, takes what applies itself."""
    return await _applied(tenant, customer)


async def applied(tenant: Tenant, customer: UUID) -> bool:
    """The same beside somebody who takes from one of those lots: not all of them are left out of what is read then."""
    return await _applied(tenant, customer, beside=True)


async def _applied(tenant: Tenant, customer: UUID, *, beside: bool = False) -> bool:
    yesterday = tenant.today() - timedelta(days=1)
    units = [
        await adjustment(tenant, customer, 1, "GBP", expires_in_days=9, effective_on=day, auto_apply=day is None)
        for day in (None, yesterday)
        for _ in range(PER_LOAD[0] // 2)
    ]
    await post(tenant, *units)
    await fill(tenant, customer, "GBP", effective_on=yesterday)
    old = await tenant.rows("SELECT id FROM credits WHERE tenant_id = $1 AND effective_on = $2", yesterday)
    expected = (await in_order(tenant, lambda lot: lot["auto_apply"] and (lot["id"],) in old))[:100]
    command = CreateInvoice(customer, "I1", "GBP", (InvoiceLineItem("Tea", 100, Decimal(1)),), issued_on=yesterday)
    units = [await unit(tenant, command)]
    if beside:
        (paused, *_) = await in_order(tenant, lambda lot: not lot["auto_apply"])
        units.insert(0, await adjustment(tenant, customer, -1, "GBP", credit_id=paused))
        expected.insert(0, paused)
    for result in await post(tenant, *units):
        if isinstance(result, Failed):
            raise result.error
    return await burnt(tenant, customer) == expected


async def added_and_removed(tenant: Tenant, customer: UUID) -> bool:
    """Whether lots that are added in the same batch burn in their place among those that were there."""
    services = await fill(tenant, customer)
    wanted = [(30, services[0]), (30, None), (None, services[0]), (None, None), (50, None), (50, services[0])]
    units = []
    for expiry, only in wanted * 4:
        more = {"expires_in_days": expiry, "service_ids": () if only is None else (only,)}
        units.append(await adjustment(tenant, customer, 1, "SERVICE_CREDITS", **more))
    total = INSTANTS * A_TIME + len(units)
    results = await post(tenant, *units, await adjustment(tenant, customer, -total, "SERVICE_CREDITS"))
    assert all(isinstance(result, Posted) for result in results), results
    kinds = dict(await _kinds(tenant))
    assert len(kinds) == total
    return await burnt(tenant, customer) == sorted(kinds, key=lambda lot: kinds[lot])


async def _kinds(tenant: Tenant) -> list[tuple[UUID, tuple[Any, ...]]]:
    """Every lot with its place."""
    rows = await tenant.rows("SELECT id, expires_at, restricted, created_at FROM credits WHERE tenant_id = $1")
    return [(lot, (ends is None, ends or 0, not only, made, lot)) for lot, ends, only, made in rows]


async def test_as_far_as_the_first_load_goes(tenant: Tenant, anna: UUID) -> None:
    assert await removed(tenant, anna, WITHIN)


async def test_past_the_first_load(tenant: Tenant, anna: UUID) -> None:
    assert await removed(tenant, anna, PAST)


async def test_for_a_service_past_the_first_load(tenant: Tenant, anna: UUID) -> None:
    assert await used(tenant, anna)


@pytest.mark.parametrize("case", [applied_alone, applied])
async def test_auto_apply_past_the_first_load(tenant: Tenant, anna: UUID, case: Callable[[Tenant, UUID], Any]) -> None:
    assert await case(tenant, anna)


async def test_among_what_the_same_batch_adds(tenant: Tenant, anna: UUID) -> None:
    assert await added_and_removed(tenant, anna)


INNER: Final = "o.expires_at NULLS LAST, o.restricted DESC, o.created_at, o.id LIMIT"
ADDED_UP: Final = "f.expires_at NULLS LAST, f.restricted DESC, f.created_at, f.id ROWS"
OUTER: Final = "c.account_id, c.expires_at NULLS LAST, c.restricted DESC, c.created_at, c.id"


@pytest.mark.parametrize(
    ("old", "new", "amount"),
    [
        pytest.param(clause, clause.replace(part, other), amount, id=f"{part}: {other}")
        for clause, table, most in ((INNER, "o", WITHIN), (ADDED_UP, "f", PAST), (OUTER, "c", PAST))
        for part, other in (
            (f"{table}.expires_at NULLS LAST", f"{table}.expires_at DESC NULLS LAST"),
            (f"{table}.expires_at NULLS LAST", f"{table}.expires_at NULLS FIRST"),
            (f"{table}.expires_at NULLS LAST, ", ""),
            (f"{table}.restricted DESC", f"{table}.restricted"),
            (f"{table}.restricted DESC, ", ""),
            (f"{table}.created_at", f"{table}.created_at DESC"),
            (f"{table}.created_at, ", ""),
            (f"{table}.id", f"{table}.id DESC"),
        )
        # What is added up in another order ends elsewhere: between lots that expire, if that is the order of these.
        for amount in (WITHIN if table == "f" and " DESC NULLS LAST" in other else most,)
    ],
)
async def test_these_tests_notice_a_broken_order_in_sql(
    tenant: Tenant, anna: UUID, old: str, new: str, amount: int
) -> None:
    with other_sql(old, new):
        assert not await removed(tenant, anna, amount)


@pytest.mark.parametrize("case", [removed, applied_alone])
async def test_these_tests_notice_that_too_few_are_read(tenant: Tenant, anna: UUID, case: Callable[..., Any]) -> None:
    with other_sql("< k.enough", "< k.enough / 2"):
        assert not await _held(case(tenant, anna, WITHIN) if case is removed else case(tenant, anna))


@pytest.mark.parametrize("case", [used, applied])
async def test_these_tests_notice_a_look_at_the_first_lots_alone(
    tenant: Tenant, anna: UUID, case: Callable[[Tenant, UUID], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.loading.credits.CREDITS_PER_LOAD", PER_LOAD[:1])
    assert not await _held(case(tenant, anna))


async def test_these_tests_notice_that_no_second_load_comes(
    tenant: Tenant, anna: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.loading.credits.CREDITS_PER_LOAD", PER_LOAD[:1])
    assert not await _held(removed(tenant, anna, PAST))


@pytest.mark.parametrize("case", [used, applied])
async def test_these_tests_notice_that_what_does_not_serve_counts_as_enough(
    tenant: Tenant, anna: UUID, case: Callable[[Tenant, UUID], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def enough(_: Books, lots: list[CreditState], spends: list[Spend]) -> Steps[bool]:
        yield
        return sum(lot.remaining_minor for lot in lots) >= sum(spend.amount_minor for spend in spends)

    monkeypatch.setattr("models.loading.credits._enough", enough)
    assert not await _held(case(tenant, anna))


@pytest.mark.parametrize("part", range(4))
async def test_these_tests_notice_a_part_missing_from_the_planners_order(
    tenant: Tenant, anna: UUID, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = burn_key
    monkeypatch.setattr(planned_credits, "burn_key", lambda credit: whole(credit)[:part] + whole(credit)[part + 1 :])
    assert not await added_and_removed(tenant, anna)


async def _held(case: Any) -> bool:
    """Whether the case holds; a bug that the planner noticed itself is noticed, too."""
    try:
        held: bool = await case
    except (InvariantViolated, InsufficientBalance):
        return False
    return held
