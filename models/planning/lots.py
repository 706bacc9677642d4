"""The credits of one account that may be spent from, in burn order. Pure.

A credit is found by its place in the order, in log n comparisons; removing it shifts the list in one go. A spend notes
how many credits from the front are empty, so that the next one can skip them: n spends from n credits look at each
once or twice, not n times.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from models.errors import InvariantViolated


class Lot(Protocol):
    """The part of a credit that decides its place."""

    id: UUID


L = TypeVar("L", bound=Lot)

Order = Callable[[L], Any]
"""The sort key. A credit is removed before its key changes, and added again after."""


@dataclass(slots=True)
class Lots(Generic[L]):
    """credits: in burn order.

    passed: by the services of spends, how many from the front have nothing for them. Too low costs a look; too high
    would skip a credit: so it is lowered by every change that may make one spendable again.
    """

    credits: list[L] = field(default_factory=list)
    passed: dict[tuple[UUID, ...], int] = field(default_factory=dict, compare=False)

    def add(self, credit: L, order: Order[L]) -> None:
        place = len(self.credits)
        # Most are the first, or added last: the youngest, or already in this order.
        if place and not order(self.credits[-1]) < (key := order(credit)):
            place = bisect_left(self.credits, key, key=order)
        self.credits.insert(place, credit)
        self._look_again_from(place)

    def remove(self, credit: L, order: Order[L]) -> None:
        """Raises InvariantViolated if it is not among them."""
        place = self._place(credit, order)
        if place < 0:
            raise InvariantViolated(f"credit {credit.id} is not in its place")
        del self.credits[place]
        self._look_again_from(place)

    def add_or_look_again(self, credit: L, order: Order[L]) -> bool:
        """Make a credit that has a remainder again findable. Returns whether it was missing."""
        place = self._place(credit, order)
        if place < 0:
            self.add(credit, order)
            return True
        self._look_again_from(place)
        return False

    def holds(self, credit: L, order: Order[L]) -> bool:
        return self._place(credit, order) >= 0

    def pass_by(self, services: tuple[UUID, ...], number: int) -> None:
        """Note that this many from the front have nothing for these services."""
        self.passed[services] = number

    def pass_no_more_than(self, services: tuple[UUID, ...], number: int) -> None:
        self.passed[services] = min(number, self.passed[services])

    def _look_again_from(self, place: int) -> None:
        for services in self.passed:
            self.pass_no_more_than(services, place)

    def _place(self, credit: L, order: Order[L]) -> int:
        """-1 if it is not among them."""
        key = order(credit)
        place = bisect_left(self.credits, key, key=order)
        while place < len(self.credits) and order(self.credits[place]) == key:
            if self.credits[place] is credit:
                return place
            place += 1
        return -1


def in_order(credits: Iterable[L]) -> Lots[L]:
    """Make Lots of credits already in burn order."""
    return Lots(list(credits))
