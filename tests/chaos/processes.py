"""Processes that are killed, stopped and started again: PostgreSQL, and Scrip's own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import asyncpg
import psutil  # type: ignore[import-untyped]

from app.postgres.account import choose_account, hand_over, installed_programs, reachable_programs, run_as
from app.postgres.embedded import EmbeddedPostgres, Urls, data_argument
from tests.support.postgres import given_programs

ROOT: Final = Path(__file__).parents[2]
REPLICA: Final = "scrip_replica"
STOP_S: Final = 40


class Node:
    """One PostgreSQL in one folder. It has another socket each time it starts, so that its URLs change."""

    def __init__(self, folder: Path, *, durable: bool, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._durable = durable
        self._settings = dict(settings or {})
        self._embedded: EmbeddedPostgres | None = None
        self.urls = Urls("", "", "")

    def start(self) -> Urls:
        """Start it, and wait until it lets connections in. Call it from a thread that stays."""
        self._embedded = EmbeddedPostgres(
            self.folder, durable=self._durable, settings=self._settings, programs=given_programs()
        )
        self.urls = self._embedded.start()
        return self.urls

    @property
    def runs(self) -> bool:
        server = self._embedded._server if self._embedded else None
        return server is not None and server.poll() is None

    @property
    def cluster(self) -> Path:
        return self.folder / "postgres"

    def kill(self) -> None:
        """As a power cut would, but for what the kernel had taken."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As an administrator would who is in a hurry: connections are ended."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """End it without a checkpoint: it has to recover."""
        self._end(signal.SIGQUIT)

    def _end(self, number: int) -> None:
        if self._embedded is None:
            return
        for each in self.processes():
            with suppress(psutil.NoSuchProcess):
                each.resume()
        server = self._embedded._server
        if server is not None and server.poll() is None:
            server.send_signal(number)
            server.wait(STOP_S)
        self._embedded.stop()

    def processes(self) -> list[psutil.Process]:
        """The postmaster first."""
        server = self._embedded._server if self._embedded else None
        if server is None or server.poll() is not None:
            return []
        with suppress(psutil.NoSuchProcess):
            postmaster = psutil.Process(server.pid)
            return [postmaster, *postmaster.children()]
        return []

    def freeze(self) -> None:
        for each in self.processes():
            with suppress(psutil.NoSuchProcess):
                each.suspend()

    def thaw(self) -> None:
        for each in self.processes():
            with suppress(psutil.NoSuchProcess):
                each.resume()

    async def admin(self) -> "asyncpg.Connection":
        return await asyncpg.connect(self.urls.admin, timeout=10)


def copy_node(way: str, passwords: Path, folder: Path, *, durable: bool, settings: Mapping[str, str]) -> Node:
    """A standby of the server at `way`, a URL of REPLICA's, made by pg_basebackup. It is not started."""
    shutil.rmtree(folder, ignore_errors=True)
    cluster = folder / "postgres"
    account = choose_account(cluster)
    folder.mkdir(mode=0o700)
    cluster.mkdir(mode=0o700)
    hand_over(cluster, account)
    programs = reachable_programs(given_programs() or installed_programs(), account, lambda _: None)
    command = [
        *(str(programs / "pg_basebackup"), "-D", data_argument(cluster), "-d", way),
        *("--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast"),
    ]
    done = run_as(account, cluster, command)
    if done.returncode:
        raise RuntimeError(f"pg_basebackup: {done.stderr.strip()}")
    (folder / "passwords.json").write_text(passwords.read_text())
    return Node(folder, durable=durable, settings=settings)


async def allow_replication(node: Node, password: str) -> None:
    """Let a standby in, by a role of its own."""
    rules = node.cluster / "pg_hba.conf"
    if "replication" not in rules.read_text():
        with rules.open("a") as lines:
            lines.write("local replication all scram-sha-256\n")
    admin = await node.admin()
    try:
        if not await admin.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", REPLICA):
            await admin.execute(f"CREATE ROLE {REPLICA} LOGIN REPLICATION PASSWORD '{password}'")
        await admin.execute("SELECT pg_reload_conf()")
    finally:
        await admin.close()


class Program:
    """One of Scrip's processes, its log kept in a file. It listens on the same port each time."""

    def __init__(self, name: str, command: str, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.port = free_port()
        self.log = log
        self._command = command
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCRIP_", "DATABASE_"))}
        self._environment = {**kept, "PYTHONPATH": str(ROOT), "SCRIP_PORT": str(self.port), **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.program", self._command],
                env=self._environment,
                cwd=self.log.parent,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    def send(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def wait(self) -> None:
        if self._process is not None:
            self._process.wait(STOP_S)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
