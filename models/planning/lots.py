"""The credits of one account that may be spent from, in burn order. Pure.

A credit is found by its place in the order, in log n comparisons; the list behind it moves up in one go. A spend notes
how many it has found to be empty from the front, so that the next one need not look at them again: taking from n
credits in n spends looks at each of them once or twice, and not n times.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from models.errors import InvariantViolated


class Lot(Protocol):
    """A credit, as far as its place goes."""

    id: UUID


L = TypeVar("L", bound=Lot)

Order = Callable[[L], Any]
"""The key to sort by. A change of a credit's key takes it out before, and puts it back after."""


@dataclass(slots=True)
class Lots(Generic[L]):
    """credits: in burn order.

    passed: by the services of spends, how many from the front have nothing for them. Too few costs a look; too many
    would skip a credit: so everything that may bring one back into view lowers it.
    """

    credits: list[L] = field(default_factory=list)
    passed: dict[tuple[UUID, ...], int] = field(default_factory=dict, compare=False)

    def add(self, credit: L, order: Order[L]) -> None:
        key, place = order(credit), len(self.credits)
        if place and not order(self.credits[-1]) < key:  # most come last: they are the youngest, or come in this order
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
        """See to it that a credit which holds something again is found. Returns whether it was not there."""
        place = self._place(credit, order)
        if place < 0:
            self.add(credit, order)
            return True
        self._look_again_from(place)
        return False

    def holds(self, credit: L, order: Order[L]) -> bool:
        return self._place(credit, order) >= 0

    def pass_by(self, services: tuple[UUID, ...], number: int) -> None:
        """As many from the front have nothing for these services."""
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
    """Lots of credits that come in burn order."""
    return Lots(list(credits))
