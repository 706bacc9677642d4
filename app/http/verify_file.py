"""The file in which `scrip verify` leaves what it found, for `/metrics` to show: Prometheus' own form of text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from app.problems import SetupProblem

MAX_CHARACTERS: Final = 10_000
NAMES: Final = {
    "scrip_verify_timestamp_seconds": "When the books of all tenants were last proved, in Unix time.",
    "scrip_verify_seconds": "How long that took.",
    "scrip_verify_tenants": "Number of tenants whose books were proved.",
    "scrip_verify_entries": "Number of entries that were proved.",
    "scrip_verify_differences": "Differences that were found: 0 if the books hold.",
}


def leave(file: Path, *, now: float, seconds: float, tenants: int, entries: int, differences: int) -> None:
    """Write the file, whole or not at all. Raises SetupProblem."""
    registry = CollectorRegistry()
    for (name, text), value in zip(NAMES.items(), (now, seconds, tenants, entries, differences), strict=True):
        Gauge(name, text, registry=registry).set(value)
    try:
        write_to_textfile(str(file), registry)
    except OSError as error:
        raise SetupProblem(f"SCRIP_VERIFY_METRICS: {file} cannot be written ({error.strerror}).") from error


class LastVerify(Collector):
    """The contents of the file, read each time; nothing if it is not there, or not whole."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def collect(self) -> Iterator[Metric]:
        """Its metrics."""
        try:
            with self._file.open(encoding="utf-8") as opened:
                families = list(text_string_to_metric_families(opened.read(MAX_CHARACTERS)))
        except (OSError, ValueError):
            return
        yield from (family for family in families if family.name in NAMES)
