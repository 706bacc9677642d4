"""Short chains of each story by each role, and those of each kind put to the real ledger; longer ones: `make chains`."""

from random import Random
from typing import Final

import pytest

from app.postgres.embedded import Urls
from tests.chains.replay import walking
from tests.chains.search import search
from tests.chains.steps import ROLES, STORIES

DEPTH: Final = 3
REPLAYED: Final = 60
EVERY: Final = 15
CASES: Final = [(story, role) for story in STORIES for role in ROLES]


@pytest.mark.parametrize(("story", "role"), CASES)
async def test_no_chain_breaks_a_law(database: Urls, story: str, role: str) -> None:
    found = search(story, role, 2 if story == "all" else DEPTH)
    edges = Random(f"{story} {role}").sample(list(found.kinds.values()), min(REPLAYED, len(found.kinds)))  # noqa: S311

    async with walking(found, every=EVERY) as walk:
        await walk.through(edges)

    assert walk.compared
