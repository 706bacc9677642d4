"""What the metrics of several processes take for granted of prometheus-client's multiprocess mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import prometheus_client.values
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MultiProcessValue

from tests.contracts.shape import accepts

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_place_instead_of_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SharedMetrics names files by place, goes on where they end, and has them merged."""
    accepts(MultiProcessValue, "process_identifier")
    accepts(MultiProcessCollector.merge, "files", "accumulate")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for _ in range(2):  # two processes, one after the other
        kind = MultiProcessValue(process_identifier=lambda: 7)  # type: ignore[no-untyped-call]
        monkeypatch.setattr(prometheus_client.values, "ValueClass", kind)
        registry = CollectorRegistry()
        Counter("things", "", registry=registry).inc(2)
        Gauge("now", "", registry=registry, multiprocess_mode="livesum").set(3)
    files = sorted(file.name for file in tmp_path.glob("*.db"))
    assert files == ["counter_7.db", "gauge_livesum_7.db"], "prometheus-client names its files in another way"
    merged = {
        sample.name: sample.value
        for metric in MultiProcessCollector.merge([str(tmp_path / file) for file in files], accumulate=True)  # type: ignore[no-untyped-call]
        for sample in metric.samples
    }
    assert merged == {"things_total": 4.0, "now": 3.0}
