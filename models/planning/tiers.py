"""Tiers: thresholds on the lifetime total of points (source 003). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from models.money import MAX_AMOUNT_MINOR


@dataclass(frozen=True, slots=True)
class Rung:
    """A tier, as stored. threshold_minor: in points."""

    id: UUID
    name: str
    threshold_minor: int


@dataclass(frozen=True, slots=True)
class Shift:
    """A move from one tier to another (None: no tier) of customers with a lifetime total from `low` to below `high`."""

    low: int
    high: int
    old: str | None
    new: str | None


def shifts(old: Sequence[Rung], new: Sequence[Rung]) -> list[Shift]:
    """The effect of a change of the tiers on customers, by disjoint ranges of lifetime totals.

    A tier is identified by its id: renaming it moves no customer.
    """
    edges = sorted({0, MAX_AMOUNT_MINOR + 1, *(rung.threshold_minor for rung in (*old, *new))})
    found = []
    for low, high in pairwise(edges):
        before, after = _reached(old, low), _reached(new, low)
        if (before and before.id) != (after and after.id):
            found.append(Shift(low, high, before.name if before else None, after.name if after else None))
    return found


def _reached(rungs: Sequence[Rung], lifetime_minor: int) -> Rung | None:
    """The highest tier whose threshold is not above the total."""
    reached = [rung for rung in rungs if rung.threshold_minor <= lifetime_minor]
    return max(reached, key=lambda rung: rung.threshold_minor, default=None)
