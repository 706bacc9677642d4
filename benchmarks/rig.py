"""The ground of a benchmark: a PostgreSQL of its own, durable and migrated, and servers on it. Nothing of it stays."""

import asyncio
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.postgres.database import migrate
from app.postgres.embedded import EmbeddedPostgres, Urls
from app.settings import Settings
from benchmarks.meter import postmaster_of

START_LIMIT_S: Final = 60
NEVER_REACHED: Final = "1000000000/minute"
"""A rate limit that is checked and counted like any other."""
STOP_LIMIT_S: Final = 40
REMOVE_LIMIT_S: Final = 10


@dataclass(frozen=True, slots=True)
class Server:
    """A server process that answers. start_s: how long it took to."""

    pid: int
    port: int
    start_s: float


@dataclass(frozen=True, slots=True)
class Rig:
    """folder: for files. *_s: how long it took to make the database and to migrate it.

    part: of the names of cases, if a benchmark has several and not all are wanted. entries: how many the tenants are to
    have; none: as many as the benchmark says.
    """

    urls: Urls
    folder: Path
    secret: str
    postmaster: int
    create_s: float
    migrate_s: float
    quick: bool
    part: str
    entries: tuple[int, ...] = ()

    @property
    def settings(self) -> Settings:
        """As the servers have them."""
        given = {"database_url": self.urls.app, "jwt_secret": self.secret, "data_dir": self.folder}
        return Settings.model_validate(given)

    @contextmanager
    def server(self, *changes: str, program: str = "benchmarks.server", **settings: str) -> Iterator[Server]:
        """One that runs until the block ends. changes: see benchmarks.server. settings: more of the environment."""
        port, began = _free_port(), time.monotonic()
        environment = {
            "PATH": "/usr/bin:/bin",
            "DATABASE_URL": self.urls.app,
            "SCRIP_JWT_SECRET": self.secret,
            "SCRIP_PORT": str(port),
            "SCRIP_DATA_DIR": str(self.folder),
            "SCRIP_LOG_LEVEL": "warning",
            "SCRIP_RATE_LIMIT": NEVER_REACHED,
            "PYTHONHASHSEED": "0",
            **settings,
        }
        # In a session of its own, so that Ctrl-C is for us alone, and we end it in order.
        process = subprocess.Popen([sys.executable, "-m", program, *changes], env=environment, start_new_session=True)
        try:
            _wait_until_ready(process, port)
            yield Server(process.pid, port, time.monotonic() - began)
        finally:
            stop(process)


@contextmanager
def make_rig(
    *, quick: bool, part: str = "", entries: tuple[int, ...] = (), programs: Path | None = None
) -> Iterator[Rig]:
    """A new database, until the block ends. programs: the folder of another PostgreSQL's."""
    with _temporary_folder() as folder, EmbeddedPostgres(folder, programs=programs) as embedded:
        began = time.monotonic()
        urls = embedded.start()
        made = time.monotonic()
        asyncio.run(migrate(urls.owner, urls.app, print))
        migrated = time.monotonic()
        postmaster = postmaster_of(folder / "postgres")
        secret = secrets.token_urlsafe(48)
        yield Rig(urls, folder, secret, postmaster, made - began, migrated - made, quick, part, entries)


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A folder that is deleted with all its contents, even if a program that was interrupted is still writing there."""
    folder = Path(tempfile.mkdtemp(prefix="scrip-bench-"))
    try:
        yield folder
    finally:
        give_up = time.monotonic() + REMOVE_LIMIT_S
        while folder.exists() and time.monotonic() < give_up:
            shutil.rmtree(folder, ignore_errors=True)
            time.sleep(0.05)


def stop(process: "subprocess.Popen[str] | subprocess.Popen[bytes]") -> None:
    """End a process that we started, in good order if it lets us."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    give_up = time.monotonic() + START_LIMIT_S
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.02)
    raise RuntimeError(f"the server was not ready within {START_LIMIT_S} s")
