"""Times at which a connection's cached plans are made anew.

PostgreSQL keeps a plan, also those of foreign keys' checks and of triggers, until its table is analysed. One that was
made while the tables were empty knows no difference between a key and any other index, and may read all of a tenant's
rows for as long as that takes. So plans are never older than half of the connection that has them, as tables grow in
the meantime: a table ten times as large was planned for when it was five times so.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any, Final
from weakref import WeakKeyDictionary

FIRST_S: Final = 1.0
"""The age of a connection at which its plans are first made anew; then at twice that, and so on."""
MOST_S: Final = 300.0
"""No plan gets older. To plan a posting's statements again costs a few milliseconds."""
ANEW: Final = "DISCARD PLANS"


class PlanAges:
    """Of all connections of this process. `clock` gives seconds that only ever rise."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._due: WeakKeyDictionary[Any, tuple[float, float]] = WeakKeyDictionary()

    def due(self, connection: Any) -> bool:
        """Whether this connection's plans are to be made anew, now that a transaction is over. To be asked once for
        that."""
        # Of a pool's connection, not of the loan of it.
        own = getattr(connection, "_con", connection)
        now = self._clock()
        due, wait = self._due.get(own, (None, FIRST_S))
        if due is None:
            self._due[own] = (now + wait, wait)
            return False
        if now < due:
            return False
        wait = min(2 * wait, MOST_S)
        self._due[own] = (now + wait, wait)
        return True
