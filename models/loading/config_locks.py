"""Advisory locks that freeze a tenant's tiers and limits during a posting, or let a change wait for running postings.

A change waits without blocking others: it looks up the holders of a lock, and polls until they are gone.
"""

import asyncio
from typing import Final
from uuid import UUID

from models.errors import Busy
from models.patience import LONGEST_WAIT_S
from models.pool import is_spread
from models.session import SETTLING_LOCK, TenantConnection, holding_now, lock_key, message_of

TIERS_LOCK: Final = 7_436_901
"""Class of the advisory locks on tenants' tiers: any otherwise unused number."""
_ADDS_NOTHING: Final = 7_436_902
"""Class of the advisory locks of transactions that add nothing: another such number."""
HOLD_WAIT: Final = "SET LOCAL lock_timeout = '100ms'"
"""Longest lock wait of a change of the tiers: postings of points that arrive meanwhile queue behind it."""
A_LOOK_S: Final = 0.01
LONGEST_LOOK_S: Final = 0.1


def keeping_tiers(tenant_id: UUID) -> str:
    """SQL that freezes the tiers until the transaction ends, for one that reads them and writes tier changes.

    Any number of such transactions run side by side. To be run before the tiers' version is read. Costs no round trip
    if sent with other statements, and writes no row.
    """
    return f"SELECT pg_advisory_xact_lock_shared({TIERS_LOCK}, {lock_key(tenant_id)})"


def adding_nothing(tenant_id: UUID) -> str:
    """SQL for a long writing transaction that adds nothing to any account: changes of the limits do not wait for it."""
    return f"SELECT pg_advisory_xact_lock_shared({_ADDS_NOTHING}, {lock_key(tenant_id)})"


async def hold_tiers(connection: TenantConnection) -> None:
    """Block new `keeping_tiers` transactions until this transaction ends.

    Raises LockNotAvailableError if a running one does not end within HOLD_WAIT: then restart the change after
    `until_tiers_rest`.
    """
    key = lock_key(connection.tenant_id)
    own = f"{adding_nothing(connection.tenant_id)}; {HOLD_WAIT}"
    sent = f"{own}; SELECT pg_advisory_xact_lock({TIERS_LOCK}, {key})"
    await connection.raw.execute(message_of("", sent, distributed=is_spread(connection.raw)))


async def until_tiers_rest(tenant_id: UUID) -> None:
    """Wait, without blocking others, until every current `keeping_tiers` transaction has ended. Raises Busy."""
    if not await _until_over(TIERS_LOCK, tenant_id):
        raise Busy


async def until_written(tenant_id: UUID) -> bool:
    """Wait until all transactions now writing in this tenant have ended, except those `adding_nothing`: from then on,
    every addition uses the configuration committed before this call. False if that takes too long. Does not block
    transactions that begin meanwhile.
    """
    return await _until_over(SETTLING_LOCK, tenant_id, without=_ADDS_NOTHING)


async def _until_over(lock: int, tenant_id: UUID, *, without: int = 0) -> bool:
    ends = asyncio.get_running_loop().time() + LONGEST_WAIT_S
    left = await holding_now(lock, tenant_id, without=without)
    pause = A_LOOK_S
    while left and asyncio.get_running_loop().time() < ends:
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_LOOK_S)
        left &= await holding_now(lock, tenant_id, without=without)
    return not left
