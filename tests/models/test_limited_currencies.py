"""The currencies that limited roles may use: all, unless the tenant lists them."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from models.commands import Actor, AdjustCredit
from models.configuration_commands import UpdateTenant
from models.errors import CurrencyNotAllowed, LedgerErrors
from models.operations.adjust import preview_adjustment
from models.operations.update_tenant import update_tenant
from tests.support.approvals import approve, ask
from tests.support.shop import ADMIN, MANAGER, PARTNER, STAFF, Shop

LIMITED = pytest.mark.parametrize("actor", [STAFF, PARTNER], ids=lambda a: a.role)


async def allow(shop: Shop, *codes: str) -> bool:
    return await update_tenant(shop.ledger, shop.tenant_id, ADMIN, UpdateTenant(limited_currencies=codes))


@LIMITED
async def test_all_unless_they_are_listed(shop: Shop, anna: UUID, actor: Actor) -> None:
    await shop.adjust(anna, 1, "JPY", actor=actor)
    assert await allow(shop, "GBP", "EUR", "GBP")
    assert not await allow(shop, "EUR", "GBP")
    async with shop.refused("CURRENCY_NOT_ALLOWED") as caught:
        await shop.adjust(anna, 1, "JPY", actor=actor)
    assert isinstance(caught.value, CurrencyNotAllowed)
    assert (caught.value.allowed, caught.value.field) == (("EUR", "GBP"), ("asset",))
    await shop.adjust(anna, 1, "EUR", actor=actor)
    await shop.adjust(anna, 1, "POINTS", actor=actor)
    await shop.adjust(anna, 1, "SERVICE_CREDITS", actor=actor)
    await shop.adjust(anna, 1, "JPY", actor=MANAGER)
    assert await allow(shop)
    await shop.adjust(anna, 1, "JPY", actor=actor)


async def test_a_partner_removes_and_assigns_what_there_is(shop: Shop, anna: UUID) -> None:
    await shop.adjust(anna, 10, "JPY")
    await allow(shop, "GBP")
    await shop.adjust(anna, -1, "JPY", actor=PARTNER)


async def test_bulks_and_orders_too(shop: Shop, anna: UUID) -> None:
    await allow(shop, "GBP")
    with pytest.raises(LedgerErrors) as caught:
        await shop.bulk((anna, 1), asset="JPY", actor=PARTNER)
    assert [error.code for error in caught.value.errors] == ["CURRENCY_NOT_ALLOWED"]
    yen, rice = await shop.product(1, "CREDIT", "JPY"), await shop.product(1, "GOODS", "JPY")
    async with shop.refused("CURRENCY_NOT_ALLOWED") as refused:
        await shop.issue(anna, (yen, 1), currency="JPY", actor=STAFF)
    assert refused.value.field == ("currency",)
    await shop.issue(anna, (rice, 1), currency="JPY", actor=STAFF)  # adds nothing
    await shop.issue(anna, (yen, 1), currency="JPY", actor=MANAGER)


async def test_a_second_person_can_be_asked(shop: Shop, anna: UUID) -> None:
    await allow(shop, "GBP")
    await approve(shop, await ask(shop, anna, 1, "JPY"))
    assert await shop.available(anna, "JPY") == 1


async def test_the_preview_says_so(shop: Shop, anna: UUID) -> None:
    await allow(shop, "GBP")
    command = AdjustCredit(anna, "JPY", Decimal(1), "GOODWILL")
    told = await preview_adjustment(shop.ledger, shop.tenant_id, STAFF, command)
    assert (told.limit.allowed, told.limit.approval_required) == (False, True)
    assert [error.code for error in told.errors] == ["CURRENCY_NOT_ALLOWED"]


@pytest.mark.parametrize("codes", [("POINTS",), ("XXQ",), ("GBP", "SERVICE_CREDITS"), ("gbp",)])
async def test_what_cannot_be_listed(shop: Shop, codes: Any) -> None:
    async with shop.refused("INVALID"):
        await allow(shop, *codes)


async def test_the_change_is_in_the_audit(shop: Shop) -> None:
    await allow(shop, "GBP")
    await allow(shop)
    sql = "SELECT details FROM audit_events WHERE tenant_id = $1 AND action = 'tenant.updated' ORDER BY created_at, id"
    assert [row[0] for row in await shop.rows(sql)] == [
        '{"limitedCurrencies": [null, "GBP"]}',
        '{"limitedCurrencies": ["GBP", null]}',
    ]
