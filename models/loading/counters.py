"""Counters of limits by day: which ones bind, locked or as they stand."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from models import limits
from models.commands import Actor
from models.planning import calendar
from models.planning.state import AccountKey, CounterKey, CounterState, TenantConfig
from models.session import TenantConnection


def counters_needed(
    config: TenantConfig, now: datetime, limited: Iterable[tuple[Actor, AccountKey]]
) -> set[CounterKey]:
    """The day counters that bind these actors on these accounts."""
    day = calendar.local_date(now, config.zone)
    keys: set[CounterKey] = set()
    for actor, (customer_id, asset) in limited:
        if limits.rule_for(config, actor, asset) is not None:
            keys.update(limits.counter_keys(actor, customer_id, asset, day))
    return keys


async def lock_counters(
    connection: TenantConnection, keys: set[CounterKey], new_ids: list[UUID]
) -> dict[CounterKey, CounterState]:
    """Make and lock the counters, in the order of their names, in one statement (an update to itself locks a row)."""
    ordered = sorted(keys)
    scopes, roles, holders, assets, days = zip(*ordered, strict=True)
    rows = await connection.raw.fetch(
        """INSERT INTO limit_counters AS l (tenant_id, id, scope, role, holder, asset, day, used_minor)
        SELECT $1, k.id, k.scope, k.role, k.holder, k.asset, k.day, 0
        FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::date[])
            WITH ORDINALITY AS k(id, scope, role, holder, asset, day, nth)
        ORDER BY k.nth
        ON CONFLICT (tenant_id, scope, role, holder, asset, day) DO UPDATE SET used_minor = l.used_minor
        RETURNING scope, role, holder, asset, day, id, used_minor""",
        connection.tenant_id, new_ids, scopes, roles, holders, assets, days,
    )  # fmt: skip
    return {tuple(row)[:5]: CounterState(row["id"], row["used_minor"]) for row in rows}


async def read_counters(connection: TenantConnection, keys: set[CounterKey]) -> dict[CounterKey, CounterState]:
    """The counters as they stand, unlocked; one that does not exist yet stands at 0."""
    ordered = sorted(keys)
    if not ordered:
        return {}
    scopes, roles, holders, assets, days = zip(*ordered, strict=True)
    rows = await connection.raw.fetch(
        """SELECT l.scope, l.role, l.holder, l.asset, l.day, l.id, l.used_minor
        FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::date[]) AS k(scope, role, holder, asset, day)
        JOIN limit_counters l ON l.tenant_id = $1 AND (l.scope, l.role, l.holder, l.asset, l.day)
            = (k.scope, k.role, k.holder, k.asset, k.day)""",
        connection.tenant_id, scopes, roles, holders, assets, days,
    )  # fmt: skip
    found = {tuple(row)[:5]: CounterState(row["id"], row["used_minor"]) for row in rows}
    return {key: found.get(key, CounterState(UUID(int=0), 0)) for key in ordered}
