"""One measurement: a driver uses the ledger, and between two instants responses and everybody's CPU are counted."""

import random
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

from app.postgres.account import installed_programs
from benchmarks.load import Log, Order
from benchmarks.meter import Cpu, cpu_now
from benchmarks.report import note_others
from benchmarks.rig import Rig, Server, stop

WARM_UP_S: Final = 1
"""Not measured: connections are made, statements prepared, caches filled."""
PGBENCH_WARM_UP_S: Final = 3
"""The same; pgbench tells the time by whole seconds. Each of its 64 connections plans the whole function for itself."""
PGBENCH_SPARE_S: Final = 2
"""How much longer pgbench goes on than is measured: on a busy machine its seconds are told late, and all clients are to
be at work to the end of the measurement."""
START_LIMIT_S: Final = 30
_SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class Run:
    """The responses between the instants `began` and `began + seconds`. Latencies are in seconds, sorted."""

    seconds: float
    latencies: Sequence[float]
    cpu: Cpu

    @property
    def rate(self) -> float:
        """Responses per second."""
        return len(self.latencies) / self.seconds

    def quantile(self, q: float) -> float:
        """Seconds."""
        return self.latencies[int(q * (len(self.latencies) - 1))]


def over_http(rig: Rig, server: Server, order: Order, *, seconds: int) -> Run:
    """Drive a server with requests. Raises RuntimeError if a response is not as the order expects."""
    wanted, result = rig.folder / "order.json", rig.folder / "result.json"
    order.write(wanted)
    command = [sys.executable, "-m", "benchmarks.load", str(wanted), str(result)]
    with _driver(command, "stdout") as (driver, said):
        _await_line(driver, said, "ready")
        time.sleep(WARM_UP_S)
        window = _measure(rig, server.pid, driver.pid, seconds)
        stop(driver)
    if driver.returncode != 0:
        raise RuntimeError(f"the load generator ended with status {driver.returncode}")
    log = Log.read(result)
    if log.bad:
        raise RuntimeError(f"{len(log.bad)} of {len(log.ends)} answers were not as expected: {log.bad[0][-_SHOWN:]}")
    return window(log.ends, log.latencies)


def by_pgbench(rig: Rig, tenant_id: UUID, script: str, *, connections: int, seconds: int) -> Run:
    """Drive the database with pgbench, as the app's role and the tenant. Raises RuntimeError if it fails."""
    file, logs = rig.folder / "script.sql", rig.folder / "pgbench"
    file.write_text(script)
    for old in rig.folder.glob("pgbench.*"):
        old.unlink()
    url = urlsplit(rig.urls.app)
    plans = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off"}  # as the server's
    settings = {"scrip.tenant": tenant_id, **plans}
    environment = {
        "PATH": "/usr/bin:/bin",
        "PGHOST": url.query.removeprefix("host="),
        "PGUSER": unquote(url.username or ""),
        "PGPASSWORD": unquote(url.password or ""),
        "PGDATABASE": url.path.removeprefix("/"),
        "PGOPTIONS": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }
    command = [
        str(installed_programs() / "pgbench"),
        "--no-vacuum",
        "--protocol=prepared",
        f"--client={connections}",
        f"--time={PGBENCH_WARM_UP_S + seconds + PGBENCH_SPARE_S}",
        "--progress=1",
        "--log",
        f"--log-prefix={logs}",
        f"--file={file}",
        f"--random-seed={random.randrange(10**9)}",  # noqa: S311 - not a secret
    ]
    with _driver(command, "stderr", environment) as (driver, said):
        for _ in range(PGBENCH_WARM_UP_S):
            _await_line(driver, said, "progress:")
        window = _measure(rig, None, driver.pid, seconds)
        _, complaints = driver.communicate(timeout=START_LIMIT_S)
    if driver.returncode != 0:
        raise RuntimeError(f"pgbench failed: {complaints[-_SHOWN:]}")
    return window(*_pgbench_log(rig.folder))


Window = Callable[["Sequence[float]", "Sequence[float]"], Run]
"""From all responses' ends and latencies to the measurement."""


def _measure(rig: Rig, server: int | None, driver: int, seconds: int) -> Window:
    """Let `seconds` pass, counting the CPU."""
    began, before = time.time(), cpu_now(server=server, postmaster=rig.postmaster, driver=driver)
    time.sleep(seconds)
    ended, after = time.time(), cpu_now(server=server, postmaster=rig.postmaster, driver=driver)

    def window(ends: Sequence[float], latencies: Sequence[float]) -> Run:
        inside = sorted(latency for end, latency in zip(ends, latencies, strict=True) if began <= end < ended)
        if not inside:
            raise RuntimeError("there was not a single answer")
        note_others((after - before).others / (ended - began))
        # On a busy machine pgbench may all the same have ended first.
        return Run(min(ended, max(ends)) - began, inside, after - before)

    return window


def _pgbench_log(folder: Path) -> "tuple[array[float], array[float]]":
    """Lines of client, number, microseconds, script, and when it ended: seconds and microseconds."""
    ends, latencies = array("d"), array("d")
    for file in folder.glob("pgbench.*"):
        for line in file.read_text().splitlines():
            _, _, took, _, second, microsecond = line.split()[:6]
            ends.append(int(second) + int(microsecond) / 1e6)
            latencies.append(int(took) / 1e6)
    return ends, latencies


@contextmanager
def _driver(
    command: list[str], says_on: str, environment: dict[str, str] | None = None
) -> Iterator["tuple[subprocess.Popen[str], IO[str]]"]:
    """A process that drives, ended with the block; and its output."""
    process = subprocess.Popen(
        command,
        env=environment,
        text=True,
        start_new_session=True,
        stdout=subprocess.PIPE if says_on == "stdout" else subprocess.DEVNULL,
        stderr=subprocess.PIPE if says_on == "stderr" else None,
    )
    try:
        yield process, getattr(process, says_on)
    finally:
        stop(process)


def _await_line(driver: "subprocess.Popen[str]", said: IO[str], beginning: str) -> None:
    lines = []
    while line := said.readline():
        if line.startswith(beginning):
            return
        lines.append(line)
    raise RuntimeError(f"{driver.args!r} ended at once: {''.join(lines)[-_SHOWN:]}")
