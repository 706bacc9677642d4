"""Give what happened its position in the feed (docs/adr/0061)."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from models.feed import ANNOUNCE, BEGIN, DUE, LOCK, MOVE, NOTICES, TAKE
from models.ledger import Ledger
from models.session import GENERIC_PLANS, TenantConnection, tenant_transaction

RECORDS_AT_ONCE: Final = 1_000
"""Maximum transactions, rows of the outbox and of the audit that get a position in one step each; more only if they were
recorded at one instant, as a bulk is."""
NOTICES_AT_ONCE: Final = 500
MAX_STEPS: Final = 100


async def keep_feed(ledger: Ledger, tenant_id: UUID, at_once: int = RECORDS_AT_ONCE) -> int:
    """Give positions to all that is settled: up to a hundred steps, so call again until it returns 0. Returns the number
    of events.

    Only settled records get one: none can be inserted before them any more (docs/adr/0019). A step is one transaction,
    under the lock of the feed's head. One relay at a time gives positions; another leaves the tenant alone meanwhile.
    """
    given = 0
    for _ in range(MAX_STEPS):
        async with tenant_transaction(
            tenant_id, read_only=True, settings=GENERIC_PLANS, settling=ledger.database_time
        ) as connection:
            settled = connection.settled or ledger.clock.given
            due = await connection.raw.fetchrow(DUE, tenant_id, settled, at_once - 1)
        if due is None:
            async with tenant_transaction(tenant_id, settings=GENERIC_PLANS) as connection:
                await connection.raw.execute(BEGIN, tenant_id)
            continue
        if due["until"] is None and not due["noticed"]:
            break
        async with tenant_transaction(tenant_id, settings=GENERIC_PLANS) as connection:
            taken = await _give(connection, due["until"], settled if due["noticed"] and not due["more"] else None)
        if taken is None:
            break
        given += taken
    return given


async def _give(connection: TenantConnection, until: datetime | None, noticed: datetime | None) -> int | None:
    """Give positions to what was recorded before `until`, and announce what expires soon after `noticed`. Returns the
    number of events; None if another relay is at it."""
    raw, tenant_id = connection.raw, connection.tenant_id
    head = await raw.fetchrow(LOCK, tenant_id)
    if head is None:
        return None
    position, at, last = head["position"], head["at"], (head["noticed_at"], head["noticed_id"])
    if until is not None and until > at:
        position += _number(await raw.execute(TAKE, tenant_id, at, until, position))
        at = until
    if noticed is not None:
        rows = await raw.fetch(NOTICES, tenant_id, *last, noticed, NOTICES_AT_ONCE)
        if rows:
            columns: list[list[Any]] = [
                [row[name] for row in rows] for name in ("id", "customer_id", "remaining_minor")
            ]
            await raw.execute(ANNOUNCE, tenant_id, position, noticed, *columns)
            position, last = position + len(rows), (rows[-1]["expires_at"], rows[-1]["id"])
    await raw.execute(MOVE, tenant_id, position, at, *last)
    return position - int(head["position"])


def _number(status: str) -> int:
    return int(status.rpartition(" ")[2])
