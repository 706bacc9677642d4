"""Plans: (locked state, command) → entries or a refusal. Pure: no I/O, no clock, no randomness.

A plan that grows with what it finds is made in steps (steps.py). A command that its plan alone reads stands beside it;
those that others read too are in models/commands.py.
"""

from collections.abc import Callable, Generator
from typing import Final, TypeVar

from models.commands import Command, Outcome
from models.errors import InvariantViolated
from models.planning.state import Books, PostingContext
from turns.steps import Steps

P = TypeVar("P", bound=Callable[..., Outcome | Steps[Outcome]])

PLANS: Final[dict[type[Command], Callable[..., Outcome | Steps[Outcome]]]] = {}
"""By `plan_of`. The operation that hands a command to the ledger has loaded the module with its plan."""


def plan_of(kind: type[Command]) -> Callable[[P], P]:
    """The function is the plan of such commands. Raises InvariantViolated for a second plan."""

    def note(function: P) -> P:
        if kind in PLANS:
            raise InvariantViolated(f"{kind.__name__} has two plans")
        PLANS[kind] = function
        return function

    return note


def plan(books: Books, context: PostingContext, command: Command) -> Steps[Outcome]:
    """Plan one unit. Raises a LedgerError; the caller then rolls back to the savepoint set before."""
    planned = PLANS[type(command)](books, context, command)
    return (yield from planned) if isinstance(planned, Generator) else planned
