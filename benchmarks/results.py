"""Results as data: one JSON file a benchmark and run, and which of them count.

A file says when, on what class of machine and with which versions, and holds every table, figure and line. It holds no
name of a machine and no path.
"""

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil  # type: ignore[import-untyped]

from benchmarks.report import Figure, Line, Report, Table

ROOT: Final = Path(__file__).parents[1]
KEPT: Final = ROOT / "benchmarks" / "results"
"""Of the repository: what the page is made from."""
PASSING: Final = ROOT / "build" / "benchmarks"
PACKAGES: Final = ("asyncpg", "graphql-core", "strawberry-graphql", "starlette", "tortoise-orm", "uvicorn", "uvloop")
QUICK, FULL = "quick", "full"


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark's, of one run. of: which, if it is measured at several sizes or in several ways; else empty.

    at: ISO 8601, in UTC. others: processors that others on the machine used meanwhile, the median; None: not known.
    """

    benchmark: str
    of: str
    at: str
    length: str
    machine: dict[str, str]
    versions: dict[str, str]
    others: float | None
    tables: list[Table]
    figures: list[Figure]
    lines: list[Line]

    @property
    def file_name(self) -> str:
        moment = self.at.replace(":", "").replace("-", "").replace("+0000", "Z")
        words = filter(None, (self.benchmark, self.of, moment, self.length))
        return "-".join(slug(word) for word in words) + ".json"

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / self.file_name
        file.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")
        return file

    @classmethod
    def read(cls, file: Path) -> "Result":
        found: dict[str, Any] = json.loads(file.read_text())
        found["tables"] = [Table(**each) for each in found["tables"]]
        found["figures"] = [Figure(**each) for each in found["figures"]]
        found["lines"] = [Line(**{**each, "points": [(x, y) for x, y in each["points"]]}) for each in found["lines"]]
        return cls(**found)


def result_of(report: Report, benchmark: str, postgres: str, *, quick: bool) -> Result:
    """The result of a report that is complete, as of now. postgres: its version."""
    return Result(
        benchmark,
        report.of,
        datetime.now(UTC).isoformat(timespec="seconds"),
        QUICK if quick else FULL,
        _machine(),
        {"Scrip": _ours(), "Python": platform.python_version(), "PostgreSQL": postgres}
        | {name: version(name) for name in PACKAGES},
        median(report.others) if report.others else None,
        report.tables,
        report.figures,
        report.lines,
    )


def read_all(folder: Path = KEPT) -> list[Result]:
    """All results of a folder, oldest first."""
    return sorted((Result.read(file) for file in folder.glob("*.json")), key=lambda result: result.at)


def newest(results: Iterable[Result]) -> dict[tuple[str, str], Result]:
    """Of each benchmark and what it was of, the newest full result, or else the newest quick one."""
    found: dict[tuple[str, str], Result] = {}
    for result in sorted(results, key=lambda each: (each.length == FULL, each.at)):
        found[result.benchmark, result.of] = result
    return found


def slug(text: str) -> str:
    """In small letters, with hyphens between words."""
    return "-".join("".join(c if c.isalnum() else " " for c in text.replace(",", "")).lower().split())


def _machine() -> dict[str, str]:
    """Its class."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processors": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GB",
    }


def _ours() -> str:
    """The version and, where git knows it, the commit, with a plus sign if the files are not all of that commit."""
    found = version("scrip")
    asked = ("git", "-C", str(ROOT), "describe", "--always", "--exclude=*", "--dirty=+")
    try:
        said = subprocess.run(asked, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return found
    return f"{found} ({said.stdout.strip()})"
