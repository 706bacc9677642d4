"""Of an account's open credits, as many are read as what is spent of it needs."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from models.loading import credits
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.units import Posted
from tests.support.clock import Clock
from tests.support.holds import hold
from tests.support.tenants import Tenant
from tests.support.units import adjustment, post, unit

POINTS = "POINTS"
FIVE = 5
EACH = 10


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many were read each time."""
    found: list[int] = []
    original = credits._by_account

    def noting(books: Any, rows: list[Any]) -> Any:
        found.append(len(rows))
        return original(books, rows)

    monkeypatch.setattr(credits, "_by_account", noting)
    return found


@pytest.fixture
async def five(tenant: Tenant, anna: UUID, clock: Clock) -> list[UUID]:
    """Anna's credits of ten points each, in burn order."""
    lots = []
    for _ in range(FIVE):
        lots.append(await tenant.credit(anna, EACH, POINTS))
        clock.advance(seconds=1)
    return lots


async def posted(tenant: Tenant, *units: Any) -> None:
    for result in await post(tenant, *units):
        assert isinstance(result, Posted), result


@pytest.mark.parametrize(("amount", "needed"), [(1, 1), (10, 1), (11, 2), (50, 5)])
async def test_until_they_come_to_what_is_spent(
    tenant: Tenant, anna: UUID, five: list[UUID], read: list[int], amount: int, needed: int
) -> None:
    await tenant.adjust(anna, -amount, POINTS)
    assert read == [needed]
    left = await tenant.remainders(*five)
    assert left == [max(0, min(EACH, EACH * (n + 1) - amount)) for n in range(FIVE)]


async def test_for_all_that_spend_of_it_in_one_posting(
    tenant: Tenant, anna: UUID, five: list[UUID], read: list[int]
) -> None:
    await posted(tenant, *[await adjustment(tenant, anna, -7) for _ in range(3)])
    assert read == [3]
    assert await tenant.remainders(*five) == [0, 0, 9, 10, 10]


async def test_each_account_by_what_is_spent_of_it(
    tenant: Tenant, anna: UUID, five: list[UUID], read: list[int]
) -> None:
    ben = await tenant.customer(name="Ben")
    lots = [await tenant.credit(ben, EACH, POINTS) for _ in range(2)]
    await posted(tenant, await adjustment(tenant, anna, -25), await adjustment(tenant, ben, -1))
    assert read == [3 + 1]
    assert await tenant.remainders(*five, *lots) == [0, 0, 5, 10, 10, 9, 10]


async def test_past_what_is_held_of_them(tenant: Tenant, anna: UUID, five: list[UUID], read: list[int]) -> None:
    """How much of a credit is held is known once it is read."""
    await hold(tenant, anna, 15, POINTS)
    await tenant.spend(anna, 12, POINTS)
    assert read == [2, FIVE]
    assert await tenant.remainders(*five) == [10, 5, 3, 10, 10]


async def test_beside_one_that_is_named(tenant: Tenant, anna: UUID, five: list[UUID], read: list[int]) -> None:
    """A neighbour takes from the first, so that what is left of it is not known yet."""
    await posted(tenant, await adjustment(tenant, anna, -10, credit_id=five[0]), await adjustment(tenant, anna, -11))
    assert read == [FIVE]
    assert await tenant.remainders(*five) == [0, 0, 9, 10, 10]


async def test_that_apply_themselves(tenant: Tenant, anna: UUID, clock: Clock, read: list[int]) -> None:
    """Of what an invoice takes by itself, only what applies is added up."""
    lots = []
    for pays in (True, False, True, True):
        lots.append(await tenant.credit(anna, EACH, auto_apply=pays))
        clock.advance(seconds=1)
    await tenant.invoice(anna, 15)
    assert read == [2]
    assert await tenant.remainders(*lots) == [0, 1000, 500, 1000]


async def test_for_invoices_of_several_days(tenant: Tenant, anna: UUID, clock: Clock, read: list[int]) -> None:
    """What applies to one of them need not apply to the other."""
    lots = []
    for _ in range(3):
        lots.append(await tenant.credit(anna, EACH, auto_apply=True))
        clock.advance(seconds=1)
    days = [tenant.today(), None]
    commands = [
        CreateInvoice(anna, f"I{n}", "GBP", (InvoiceLineItem("Tea", 1, Decimal(3)),), issued_on=day)
        for n, day in enumerate(days)
    ]
    await posted(tenant, *[await unit(tenant, command) for command in commands])
    assert read == [3]
    assert await tenant.remainders(*lots) == [400, 1000, 1000]
