"""Several processes that serve, started where there is hardly any processor for them."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import psutil  # type: ignore[import-untyped]
import pytest
from uvicorn import Config

from app.cli import serve as serving
from app.cli.serve import take_port
from app.postgres.embedded import Urls
from app.settings import Settings
from tests.app.cli.test_run import Scrip

WORKERS: Final = 4
SILENT_S: Final = 8
"""Longer than the 5 s that uvicorn would wait."""
PATIENCE_S: Final = 300
STARTED: Final = "Application startup complete"
DIED: Final = "died"
SECRET: Final = "a secret for workers under test, and long enough"


@pytest.fixture
def several(database: Urls, tmp_path: Path) -> Iterator[Scrip]:
    """A server of some processes, all of them on one core."""
    usual = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(usual)})  # inherited by what is started now
    try:
        scrip = Scrip(
            "serve",
            cwd=tmp_path,
            DATABASE_URL=database.app,
            SCRIP_JWT_SECRET=SECRET,
            SCRIP_WORKERS=str(WORKERS),
            SCRIP_DATABASE_POOL_MIN="0",
        )
    finally:
        os.sched_setaffinity(0, usual)
    yield scrip
    scrip.process.terminate()
    scrip.process.wait(PATIENCE_S)


def test_none_of_many_workers_is_killed_while_it_imports(several: Scrip) -> None:
    """As where each gets a fraction of a core: for some seconds they get nothing at all."""

    def lines(text: str) -> int:
        return sum(text in line for line in several.said)

    def until(true: Callable[[], bool]) -> None:
        give_up = time.monotonic() + PATIENCE_S
        while not true():
            assert several.process.poll() is None, "".join(several.said)
            assert time.monotonic() < give_up, "".join(several.said)
            time.sleep(0.01)

    until(lambda: len(workers(several)) == WORKERS)
    found = workers(several)
    for each in found:
        each.suspend()
    time.sleep(SILENT_S)
    for each in found:
        each.resume()
    until(lambda: lines(STARTED) >= WORKERS or lines(DIED) > 0)
    assert lines(DIED) == 0, "".join(several.said)
    assert workers(several) == found


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"SCRIP_RATE_LIMIT": "100"}, "SCRIP_RATE_LIMIT"),
        ({"SCRIP_TRUSTED_DOCUMENTS": "nowhere.json"}, "SCRIP_TRUSTED_DOCUMENTS"),
    ],
)
def test_a_setting_that_no_process_can_start_with_ends_the_server(
    database: Urls, tmp_path: Path, variables: dict[str, str], reason: str
) -> None:
    """With a line from each of them, and not by starting them again and again."""
    given = {"DATABASE_URL": database.app, "SCRIP_JWT_SECRET": SECRET, "SCRIP_WORKERS": "2", **variables}
    scrip = Scrip("serve", cwd=tmp_path, **given)
    try:
        assert scrip.wait() == 1
    finally:
        scrip.process.kill()
        scrip.wait()
    assert 1 <= sum(line.startswith(f"scrip: {reason}") for line in scrip.said) <= 2, "".join(scrip.said)
    assert not [line for line in scrip.said if "Traceback" in line or DIED in line]


def workers(scrip: Scrip) -> list[psutil.Process]:
    """Those that serve; beside them is one that keeps count of what they share."""
    children = psutil.Process(scrip.process.pid).children()
    return [each for each in children if "resource_tracker" not in " ".join(each.cmdline())]


@pytest.mark.parametrize(("given", "expected"), [({}, 60), ({"worker_timeout": 7}, 7)])
def test_how_long_a_worker_may_be_silent_can_be_set(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, int], expected: int
) -> None:
    told: list[Config] = []

    class Supervisor:
        failed = is_deaf = False

        def __init__(self, config: Config, **_: Any) -> None:
            told.append(config)

        def run(self) -> None:
            """Start nothing."""

    monkeypatch.setattr(serving, "Processes", Supervisor)
    with take_port("127.0.0.1", 0) as listener:
        serving.serve(Settings.model_validate({"workers": 2, **given}), listener)
    assert [config.timeout_worker_healthcheck for config in told] == [expected]
