"""A ledger as anyone would write it down: lists, decimals and the rules of docs/domain.md, and nothing of models/.

What is asked of it is a `Command`: an operation's name and its facts. What it refuses, it refuses with every code that
the rules allow for that command, since they say nothing of which fault is named first. Where the rules allow that a
command is done and that it is refused, it does what the ledger did.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tests.simulation.holding import Holding
from tests.simulation.noting import Noting
from tests.simulation.records import Command, Refusal
from tests.simulation.serving import Serving
from tests.simulation.spending import Spending


@dataclass
class Reference(Holding, Noting, Spending, Serving):
    def do(self, command: Command, now: datetime, answered: str | None = None) -> str:
        """`done`, `requested`, `approved` or `approved before`. Raises Refusal, and has changed nothing then.

        answered: the code that the ledger has refused it with, None where it has done it.
        """
        self.answered, self.figures = answered, {}
        if not self.has_vast:
            return self._done(command, now)
        trial = self.trial()
        trial.is_full = False
        try:
            became = trial._done(command, now)
            trial.check_room()
        except Refusal as refusal:
            self.figures = trial.figures
            raise Refusal(refusal.codes | {"AMOUNT_OUT_OF_RANGE"}) from None  # which may be found first
        self.become(trial)
        return became

    def _done(self, command: Command, now: datetime) -> str:
        doing: Callable[..., str] = getattr(self, f"_{command.name}")
        return doing(now=now, role=command.role, **command.facts)
