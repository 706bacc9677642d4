"""The exit status of a command that is told to stop half way: what was asked of it is not done."""

import signal
import socket
from pathlib import Path

import pytest

from tests.app.cli.test_run import Scrip

HELD_S = 30.0


def stopped(number: int, *command: str, cwd: Path) -> int:
    """The status of a command that got the signal while it waited for a database that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(HELD_S)
        url = f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/x?sslmode=disable"
        scrip = Scrip(*command, cwd=cwd, DATABASE_URL=url, SCRIP_BACKUP_DATABASE_URL=url, SCRIP_JWT_SECRET="x" * 40)
        try:
            taken, _ = silent.accept()
            with taken:
                return scrip.end(number)
        finally:
            scrip.process.kill()
            scrip.wait()


@pytest.mark.parametrize(
    ("command", "number"),
    [
        ("verify", signal.SIGTERM),
        ("verify", signal.SIGHUP),
        ("backup file", signal.SIGTERM),
        ("migrate", signal.SIGTERM),
        ("tenant list", signal.SIGTERM),
        ("work --once", signal.SIGTERM),
    ],
)
def test_a_command_stopped_half_way_does_not_report_success(tmp_path: Path, command: str, number: int) -> None:
    assert stopped(number, *command.split(), cwd=tmp_path) == 128 + number


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("command", ["serve", "run", "work"])
def test_one_that_runs_until_it_is_told_to_stop_has_done_what_was_asked(
    tmp_path: Path, command: str, number: int
) -> None:
    assert stopped(number, command, cwd=tmp_path) == 0
