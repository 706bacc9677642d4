"""Settings of a posting's transaction: how it waits for locked rows, and others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from models.loading.config_locks import adding_nothing, keeping_tiers
from models.loading.locked_elsewhere import Name, moves_points
from models.plan_ages import ANEW
from models.planning.needs import Needs
from models.session import GENERIC_PLANS

LOCK_WAIT: Final = {True: "SET LOCAL lock_timeout = '500ms'; ", False: "SET LOCAL lock_timeout = '100ms'; "}
"""By whether a posting waits for locks. One that does not skips locked rows; but rows that others have not finished
inserting (keys, accounts, counters) cannot be skipped: it waits for those, not much longer than a posting takes."""
QUICKLY: Final = "SET LOCAL lock_timeout = '20ms'; "
"""Once such a row is known to be locked."""
FIRST_WAIT: Final = "SET LOCAL lock_timeout = '1s'; "
"""For the one row that is waited for before all other locks."""
SETTINGS: Final = GENERIC_PLANS
"""Every statement of a posting finds its rows by key, for any batch size: planning it anew each time would cost a
quarter of a single adjustment (measured)."""
MANY_ACCOUNTS: Final = 1_000
PLAN_ANEW: Final = f"; {ANEW}"
"""For a posting on many accounts. Foreign key checks have cached plans too, until the tables are analysed: one made
while they were empty reads all of the tenant's rows for each check (measured: 5,000 rows in 10 s instead of 1)."""


@dataclass(frozen=True, slots=True)
class Way:
    """wait: for locks, in their order; else locked rows are skipped. first: the one row to wait for before all others.

    lock_wait: SQL that sets the lock timeout. counts_last: a large unit raises its actor's counters at the very end.
    """

    wait: bool
    lock_wait: str
    first: Name | None = None
    counts_last: bool = True


def way_of(*, wait: bool, first: Name | None, quick: bool) -> Way:
    return Way(wait, FIRST_WAIT if first else QUICKLY if quick else LOCK_WAIT[wait], first)


def begin_settings(tenant_id: UUID, needs: Sequence[Needs], way: Way) -> str:
    """Settings sent with the BEGIN of a posting."""
    many = sum(len(n.accounts) for n in needs) >= MANY_ACCOUNTS
    tiers = f"; {keeping_tiers(tenant_id)}" if any(moves_points(n) for n in needs) else ""
    return way.lock_wait + SETTINGS + PLAN_ANEW * many + tiers


def report_settings(tenant_id: UUID, way: Way) -> str:
    """The same for a transaction that only writes a dry run's report."""
    return f"{way.lock_wait}{SETTINGS}; {adding_nothing(tenant_id)}"
