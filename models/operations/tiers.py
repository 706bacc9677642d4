"""The ladder of tiers (source 003). Moving a threshold moves customers at once, with an event for each.

A posting that moves points reads the tiers, and writes tier changes accordingly. So that none is written from an
outdated ladder, and none is missed, such postings and a change of the ladder wait for each other (`keeping_tiers` in
models/loading/config_locks.py); postings of other assets do not. A change that meets a large posting waits for its end
outside the lock queue, so that no other posting queues behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from models.commands import Actor
from models.configuration_commands import CreateTier, DeleteTier, UpdateTier
from models.errors import Duplicate, Invalid, LedgerError, NotFound
from models.ledger import Ledger
from models.loading.config_locks import hold_tiers, until_tiers_rest
from models.money import POINTS, to_minor
from models.names import checked_if_given, checked_name
from models.operations.configuring import Configuring, configuring
from models.patience import patiently
from models.planning.drafts import EventDraft
from models.planning.tiers import Rung, Shift, shifts
from models.statements import tell

MAX_TIERS: Final = 100
MAX_NAME_CHARACTERS: Final = 200
CHANGES_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True)
class LadderChange:
    """customers_moved: number of customers whose tier changed. replayed: whether the tier was created before, under the
    same key."""

    tier_id: UUID
    customers_moved: int
    replayed: bool = False


@patiently
async def create_tier(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: CreateTier, *, idempotency_key: str | None = None
) -> LadderChange:
    """Create a tier, once for the key, if there is one; customers who have reached it are in it.

    Raises Invalid, Duplicate, IdempotencyKeyReused, Busy.
    """
    name = checked_name(command.name, MAX_NAME_CHARACTERS, "name")
    threshold_minor = _threshold_minor(command.threshold)
    tier_id = ledger.source.new_id()
    await until_tiers_rest(tenant_id)
    async with configuring(ledger, tenant_id, actor) as change:
        if (made := await change.claim("createTier", command, tier_id, idempotency_key)) is not None:
            return LadderChange(made, 0, replayed=True)
        await change.check_room("tiers", MAX_TIERS)
        before = await _ladder(change)
        _check_threshold_free(before, tier_id, threshold_minor)
        values = {"name": name, "threshold_minor": threshold_minor}
        await change.insert("tiers", "tier.created", tier_id, values)
        return LadderChange(tier_id, await _move_customers(ledger, change, before))


@patiently
async def update_tier(ledger: Ledger, tenant_id: UUID, actor: Actor, command: UpdateTier) -> LadderChange:
    """Rename a tier, which moves no customer, or move its threshold. Raises NotFound, Invalid, Duplicate, Busy."""
    name = checked_if_given(command.name, MAX_NAME_CHARACTERS, "name")
    threshold_minor = None if command.threshold is None else _threshold_minor(command.threshold)
    if threshold_minor is not None:
        await until_tiers_rest(tenant_id)
    async with configuring(ledger, tenant_id, actor) as change:
        row = await _row(change, command.tier_id)
        before = await _ladder(change)
        if threshold_minor is not None:
            _check_threshold_free(before, command.tier_id, threshold_minor)
        wanted = {"name": name, "threshold_minor": threshold_minor}
        changed = await change.update("tiers", "tier.updated", row, wanted)
        return LadderChange(command.tier_id, await _move_customers(ledger, change, before) if changed else 0)


@patiently
async def delete_tier(ledger: Ledger, tenant_id: UUID, actor: Actor, command: DeleteTier) -> LadderChange:
    """Delete a tier. Its members move to the next lower tier immediately. Raises NotFound, Busy."""
    await until_tiers_rest(tenant_id)
    async with configuring(ledger, tenant_id, actor) as change:
        row = await _row(change, command.tier_id)
        before = await _ladder(change)
        await change.delete("tiers", "tier.deleted", row)
        return LadderChange(command.tier_id, await _move_customers(ledger, change, before))


async def _row(change: Configuring, tier_id: UUID) -> Any:
    row = await change.fetchrow("SELECT * FROM tiers WHERE tenant_id = $1 AND id = $2", tier_id)
    if row is None:
        raise NotFound("There is no such tier.", field=("tierId",))
    return row


async def _ladder(change: Configuring) -> list[Rung]:
    rows = await change.connection.raw.fetch(
        "SELECT id, name, threshold_minor FROM tiers WHERE tenant_id = $1", change.connection.tenant_id
    )
    return [Rung(*row) for row in rows]


async def _move_customers(ledger: Ledger, change: Configuring, before: Sequence[Rung]) -> int:
    """Write the change of tier of each customer, and return their number."""
    moved = shifts(before, await _ladder(change))
    if not moved:
        return 0
    await hold_tiers(change.connection)
    # From here on no posting of points is running, and none begins before this transaction ends.
    raw, tenant_id = change.connection.raw, change.connection.tenant_id
    now = await ledger.stamp(change.connection)
    cursor = await raw.cursor(
        """SELECT a.id, s.old_tier, s.new_tier, greatest($6, a.posted_at)
        FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[]) AS s(low, high, old_tier, new_tier)
        JOIN accounts a ON a.tenant_id = $1 AND a.asset = 'POINTS'
            AND a.lifetime_minor >= s.low AND a.lifetime_minor < s.high
        JOIN customers c ON c.tenant_id = $1 AND c.id = a.customer_id AND c.merged_into_id IS NULL""",
        tenant_id,
        *_columns(moved),
        now,
    )
    number = 0
    while rows := await cursor.fetch(CHANGES_AT_ONCE):
        number += len(rows)
        ids = [ledger.source.new_id() for _ in rows]
        accounts, old, new, times = zip(*rows, strict=True)
        await raw.execute(
            """INSERT INTO tier_changes (tenant_id, id, account_id, old_tier, new_tier, created_at)
            SELECT t.id, n.* FROM tenants t
            CROSS JOIN unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[]) AS n WHERE t.id = $1""",
            tenant_id,
            ids,
            accounts,
            old,
            new,
            times,
        )
        new_id = ledger.source.new_id
        events = [EventDraft(new_id(), "tier.changed", *each) for each in zip(ids, times, strict=True)]
        await tell(raw, tenant_id, events)
    return number


def _columns(moved: Sequence[Shift]) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    return [s.low for s in moved], [s.high for s in moved], [s.old for s in moved], [s.new for s in moved]


def _threshold_minor(threshold: Decimal) -> int:
    try:
        threshold_minor = to_minor(threshold, POINTS)
    except LedgerError as error:
        raise error.at("threshold") from None
    if threshold_minor < 0:
        raise Invalid("A threshold must not be negative.", field=("threshold",))
    return threshold_minor


def _check_threshold_free(ladder: Sequence[Rung], tier_id: UUID, threshold_minor: int) -> None:
    taken = next((rung for rung in ladder if rung.threshold_minor == threshold_minor and rung.id != tier_id), None)
    if taken is not None:
        raise Duplicate(
            f"The tier {taken.name} already begins at {threshold_minor:,} points. Choose another threshold.",
            field=("threshold",),
        )
