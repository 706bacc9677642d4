"""A currency keeps its exponent with the books that hold it, whatever becomes of it in the list."""

from collections.abc import Callable
from contextvars import copy_context
from decimal import Decimal
from uuid import UUID

import pytest

from models import money
from models.configuration_commands import SetLimit
from models.currencies import open_books
from models.errors import AssetUnknown
from models.money import enter_books, exponent, listed_exponent
from models.operations.limits import set_limit
from tests.support.shop import ADMIN, STAFF, Shop

Withdraw = Callable[[str], None]


@pytest.fixture
def withdraw(monkeypatch: pytest.MonkeyPatch) -> Withdraw:
    """Takes a currency off the list."""

    def take_off(code: str) -> None:
        def listed(asset: str) -> int:
            if asset == code:
                raise AssetUnknown(asset)
            return listed_exponent(asset)

        monkeypatch.setattr(money, "listed_exponent", listed)

    return take_off


async def held(shop: Shop) -> dict[str, int]:
    rows = await shop.rows("SELECT code, exponent FROM currencies WHERE tenant_id = $1")
    return {str(code): int(places) for code, places in rows}


async def test_the_first_use_keeps_it(shop: Shop, anna: UUID) -> None:
    await shop.adjust(anna, "1.25", "AUD")
    await shop.adjust(anna, "1.255", "KWD")
    await shop.adjust(anna, "1", "POINTS")
    await shop.invoice(anna, 3, "JPY")
    await shop.product(3, currency="CHF")
    await set_limit(shop.ledger, shop.tenant_id, ADMIN, SetLimit("STAFF", "SEK", None, Decimal(1), None, None))
    await shop.adjust(anna, "1000", "NOK", actor=STAFF, request_approval=True)
    await shop.adjust(anna, "1.25", "AUD")

    assert await held(shop) == {"AUD": 2, "KWD": 3, "JPY": 0, "CHF": 2, "SEK": 2, "NOK": 2}


async def test_what_is_refused_keeps_nothing(shop: Shop, anna: UUID) -> None:
    async with shop.refused("INVALID"):
        await shop.adjust(anna, "1", "XXX")
    async with shop.refused("INSUFFICIENT_BALANCE"):
        await shop.adjust(anna, "-1", "AUD")

    assert await held(shop) == {}


async def test_withdrawn_it_is_removed_and_reversed_as_ever(shop: Shop, anna: UUID, withdraw: Withdraw) -> None:
    credit_id = await shop.credit(anna, "12.50", "AUD")
    withdraw("AUD")
    await open_books(shop.tenant_id)

    await shop.adjust(anna, "-2.25", "AUD")
    await shop.void_credit(credit_id)

    assert await shop.available(anna, "AUD") == 0


async def test_books_that_do_not_hold_it_take_it_no_more(shop: Shop, anna: UUID, withdraw: Withdraw) -> None:
    withdraw("AUD")
    await open_books(shop.tenant_id)

    async with shop.refused("INVALID"):
        await shop.adjust(anna, "1.25", "AUD")


async def test_each_tenant_s_books_are_its_own(shop: Shop, anna: UUID, withdraw: Withdraw) -> None:
    other = await Shop.open(shop.clock)
    await shop.credit(anna, "12.50", "AUD")
    withdraw("AUD")

    await open_books(other.tenant_id)
    with pytest.raises(AssetUnknown):
        exponent("AUD")
    await open_books(shop.tenant_id)
    assert exponent("AUD") == 2
    await other.ledger.close()


def test_what_the_books_keep_goes_before_the_list() -> None:
    def within() -> tuple[int, ...]:
        enter_books({"GBP": 3})
        return tuple(map(exponent, ("GBP", "EUR", "POINTS")))

    assert copy_context().run(within) == (3, 2, 0)
    assert exponent("GBP") == 2
