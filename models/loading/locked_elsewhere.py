"""Names of the rows that a posting needs and others may have locked, and a check which are locked now.

A name is a tuple: the kind, and the key of one row or of one thing that can only be inserted once.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final
from uuid import UUID

from models.commands import Actor
from models.loading.config_locks import TIERS_LOCK
from models.money import POINTS, is_money
from models.planning import limits
from models.planning.needs import Needs
from models.planning.state import Books
from models.session import TenantConnection, lock_key

Name = tuple[Any, ...]
TIERS: Final[Name] = ("tiers",)
_BY_ID: Final = ("customers", "invoices", "rewards", "coupons", "approval_requests")
COUNTER_KINDS: Final = ("limit_counters", "new counter")
ROWS: Final = frozenset({*_BY_ID, "accounts", "limit_counters", "tiers"})
"""Kinds that can be polled and waited for by a lock. Of others one only sees that another transaction is still
inserting one."""


class LockedElsewhere(Exception):
    """A lock could not be taken in time. names: the rows that may have been locked; empty if any may have been."""

    def __init__(self, names: Iterable[Name] = ()) -> None:
        super().__init__()
        self.names = frozenset(names)


def names(needs: Needs, actor: Actor, key: Name | None) -> Iterator[Name]:
    """Everything that others may have locked when a unit needs it, as far as known before a read."""
    if key is not None:
        yield "idempotency_keys", *key
    for customer in {*needs.customers, *needs.merges, *(customer for customer, _ in needs.accounts)}:
        yield "customers", customer
    for customer, asset in needs.accounts:
        yield "accounts", customer, asset
        yield from (("new account", customer, asset), ("new currency", asset)) if needs.opens_accounts else ()
    for counter in _counters(needs, actor):
        yield from ((kind, *counter) for kind in COUNTER_KINDS)
    for kind, ids in _by_id(needs):
        yield from ((kind, each) for each in ids)
    yield from (("new invoice", number) for number in needs.invoice_numbers)
    yield "asking", *actor.asker
    if moves_points(needs):
        yield TIERS


def moves_points(needs: Needs) -> bool:
    """Whether a unit may move points; a merge may, since its assets are found only after it has begun."""
    return bool(needs.merges) or any(asset == POINTS for _, asset in needs.accounts)


def counter_names(keys: Iterable[Any], kind: str) -> set[Name]:
    """Names of the counters, regardless of their day."""
    return {(kind, scope, role, holder, asset) for scope, role, holder, asset, _ in keys}


def new_names(books: Books) -> set[Name]:
    """Names of the things that others may be inserting too, so that writing them waits."""
    assets = {account.asset for account in books.writes.touched_accounts} - books.config.currencies.keys()
    made: set[Name] = {("new currency", asset) for asset in assets if is_money(asset)}
    return made | {("new invoice", invoice.number) for invoice in books.writes.invoices}


def _counters(needs: Needs, actor: Actor) -> Iterator[tuple[str, str, str, str]]:
    """Scope, role, holder and asset of each day counter that may apply, but those that go with an account."""
    for of_actor, of_customer, keys in (
        (limits.PER_ACTOR_DAY, limits.PER_CUSTOMER_DAY, needs.limited),
        (limits.SPENT_ACTOR_DAY, limits.SPENT_PERSON_DAY, needs.spending),
    ):
        for customer, asset in keys:
            yield of_actor, actor.role, actor.holder, asset
            if not limits.goes_with_account(of_customer, asset):
                yield of_customer, actor.role, str(customer), asset
    for currency in needs.sells:
        yield limits.SOLD_ACTOR_DAY, actor.role, actor.holder, currency


def _by_id(needs: Needs) -> Iterator[tuple[str, tuple[UUID, ...]]]:
    yield "invoices", (*needs.invoices, *needs.assigned_invoices)
    yield "rewards", needs.rewards
    yield "coupons", needs.coupons
    yield "approval_requests", needs.approvals


async def still_locked(connection: TenantConnection, wanted: Collection[Name]) -> set[Name]:
    """The rows that others have locked now. Waits for none, and holds the free ones until the transaction ends."""
    locked_elsewhere: set[Name] = set()
    for kind in sorted({name[0] for name in wanted} & ROWS):
        of_kind = sorted(name[1:] for name in wanted if name[0] == kind)
        if kind == "tiers":
            free = await connection.raw.fetchval(
                f"SELECT pg_try_advisory_xact_lock_shared({TIERS_LOCK}, {lock_key(connection.tenant_id)})"
            )
            locked_elsewhere |= set() if free else {TIERS}
            continue
        there = await _rows(connection, kind, of_kind, "")
        if there:
            locked_elsewhere |= there - await _rows(connection, kind, of_kind, f"{_LOCKING[kind]} SKIP LOCKED")
    return locked_elsewhere


async def lock_first(connection: TenantConnection, name: Name) -> None:
    """Wait for one row, up to the transaction's lock timeout, before anything else is locked.

    The transaction waits for nothing more while it holds the row, so no order can lead to a deadlock.
    """
    if name[0] in _LOCKING:
        await _rows(connection, name[0], [name[1:]], _LOCKING[name[0]])


_LOCKING: Final = dict.fromkeys(ROWS - {"tiers"}, "FOR NO KEY UPDATE") | {"customers": "FOR KEY SHARE"}


async def _rows(connection: TenantConnection, kind: str, keys: list[tuple[Any, ...]], locking: str) -> set[Name]:
    """The rows that exist and could be locked."""
    columns, types = _KEYS.get(kind, ("id", ("uuid",)))
    arrays = ", ".join(f"${n}::{each}[]" for n, each in enumerate(types, start=2))
    wanted = ", ".join(f"k{n}" for n in range(len(types)))
    # One look-up after another: a plan made for small tables cannot scan a whole one.
    rows = await connection.raw.fetch(
        f"""SELECT r.* FROM unnest({arrays}) AS k({wanted}) CROSS JOIN LATERAL (
            SELECT {columns} FROM {kind} WHERE tenant_id = $1 AND ({columns}) = ({wanted}) {_ONLY.get(kind, "")} {locking}
        ) AS r""",
        connection.tenant_id,
        *zip(*keys, strict=True),
    )
    return {(kind, *row) for row in rows}


_KEYS: Final = {
    "accounts": ("customer_id, asset", ("uuid", "text")),
    "limit_counters": ("scope, role, holder, asset", ("text", "text", "text", "text")),
}
_ONLY: Final = {
    "limit_counters": """AND day = (SELECT max(day) FROM limit_counters
        WHERE tenant_id = $1 AND (scope, role, holder, asset) = (k0, k1, k2, k3))"""
}
"""Only today's counter, if anything has been added today."""
