"""Give what happened its position in the feed (docs/adr/0061)."""

import logging
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from models.errors import InvariantViolated
from models.event_kinds import EventKind
from models.feed import ANNOUNCE, BEGIN, DUE, LAPSES, LATEST, LOCK_UNTIL, MOVE, NOTICES, OLDEST, TAKE
from models.ledger import Ledger
from models.session import GENERIC_PLANS, TenantConnection, tenant_transaction
from models.signals import GROWN, NOTIFY, told_growth

log = logging.getLogger(__name__)

RECORDS_AT_ONCE: Final = 1_000
"""Maximum transactions, rows of the outbox and of the audit that get a position in one step each; more only if they were
recorded at one instant, as a bulk is."""
ENDS_AT_ONCE: Final = 500
"""Credits and holds whose end is told in one step."""
MAX_STEPS: Final = 100
JOB: Final = "feed"
"""The job under whose name this is counted."""


async def keep_feed(ledger: Ledger, tenant_id: UUID, at_once: int = RECORDS_AT_ONCE) -> int:
    """Give positions to all that is settled: up to a hundred steps, so call again until it returns 0. Returns the number
    of events.

    Only settled records get one: none can be inserted before them any more (docs/adr/0019). A step is one transaction,
    under the lock of the feed's head. One relay at a time gives positions; another leaves the tenant alone meanwhile.
    Before a record of a kind that this version does not know it stops: the relay of a newer one goes on from there.
    """
    given, metrics = 0, ledger.metrics.job(JOB)
    for _ in range(MAX_STEPS):
        async with tenant_transaction(
            tenant_id, read_only=True, settings=GENERIC_PLANS, settling=ledger.database_time
        ) as connection:
            settled = connection.settled or ledger.clock.given
            due = await connection.raw.fetchrow(DUE, tenant_id, settled, at_once - 1)
        if settled is None:
            raise InvariantViolated("the settled instant was not asked for")
        # What was recorded since then has no position yet, nor can it have one.
        metrics.found((ledger.clock() - settled).total_seconds())
        if due is None:
            async with tenant_transaction(tenant_id, settings=GENERIC_PLANS, quietly=True) as connection:
                await connection.raw.execute(BEGIN, tenant_id)
            continue
        ends = due["noticed"] or due["lapsed"]
        if due["suspended"] or (due["until"] is None and not ends):
            break
        async with tenant_transaction(tenant_id, settings=GENERIC_PLANS, quietly=True) as connection:
            taken = await _give(connection, due["until"], settled if ends and not due["more"] else None)
        if taken is None:
            break
        given += taken.number
        for found in filter(None, (taken.oldest, taken.unknown)):
            metrics.found((settled - found).total_seconds())
        if taken.unknown is not None:
            _say(ledger, tenant_id, taken.unknown)
            break
    return given


def _say(ledger: Ledger, tenant_id: UUID, since: datetime) -> None:
    """Say once that the tenant's feed stops here."""
    if tenant_id not in ledger.feeds_behind:
        ledger.feeds_behind.add(tenant_id)
        log.warning(
            "the feed of tenant %s stops before %s: what was recorded then this version does not know; "
            "a newer one's scrip work goes on from there",
            tenant_id,
            since.isoformat(),
        )


class _Taken(NamedTuple):
    """number: of events. oldest: when the oldest record among them was made, None if none was. unknown: when the record
    was made before which this stops, None if none does."""

    number: int
    oldest: datetime | None
    unknown: datetime | None


async def _give(connection: TenantConnection, until: datetime | None, now: datetime | None) -> _Taken | None:
    """Give positions to what was recorded before `until`; and, with `now`, announce credits that expire soon, and tell of
    holds that have expired. Returns None if another relay is at it."""
    raw, tenant_id = connection.raw, connection.tenant_id
    head = await raw.fetchrow(LOCK_UNTIL, tenant_id, until)
    if head is None:
        return None
    unknown: datetime | None = head["unknown"]
    if unknown is not None:
        if unknown <= head["at"]:
            return _Taken(0, None, unknown)
        until, now = unknown, None
    before: int = head["position"]
    oldest = None
    position, at = before, head["at"]
    noticed, lapsed = (head["noticed_at"], head["noticed_id"]), (head["lapsed_at"], head["lapsed_id"])
    if until is not None and until > at:
        position += _number(await raw.execute(TAKE, tenant_id, at, until, position))
        at = until
        oldest = await raw.fetchval(OLDEST, tenant_id, before)
    if now is not None and not await _is_behind(connection, position, now):
        position, noticed = await _tell(connection, NOTICES, EventKind.CREDIT_EXPIRING, position, noticed, now)
        position, lapsed = await _tell(connection, LAPSES, EventKind.HOLD_LAPSED, position, lapsed, now)
    await raw.execute(MOVE, tenant_id, position, at, *noticed, *lapsed)
    if position > before:  # heard once this is committed
        await raw.execute(NOTIFY, GROWN, [told_growth(tenant_id, position)])
    return _Taken(position - before, oldest, unknown)


async def _is_behind(connection: TenantConnection, position: int, now: datetime) -> bool:
    """Whether another relay has recorded something after `now`, while this one came to the lock: the next step tells."""
    latest: datetime | None = await connection.raw.fetchval(LATEST, connection.tenant_id, position)
    return latest is not None and latest > now


async def _tell(
    connection: TenantConnection, ends: str, kind: EventKind, position: int, after: tuple[datetime, UUID], now: datetime
) -> tuple[int, tuple[datetime, UUID]]:
    """Give events of what ends, in the order of its expiry, the positions after `position`. Returns the last of them, and
    what it is of."""
    rows = await connection.raw.fetch(ends, connection.tenant_id, *after, now, ENDS_AT_ONCE)
    if not rows:
        return position, after
    new = [row for row in rows if not row["told"]]
    columns: list[list[Any]] = [[row[name] for row in new] for name in ("id", "customer_id", "since", "minor")]
    await connection.raw.execute(ANNOUNCE, connection.tenant_id, position, now, kind, *columns)
    return position + len(new), (rows[-1]["expires_at"], rows[-1]["id"])


def _number(status: str) -> int:
    return int(status.rpartition(" ")[2])
