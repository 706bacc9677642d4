"""CPU time and memory of processes, and the times when others on the machine have been at work too."""

from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of CPU time. machine: of all processes, which shows work that does not belong here."""

    server: float
    postgres: float
    driver: float
    machine: float

    def __sub__(self, before: "Cpu") -> "Cpu":
        return Cpu(
            self.server - before.server,
            self.postgres - before.postgres,
            self.driver - before.driver,
            self.machine - before.machine,
        )

    @property
    def others(self) -> float:
        return max(self.machine - self.server - self.postgres - self.driver, 0.0)


def cpu_now(*, server: int | None, postmaster: int, driver: int) -> Cpu:
    """The CPU time of these processes since they started. `server` None: there is none."""
    everything = psutil.cpu_times()
    idle = everything.idle + getattr(everything, "iowait", 0.0) + getattr(everything, "guest", 0.0)
    return Cpu(
        server=0.0 if server is None else _own(server),
        postgres=_family(postmaster),
        driver=_own(driver),
        machine=sum(everything[:8]) - idle,
    )


def memory_bytes(pid: int) -> int:
    """Resident memory of one process."""
    return int(psutil.Process(pid).memory_info().rss)


def memory_peak_bytes(pid: int) -> int:
    """The most resident memory that one process has had (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def postmaster_of(cluster: Path) -> int:
    """The process that leads the PostgreSQL in this folder."""
    return int((cluster / "postmaster.pid").read_text().splitlines()[0])


def _own(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _family(pid: int) -> float:
    """A process with its children, those that have ended included where the system counts them (Linux does)."""
    process = psutil.Process(pid)
    while True:
        ended = _ended(process)
        times = process.cpu_times()
        found = float(times.user + times.system) + ended + sum(_own(child.pid) for child in process.children())
        if _ended(process) == ended:  # else one has ended meanwhile, and is in neither
            return found


def _ended(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0))
