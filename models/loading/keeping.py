"""What a posting goes by stays as it is until the posting is over: a tenant's tiers and limits, by advisory locks."""

from typing import Final
from uuid import UUID

from models.session import TenantConnection, lock_key

_TIERS_LOCK: Final = 7_436_901
"""Any number, as long as nobody else takes it: the class of the advisory locks on tenants' tiers."""
_LIMITS_LOCK: Final = 7_436_902
"""Another one: the class of those on tenants' limits."""


def keeping_tiers(tenant_id: UUID) -> str:
    """SQL for a transaction that writes changes of tier by the tiers it reads: until its end they stay as they are.

    Any number of such transactions go on side by side. To be run before the tiers' version is read. Costs no round trip
    where it travels with others, and writes no row.
    """
    return f"SELECT pg_advisory_xact_lock_shared({_TIERS_LOCK}, {lock_key(tenant_id)})"


async def hold_tiers(connection: TenantConnection) -> None:
    """Wait for every transaction that is `keeping_tiers`, and keep others from beginning until this one ends."""
    key = lock_key(connection.tenant_id)
    await connection.raw.execute(f"SELECT pg_advisory_xact_lock({_TIERS_LOCK}, {key})")


def keeping_limits(tenant_id: UUID) -> str:
    """As `keeping_tiers`, for a transaction that adds something by the limits it reads."""
    return f"SELECT pg_advisory_xact_lock_shared({_LIMITS_LOCK}, {lock_key(tenant_id)})"


async def hold_limits(connection: TenantConnection) -> None:
    """As `hold_tiers`: once this transaction is over, nothing is posted by the limits as they were before it."""
    await connection.raw.execute(f"SELECT pg_advisory_xact_lock({_LIMITS_LOCK}, {lock_key(connection.tenant_id)})")
