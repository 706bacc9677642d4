"""A ledger as anyone would write it down: lists, decimals and the rules of the domain, and nothing of models/.

What is asked of it is a `Wish`: an operation's name and its facts. What it refuses, it refuses with every code that the
rules allow for that wish, since they say nothing of which fault is named first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tests.simulation.adjusting import Adjusting
from tests.simulation.billing import Billing
from tests.simulation.serving import Serving
from tests.simulation.things import Wish


@dataclass
class Reference(Adjusting, Billing, Serving):
    def do(self, wish: Wish, now: datetime) -> str:
        """`done`, `requested`, `approved` or `approved before`. Raises Refusal, and has changed nothing then."""
        doing: Callable[..., str] = getattr(self, f"_{wish.name}")
        return doing(now=now, role=wish.role, **wish.facts)
