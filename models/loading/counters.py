"""Day counters of limits: those that apply, locked, unlocked, or raised at the very end."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any, Final
from uuid import UUID

import asyncpg

from models.commands import Actor
from models.kinds import LimitRole
from models.loading.locked_elsewhere import LockedElsewhere, counter_names
from models.lookups import each
from models.money import POINTS
from models.planning import calendar, limits
from models.planning.columns import maker
from models.planning.config import TenantConfig
from models.planning.state import AccountKey, CounterKey, CounterState
from models.session import TenantConnection


def counters_needed(
    config: TenantConfig, now: datetime, limited: Iterable[tuple[Actor, AccountKey]]
) -> set[CounterKey]:
    """The day counters that apply to these actors on these accounts."""
    day = calendar.local_date(now, config.zone)
    keys: set[CounterKey] = set()
    for actor, (customer_id, asset) in limited:
        if limits.rule_for(config, actor, asset) is not None:
            keys.update(limits.counter_keys(actor, customer_id, asset, day))
    return keys


def spending_counters_needed(
    config: TenantConfig, now: datetime, spending: Iterable[tuple[Actor, AccountKey]]
) -> set[CounterKey]:
    """The day counters that apply to what these actors spend of these accounts."""
    keys: set[CounterKey] = set()
    for actor, (customer_id, asset) in spending:
        if limits.spending_rule(config.spending_limits, actor, asset) is not None:
            day = calendar.local_date(now, config.zone)
            keys.update(limits.spending_keys(actor, customer_id, asset, day))
    return keys


def selling_counters_needed(
    config: TenantConfig, now: datetime, selling: Iterable[tuple[Actor, str]]
) -> set[CounterKey]:
    """The day counters that apply to these actors' sales of credit in these currencies."""
    if not config.selling_limits:
        return set()
    day = calendar.local_date(now, config.zone)
    return {
        limits.selling_key(actor, currency, day)
        for actor, currency in selling
        if limits.selling_rule(config.selling_limits, actor, currency) is not None
    }


async def lock_counters(
    connection: TenantConnection, keys: set[CounterKey], new_id: Callable[[], UUID], *, wait: bool
) -> dict[CounterKey, CounterState]:
    """Lock the counters in the order of their names, and insert missing ones, as at the start of a day. Without `wait`,
    counters locked by others are left out. Raises LockedElsewhere if others have not finished inserting one.

    Those that go with an account, which is locked, are only read, and missing ones are new, to be written with the batch.
    Two transactions that insert the same ones may meet in another order: one of them then retries.
    """
    ordered = sorted(keys)
    unlocked = [key for key in ordered if limits.goes_with_account(key[0], key[3])]
    lock = "" if len(unlocked) == len(ordered) else f"FOR NO KEY UPDATE OF l {'' if wait else 'SKIP LOCKED'}"
    found = await _existing(connection, ordered, lock)
    for key in unlocked:
        if key not in found:
            found[key] = CounterState(new_id(), 0, is_new=True)
    if len(found) < len(ordered):
        missing = [key for key in ordered if key not in found]
        try:
            found |= await _make(connection, missing, new_id, wait=wait)
        except asyncpg.LockNotAvailableError:
            raise LockedElsewhere(counter_names(missing, "new counter")) from None
    return found


async def lock_to_add_up(
    connection: TenantConnection, from_id: UUID, into_id: UUID, today: date, new_id: Callable[[], UUID]
) -> dict[CounterKey, CounterState]:
    """Lock today's counters of both customers, of what was added and spent, for every role; insert those that the second
    lacks."""
    names = sorted(product(limits.CUSTOMER_DAYS, LimitRole, (str(from_id), str(into_id))))
    rows = await connection.raw.fetch(
        f"""SELECT l.* FROM {each("scope text", "role text", "holder text")} k CROSS JOIN LATERAL (
            SELECT scope, role, holder, asset, day, id, used_minor FROM limit_counters
            WHERE tenant_id = $1 AND scope = k.scope AND role = k.role AND holder = k.holder AND day >= $5
            ORDER BY asset, day FOR NO KEY UPDATE
        ) AS l""",
        connection.tenant_id,
        *zip(*names, strict=True),
        today - timedelta(days=2),  # as many as lie between two time zones: the tenant may change its own today
    )
    found = _counters(rows)
    totals = {
        (scope, role, str(into_id), asset, day) for scope, role, holder, asset, day in found if holder == str(from_id)
    }
    if missing := sorted(totals - found.keys()):
        found |= await _make(connection, missing, new_id, wait=True)
    return found


