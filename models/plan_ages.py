"""Times at which a connection's cached plans are discarded.

PostgreSQL keeps a plan, also those of foreign keys' checks and of triggers, until its table is analysed. A plan made
while the tables were empty sees no difference between a key and any other index, and may read all of a tenant's rows
until then. So plans are never older than half their connection's age, since tables grow meanwhile: for a table that
grew tenfold, the plan was made when it had grown fivefold.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any, Final
from weakref import WeakKeyDictionary

FIRST_S: Final = 1.0
"""The age of a connection at which its plans are first discarded; then at twice that, and so on."""
MOST_S: Final = 300.0
"""Maximum age of a plan. Planning a posting's statements again costs a few milliseconds."""
ANEW: Final = "DISCARD PLANS"


class PlanAges:
    """Plan ages of all connections of this process. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._due: WeakKeyDictionary[Any, tuple[float, float]] = WeakKeyDictionary()

    def due(self, connection: Any) -> bool:
        """Whether to discard this connection's plans, now that a transaction is over. To be called once for
        each."""
        # The pool's own connection, not the proxy lent out.
        own = getattr(connection, "_con", connection)
        if own is None:  # it is gone, as its next statement says
            return False
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
