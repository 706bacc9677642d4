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
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits, ImportRow
from models.operations.limits import set_limit
from tests.support.tenants import ADMIN, STAFF, Tenant

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


async def held(tenant: Tenant) -> dict[str, int]:
    rows = await tenant.rows("SELECT code, exponent FROM currencies WHERE tenant_id = $1")
    return {str(code): int(places) for code, places in rows}


async def test_the_first_use_keeps_it(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, "1.25", "AUD")
    await tenant.adjust(anna, "1.255", "KWD")
    await tenant.adjust(anna, "1", "POINTS")
    await tenant.invoice(anna, 3, "JPY")
    await tenant.product(3, currency="CHF")
    await set_limit(tenant.ledger, tenant.id, ADMIN, SetLimit("STAFF", "SEK", None, Decimal(1), None, None))
    await tenant.adjust(anna, "1000", "NOK", actor=STAFF, request_approval=True)
    await tenant.adjust(anna, "1.25", "AUD")

    assert await held(tenant) == {"AUD": 2, "KWD": 3, "JPY": 0, "CHF": 2, "SEK": 2, "NOK": 2}


async def test_files_keep_those_of_their_rows_bad_ones_too(tenant: Tenant) -> None:
    """Their amounts are shown with the currency's places for as long as there is a report of them."""
    rows = [ImportRow("nobody", Decimal("1.25"), asset="AUD"), ImportRow("nobody", Decimal(1), asset="XXX")]
    command = ImportCredits("0" * 64, asset="JPY", reason="CORRECTION")
    await import_credits(tenant.ledger, tenant.id, ADMIN, command, rows, "k")

    assert await held(tenant) == {"AUD": 2, "JPY": 0}


async def test_what_is_refused_keeps_nothing(tenant: Tenant, anna: UUID) -> None:
    async with tenant.refused("INVALID"):
        await tenant.adjust(anna, "1", "XXX")
    async with tenant.refused("INSUFFICIENT_BALANCE"):
        await tenant.adjust(anna, "-1", "AUD")

    assert await held(tenant) == {}


async def test_withdrawn_it_is_removed_and_reversed_as_ever(tenant: Tenant, anna: UUID, withdraw: Withdraw) -> None:
    credit_id = await tenant.credit(anna, "12.50", "AUD")
    withdraw("AUD")
    await open_books(tenant.id)

    await tenant.adjust(anna, "-2.25", "AUD")
    await tenant.void_credit(credit_id)

    assert await tenant.available(anna, "AUD") == 0


async def test_books_that_do_not_hold_it_take_it_no_more(tenant: Tenant, anna: UUID, withdraw: Withdraw) -> None:
    withdraw("AUD")
    await open_books(tenant.id)

    async with tenant.refused("INVALID"):
        await tenant.adjust(anna, "1.25", "AUD")


async def test_each_tenant_s_books_are_its_own(tenant: Tenant, anna: UUID, withdraw: Withdraw) -> None:
    other = await Tenant.open(tenant.clock)
    await tenant.credit(anna, "12.50", "AUD")
    withdraw("AUD")

    await open_books(other.id)
    with pytest.raises(AssetUnknown):
        exponent("AUD")
    await open_books(tenant.id)
    assert exponent("AUD") == 2
    await other.ledger.close()


def test_what_the_books_keep_goes_before_the_list() -> None:
    def within() -> tuple[int, ...]:
        enter_books({"GBP": 3})
        return tuple(map(exponent, ("GBP", "EUR", "POINTS")))

    assert copy_context().run(within) == (3, 2, 0)
    assert exponent("GBP") == 2
