"""Plans: (locked state, command) → entries or a refusal. Pure: no I/O, no clock, no randomness.

A plan whose length depends on the data is made in steps (turns/steps.py). A command read only by its plan stands beside
it; the others are in models/commands.py.
"""

from collections.abc import Callable, Generator
from typing import Final, TypeVar

from models.commands import Command, Outcome
from models.errors import InvariantViolated
from models.planning.state import Books, PostingContext
from turns.steps import Steps

P = TypeVar("P", bound=Callable[..., Outcome | Steps[Outcome]])

PLANS: Final[dict[type[Command], Callable[..., Outcome | Steps[Outcome]]]] = {}
"""Filled by `plan_of`. The operation that submits a command to the ledger imports the module with its plan."""


def plan_of(kind: type[Command]) -> Callable[[P], P]:
    """Register the function as the plan of these commands. Raises InvariantViolated for a second plan."""

    def note(function: P) -> P:
        if kind in PLANS:
            raise InvariantViolated(f"{kind.__name__} has two plans")
        PLANS[kind] = function
        return function

    return note


def plan(books: Books, context: PostingContext, command: Command) -> Steps[Outcome]:
    """Plan one unit. Raises a LedgerError; the caller then rolls back to its savepoint."""
    planned = PLANS[type(command)](books, context, command)
    return (yield from planned) if isinstance(planned, Generator) else planned
