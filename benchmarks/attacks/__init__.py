"""The attack corpus: requests and connections that take a server a while, allowed or not. No other client may notice.

Each is a coroutine that takes an `Aim` and returns its result in a few words. `benchmarks.stall` measures the effect on
others; a test sends the same, smaller, and asserts that every response is an answer.
"""

from benchmarks.attacks import bulks, requests, sockets, units
from benchmarks.attacks.aim import Aim, Attack, Big

_ALL: dict[str, Attack] = {**bulks.ATTACKS, **units.ATTACKS, **requests.ATTACKS, **sockets.ATTACKS}
ATTACKS = dict(sorted(_ALL.items(), key=lambda item: item[0] == units.SWEEP))
"""By name, in the order in which they are run: those that use up their targets come last of their kind. The sweep is the
last of all: it inserts rows in the past, so that all totals have to be made again."""

__all__ = ["ATTACKS", "Aim", "Attack", "Big"]
