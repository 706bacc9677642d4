"""Lifetime totals by the rule of now, worked out from the entries of books that were kept by another one."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

SQL: Final = """WITH RECURSIVE person(id, final) AS (
        SELECT id, id FROM customers WHERE tenant_id = $1 AND merged_into_id IS NULL
        UNION ALL SELECT c.id, p.final FROM customers c JOIN person p ON c.tenant_id = $1 AND c.merged_into_id = p.id)
    SELECT p.final || ' ' || a.asset AS whose, e.account_id, e.sequence, e.credit_id, e.transaction_id, t.kind, e.counter,
        e.amount_minor, e.lifetime_minor, e.created_at, t.idempotency_key || ' ' || a.asset AS merge
    FROM entries e JOIN transactions t ON t.tenant_id = $1 AND t.id = e.transaction_id
    JOIN accounts a ON a.tenant_id = $1 AND a.id = e.account_id JOIN person p ON p.id = a.customer_id
    WHERE e.tenant_id = $1 ORDER BY e.created_at, e.account_id, e.sequence"""
"""Gives the columns of `Entry`; $1 is the tenant."""


@dataclass(frozen=True, slots=True)
class Entry:
    """whose: person and asset. merge: what the two sides of one merge have in common."""

    whose: str
    account_id: UUID
    sequence: int
    credit_id: UUID | None
    transaction_id: UUID
    kind: str
    counter: str
    amount_minor: int
    lifetime_minor: int
    created_at: datetime
    merge: str | None


def totals(entries: list[Entry]) -> dict[str, int]:
    """By person and asset: what was added to credits that count, less what was taken back from them.

    Whoever is not named has had nothing that counts.
    """
    counts = _counting(entries)
    moving = {entry.transaction_id for entry in entries if entry.lifetime_minor < 0}
    found: dict[str, int] = defaultdict(int)
    opened = set[UUID]()
    for entry in entries:
        if entry.credit_id is None or not counts[entry.credit_id]:
            continue
        first = entry.credit_id not in opened
        opened.add(entry.credit_id)
        added = first and entry.counter != "MERGED"
        taken_back = entry.amount_minor < 0 and (
            entry.counter == "ORDERS"
            or (entry.counter == "REMOVED" and (entry.kind != "ADJUSTMENT" or entry.transaction_id in moving))
        )
        if added or taken_back:
            found[entry.whose] += entry.amount_minor
    return dict(found)


def _counting(entries: list[Entry]) -> dict[UUID, bool]:
    """Of each credit, whether adding it raised the total; of one that a merge made, whether that which it was did."""
    counts: dict[UUID, bool] = {}
    given: dict[str | None, list[UUID]] = defaultdict(list)
    taken: dict[str | None, list[UUID]] = defaultdict(list)
    for entry in entries:
        if entry.credit_id is None:
            continue
        if entry.counter == "MERGED":
            (given if entry.amount_minor > 0 else taken)[entry.merge].append(entry.credit_id)
        elif entry.credit_id not in counts and entry.amount_minor > 0:
            counts[entry.credit_id] = entry.lifetime_minor > 0
    came_of = {new: old for merge, made in given.items() for new, old in zip(made, taken[merge], strict=True)}
    for new in came_of:
        first = new
        while first in came_of:
            first = came_of[first]
        counts[new] = counts[first]
    return counts