async def read_counters(connection: TenantConnection, keys: set[CounterKey]) -> dict[CounterKey, CounterState]:
    """Read the counters, unlocked; a missing one is 0."""
    if not keys:
        return {}
    return {key: CounterState(UUID(int=0), 0) for key in keys} | await _existing(connection, sorted(keys), "")


async def read_to_raise(connection: TenantConnection, keys: set[CounterKey]) -> dict[CounterKey, CounterState]:
    """Read the counters, unlocked; `raise_counters` raises them after all other writes."""
    found = await read_counters(connection, keys)
    return {key: CounterState(c.id, c.used_minor, read_minor=c.used_minor) for key, c in found.items()}


async def raise_counters(
    connection: TenantConnection, more: Mapping[CounterKey, int], new_ids: list[UUID]
) -> dict[CounterKey, int]:
    """Raise the counters by these amounts, in the order of their names, and insert missing ones. Returns the new sums,
    without counters that would exceed their maximum. Waits for other holders.
    """
    keys = sorted(more)
    rows = await connection.raw.fetch(
        f"""INSERT INTO limit_counters AS l (tenant_id, id, scope, role, holder, asset, day, used_minor)
        SELECT t.id, k.id, k.scope, k.role, k.holder, k.asset, k.day, k.more
        FROM tenants t
        CROSS JOIN unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::date[], $8::bigint[])
            WITH ORDINALITY AS k(id, scope, role, holder, asset, day, more, nth)
        WHERE t.id = $1
        ORDER BY k.nth
        ON CONFLICT (tenant_id, scope, role, holder, asset, day)
            DO UPDATE SET used_minor = l.used_minor + excluded.used_minor
            WHERE l.used_minor <= {limits.MAX_COUNTED} - excluded.used_minor
        RETURNING scope, role, holder, asset, day, used_minor""",
        connection.tenant_id,
        new_ids[: len(keys)],
        *zip(*keys, strict=True),
        [more[key] for key in keys],
    )
    return {_key(row): row["used_minor"] for row in rows}


_EXISTING: Final = f"""SELECT k.nth, l.id, l.used_minor
    FROM {each("scope text", "role text", "holder text", "asset text", "day date", "nth int")} k
    JOIN limit_counters l ON l.tenant_id = $1 AND (l.scope, l.role, l.holder, l.asset, l.day)
        = (k.scope, k.role, k.holder, k.asset, k.day)"""
_WITH_ACCOUNTS: Final = " OR ".join(f"k.scope = '{each}' AND k.asset <> '{POINTS}'" for each in limits.CUSTOMER_DAYS)


async def _existing(connection: TenantConnection, keys: list[CounterKey], lock: str) -> dict[CounterKey, CounterState]:
    """Find the existing ones; with a `lock`, all but those that go with an account are locked. Unlike a no-op update, that
    writes no new row version (2 to 10 % of a posting)."""
    sql = _EXISTING
    if lock:
        sql = f"""SELECT o.* FROM ({_EXISTING} WHERE NOT ({_WITH_ACCOUNTS}) ORDER BY k.nth {lock}) o
            UNION ALL {_EXISTING} WHERE {_WITH_ACCOUNTS}"""
    columns = zip(*keys, strict=True)
    rows = await connection.raw.fetch(sql, connection.tenant_id, *columns, list(range(len(keys))))
    counter = maker(CounterState, rows)
    return {keys[row["nth"]]: counter(row) for row in rows}


async def _make(
    connection: TenantConnection, keys: list[CounterKey], new_id: Callable[[], UUID], *, wait: bool
) -> dict[CounterKey, CounterState]:
    """Insert them, and with `wait` lock those that others inserted meanwhile (a no-op update locks a row)."""
    rows = await connection.raw.fetch(
        f"""INSERT INTO limit_counters AS l (tenant_id, id, scope, role, holder, asset, day, used_minor)
        SELECT t.id, k.id, k.scope, k.role, k.holder, k.asset, k.day, 0
        FROM tenants t CROSS JOIN unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::date[])
            WITH ORDINALITY AS k(id, scope, role, holder, asset, day, nth)
        WHERE t.id = $1
        ORDER BY k.nth
        ON CONFLICT (tenant_id, scope, role, holder, asset, day)
            DO {"UPDATE SET used_minor = l.used_minor" if wait else "NOTHING"}
        RETURNING scope, role, holder, asset, day, id, used_minor""",
        connection.tenant_id,
        [new_id() for _ in keys],
        *zip(*keys, strict=True),
    )
    return _counters(rows)


def _counters(rows: list[Any]) -> dict[CounterKey, CounterState]:
    counter = maker(CounterState, rows)
    return {_key(row): counter(row) for row in rows}


def _key(row: Any) -> CounterKey:
    return row["scope"], row["role"], row["holder"], row["asset"], row["day"]
