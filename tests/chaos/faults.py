"""What is done to a world: each fault breaks one thing, waits, and leaves it as a supervisor would, started again.

Only what a supervisor does by itself (systemd, a container's restart policy, whoever watches over a standby) is done here:
a process that has ended is started, a standby takes over. Nobody mends anything in Scrip.
"""

import asyncio
import shutil
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import asyncpg

from models.privileges import APP_PRIVILEGES
from tests.chaos.processes import Program
from tests.chaos.world import World
from tests.support.proxy import Proxy

Broken = Callable[[World, Random, float], Awaitable[None]]
NOTICED_S: Final = (0.8, 1.3)
"""How long it takes whoever watches over the servers of a database to have a standby take over."""
RESTARTED_S: Final = (0.1, 2.0)
BALLAST: Final = "ballast"
LEFT_BYTES: Final = 300_000
PIECE: Final = bytes(65_536)
SLOW: Final = ("ALTER SYSTEM SET commit_delay = 100000", "ALTER SYSTEM SET commit_siblings = 0")
QUICK_AGAIN: Final = ("ALTER SYSTEM RESET commit_delay", "ALTER SYSTEM RESET commit_siblings")
ROW_LOCKS: Final = 3
LOCKS: Final = (
    "SELECT FROM accounts WHERE tenant_id = $1 FOR UPDATE",
    "SELECT FROM customers WHERE tenant_id = $1 ORDER BY id LIMIT 3 FOR UPDATE",
    "SELECT FROM tenants WHERE id = $1 FOR UPDATE",
    *(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE" for table in sorted(APP_PRIVILEGES)),
)
"""Of rows, or of a whole table, as whoever alters it takes it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """uses: what it breaks; two faults at once break different things. needs: what the world must have.

    seconds: least and most that it is left broken.
    """

    broken: Broken
    uses: str
    needs: str = ""
    seconds: tuple[float, float] = (0.5, 4.0)


async def _pause(dice: Random, between: tuple[float, float]) -> None:
    await asyncio.sleep(dice.uniform(*between))


# Scrip's processes


async def server_killed(world: World, dice: Random, _: float) -> None:
    await _kill(world, dice.choice(world.servers), dice)


async def worker_killed(world: World, dice: Random, _: float) -> None:
    await _kill(world, dice.choice(world.workers), dice)


async def all_killed(world: World, dice: Random, _: float) -> None:
    await asyncio.gather(*(_kill(world, program, dice) for program in world.programs))


async def _kill(world: World, program: Program, dice: Random) -> None:
    program.kill()
    await _pause(dice, RESTARTED_S)
    program.start()
    if program not in world.workers:
        await world.until_ready(program)


async def server_restarted(world: World, dice: Random, _: float) -> None:
    """In good order, as for an upgrade."""
    program = dice.choice(world.servers)
    program.send(signal.SIGTERM)
    await asyncio.to_thread(program.wait)
    program.start()
    await world.until_ready(program)


async def server_stopped(world: World, dice: Random, seconds: float) -> None:
    await _freeze(dice.choice(world.servers), seconds)


async def worker_stopped(world: World, dice: Random, seconds: float) -> None:
    await _freeze(dice.choice(world.workers), seconds)


async def _freeze(program: Program, seconds: float) -> None:
    program.send(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    program.send(signal.SIGCONT)


async def clock_off(world: World, dice: Random, seconds: float) -> None:
    program = dice.choice(world.servers)
    program.send(signal.SIGUSR1)
    await asyncio.sleep(seconds)
    program.send(signal.SIGUSR2)


# PostgreSQL


async def postgres_killed(world: World, dice: Random, _: float) -> None:
    await asyncio.to_thread(world.primary.kill)
    await _pause(dice, RESTARTED_S)
    await world.restart(world.primary)


async def postgres_crashed(world: World, dice: Random, _: float) -> None:
    await asyncio.to_thread(world.primary.crash)
    await _pause(dice, RESTARTED_S)
    await world.restart(world.primary)


async def postgres_restarted(world: World, dice: Random, _: float) -> None:
    await asyncio.to_thread(world.primary.stop)
    await _pause(dice, RESTARTED_S)
    await world.restart(world.primary)


async def backend_killed(world: World, dice: Random, _: float) -> None:
    """One of its processes: the others are ended with it, and it recovers by itself."""
    processes = world.primary.processes()[1:]
    if processes:
        dice.choice(processes).kill()
    await asyncio.sleep(1)


async def postgres_stopped(world: World, _: Random, seconds: float) -> None:
    world.primary.freeze()
    try:
        await asyncio.sleep(seconds)
    finally:
        world.primary.thaw()


async def sessions_ended(world: World, dice: Random, _: float) -> None:
    admin = await world.admin()
    try:
        for _ in range(dice.randint(1, 5)):
            await admin.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'scrip'"""
            )
            await _pause(dice, (0.05, 0.5))
    finally:
        await admin.close()


