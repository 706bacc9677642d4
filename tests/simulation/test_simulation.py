"""A short play of the ledger against the reference; a long one is `make simulate SEED=…`."""

import pytest

from app.embedded import Urls
from tests.simulation.driver import simulate

STEPS = 80


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_the_ledger_agrees_with_a_naive_one(database: Urls, seed: int) -> None:
    answers = await simulate(seed, STEPS)

    # It has not only said no.
    assert sum(count for what, count in answers.items() if what.endswith(" done")) > STEPS / 2
