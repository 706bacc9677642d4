"""Plans: (locked state, command) → entries or a refusal. Pure: no I/O, no clock, no randomness."""

from collections.abc import Callable
from typing import Any

from models.commands import (
    AdjustCredit,
    AssignCredit,
    BulkCredit,
    Command,
    CreateInvoice,
    GiveReward,
    Outcome,
    RecordPayment,
)
from models.planning import adjust, assign, bulk, invoices, rewards
from models.planning.state import Books, Origin

_PLANS: dict[type[Any], Callable[[Books, Origin, Any], Outcome]] = {
    AdjustCredit: adjust.plan,
    BulkCredit: bulk.plan,
    AssignCredit: assign.plan,
    GiveReward: rewards.plan,
    CreateInvoice: invoices.plan_create,
    RecordPayment: invoices.plan_payment,
}


def plan(books: Books, origin: Origin, command: Command) -> Outcome:
    """Plan one unit. Raises a LedgerError; whoever calls then goes back to the mark set before."""
    return _PLANS[type(command)](books, origin, command)
