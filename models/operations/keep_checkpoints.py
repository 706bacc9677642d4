"""Bring checkpoints where they are kept, and see for how long something has been in none (docs/adr/0064)."""

from datetime import datetime
from typing import Final
from uuid import UUID

from models.checkpoints import KEPT, UNKEPT, WAITING, Notary
from models.ledger import Ledger
from models.session import GENERIC_PLANS, tenant_transaction

KEPT_AT_ONCE: Final = 100


async def keep_checkpoints(ledger: Ledger, tenant_id: UUID, notary: Notary) -> int:
    """Bring checkpoints where they are kept that are not there yet: at most KEPT_AT_ONCE. Returns their number.

    Raises what `notary.keep` does. One that was brought before its row could say so is brought again.
    """
    if notary.keep is None:
        return 0
    async with tenant_transaction(tenant_id, read_only=True, settings=GENERIC_PLANS) as connection:
        waiting = await connection.raw.fetch(UNKEPT, tenant_id, KEPT_AT_ONCE)
    for row in waiting:
        await notary.keep(f"{tenant_id}/{row['number']:010d}", row["note"])
        async with tenant_transaction(tenant_id, settings=GENERIC_PLANS) as connection:
            await connection.raw.execute(KEPT, tenant_id, row["id"], await ledger.stamp(connection))
    return len(waiting)


async def waiting_since(tenant_id: UUID, notary: Notary) -> datetime | None:
    """When the first of what happened was recorded that is in no checkpoint which is kept; None if there is nothing."""
    async with tenant_transaction(tenant_id, read_only=True, settings=GENERIC_PLANS) as connection:
        found: datetime | None = await connection.raw.fetchval(WAITING, tenant_id, notary.keep is None)
    return found
