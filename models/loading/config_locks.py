"""Advisory locks that freeze a tenant's tiers and limits while a posting runs, or let a change wait for running postings.

A change waits without blocking anybody: it looks up the holders of a lock, and asks again until they are gone.
"""

import asyncio
from typing import Final
from uuid import UUID

from models.errors import Busy
from models.patience import LONGEST_WAIT_S
from models.session import SETTLING_LOCK, TenantConnection, holding_now, lock_key, message_of

TIERS_LOCK: Final = 7_436_901
"""The class of the advisory locks on tenants' tiers: any number that nothing else uses."""
_ADDS_NOTHING: Final = 7_436_902
"""The class of the advisory locks of transactions that add nothing: another such number."""
HOLD_WAIT: Final = "SET LOCAL lock_timeout = '100ms'"
"""Longest time that a change of the tiers stands in line: postings of points that come meanwhile stand behind it."""
A_LOOK_S: Final = 0.01
LONGEST_LOOK_S: Final = 0.1


def keeping_tiers(tenant_id: UUID) -> str:
    """SQL for a transaction that writes changes of tier by the tiers it reads: until its end they stay as they are.

    Any number of such transactions run side by side. To be run before the tiers' version is read. Costs no round trip
    if it travels with others, and writes no row.
    """
    return f"SELECT pg_advisory_xact_lock_shared({TIERS_LOCK}, {lock_key(tenant_id)})"


def adding_nothing(tenant_id: UUID) -> str:
    """SQL for a transaction that writes for long and adds nothing to any account: no change of the limits waits for it."""
    return f"SELECT pg_advisory_xact_lock_shared({_ADDS_NOTHING}, {lock_key(tenant_id)})"


async def hold_tiers(connection: TenantConnection) -> None:
    """Keep transactions that are `keeping_tiers` from beginning until this transaction ends.

    Raises LockNotAvailableError if one of them is not over within a moment: begin the change again then, after
    `until_tiers_rest`.
    """
    key = lock_key(connection.tenant_id)
    own = f"{adding_nothing(connection.tenant_id)}; {HOLD_WAIT}"
    await connection.raw.execute(message_of("", f"{own}; SELECT pg_advisory_xact_lock({TIERS_LOCK}, {key})"))


async def until_tiers_rest(tenant_id: UUID) -> None:
    """Wait, blocking nobody, until every transaction that is `keeping_tiers` now is over. Raises Busy."""
    if not await _until_over(TIERS_LOCK, tenant_id):
        raise Busy


async def until_written(tenant_id: UUID) -> bool:
    """Wait until every transaction is over that is writing in this tenant now, but for those `adding_nothing`: from
    then on, every addition goes by the configuration that was committed before this call. False if it took too long.
    Transactions that begin meanwhile wait for nothing.
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
