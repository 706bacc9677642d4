"""Metrics of several processes, counted together: each has a place in a folder, and the one that is scraped adds them up.

These are prometheus-client's files of its multiprocess mode. Their names have the number of a place instead of that of a
process: a process takes the first place that is free, and goes on where the one before it in that place ended. So no counter
falls when a process is replaced, and there are no more files than processes at a time. A place is taken by a lock, which
ends with its process however that ends.
"""

import fcntl
import multiprocessing
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import prometheus_client.values
from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.problems import SetupProblem

MAX_PLACES: Final = 256
"""More than uvicorn may have processes, old and new ones during a restart."""
TEMPORARY: Final = "scrip-metrics-"
"""How the names of folders begin that a server makes for its own processes."""
NOWHERE: Final = -1
FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Read by prometheus-client, which looks there for the folder."""


class SharedMetrics(Collector):
    """The metrics of all processes that have a place in the folder: a collector for the one that is scraped."""

    def __init__(self, folder: Path) -> None:
        """Take a place, for as long as this process lives, and let this process's metrics be counted there.

        Call it before any metric is made. Raises SetupProblem if the folder cannot be used.
        """
        self._folder = folder
        self.place = place = self._take()
        for left in folder.glob(f"gauge_*_{self.place}.db"):
            left.unlink(missing_ok=True)  # of a process that is gone: nothing is true of it any more
        os.environ[FOLDER_VARIABLE] = str(folder)
        kind = prometheus_client.values.MultiProcessValue(process_identifier=lambda: place)  # type: ignore[no-untyped-call]
        prometheus_client.values.ValueClass = kind

    def _take(self) -> int:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for place in range(MAX_PLACES):
                opened = os.open(self._lock(place), os.O_RDWR | os.O_CREAT, 0o600)
                if _is_locked_by_us(opened):
                    os.truncate(opened, 0)
                    os.write(opened, str(os.getpid()).encode())
                    self._held = opened
                    return place
                os.close(opened)
        except OSError as error:
            raise SetupProblem(f"SCRIP_METRICS_DIR: {self._folder} cannot be used ({error.strerror}).") from error
        raise SetupProblem(f"SCRIP_METRICS_DIR: {MAX_PLACES} processes count in {self._folder} already.")

    def _lock(self, place: int) -> Path:
        return self._folder / f"{place}.lock"

    def leave(self) -> None:
        """Give the place up. The server removes its folder, unless it was killed: then its last process does."""
        os.close(self._held)
        self.place = NOWHERE
        server = multiprocessing.parent_process()
        is_orphan = server is not None and server.pid != os.getppid()
        if is_orphan and self._folder.name.startswith(TEMPORARY) and not dict(self._alive()):
            shutil.rmtree(self._folder, ignore_errors=True)

    def collect(self) -> Iterator[Metric]:
        """All metrics, added up; and of each process its memory, CPU time and files."""
        alive = dict(self._alive())
        files = [
            str(file)
            for file in self._folder.glob("*.db")
            if file.stat().st_size and (not file.name.startswith("gauge_") or _place_of(file) in alive)
        ]
        yield from MultiProcessCollector.merge(files, accumulate=True)  # type: ignore[no-untyped-call]
        yield from _of_processes(alive.values())

    def _alive(self) -> Iterator[tuple[int, int]]:
        """The places that are taken, each with the id of its process."""
        for file in self._folder.glob("*.lock"):
            place = int(file.stem)
            if place == self.place:
                yield place, os.getpid()
                continue
            with _open(file) as opened:
                # Asking is a lock, too, for a moment: a process that starts just then takes the next place.
                if opened is not None and not _is_locked_by_us(opened):
                    yield place, int(os.pread(opened, 20, 0) or b"0")


def shared_metrics(folder: Path | None) -> SharedMetrics | None:
    """This process's place among those that count together, if there is a folder for it."""
    return None if folder is None else SharedMetrics(folder)


@contextmanager
def _open(file: Path) -> Iterator[int | None]:
    try:
        opened = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        yield None
        return
    try:
        yield opened
    finally:
        os.close(opened)


def _is_locked_by_us(opened: int) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _place_of(file: Path) -> int:
    return int(file.stem.rpartition("_")[2])


def _of_processes(processes: Iterable[int]) -> Iterator[Metric]:
    """Each process as the kernel sees it: the library's own metrics, with the label `pid`."""
    families: dict[str, Metric] = {}
    for process in processes:
        for found in ProcessCollector(pid=partial(int, process), registry=None).collect():
            family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
            for sample in found.samples:
                family.add_sample(sample.name, {**sample.labels, "pid": str(process)}, sample.value)
    yield from families.values()