async def lock_held(world: World, dice: Random, seconds: float) -> None:
    """By somebody who has forgotten a transaction, or alters a table."""
    statement = dice.choice(LOCKS[:ROW_LOCKS] if dice.random() < 0.5 else LOCKS[ROW_LOCKS:])
    admin = await world.admin()
    try:
        async with admin.transaction():
            await admin.execute("SET LOCAL lock_timeout = '5s'")
            arguments = [world.tenant] if "$1" in statement else []
            await admin.execute(statement, *arguments)
            await asyncio.sleep(seconds)
    except asyncpg.LockNotAvailableError:
        return
    finally:
        await admin.close()


async def disk_full(world: World, _: Random, seconds: float) -> None:
    """All but a little of its room is taken. If it ends for that, it is started again once there is room."""
    ballast = world.primary.folder / BALLAST
    try:
        await asyncio.to_thread(_fill, ballast)
        await asyncio.sleep(seconds)
    finally:
        ballast.unlink(missing_ok=True)
    await asyncio.sleep(0.5)
    if not world.primary.runs:
        await asyncio.to_thread(world.primary.crash)  # clear up after it
        await world.restart(world.primary)


def _fill(ballast: Path) -> None:
    room = shutil.disk_usage(ballast.parent).free - LEFT_BYTES
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        for _ in range(0, max(room, 0), len(PIECE)):
            file.write(PIECE)


async def disk_slow(world: World, _: Random, seconds: float) -> None:
    """Each commit takes a tenth of a second more."""
    await _configured(world, SLOW)
    await asyncio.sleep(seconds)
    await _configured(world, QUICK_AGAIN)


async def _configured(world: World, statements: tuple[str, ...]) -> None:
    admin = await world.admin()
    try:
        for statement in (*statements, "SELECT pg_reload_conf()"):
            await admin.execute(statement)
    finally:
        await admin.close()


# The network


def _ways(world: World, dice: Random) -> list[Proxy]:
    """Those of one program, or of all."""
    if dice.random() < 0.3:
        return [way for ways in world.ways.values() for way in ways]
    return world.ways[dice.choice(sorted(world.ways))]


async def network_cut(world: World, dice: Random, _: float) -> None:
    for _ in range(dice.randint(1, 4)):
        for way in _ways(world, dice):
            await way.cut()
        await _pause(dice, (0.05, 0.7))


async def network_refuses(world: World, dice: Random, seconds: float) -> None:
    ways = _ways(world, dice)
    for way in ways:
        await way.refuse()
    await asyncio.sleep(seconds)
    for way in ways:
        await way.open()


async def network_silent(world: World, dice: Random, seconds: float) -> None:
    """Nothing is refused, and nothing comes through."""
    ways = _ways(world, dice)
    for way in ways:
        way.silent = True
    await asyncio.sleep(seconds)
    for way in ways:
        way.silent = False


async def commits_lost(world: World, dice: Random, seconds: float) -> None:
    """The server has them, and its answers do not come back."""
    ways = _ways(world, dice)
    for way in ways:
        way.lose_commits = True
    await asyncio.sleep(seconds)
    for way in ways:
        way.lose_commits = False


# The standby


async def failover(world: World, dice: Random, _: float) -> None:
    """The primary is gone for good, and the standby takes over. Then there is a new standby."""
    await asyncio.to_thread(world.primary.kill)
    await _pause(dice, NOTICED_S)
    await world.promote()


