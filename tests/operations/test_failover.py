"""A primary that is gone, and its synchronous standby that takes over, under load.

Needs `pg_basebackup`, which the embedded PostgreSQL brings along.
"""

from statistics import median
from typing import Final

from tests.chaos.play import Played, play
from tests.chaos.world import Wanted, world

SEED: Final = 7
TIMES: Final = 4
GAP_S: Final = 3.0
"""With the second that it takes whoever watches over the servers to promote the standby. On a machine of its own it is below
two."""
SILENT_GAP_S: Final = 20.0
"""Where nothing refuses: until the kernel has given up what was sent to the one that is gone."""


async def failed_over(fault: str) -> Played:
    said: list[str] = []
    async with world(Wanted(standby=True)) as made:
        played = await play(made, fault, SEED, TIMES, said.append, only=(fault,))
    wrong = [text for each in played.rounds for text in each.wrong] + played.wrong
    assert wrong == [], "\n".join([*said, *wrong])
    assert len(played.rounds) == TIMES
    return played


async def test_the_standby_is_found_and_nothing_is_lost() -> None:
    played = await failed_over("failover")
    assert median(each.gap_s for each in played.rounds) < GAP_S


async def test_where_the_old_ones_machine_is_silent() -> None:
    played = await failed_over("failover from a silent one")
    assert max(each.gap_s for each in played.rounds) < SILENT_GAP_S
