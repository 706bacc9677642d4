"""Reasons, services and the tenant itself: what an admin sets, and what is written down of it."""

import asyncio
import json
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from models.configuration_commands import CreateReason, CreateService, UpdateReason, UpdateService, UpdateTenant
from models.errors import LedgerError
from models.operations import configuring, reasons
from models.operations.reasons import create_reason, update_reason
from models.operations.services import create_service, update_service
from models.operations.update_tenant import update_tenant
from tests.support.shop import MANAGER, Shop

TREAT = CreateReason("BIRTHDAY", "Birthday treat", adds=True, removes=False)


async def create(shop: Shop, command: CreateReason) -> str:
    return await create_reason(shop.ledger, shop.tenant_id, MANAGER, command)


async def update(shop: Shop, command: UpdateReason) -> bool:
    return await update_reason(shop.ledger, shop.tenant_id, MANAGER, command)


async def events(shop: Shop) -> list[tuple[str, object]]:
    sql = """SELECT e.action, e.details FROM audit_events e JOIN actors a ON a.tenant_id = $1 AND a.id = e.actor_id
        WHERE e.tenant_id = $1 AND a.subject = 'maria' AND e.action <> 'customer.created'
        ORDER BY e.created_at, e.id"""
    return [(action, json.loads(details)) for action, details in await shop.rows(sql)]


async def test_a_reason_of_ones_own(shop: Shop, anna: UUID) -> None:
    assert await create(shop, TREAT) == "BIRTHDAY"
    await shop.adjust(anna, 5, reason="BIRTHDAY")
    async with shop.refused("REASON_DIRECTION"):
        await shop.adjust(anna, -5, reason="BIRTHDAY")

    assert await update(shop, UpdateReason("BIRTHDAY", label="Happy birthday", removes=True, note_required=True))
    async with shop.refused("NOTE_REQUIRED"):
        await shop.adjust(anna, -5, reason="BIRTHDAY")
    await shop.adjust(anna, -5, reason="BIRTHDAY", note="It was in May")
    assert await update(shop, UpdateReason("BIRTHDAY", active=False))
    async with shop.refused("REASON_UNKNOWN"):
        await shop.adjust(anna, 5, reason="BIRTHDAY", note="Again")

    first = {
        "code": "BIRTHDAY",
        "label": "Birthday treat",
        "adds": True,
        "removes": False,
        "movesLifetime": True,
        "noteRequired": False,
        "active": True,
    }
    second = {"label": ["Birthday treat", "Happy birthday"], "removes": [False, True], "noteRequired": [False, True]}
    assert await events(shop) == [
        ("reason.created", first),
        ("reason.updated", second),
        ("reason.updated", {"active": [True, False]}),
    ]


async def test_whether_a_reason_moves_the_lifetime_total(shop: Shop, anna: UUID) -> None:
    await create(shop, replace(TREAT, code="REFUND", moves_lifetime=False))
    await shop.tier("Gold", 100)
    await shop.adjust(anna, 100, "POINTS", "REFUND")
    account = await shop.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (100, 0)
    assert await shop.count("tier_changes") == 0

    await update(shop, UpdateReason("REFUND", moves_lifetime=True))
    await shop.adjust(anna, 100, "POINTS", "REFUND")
    account = await shop.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (200, 100)
    assert await shop.count("tier_changes") == 1


async def test_other_always_needs_its_text(shop: Shop) -> None:
    async with shop.refused("INVALID"):
        await update(shop, UpdateReason("OTHER", note_required=False))
    assert await update(shop, UpdateReason("OTHER", label="Something else"))
    assert await update(shop, UpdateReason("OTHER", active=False))


async def test_what_changes_nothing_is_not_written_down(shop: Shop) -> None:
    await create(shop, TREAT)
    before = await shop.rows("SELECT config_version FROM tenants WHERE id = $1")
    assert not await update(shop, UpdateReason("BIRTHDAY", label="Birthday treat", active=True))
    assert not await update(shop, UpdateReason("BIRTHDAY"))
    assert await shop.rows("SELECT config_version FROM tenants WHERE id = $1") == before
    assert len(await events(shop)) == 1


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (replace(TREAT, code="GOODWILL"), "DUPLICATE"),
        (replace(TREAT, code="birthday"), "INVALID"),
        (replace(TREAT, code="1ST"), "INVALID"),
        (replace(TREAT, code="A-B"), "INVALID"),
        (replace(TREAT, code="Ä"), "INVALID"),
        (replace(TREAT, code="A" * 65), "INVALID"),
        (replace(TREAT, code="A\nB"), "INVALID"),
        (replace(TREAT, label=" "), "INVALID"),
        (replace(TREAT, label="x" * 201), "INVALID"),
        (replace(TREAT, adds=False), "INVALID"),
        (UpdateReason("NOPE", label="x"), "NOT_FOUND"),
        (UpdateReason("GOODWILL", adds=False), "INVALID"),
        (UpdateReason("GOODWILL", label=""), "INVALID"),
    ],
    ids=str,
)
async def test_a_reason_that_cannot_be(shop: Shop, command: CreateReason | UpdateReason, code: str) -> None:
    before = await shop.rows("SELECT * FROM reasons WHERE tenant_id = $1 ORDER BY code")
    async with shop.refused(code):
        await (create(shop, command) if isinstance(command, CreateReason) else update(shop, command))
    assert await shop.rows("SELECT * FROM reasons WHERE tenant_id = $1 ORDER BY code") == before


