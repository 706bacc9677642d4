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
from models.reads.limits import left_today
from models.reads.session import ReadSession
from tests.support.approvals import approve, ask
from tests.support.tenants import ADMIN, MANAGER, PARTNER, STAFF, Tenant

LIMITED = pytest.mark.parametrize("actor", [STAFF, PARTNER], ids=lambda a: a.role)


async def allow(tenant: Tenant, *codes: str) -> bool:
    return await update_tenant(tenant.ledger, tenant.id, ADMIN, UpdateTenant(limited_currencies=codes))


@LIMITED
async def test_all_unless_they_are_listed(tenant: Tenant, anna: UUID, actor: Actor) -> None:
    await tenant.adjust(anna, 1, "JPY", actor=actor)
    assert await allow(tenant, "GBP", "EUR", "GBP")
    assert not await allow(tenant, "EUR", "GBP")
    async with tenant.refused("CURRENCY_NOT_ALLOWED") as caught:
        await tenant.adjust(anna, 1, "JPY", actor=actor)
    assert isinstance(caught.value, CurrencyNotAllowed)
    assert (caught.value.allowed, caught.value.field) == (("EUR", "GBP"), ("asset",))
    await tenant.adjust(anna, 1, "EUR", actor=actor)
    await tenant.adjust(anna, 1, "POINTS", actor=actor)
    await tenant.adjust(anna, 1, "SERVICE_CREDITS", actor=actor)
    await tenant.adjust(anna, 1, "JPY", actor=MANAGER)
    assert await allow(tenant)
    await tenant.adjust(anna, 1, "JPY", actor=actor)


async def test_a_partner_removes_and_assigns_what_there_is(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 10, "JPY")
    await allow(tenant, "GBP")
    await tenant.adjust(anna, -1, "JPY", actor=PARTNER)


async def test_bulks_and_orders_too(tenant: Tenant, anna: UUID) -> None:
    await allow(tenant, "GBP")
    with pytest.raises(LedgerErrors) as caught:
        await tenant.bulk((anna, 1), asset="JPY", actor=PARTNER)
    assert [error.code for error in caught.value.errors] == ["CURRENCY_NOT_ALLOWED"]
    yen, rice = await tenant.product(1, "CREDIT", "JPY"), await tenant.product(1, "GOODS", "JPY")
    async with tenant.refused("CURRENCY_NOT_ALLOWED") as refused:
        await tenant.issue(anna, (yen, 1), currency="JPY", actor=STAFF)
    assert refused.value.field == ("currency",)
    await tenant.issue(anna, (rice, 1), currency="JPY", actor=STAFF)  # adds nothing
    await tenant.issue(anna, (yen, 1), currency="JPY", actor=MANAGER)


async def test_what_comes_back_or_is_kept_names_what_leads_to_the_currency(tenant: Tenant, anna: UUID) -> None:
    await tenant.adjust(anna, 10, "JPY")
    spend, invoice = await tenant.spend(anna, 2, "JPY"), await tenant.invoice(anna, 1, "JPY", auto_apply=False)
    await allow(tenant, "GBP")
    for asking, field in (
        (tenant.refund(spend, actor=STAFF), "transactionId"),
        (tenant.overpay(invoice, 2, actor=STAFF), "invoiceId"),
        (tenant.note(invoice, 1, actor=STAFF), "invoiceId"),
    ):
        async with tenant.refused("CURRENCY_NOT_ALLOWED") as refused:
            await asking
        assert refused.value.field == (field,)


async def test_a_second_person_can_be_asked(tenant: Tenant, anna: UUID) -> None:
    await allow(tenant, "GBP")
    await approve(tenant, await ask(tenant, anna, 1, "JPY"))
    assert await tenant.available(anna, "JPY") == 1


async def test_the_preview_says_so(tenant: Tenant, anna: UUID) -> None:
    await allow(tenant, "GBP")
    command = AdjustCredit(anna, "JPY", Decimal(1), "GOODWILL")
    told = await preview_adjustment(tenant.ledger, tenant.id, STAFF, command)
    assert (told.limit.allowed, told.limit.approval_required) == (False, True)
    assert [error.code for error in told.errors] == ["CURRENCY_NOT_ALLOWED"]


@LIMITED
async def test_nothing_is_left_of_others_for_adding(tenant: Tenant, anna: UUID, actor: Actor) -> None:
    for asset in ("JPY", "GBP", "POINTS"):
        await tenant.adjust(anna, 1, asset)
    session = ReadSession(tenant.id)
    try:
        left = await left_today(session, actor, tenant.today(), ("GBP",))
        managers = await left_today(session, MANAGER, tenant.today(), ("GBP",))
    finally:
        await session.release()
    assert {one.asset for one in left if one.kind == "ADDING"} == {"GBP", "POINTS", "SERVICE_CREDITS"}
    spending = {"GBP", "JPY", "POINTS", "SERVICE_CREDITS"} if actor is PARTNER else set()
    assert {one.asset for one in left if one.kind == "SPENDING"} == spending
    assert not managers


@pytest.mark.parametrize("codes", [("POINTS",), ("XXQ",), ("GBP", "SERVICE_CREDITS"), ("gbp",)])
async def test_what_cannot_be_listed(tenant: Tenant, codes: Any) -> None:
    async with tenant.refused("INVALID"):
        await allow(tenant, *codes)


async def test_the_change_is_in_the_audit(tenant: Tenant) -> None:
    await allow(tenant, "GBP")
    await allow(tenant)
    sql = "SELECT details FROM audit_events WHERE tenant_id = $1 AND action = 'tenant.updated' ORDER BY created_at, id"
    assert [row[0] for row in await tenant.rows(sql)] == [
        '{"limitedCurrencies": [null, "GBP"]}',
        '{"limitedCurrencies": ["GBP", null]}',
    ]
