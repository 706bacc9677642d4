"""What `scrip verify` leaves for the metrics, and what they make of a file that is not whole."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from app.http.verify_file import LastVerify, leave
from app.problems import SetupProblem


def shown(file: Path) -> str:
    registry = CollectorRegistry()
    registry.register(LastVerify(file))
    return generate_latest(registry).decode()


def test_what_was_left_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "verify.prom"
    assert shown(file) == ""
    leave(file, now=1_800_000_000.5, seconds=2.5, tenants=3, entries=40, differences=1)
    text = shown(file)
    assert "scrip_verify_timestamp_seconds 1.8000000005e+09\n" in text
    assert "scrip_verify_seconds 2.5\n" in text
    assert "scrip_verify_tenants 3.0\n" in text
    assert "scrip_verify_entries 40.0\n" in text
    assert "scrip_verify_differences 1.0\n" in text
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("text", ["nonsense {", "# TYPE other gauge\nother 1\n", ""])
def test_what_is_no_result_is_not_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / "verify.prom").write_text(text)
    assert shown(tmp_path / "verify.prom") == ""


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SetupProblem, match="SCRIP_VERIFY_METRICS: "):
        leave(tmp_path / "nowhere" / "verify.prom", now=1, seconds=1, tenants=1, entries=1, differences=0)
