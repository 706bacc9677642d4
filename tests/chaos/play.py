"""Rounds: one or two faults at a time under load, then what has to be true again."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from typing import Final

from tests.chaos.checks import counted, replayed, settled
from tests.chaos.faults import FAULTS, possible
from tests.chaos.follow import Follower, followed
from tests.chaos.load import Load, Seen, dice_of
from tests.chaos.world import World

CLIENTS: Final = 12
CALM_S: Final = (0.5, 1.5)
"""Between two rounds."""
BACK_S: Final = 30.0
"""How long it may take, once nothing is broken any more, until every server posts at once again."""
SAMPLE: Final = 25
AT_THE_END: Final = 1_500
"""Writes that are sent again after a round, and after all of them."""
VERIFY_EVERY: Final = 10
TWO_AT_ONCE: Final = 0.35


@dataclass(slots=True)
class Round:
    """What came of one. gap_s: longest in which no write was acknowledged. back_s: until all was well again."""

    faults: list[str]
    broken_s: float
    back_s: float
    gap_s: float
    seen: Seen
    acked: int
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Played:
    """All rounds of one world. world: what there was."""

    world: str
    seed: int
    rounds: list[Round] = field(default_factory=list)
    acked: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    sent_again: int = 0
    events: int = 0
    """Told to the consumer of the feed."""
    crashes: int = 0
    """Of that consumer."""
    wrong: list[str] = field(default_factory=list)


async def play(
    world: World,
    name: str,
    seed: int,
    rounds: int,
    say: Callable[[str], None],
    *,
    only: Sequence[str] = (),
    most_s: float = float("inf"),
    clients: int = CLIENTS,
    until: float = float("inf"),
    operations: float = float("inf"),
    calm_s: float = 0,
    then: Callable[[World, Load], Awaitable[None]] | None = None,
) -> Played:
    """Play so many rounds of a seed. only: these faults, in turn. most_s: longest that something is left broken.

    until: the monotonic time from which no other round begins; nor does one once so many operations are acknowledged.
    calm_s: more seconds between two rounds. then: called at the end, before the load is gone.
    """
    dice = dice_of(seed)
    played = Played(name, seed)
    load, follower = Load(world, seed, clients), Follower(world, seed)
    try:
        await load.open()
        follower.open()
        await asyncio.sleep(1)
        for number in range(rounds):
            if monotonic() > until or len(load.acked) >= operations:
                break
            await asyncio.sleep(calm_s)
            faults = [only[number % len(only)]] if only else _drawn(world, dice)
            made = await _round(world, load, dice, faults, most_s)
            played.rounds.append(made)
            if number % VERIFY_EVERY == VERIFY_EVERY - 1 and (found := await world.verify()):
                made.wrong.append(f"verify: {found}")
            say(_line(number, made))
            played.sent_again += SAMPLE
        await load.stop()
        played.wrong += load.anew().wrong
        some = dice.sample(load.acked, min(AT_THE_END, len(load.acked)))
        played.sent_again += len(some)
        played.wrong += await replayed(load, some)
        played.wrong += await settled(world)
        played.wrong += await counted(world, load)
        played.wrong += await followed(world, follower)
        if found := await world.verify():
            played.wrong.append(f"verify: {found}")
        played.wrong += tracebacks(world)
        if then is not None:
            await then(world, load)
        played.acked = len(load.acked)
        played.kinds = Counter(each.call.kind for each in load.acked)
        played.events, played.crashes = len(follower.kept), follower.crashes
    finally:
        await follower.close()
        await load.close()
    return played


def _drawn(world: World, dice: Random) -> list[str]:
    names = possible(world)
    first = dice.choice(names)
    others = [name for name in names if FAULTS[name].uses != FAULTS[first].uses]
    # A failover is one thing to whoever watches over the servers, and starts nothing that is broken otherwise.
    if others and dice.random() < TWO_AT_ONCE:
        return [first, dice.choice(others)]
    return [first]


async def _round(world: World, load: Load, dice: Random, faults: list[str], most_s: float) -> Round:
    await asyncio.sleep(dice.uniform(*CALM_S))
    wrong = load.anew().wrong
    before, began = len(load.acked), monotonic()

    async def broken(name: str) -> None:
        least, most = FAULTS[name].seconds
        seconds = min(least + (most - least) * dice.random() ** 2, most_s)  # seldom for long
        try:
            await FAULTS[name].broken(world, dice_of(dice.random()), seconds)
        except Exception as error:  # noqa: BLE001 - whatever it is, it stands in the report
            wrong.append(f"{name}: {type(error).__name__}: {error}")

    await asyncio.gather(*(broken(name) for name in faults))
    mended = monotonic()
    back_s, stuck = await _back(world, load)
    ended = monotonic()
    wrong += stuck
    if world.wanted.standby and world.standby is None:
        await world.new_standby()
    seen, since = load.seen, load.acked[before:]
    made = Round(faults, mended - began, back_s, seen.longest_gap(began, ended), seen, len(since), wrong)
    made.wrong += await replayed(load, dice.sample(load.acked, min(SAMPLE, len(load.acked))))
    made.wrong += load.anew().wrong
    return made


async def _back(world: World, load: Load) -> tuple[float, list[str]]:
    """Seconds until every server is ready and a write is acknowledged; what is not, if it takes too long."""
    began = monotonic()
    wrong = []
    for server in world.servers:
        try:
            await world.until_ready(server, BACK_S)
        except TimeoutError:
            wrong.append(f"{server.name} is not ready {BACK_S:g} s after all was mended")
    done, ready = len(load.seen.done), monotonic()
    while len(load.seen.done) == done:
        if monotonic() - ready > BACK_S:
            wrong.append(f"nothing was acknowledged {BACK_S:g} s after all was mended")
            break
        await asyncio.sleep(0.02)
    for program in world.programs:
        if not program.runs:
            wrong.append(f"{program.name} has ended by itself")
            program.start()
    return monotonic() - began, wrong


def tracebacks(world: World) -> list[str]:
    """Faults that a program has logged."""
    found = []
    for program in world.programs:
        lines = program.log.read_text(errors="replace").splitlines()
        for number, line in enumerate(lines):
            if line.startswith("Traceback"):
                found.append(f"{program.name} logged: {_in_short(lines[max(0, number - 2) :])}")
    return found[:20]


def _in_short(lines: list[str]) -> str:
    """What was said before a traceback, and what it ends with."""
    begun = next(number for number, line in enumerate(lines) if line.startswith("Traceback"))
    indented = (number for number, line in enumerate(lines) if number > begun and not line.startswith(" "))
    end = next(indented, len(lines) - 1)
    return " / ".join(line.strip() for line in [*lines[:begun], *lines[max(begun, end - 6) : end + 1]])


def _line(number: int, made: Round) -> str:
    again = sum(made.seen.again.values())
    return (
        f"{number + 1:>4}  {' + '.join(made.faults):<52} broken {made.broken_s:5.1f} s, back {made.back_s:4.1f} s,"
        f" gap {made.gap_s:5.1f} s, {made.acked:>5} acknowledged, {again:>4} sent again"
        + "".join(f"\n      WRONG: {each}" for each in made.wrong)
    )
