"""A short piece of chaos: faults that need nothing but Python, once each. `make chaos` plays it longer, and with more."""

from typing import Final

from tests.chaos.play import play
from tests.chaos.report import PAGE, page
from tests.chaos.world import Wanted, world

SEED: Final = 20_261_128
SHORT: Final = (
    "answers to COMMIT lost",
    "server killed",
    "PostgreSQL killed",
    "network cut",
    "server stopped",
    "sessions ended",
    "lock held",
    "a server's clock off",
)
MOST_S: Final = 2.0
CLIENTS: Final = 6


async def test_nothing_that_was_acknowledged_is_lost_or_done_twice() -> None:
    said: list[str] = []
    async with world(Wanted()) as made:
        played = await play(made, "short", SEED, len(SHORT), said.append, only=SHORT, most_s=MOST_S, clients=CLIENTS)
    wrong = [text for each in played.rounds for text in each.wrong] + played.wrong
    assert wrong == [], "\n".join([*said, *wrong])
    assert len(played.kinds) >= 10, "the load was not mixed"
    assert sum(each.seen.again.total() for each in played.rounds) > 0, "nobody noticed anything"


def test_the_page_is_what_the_kept_result_says() -> None:
    assert PAGE.read_text() == page()
