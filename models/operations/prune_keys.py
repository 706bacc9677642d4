"""Prune idempotency keys by age: what is sent again after that is a new request (domain: idempotency)."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from models.ledger import Ledger
from models.session import tenant_transaction

KEYS_AT_ONCE: Final = 250
"""Whoever claims one of them meanwhile waits for the transaction that prunes it: some hundredths of a second."""
MAX_STEPS: Final = 100
_BY_KEYS: Final = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
"""What is old is found by the index on age and deleted by primary key, whatever the planner knows of the table."""
_OLD: Final = """SELECT k.key, k.client, k.created_at FROM idempotency_keys k
    LEFT JOIN LATERAL (
        SELECT r.id FROM approval_requests r
        WHERE r.tenant_id = $1 AND r.id = k.result_id AND r.status = 'PENDING' LIMIT 1
    ) AS waiting ON true
    WHERE k.tenant_id = $1 AND NOT k.kept AND k.created_at >= coalesce($3::timestamptz, '-infinity')
        AND k.created_at < $2 AND waiting.id IS NULL
    ORDER BY k.created_at"""


async def prune_keys(ledger: Ledger, tenant_id: UUID) -> int:
    """Delete keys that are older than the tenant keeps them: up to 25,000, so call again until it is 0.

    Before any is gone, the tenant's row says how far back they still have to be there (`keys_pruned_at`): `verify` goes by
    that. Keys of files, bulks and requests that still wait are left. Safe to run twice and at once.
    """
    before = await _note_horizon(ledger, tenant_id)
    if before is None:
        return 0
    since: datetime | None = None
    pruned = 0
    for _ in range(MAX_STEPS):
        ages = await _prune_some(tenant_id, before, since)
        pruned += len(ages)
        if len(ages) < KEYS_AT_ONCE:
            break
        since = max(ages)
    return pruned


async def _note_horizon(ledger: Ledger, tenant_id: UUID) -> datetime | None:
    """Since when keys still have to be there. None where nothing older is to be pruned: then nothing is noted."""
    async with tenant_transaction(tenant_id, settings=_BY_KEYS) as connection:
        now = await ledger.stamp(connection)
        days = await connection.raw.fetchval("SELECT key_days FROM tenants WHERE id = $1", tenant_id)
        before = now - timedelta(days=days)
        if await connection.raw.fetchrow(f"{_OLD} LIMIT 1", tenant_id, before, None) is None:
            return None
        await connection.raw.execute(
            """UPDATE tenants SET keys_pruned_at = $2
            WHERE id = $1 AND (keys_pruned_at IS NULL OR keys_pruned_at < $2)""",
            tenant_id, before,
        )  # fmt: skip
    return before


async def _prune_some(tenant_id: UUID, before: datetime, since: datetime | None) -> list[datetime]:
    """When those were used that are gone now. What others are at is left to the next time."""
    async with tenant_transaction(tenant_id, settings=_BY_KEYS) as connection:
        rows = await connection.raw.fetch(
            f"""WITH old AS MATERIALIZED ({_OLD} LIMIT $4 FOR UPDATE OF k SKIP LOCKED)
            DELETE FROM idempotency_keys d USING old WHERE d.tenant_id = $1 AND d.key = old.key AND d.client = old.client
            RETURNING d.created_at""",
            tenant_id, before, since, KEYS_AT_ONCE,
        )  # fmt: skip
    return [row["created_at"] for row in rows]