async def failover_silent(world: World, dice: Random, _: float) -> None:
    """The same, where the old primary's machine is without power: who asks it hears nothing."""
    name = world.primary.folder.name
    dead = [ways[("a", "b").index(name)] for ways in world.ways.values()] if world.pooler is None else []
    for way in dead:
        way.silent = True
    await asyncio.to_thread(world.primary.kill)
    await _pause(dice, NOTICED_S)
    await world.promote()
    await asyncio.sleep(6)
    for way in dead:
        way.silent = False


async def standby_killed(world: World, dice: Random, _: float) -> None:
    """The primary waits for it, and with it every write."""
    assert world.standby is not None
    await asyncio.to_thread(world.standby.kill)
    await _pause(dice, RESTARTED_S)
    await world.restart(world.standby)
    await world.until_streaming()


async def standby_stopped(world: World, _: Random, seconds: float) -> None:
    assert world.standby is not None
    world.standby.freeze()
    try:
        await asyncio.sleep(seconds)
    finally:
        world.standby.thaw()


async def replication_cut(world: World, dice: Random, seconds: float) -> None:
    assert world.replication is not None
    await world.replication.refuse()
    await asyncio.sleep(seconds)
    await world.replication.open()
    await world.until_streaming()


# The pooler


async def pooler_killed(world: World, dice: Random, _: float) -> None:
    assert world.pooler is not None
    await asyncio.to_thread(world.pooler.kill)
    await _pause(dice, RESTARTED_S)
    await asyncio.to_thread(world.pooler.start)


async def pooler_stopped(world: World, _: Random, seconds: float) -> None:
    assert world.pooler is not None
    world.pooler.send(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    world.pooler.send(signal.SIGCONT)


async def pooler_cut_off(world: World, _: Random, seconds: float) -> None:
    """From the server."""
    assert world.inner is not None
    await world.inner.refuse()
    await asyncio.sleep(seconds)
    await world.inner.open()


FAULTS: Final = {
    "server killed": Fault(server_killed, "programs"),
    "server restarted": Fault(server_restarted, "programs"),
    "server stopped": Fault(server_stopped, "programs"),
    "worker killed": Fault(worker_killed, "programs"),
    "worker stopped": Fault(worker_stopped, "programs", seconds=(1, 8)),
    "servers and workers killed": Fault(all_killed, "programs"),
    "a server's clock off": Fault(clock_off, "programs", seconds=(2, 8)),
    "PostgreSQL killed": Fault(postgres_killed, "postgres"),
    "PostgreSQL crashed": Fault(postgres_crashed, "postgres"),
    "PostgreSQL restarted": Fault(postgres_restarted, "postgres"),
    "one of its processes killed": Fault(backend_killed, "postgres"),
    "PostgreSQL stopped": Fault(postgres_stopped, "postgres", seconds=(0.5, 8)),
    "sessions ended": Fault(sessions_ended, "postgres"),
    "lock held": Fault(lock_held, "postgres", seconds=(1, 60)),
    "disk full": Fault(disk_full, "postgres", "small disk", seconds=(2, 6)),
    "disk slow": Fault(disk_slow, "postgres", "durable", seconds=(2, 8)),
    "network cut": Fault(network_cut, "network"),
    "network refuses": Fault(network_refuses, "network"),
    "network silent": Fault(network_silent, "network", seconds=(1, 15)),
    "answers to COMMIT lost": Fault(commits_lost, "network"),
    "failover": Fault(failover, "postgres", "standby"),
    "failover from a silent one": Fault(failover_silent, "postgres", "standby"),
    "standby killed": Fault(standby_killed, "postgres", "standby"),
    "standby stopped": Fault(standby_stopped, "postgres", "standby"),
    "replication cut": Fault(replication_cut, "postgres", "standby"),
    "pooler killed": Fault(pooler_killed, "network", "pooler"),
    "pooler stopped": Fault(pooler_stopped, "network", "pooler"),
    "pooler cut off": Fault(pooler_cut_off, "network", "pooler"),
}
"""By the names that reports have."""


def possible(world: World) -> list[str]:
    """The faults that this world can have."""
    wanted = world.wanted
    has = {
        "": True,
        "small disk": wanted.small_disk,
        "durable": wanted.durable,
        "standby": wanted.standby,
        "pooler": wanted.pooler is not None,
    }
    return [name for name, fault in FAULTS.items() if has[fault.needs]]