async def test_a_list_has_an_end(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reasons, "MAX_REASONS", 7)
    results = await asyncio.gather(
        *(create(shop, replace(TREAT, code=f"R{n}")) for n in range(4)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["Invalid"] * 3 + ["str"]
    assert await shop.count("reasons") == 7


async def test_services_are_added_renamed_and_retired(shop: Shop, anna: UUID) -> None:
    cut = await create_service(shop.ledger, shop.tenant_id, MANAGER, CreateService("Cut"))
    await shop.adjust(anna, 1, "SERVICE_CREDITS", service_ids=(cut,))

    async def change(service_id: UUID, name: str | None = None, *, active: bool | None = None) -> bool:
        command = UpdateService(service_id, name, active)
        return await update_service(shop.ledger, shop.tenant_id, MANAGER, command)

    assert await change(cut, "Haircut")
    assert await change(cut, active=False)
    assert not await change(cut, "Haircut", active=False)
    async with shop.refused("INVALID"):
        await shop.adjust(anna, 1, "SERVICE_CREDITS", service_ids=(cut,))
    colour = await create_service(shop.ledger, shop.tenant_id, MANAGER, CreateService("Colour"))
    for code, service_id, name in (
        ("DUPLICATE", colour, "Haircut"),
        ("INVALID", colour, " "),
        ("NOT_FOUND", uuid4(), "x"),
    ):
        async with shop.refused(code):
            await change(service_id, name)
    async with shop.refused("DUPLICATE"):
        await create_service(shop.ledger, shop.tenant_id, MANAGER, CreateService("Colour"))
    sql = "SELECT name, active FROM services WHERE tenant_id = $1 ORDER BY name"
    assert await shop.rows(sql) == [("Colour", True), ("Haircut", False)]
    assert await events(shop) == [
        ("service.created", {"name": "Cut", "active": True}),
        ("service.updated", {"name": ["Cut", "Haircut"]}),
        ("service.updated", {"active": [True, False]}),
        ("service.created", {"name": "Colour", "active": True}),
    ]


async def test_the_tenants_name_zone_and_grace(shop: Shop) -> None:
    async def change(command: UpdateTenant) -> bool:
        return await update_tenant(shop.ledger, shop.tenant_id, MANAGER, command)

    assert await change(UpdateTenant("Tea & Cake", "Pacific/Auckland", 30))
    assert not await change(UpdateTenant(grace_days=30))
    for command in (
        UpdateTenant(name=""),
        UpdateTenant(name="x" * 201),
        UpdateTenant(time_zone="Europe"),
        UpdateTenant(time_zone="Mars/Base"),
        UpdateTenant(time_zone="../../etc/passwd"),
        UpdateTenant(time_zone=""),
        UpdateTenant(grace_days=-1),
        UpdateTenant(grace_days=36_501),
    ):
        async with shop.refused("INVALID"):
            await change(command)
    sql = "SELECT name, time_zone, grace_days FROM tenants WHERE id = $1"
    assert await shop.rows(sql) == [("Tea & Cake", "Pacific/Auckland", 30)]
    changed = {
        "name": ["Tea shop", "Tea & Cake"],
        "timeZone": ["Europe/London", "Pacific/Auckland"],
        "graceDays": [60, 30],
    }
    assert await events(shop) == [("tenant.updated", changed)]


async def test_what_cannot_be_written_down_is_not_done(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The change and its audit are one."""

    async def fails(*_: object, **__: object) -> None:
        raise LedgerError("no audit")

    monkeypatch.setattr(configuring, "record_event", fails)
    with pytest.raises(LedgerError, match="no audit"):
        await create(shop, TREAT)
    assert await shop.rows("SELECT code FROM reasons WHERE tenant_id = $1 AND code = 'BIRTHDAY'") == []
