"""Write off expired credits: entries for expiries already in effect (domain: expiry)."""

import asyncio
from collections import defaultdict
from datetime import datetime
from typing import Final
from uuid import UUID

from models.commands import Actor, Outcome
from models.errors import Busy
from models.kinds import Role
from models.ledger import Ledger
from models.planning.state import AccountKey
from models.planning.using import ExpireCredits, expire_needs
from models.session import tenant_transaction

SYSTEM: Final = Actor(subject="scrip", role=Role.SYSTEM, client="expiry", name="Scrip")
CREDITS_AT_ONCE: Final = 500
MAX_STEPS: Final = 100
JOB: Final = "expiry"
"""The job whose lag is the age of the oldest expiry that is found."""

_Place = tuple[datetime, UUID]
"""Expiry and id of the last credit swept."""


async def expire_credits(ledger: Ledger, tenant_id: UUID) -> int:
    """Write off the tenant's expired credits, soonest expiry first: up to 50,000, so call again until it returns 0.

    Returns the number of transactions, one for each account in a step. Safe to run repeatedly, concurrently and late:
    each credit found is checked again under the lock. An account locked by others is left to the next sweep, and one
    that fails does not stop the others: its error is raised at the end, in an ExceptionGroup.
    """
    now, place, swept, failures = ledger.clock(), None, 0, []
    for _ in range(MAX_STEPS):
        expired, place, soonest = await _expired_after(ledger, tenant_id, now, place)
        if soonest is not None:
            ledger.metrics.job(JOB).found((now - soonest).total_seconds())
        results = await asyncio.gather(
            *(_write_off(ledger, tenant_id, key, tuple(credits)) for key, credits in expired.items()),
            return_exceptions=True,
        )
        swept += sum(isinstance(result, Outcome) and result.transaction_id is not None for result in results)
        failures += [result for result in results if isinstance(result, Exception) and not isinstance(result, Busy)]
        if place is None:
            break
    if failures:
        raise ExceptionGroup("accounts were not swept", failures)
    return swept


async def _write_off(ledger: Ledger, tenant_id: UUID, key: AccountKey, credits: tuple[UUID, ...]) -> Outcome:
    command = ExpireCredits(*key)
    outcome = await ledger.submit(tenant_id, SYSTEM, "expireCredits", command, expire_needs(command, credits), None)
    if isinstance(outcome, UUID):
        raise TypeError("without a key nothing is replayed")
    return outcome


async def _expired_after(
    ledger: Ledger, tenant_id: UUID, now: datetime, place: _Place | None
) -> tuple[dict[AccountKey, list[UUID]], _Place | None, datetime | None]:
    """The next credits expired at `now` with a remainder that is not held, by account; the place from which to continue,
    None at the end; and the soonest of these expiries. None if the tenant is suspended."""
    beyond = "" if place is None else "AND (c.expires_at, c.id) > ($5, $6)"
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        rows = await connection.raw.fetch(
            f"""SELECT c.id, c.expires_at, a.customer_id, a.asset, c.remaining_minor > CASE WHEN a.held_until > $2 THEN (
                SELECT coalesce(sum(l.amount_minor), 0) FROM (
                    SELECT hold_id, amount_minor FROM hold_lots WHERE tenant_id = $1 AND credit_id = c.id OFFSET 0) l
                CROSS JOIN LATERAL (SELECT expires_at FROM holds WHERE tenant_id = $1 AND id = l.hold_id OFFSET 0) h
                WHERE h.expires_at > $2) ELSE 0 END AS goes
            FROM (SELECT c.id, c.account_id, c.expires_at, c.remaining_minor FROM credits c
                WHERE c.tenant_id = $1 AND c.open AND c.expires_at <= $2 {beyond}
                    AND ($4::boolean OR (SELECT suspended_at IS NULL FROM tenants WHERE id = $1))
                ORDER BY c.expires_at, c.id LIMIT $3) c
            CROSS JOIN LATERAL (
                SELECT customer_id, asset, held_until FROM accounts WHERE tenant_id = $1 AND id = c.account_id OFFSET 0) a
            ORDER BY c.expires_at, c.id""",
            tenant_id,
            now,
            CREDITS_AT_ONCE,
            ledger.fills_suspended,
            *(place or ()),
        )
    found: defaultdict[AccountKey, list[UUID]] = defaultdict(list)
    going = [row for row in rows if row["goes"]]
    for row in going:
        found[row["customer_id"], row["asset"]].append(row["id"])
    last = (rows[-1]["expires_at"], rows[-1]["id"]) if len(rows) == CREDITS_AT_ONCE else None
    return dict(found), last, going[0]["expires_at"] if going else None
