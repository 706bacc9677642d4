"""A new tenant, with the reasons and limits that a new one has."""

from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfoNotFoundError

import pytest

from models.errors import Duplicate, Invalid
from models.operations.create_tenant import create_tenant
from models.operations.suspend_tenant import resume_tenant
from models.reads.tenants import TenantDirectory
from models.session import tenant_id_of, tenant_transaction
from tests.support.tenants import ADMIN, Tenant


async def test_it_starts_with_reasons_and_limits(tenant: Tenant) -> None:
    sql = "SELECT code, adds, removes, note_required FROM reasons WHERE tenant_id = $1 ORDER BY code"
    reasons = await tenant.rows(sql)
    assert reasons == [
        ("CORRECTION", True, True, False),
        ("GOODWILL", True, False, False),
        ("OTHER", True, True, True),
        ("POLICY", False, True, False),
        ("PROMOTION", True, False, False),
        ("SERVICE_RECOVERY", True, False, False),
    ]
    rules = await tenant.rows(
        """SELECT kind, role, asset, per_adjustment, per_actor_day, per_customer_day FROM limit_rules
        WHERE tenant_id = $1 AND holder = '' ORDER BY kind, role, asset"""
    )
    assert rules == [
        (kind, role, asset, Decimal(most), Decimal(5 * most), Decimal(2 * most))
        for kind, role in (("ADDING", "PARTNER"), ("ADDING", "STAFF"), ("SPENDING", "PARTNER"))
        for asset, most in (("MONEY", 100), ("POINTS", 1000), ("SERVICE_CREDITS", 10))
    ]
    assert await tenant.rows("SELECT grace_days, time_zone FROM tenants WHERE id = $1") == [(60, "Europe/London")]


async def test_a_slug_is_used_once(tenant: Tenant) -> None:
    with pytest.raises(Duplicate):
        await create_tenant(tenant.ledger, tenant.slug, "Another", "UTC")


async def test_it_may_be_suspended_from_its_first_instant(tenant: Tenant) -> None:
    tenant_id = await create_tenant(tenant.ledger, f"t-{uuid4().hex}", "Not open yet", "UTC", suspended=True)
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        row = await connection.raw.fetchrow("SELECT created_at, suspended_at FROM tenants WHERE id = $1", tenant_id)
    assert row["suspended_at"] == row["created_at"]
    assert await resume_tenant(tenant.ledger, tenant_id, ADMIN)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", ""])
async def test_a_zone_that_is_none(tenant: Tenant, zone: str) -> None:
    slug = f"t-{uuid4().hex}"
    with pytest.raises((ZoneInfoNotFoundError, ValueError)):
        await create_tenant(tenant.ledger, slug, "Nowhere", zone)
    assert await tenant_id_of(slug) is None


async def test_no_tenant_is_called_as_another_s_id_is_written(tenant: Tenant) -> None:
    with pytest.raises(Invalid):
        await create_tenant(tenant.ledger, str(tenant.id), "Not the shop", "UTC")
    assert await tenant_id_of(str(tenant.id)) is None


async def test_an_id_names_its_tenant_whatever_others_are_called(tenant: Tenant) -> None:
    """Partner tokens name their tenant by its id: a tenant that is called so would be let in to by them."""
    impostor = uuid4()
    async with tenant_transaction(impostor) as connection:
        await connection.raw.execute(
            """INSERT INTO tenants (id, slug, name, time_zone, grace_days, approval_hours, config_version, created_at)
            VALUES ($1, $2, 'Not the shop', 'UTC', 60, 168, 1, now())""",
            impostor,
            str(tenant.id),
        )
    found = await TenantDirectory().find(str(tenant.id))
    assert found is not None
    assert found.id == tenant.id
