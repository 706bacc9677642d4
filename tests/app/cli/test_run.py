"""`scrip run` and `scrip serve` as processes of their own, the way they are used."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from app.postgres.embedded import Urls

ROOT = Path(__file__).parents[3]
T = TypeVar("T")
START_S = 90
STOP_S = 40


class Scrip:
    """A command under way, what it says on standard error being kept."""

    def __init__(self, *arguments: str, cwd: Path, **variables: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCRIP_", "DATABASE_"))}
        environment = {**kept, "PYTHONPATH": str(ROOT), "SCRIP_PORT": "0", **variables}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", *arguments], cwd=cwd, env=environment, stderr=subprocess.PIPE, text=True
        )
        self.said: list[str] = []
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            self.said.extend(lines)

    def url(self) -> str:
        """Where it serves, once it does."""

        def find() -> str | None:
            assert self.process.poll() is None, "".join(self.said)
            found = [line.split()[3] for line in self.said if line.startswith("Scrip is at http")]
            return found[0].removesuffix("/graphql") if found else None

        base = wait_for(find)
        wait_for(lambda: get(f"{base}/health/ready") == (200, {"status": "ready"}))
        return base

    def end(self, number: int) -> int:
        """Send it the signal, and answer its exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        status = self.process.wait(STOP_S)
        self._listener.join(STOP_S)
        return status


def wait_for(find: Callable[[], T | None]) -> T:
    give_up = time.monotonic() + START_S
    while not (found := find()):
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.1)
    return found


def get(url: str) -> tuple[int, object] | None:
    """Status and JSON; None where nobody answers."""
    try:
        answer = httpx.get(url, timeout=5)
    except httpx.TransportError:
        return None
    return answer.status_code, answer.json()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Scrip]]:
    """Starts a command in a folder with a space in its name. Whatever runs at the end of the test is killed."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    started: list[Scrip] = []

    def begin(*arguments: str, **variables: str) -> Scrip:
        started.append(Scrip(*arguments, cwd=folder, **variables))
        return started[-1]

    yield begin
    for scrip in started:
        scrip.process.kill()
        scrip.wait()
    # Who is killed leaves the folder of the server's socket to the next start, and there is none.
    note = folder / ".scrip" / "socket"
    if note.exists():
        shutil.rmtree(note.read_text(), ignore_errors=True)


def test_it_runs_from_nothing_and_again_after_it_was_killed(start: Callable[..., Scrip]) -> None:
    first = start("run")
    base = first.url()
    assert get(f"{base}/health/live") == (200, {"status": "live"})
    assert next(line for line in first.said if base in line) == f"The console is at {base}/console\n"
    second = start("run")
    assert second.wait() == 1
    assert f"Another Scrip (process {first.process.pid})" in second.said[-1]
    first.end(signal.SIGKILL)
    third = start("run")
    third.url()
    assert third.end(signal.SIGINT) == 0
    assert third.said[-1] == "Stopped\n"
    assert not [line for line in third.said if "Traceback" in line or "Migrated" in line]


def test_several_workers_stop_in_good_order_and_die_with_their_parent(start: Callable[..., Scrip]) -> None:
    scrip = start("run", SCRIP_WORKERS="2")
    scrip.url()
    assert scrip.end(signal.SIGTERM) == 0
    scrip = start("run", SCRIP_WORKERS="2")
    base = scrip.url()
    scrip.end(signal.SIGKILL)
    port = int(base.rpartition(":")[2])
    wait_for(lambda: _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_port_in_use_is_told_before_anything_is_started(start: Callable[..., Scrip], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        scrip = start("run", SCRIP_PORT=port)
        assert scrip.wait() == 1
    assert len(scrip.said) == 1
    assert scrip.said[0].startswith(f"scrip: Port {port} on 127.0.0.1 cannot be used: Address already in use.")
    assert not list((tmp_path / "a folder").iterdir())


def test_a_database_of_ones_own_is_served_and_left_alone(start: Callable[..., Scrip], database_urls: Urls) -> None:
    own = {"DATABASE_URL": database_urls.app, "SCRIP_MIGRATION_DATABASE_URL": database_urls.owner}
    scrip = start("run", **own, SCRIP_JWT_SECRET="x" * 32)
    answer = httpx.get(f"{scrip.url()}/health/live")
    assert answer.status_code == 200
    assert "server" not in answer.headers  # which would say what it is made with
    assert scrip.end(signal.SIGINT) == 0


def test_without_a_database_serve_says_what_to_do(start: Callable[..., Scrip]) -> None:
    scrip = start("serve")
    assert scrip.wait() == 1
    assert scrip.said == [
        "scrip: DATABASE_URL is not set. Set it, or use `scrip run`, which brings a database of its own.\n"
    ]


def test_serve_makes_up_no_secret(start: Callable[..., Scrip], database_urls: Urls, tmp_path: Path) -> None:
    scrip = start("serve", DATABASE_URL=database_urls.app)
    assert scrip.wait() == 1
    (said,) = scrip.said
    assert said.startswith("scrip: There are no keys to check tokens with. Set SCRIP_JWKS_URL or SCRIP_JWKS_FILE")
    assert not list((tmp_path / "a folder").iterdir())


def test_the_samples_tokens_are_for_this_machine_alone(start: Callable[..., Scrip]) -> None:
    """Nobody who can reach it from elsewhere is given one, by whatever name they ask, and the operator is told how."""
    scrip = start("run", SCRIP_HOST="0.0.0.0")  # noqa: S104
    base = scrip.url().replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    page = httpx.get(base + "/examples", timeout=30)
    assert page.status_code == 200
    assert "can be reached from other machines" in page.text
    assert "eyJ" not in page.text
    assert httpx.get(base + "/console/sample.json", timeout=30).json() == {"roles": []}
    said = "".join(scrip.said)
    assert "scrip token --tenant demo --role staff" in said
    assert "eyJ" not in said
    assert scrip.end(signal.SIGINT) == 0


def test_a_database_out_of_reach_is_told_in_a_line_without_its_password(
    start: Callable[..., Scrip], unused_tcp_port: int
) -> None:
    scrip = start(
        "serve", DATABASE_URL=f"postgresql://u:hunter2@127.0.0.1:{unused_tcp_port}/x", SCRIP_JWT_SECRET="x" * 32
    )
    wait_for(lambda: bool(scrip.said) or None)
    scrip.end(signal.SIGTERM)
    assert len(scrip.said) == 1
    assert "is out of reach" in scrip.said[0]
    assert "hunter2" not in scrip.said[0]
