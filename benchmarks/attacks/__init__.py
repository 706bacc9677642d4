"""The attack corpus: what a client may send, or can send all the same, that takes a server a while. Nobody else may notice.

Each is a coroutine that takes an `Aim` and answers in a few words what came of it. `benchmarks.stall` measures what others
see of it; a test sends the same, smaller, and asks that every answer is an answer.
"""

from benchmarks.attacks import bulks, requests, sockets, units
from benchmarks.attacks.aim import Aim, Attack, Big

ATTACKS: dict[str, Attack] = {**bulks.ATTACKS, **units.ATTACKS, **requests.ATTACKS, **sockets.ATTACKS}
"""By name, in the order in which they are run: those that use up what they are aimed at come last of their kind."""

__all__ = ["ATTACKS", "Aim", "Attack", "Big"]
