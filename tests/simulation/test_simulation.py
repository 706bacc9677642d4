"""A short play of the ledger against the reference; a long one is `make simulate SEED=…`."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from app.postgres.embedded import Urls
from models.planning import credits, events
from models.planning.state import Books
from tests.simulation.driver import Disagreement, simulate

STEPS = 80
ENOUGH = 300
"""Steps in which a fault shows."""
REFERENCE = (
    "records",
    "state",
    "people",
    "approving",
    "adjusting",
    "moving",
    "billing",
    "holding",
    "noting",
    "serving",
    "spending",
    "noting",
    "reference",
    "telling",
    "telling_more",
)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_the_ledger_agrees_with_a_naive_one(database: Urls, seed: int) -> None:
    answers = await simulate(seed, STEPS)

    # It has not only said no.
    assert sum(count for what, count in answers.items() if what.endswith(" done")) > STEPS / 2


@pytest.mark.parametrize("module", REFERENCE)
def test_the_reference_knows_nothing_of_the_ledger(module: str) -> None:
    tree = ast.parse((Path(__file__).parent / f"{module}.py").read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }

    ours = {
        name
        for name in imported
        if name and name.split(".")[0] in ("app", "auth", "gateway", "jobs", "models", "tests")
    }

    assert ours <= {f"tests.simulation.{name}" for name in REFERENCE}


def as_if_new(books: Books, *rest: Any) -> Any:
    """A lot that a merge has moved forgets its age."""
    new = SUCCEED(books, *rest)
    books.change(new, created_at=books.now)
    return new


def whatever_the_reason(*rest: Any, lifetime: bool = False, **options: Any) -> None:
    """Each removal moves the lifetime total."""
    MOVE(*rest, lifetime=lifetime or rest[-1] == "REMOVED", **options)


SUCCEED, MOVE, TELL = credits.succeed, credits.move, events.emit


@pytest.mark.parametrize(("name", "fault"), [("succeed", as_if_new), ("move", whatever_the_reason)])
async def test_a_fault_is_noticed(database: Urls, name: str, fault: Callable[..., Any]) -> None:
    with patch.object(credits, name, fault), pytest.raises(Disagreement):
        await simulate(1, ENOUGH)


def never_of_tiers(books: Books, topic: str, subject_id: Any) -> None:
    """Of what it brings about, one thing is not told."""
    if topic != "tier.changed":
        TELL(books, topic, subject_id)


async def test_an_event_that_is_missing_is_noticed(database: Urls) -> None:
    with patch.object(credits, "emit", never_of_tiers), pytest.raises(Disagreement, match="TIER_CHANGED"):
        await simulate(4, STEPS)
