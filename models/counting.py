"""Day counters of a posting: locked, or, for a large unit's actor, raised only after all other writes.

A bulk of ten thousand rows takes seconds. If it locked its actor's counters throughout, every other addition by that
partner would wait for it. So they are only read, and the planned difference is added at the very end. They only rise
during a day: an addition refused at a lower sum is refused at the final one too, and an allowed one is still allowed,
if that sum is within the limit. Otherwise it is planned again, with the counters locked from the start.

The customers' counters are there from the start, mostly under the lock of the account. That blocks no others: another
addition to the same account waits for the account anyway.
"""

from collections.abc import Sequence

from models.commands import Actor
from models.loading.counters import (
    counters_needed,
    lock_counters,
    raise_counters,
    read_counters,
    read_to_raise,
    selling_counters_needed,
    spending_counters_needed,
)
from models.loading.locked_elsewhere import counter_names
from models.loading.named import Skipped
from models.money import is_money
from models.planning import limits
from models.planning.state import Books, CounterKey
from models.session import TenantConnection
from models.units import Unit
from models.ways import Way
from turns.slices import turn_after


class CountersMoved(Exception):
    """Other additions of the same actor have meanwhile used too much of the limit under which a large unit was
    planned."""


async def load_counters(
    connection: TenantConnection, books: Books, units: Sequence[Unit], skipped: Skipped, way: Way
) -> None:
    """Lock the day's counters that apply, except those raised at the very end. A dry run locks none.

    Counters locked by others are noted. Raises LockedElsewhere.
    """
    # A unit that is requeued, since its account is locked, does not need the counters meanwhile; others may.
    limited, spending = (
        [
            (unit.actor, key)
            for unit in units
            for key in (unit.needs.limited if adding else unit.needs.spending)
            if key[0] in books.customers and ("accounts", *key) not in skipped.named
        ]
        for adding in (True, False)
    )
    wanted = counters_needed(books.config, books.now, limited)
    wanted |= spending_counters_needed(books.config, books.now, spending)
    selling = [(unit.actor, currency) for unit in units for currency in unit.needs.sells]
    wanted |= selling_counters_needed(books.config, books.now, selling)
    await turn_after(len(wanted))
    if all(unit.is_dry for unit in units):
        books.counters = await read_counters(connection, wanted)
        return
    last = {key for key in wanted if key[0] == limits.PER_ACTOR_DAY} if _counts_last(books, units, way) else set()
    books.counters = await read_to_raise(connection, last)
    if to_lock := wanted - last:
        await turn_after(len(to_lock))
        books.counters |= await lock_counters(connection, to_lock, books.source.new_id, wait=way.wait)
    skipped.named |= counter_names(wanted - books.counters.keys(), "limit_counters")


def _counts_last(books: Books, units: Sequence[Unit], way: Way) -> bool:
    """Whether this is one large unit. Not if it brings a currency into the books: others wait for that too, and may
    then hold the counter.
    """
    if not way.counts_last or len(units) > 1 or not units[0].counts_much:
        return False
    return all(not is_money(asset) or asset in books.config.currencies for _, asset in units[0].needs.limited)


def to_raise(books: Books) -> dict[CounterKey, int]:
    """The amounts by which to raise the counters that were only read."""
    return {
        key: counter.used_minor - counter.read_minor
        for key, counter in books.counters.items()
        if counter.read_minor is not None and counter.used_minor > counter.read_minor
    }


async def raise_last(connection: TenantConnection, books: Books, actor: Actor, more: dict[CounterKey, int]) -> None:
    """Add the planned amounts to the actor's present day counters. Raises CountersMoved if that is too much."""
    totals = await raise_counters(connection, more, [books.source.new_id() for _ in more])
    for key in more:
        rule = limits.rule_for(books.config, actor, key[3])
        if rule is None or key not in totals or not limits.is_within(rule, key[3], by_actor=totals[key]):
            raise CountersMoved
