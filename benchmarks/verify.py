"""`scrip verify` of tenants with 1,000,000 entries (or `--entries`), as a command of its own, on a database at rest.

Time, CPU and the most memory at one moment: what the command and its connections have for themselves, without the
programs' files and the buffers that all connections share, which have a fixed size. Then a checkpoint, postings
after it, and what is proved since.
"""

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final
from uuid import uuid4

import psutil  # type: ignore[import-untyped]

from app.postgres.database import open_database
from benchmarks.growth_tenants import Tenant, make_tenants, sizes_of
from benchmarks.meter import Cpu, cpu_now
from benchmarks.report import Figure, Line, draw, note_others, print_figures, print_table, say_of
from benchmarks.rig import Rig
from models.commands import Actor, AdjustCredit
from models.ledger import Ledger
from models.operations.adjust import adjust_credit

REPETITIONS, QUICK_REPETITIONS = 3, 1
SINCE: Final = 1_000
"""Postings after the checkpoint."""
MOST_S: Final = 60 / 10_000_000
"""Seconds of time for each entry."""
MOST_MB: Final = 200
EVERY_S: Final = 0.05
WHOLE, LATER = "whole", f"since a checkpoint, and {SINCE:,} postings"


@dataclass(frozen=True, slots=True)
class Proved:
    """One run of the command: seconds, its CPU and PostgreSQL's (seconds), and the most memory in bytes."""

    seconds: float
    cpu: Cpu
    memory: int

    @property
    def cost(self) -> float:
        return self.cpu.driver + self.cpu.postgres


def run(rig: Rig) -> None:
    """Measure and print."""
    tenants = asyncio.run(make_tenants(rig, sizes_of(rig)))
    repetitions = QUICK_REPETITIONS if rig.quick else REPETITIONS
    found: dict[tuple[str, int], list[Proved]] = {}
    for tenant in tenants:
        kept = rig.folder / f"{tenant.slug}.json"
        found[WHOLE, tenant.entries] = [_prove(rig, tenant, "--keep", str(kept)) for _ in range(repetitions)]
        asyncio.run(_post(rig, tenant))
        found[LATER, tenant.entries] = [_prove(rig, tenant, "--since", str(kept)) for _ in range(repetitions)]
    _print(found, tenants)


async def _post(rig: Rig, tenant: Tenant) -> None:
    async with open_database(rig.urls.app, pool_min=1, pool_max=2):
        ledger = Ledger()
        for n in range(SINCE):
            command = AdjustCredit(tenant.filled.customer_id, "GBP", Decimal(n % 7 + 1), "GOODWILL")
            await adjust_credit(ledger, tenant.id, Actor("filler", "ADMIN"), command, str(uuid4()))
        await ledger.close()


def _prove(rig: Rig, tenant: Tenant, *asked: str) -> Proved:
    """Raises RuntimeError if the books do not hold."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "DATABASE_URL": rig.urls.app,
        "SCRIP_JWT_SECRET": rig.secret,
        "SCRIP_DATA_DIR": str(rig.folder),
    }
    command = [sys.executable, "-m", "app.cli", "verify", "--tenant", tenant.slug, *asked]
    leader = psutil.Process(rig.postmaster)
    others = {child.pid for child in leader.children()}
    began, before, memory = time.monotonic(), cpu_now(server=None, postmaster=rig.postmaster, driver=os.getpid()), 0
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    own = 0.0
    while process.poll() is None:
        own = _cpu_of(process.pid) or own
        lanes = [child.pid for child in leader.children() if child.pid not in others]
        memory = max(memory, sum(_memory(each) for each in (process.pid, *lanes)))
        time.sleep(EVERY_S)
    seconds, after = time.monotonic() - began, cpu_now(server=None, postmaster=rig.postmaster, driver=os.getpid())
    said = process.stdout.read() if process.stdout is not None else ""
    if process.returncode != 0:
        raise RuntimeError(f"the proof ended with status {process.returncode}: {said[-500:]}")
    used = after - before
    cpu = Cpu(0.0, used.postgres, own, used.machine)
    note_others(cpu.others / seconds)
    return Proved(seconds, cpu, memory)


def _cpu_of(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _memory(pid: int) -> int:
    """Bytes that a process, which may have ended, has for itself: without files and what is shared (Linux)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


def _print(found: dict[tuple[str, int], list[Proved]], tenants: list[Tenant]) -> None:
    large = tenants[-1].entries
    say_of(f"{large:,} entries")
    rows = []
    for (what, entries), proved in found.items():
        middle = sorted(proved, key=lambda each: each.seconds)[len(proved) // 2]
        shares = [f"{middle.cpu.driver:,.1f}", f"{middle.cpu.postgres:,.1f}"]
        rows.append([what, f"{entries:,}", f"{middle.seconds:,.1f}", *shares, f"{middle.memory / 1e6:,.0f}"])
    head = ["what", "entries", "s", "command's CPU s", "PostgreSQL's CPU s", "memory MB"]
    print_table(head, rows, title=f"scrip verify, medians of {len(found[WHOLE, large])}")
    whole, later = found[WHOLE, large], found[LATER, large]
    figures = [
        Figure(WHOLE, [each.seconds for each in whole], "s", most=MOST_S * large),
        Figure(f"{WHOLE}, CPU for 1,000,000 entries", [each.cost / large * 1e6 for each in whole], "s"),
        Figure(f"{WHOLE}, memory", [each.memory / 1e6 for each in whole], "MB", most=MOST_MB),
        Figure(LATER, [each.seconds for each in later], "s"),
        Figure(f"{LATER}, CPU", [each.cost for each in later], "s"),
        Figure(f"{LATER}, memory", [each.memory / 1e6 for each in later], "MB", most=MOST_MB),
    ]
    print_figures(f"scrip verify of {large:,} entries", figures)
    for what in (WHOLE, LATER):
        for name, measure in (("time", lambda each: each.seconds), ("CPU", lambda each: each.cost)):
            points = [(float(n), sorted(map(measure, found[what, n]))[0]) for n in (t.entries for t in tenants)]
            draw(
                Line(
                    "scrip verify by size of the tenant", f"{what}: {name}", "entries of the tenant", "seconds", points
                )
            )
