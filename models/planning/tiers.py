"""Tiers: thresholds on the lifetime total of points (source 003). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from models.money import MAX_AMOUNT_MINOR


@dataclass(frozen=True, slots=True)
class Rung:
    """A tier as a row says it. threshold_minor: in points."""

    id: UUID
    name: str
    threshold_minor: int


@dataclass(frozen=True, slots=True)
class Shift:
    """A move of customers whose lifetime total is from `low` to below `high` from one tier to another; None is no tier."""

    low: int
    high: int
    old: str | None
    new: str | None


def shifts(old: Sequence[Rung], new: Sequence[Rung]) -> list[Shift]:
    """The effect of a change of the tiers on customers, by ranges of lifetime totals that do not overlap.

    A tier is the same one as long as its id is: renaming it moves nobody.
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
