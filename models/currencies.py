"""The currencies that a tenant's books hold, each with its exponent at its first use."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from models.money import enter_books, exponent, is_money
from models.planning.state import Source
from models.session import TenantConnection, tenant_transaction

HELD = "SELECT code, exponent FROM currencies WHERE tenant_id = $1"


async def held_currencies(connection: TenantConnection) -> dict[str, int]:
    """Currency → exponent."""
    return dict(await connection.raw.fetch(HELD, connection.tenant_id))


async def open_books(tenant_id: UUID) -> None:
    """Make this task work on the tenant's books: amounts have the decimal places of these books' currencies."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        enter_books(await held_currencies(connection))


async def hold_currencies(
    connection: TenantConnection, source: Source, now: datetime, assets: Iterable[str | None]
) -> None:
    """Store the currencies among `assets` that the books do not hold yet. Raises AssetUnknown."""
    new = sorted({asset for asset in assets if asset is not None and is_money(asset)})
    if not new:
        return
    rows: tuple[Any, ...] = [source.new_id() for _ in new], new, [exponent(code) for code in new]
    await connection.raw.execute(
        """INSERT INTO currencies (tenant_id, id, code, exponent, first_used_at)
        SELECT t.id, n.id, n.code, n.exponent, $5
        FROM tenants t CROSS JOIN unnest($2::uuid[], $3::text[], $4::smallint[]) AS n(id, code, exponent)
        WHERE t.id = $1 AND NOT EXISTS (SELECT FROM currencies c WHERE c.tenant_id = $1 AND c.code = n.code)
        ON CONFLICT (tenant_id, code) DO NOTHING""",
        connection.tenant_id,
        *rows,
        now,
    )
