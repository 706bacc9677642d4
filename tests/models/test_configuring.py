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
from tests.support.tenants import MANAGER, Tenant

TREAT = CreateReason("BIRTHDAY", "Birthday treat", adds=True, removes=False)


async def create(tenant: Tenant, command: CreateReason) -> None:
    await create_reason(tenant.ledger, tenant.id, MANAGER, command)


async def update(tenant: Tenant, command: UpdateReason) -> bool:
    return await update_reason(tenant.ledger, tenant.id, MANAGER, command)


async def events(tenant: Tenant) -> list[tuple[str, object]]:
    sql = """SELECT e.action, e.details FROM audit_events e JOIN actors a ON a.tenant_id = $1 AND a.id = e.actor_id
        WHERE e.tenant_id = $1 AND a.subject = 'maria' AND e.action <> 'customer.created'
        ORDER BY e.created_at, e.id"""
    return [(action, json.loads(details)) for action, details in await tenant.rows(sql)]


async def test_a_reason_of_ones_own(tenant: Tenant, anna: UUID) -> None:
    await create(tenant, TREAT)
    await tenant.adjust(anna, 5, reason="BIRTHDAY")
    async with tenant.refused("REASON_DIRECTION"):
        await tenant.adjust(anna, -5, reason="BIRTHDAY")

    assert await update(tenant, UpdateReason("BIRTHDAY", label="Happy birthday", removes=True, note_required=True))
    async with tenant.refused("NOTE_REQUIRED"):
        await tenant.adjust(anna, -5, reason="BIRTHDAY")
    await tenant.adjust(anna, -5, reason="BIRTHDAY", note="It was in May")
    assert await update(tenant, UpdateReason("BIRTHDAY", active=False))
    async with tenant.refused("REASON_UNKNOWN"):
        await tenant.adjust(anna, 5, reason="BIRTHDAY", note="Again")

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
    assert await events(tenant) == [
        ("reason.created", first),
        ("reason.updated", second),
        ("reason.updated", {"active": [True, False]}),
    ]


async def test_whether_a_reason_moves_the_lifetime_total(tenant: Tenant, anna: UUID) -> None:
    await create(tenant, replace(TREAT, code="REFUND", moves_lifetime=False))
    await tenant.tier("Gold", 100)
    await tenant.adjust(anna, 100, "POINTS", "REFUND")
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (100, 0)
    assert await tenant.count("tier_changes") == 0

    await update(tenant, UpdateReason("REFUND", moves_lifetime=True))
    await tenant.adjust(anna, 100, "POINTS", "REFUND")
    account = await tenant.account(anna, "POINTS")
    assert account is not None
    assert (account.available_minor, account.lifetime_minor) == (200, 100)
    assert await tenant.count("tier_changes") == 1


async def test_other_always_needs_its_text(tenant: Tenant) -> None:
    async with tenant.refused("INVALID"):
        await update(tenant, UpdateReason("OTHER", note_required=False))
    assert await update(tenant, UpdateReason("OTHER", label="Something else"))
    assert await update(tenant, UpdateReason("OTHER", active=False))


async def test_what_changes_nothing_is_not_written_down(tenant: Tenant) -> None:
    await create(tenant, TREAT)
    before = await tenant.rows("SELECT config_version FROM tenants WHERE id = $1")
    assert not await update(tenant, UpdateReason("BIRTHDAY", label="Birthday treat", active=True))
    assert not await update(tenant, UpdateReason("BIRTHDAY"))
    assert await tenant.rows("SELECT config_version FROM tenants WHERE id = $1") == before
    assert len(await events(tenant)) == 1


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
async def test_a_reason_that_cannot_be(tenant: Tenant, command: CreateReason | UpdateReason, code: str) -> None:
    before = await tenant.rows("SELECT * FROM reasons WHERE tenant_id = $1 ORDER BY code")
    async with tenant.refused(code):
        await (create(tenant, command) if isinstance(command, CreateReason) else update(tenant, command))
    assert await tenant.rows("SELECT * FROM reasons WHERE tenant_id = $1 ORDER BY code") == before


async def test_a_list_has_an_end(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reasons, "MAX_REASONS", 7)
    results = await asyncio.gather(
        *(create(tenant, replace(TREAT, code=f"R{n}")) for n in range(4)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["Invalid"] * 3 + ["NoneType"]
    assert await tenant.count("reasons") == 7


async def test_services_are_added_renamed_and_retired(tenant: Tenant, anna: UUID) -> None:
    cut = (await create_service(tenant.ledger, tenant.id, MANAGER, CreateService("Cut"))).row_id
    await tenant.adjust(anna, 1, "SERVICE_CREDITS", service_ids=(cut,))

    async def change(service_id: UUID, name: str | None = None, *, active: bool | None = None) -> bool:
        command = UpdateService(service_id, name, active)
        return await update_service(tenant.ledger, tenant.id, MANAGER, command)

    assert await change(cut, "Haircut")
    assert await change(cut, active=False)
    assert not await change(cut, "Haircut", active=False)
    async with tenant.refused("INVALID"):
        await tenant.adjust(anna, 1, "SERVICE_CREDITS", service_ids=(cut,))
    colour = (await create_service(tenant.ledger, tenant.id, MANAGER, CreateService("Colour"))).row_id
    for code, service_id, name in (
        ("DUPLICATE", colour, "Haircut"),
        ("INVALID", colour, " "),
        ("NOT_FOUND", uuid4(), "x"),
    ):
        async with tenant.refused(code):
            await change(service_id, name)
    async with tenant.refused("DUPLICATE"):
        await create_service(tenant.ledger, tenant.id, MANAGER, CreateService("Colour"))
    sql = "SELECT name, active FROM services WHERE tenant_id = $1 ORDER BY name"
    assert await tenant.rows(sql) == [("Colour", True), ("Haircut", False)]
    assert await events(tenant) == [
        ("service.created", {"name": "Cut", "active": True}),
        ("service.updated", {"name": ["Cut", "Haircut"]}),
        ("service.updated", {"active": [True, False]}),
        ("service.created", {"name": "Colour", "active": True}),
    ]


async def test_the_tenants_name_zone_and_grace(tenant: Tenant) -> None:
    async def change(command: UpdateTenant) -> bool:
        return await update_tenant(tenant.ledger, tenant.id, MANAGER, command)

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
        async with tenant.refused("INVALID"):
            await change(command)
    sql = "SELECT name, time_zone, grace_days FROM tenants WHERE id = $1"
    assert await tenant.rows(sql) == [("Tea & Cake", "Pacific/Auckland", 30)]
    changed = {
        "name": ["Test & Co", "Tea & Cake"],
        "timeZone": ["Europe/London", "Pacific/Auckland"],
        "graceDays": [60, 30],
    }
    assert await events(tenant) == [("tenant.updated", changed)]


async def test_what_cannot_be_written_down_is_not_done(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The change and its audit are one."""

    async def fails(*_: object, **__: object) -> None:
        raise LedgerError("no audit")

    monkeypatch.setattr(configuring, "record_event", fails)
    with pytest.raises(LedgerError, match="no audit"):
        await create(tenant, TREAT)
    assert await tenant.rows("SELECT code FROM reasons WHERE tenant_id = $1 AND code = 'BIRTHDAY'") == []
