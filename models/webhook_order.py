"""The order in which deliveries are sent: one after the other where they share an account, side by side where not. Pure."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Chains(Generic[T]):
    """Items in their order, each with the keys that it keeps its order by. An item is ready once all before it that share a
    key with it are done; if one of these is not, it stays behind."""

    def __init__(self) -> None:
        self._last: dict[Hashable, T] = {}
        self._followers: dict[T, list[T]] = {}
        self._missing: dict[T, int] = {}
        self._stuck: set[T] = set()
        self._done: set[T] = set()

    def add(self, item: T, keys: Iterable[Hashable], *, stuck: bool = False) -> None:
        """Add the next item. stuck: it is not to be sent now, and neither is what follows it."""
        before = {self._last[key] for key in keys if key in self._last}
        for key in keys:
            self._last[key] = item
        before -= self._done
        self._followers[item] = []
        self._missing[item] = len(before)
        for each in before:
            self._followers[each].append(item)
        if stuck or before & self._stuck:
            self._stuck.add(item)

    def is_stuck(self, item: T) -> bool:
        """Whether it stays behind."""
        return item in self._stuck

    def ready(self) -> list[T]:
        """The items that can be sent now, in their order: to be called once, when all have been added."""
        return [item for item, missing in self._missing.items() if not missing and item not in self._stuck]

    def done(self, item: T) -> list[T]:
        """Note that an item is done. Returns those that can be sent since."""
        self._done.add(item)
        ready = []
        for follower in self._followers[item]:
            self._missing[follower] -= 1
            if not self._missing[follower] and follower not in self._stuck:
                ready.append(follower)
        return ready

    def failed(self, item: T) -> None:
        """Note that an item is not done. What follows it stays behind."""
        waiting = [item]
        while waiting:
            one = waiting.pop()
            if one not in self._stuck:
                self._stuck.add(one)
                waiting += self._followers[one]
