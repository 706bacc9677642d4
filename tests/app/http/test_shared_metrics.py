"""Processes that count together: what each of them tells, and what is left of one that is gone."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
COUNTING: Final = """
import sys
from pathlib import Path
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from app.http.shared_metrics import SharedMetrics
shared = SharedMetrics(Path(sys.argv[1]))
shown, own = CollectorRegistry(), CollectorRegistry()
shown.register(shared)
Counter("things", "x", registry=own).inc(int(sys.argv[2]))
Gauge("now", "x", registry=own, multiprocess_mode="livesum").set(int(sys.argv[2]))
Histogram("times", "x", buckets=(1, 10), registry=own).observe(int(sys.argv[2]))
print(shared.place, flush=True)
for line in sys.stdin:
    print(generate_latest(shown).decode() + "end", flush=True)
"""


class Process:
    """One that counts so many things, has so many now, and tells of all when it is asked."""

    def __init__(self, folder: Path, number: int) -> None:
        command = [sys.executable, "-c", COUNTING, str(folder), str(number)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.place = int(self.process.stdout.readline())

    def told(self) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        lines = iter(self.process.stdout.readline, "end\n")
        return "".join(lines)

    def kill(self) -> None:
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.process.wait()


class Processes:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all: list[Process] = []

    def start(self, number: int) -> Process:
        self.all.append(Process(self.folder, number))
        return self.all[-1]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(tmp_path / "metrics")
    yield processes
    for each in processes.all:
        if each.process.returncode is None:
            each.kill()


def value(text: str, name: str) -> float:
    (found,) = re.findall(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found)


def test_whoever_is_asked_tells_of_all_and_nothing_is_lost_with_one_that_is_gone(processes: Processes) -> None:
    one, two = processes.start(1), processes.start(20)
    assert (one.place, two.place) == (0, 1)
    for each in (one, two):
        text = each.told()
        assert value(text, "things_total") == 21
        assert value(text, "now") == 21
        assert value(text, 'times_bucket{le="1.0"}') == 1
        assert value(text, "times_count") == 2
        assert len(re.findall(r'^process_resident_memory_bytes\{pid="\d+"\} ', text, re.MULTILINE)) == 2

    two.kill()
    text = one.told()
    assert value(text, "things_total") == 21
    assert value(text, "now") == 1
    assert text.count("process_resident_memory_bytes{") == 1

    three = processes.start(300)
    assert three.place == two.place
    text = one.told()
    assert value(text, "things_total") == 321
    assert value(text, "now") == 301
    assert sorted(file.name for file in processes.folder.glob("counter_*")) == ["counter_0.db", "counter_1.db"]


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-c", COUNTING, str(tmp_path / "file"), "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "SCRIP_METRICS_DIR: " in done.stderr.splitlines()[-1]
