"""All that can be broken: PostgreSQL, a standby, a pooler, three servers, two workers, and the ways between them."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx

from app.postgres.database import migrate
from auth.roles import Role
from auth.tokens import issue
from tests.chaos.processes import REPLICA, ROOT, Node, Program, allow_replication, copy_node
from tests.support.pooler import Pooler
from tests.support.proxy import Proxy

SECRET: Final = "a secret for servers that are broken, long enough"
SLUG: Final = "chaos"
SERVERS: Final = 3
WORKERS: Final = 2
"""Each a relay of the feed as well."""
START_S: Final = 60.0
DISK: Final = "768m"
"""Of the tmpfs that is filled up."""
PASSWORD: Final = "of-the-replica"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What there is. small_disk: the data stand on a tmpfs of DISK, which takes root. durable: fsync is on."""

    standby: bool = False
    pooler: Path | None = None
    small_disk: bool = False
    durable: bool = False


class World:
    """Servers reach PostgreSQL by ways of their own, one for each of its nodes, or one for all through the pooler."""

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self.folder = folder
        self.wanted = wanted
        self.primary = Node(folder / "a", durable=wanted.durable, settings=self._settings)
        self.standby: Node | None = None
        self.pooler: Pooler | None = None
        self.servers: list[Program] = []
        self.workers: list[Program] = []
        self.ways: dict[str, list[Proxy]] = {}
        """By the name of who goes there: the first leads to node a, the second to node b."""
        self.inner: Proxy | None = None
        """From the pooler to the primary."""
        self.replication: Proxy | None = None
        self.tenant = uuid4()

    @property
    def _settings(self) -> Mapping[str, str]:
        # What was acknowledged is in the file when the process is killed, unlike in other tests. Few segments of WAL, so
        # that the small disk is full of rows before it is full of those.
        return {"synchronous_commit": "on", "wal_keep_size": "64MB", "max_wal_size": "64MB", "min_wal_size": "32MB"}

    async def open(self) -> None:
        """Start everything."""
        if self.wanted.small_disk:
            mount(self.folder / "a")
        urls = await asyncio.to_thread(self.primary.start)
        await migrate(urls.owner, urls.app, lambda _: None)
        if self.wanted.standby:
            await allow_replication(self.primary, PASSWORD)
            self.replication = Proxy(urls.admin)
            await self.replication.open()
            await self.new_standby()
        if self.wanted.pooler is not None:
            self.inner = Proxy(urls.app)
            await self.inner.open()
            there = f"host=127.0.0.1 port={self.inner.port}"
            self.pooler = Pooler(self.wanted.pooler, self.folder / "p", there, urls)
            await asyncio.to_thread(self.pooler.start)
        await self._tenant()
        for n in range(SERVERS):
            self.servers.append(await self._program(f"server {n + 1}", "serve"))
        for n in range(WORKERS):
            self.workers.append(await self._program(f"worker {n + 1}", "work"))
        for program in self.programs:
            program.start()
        await asyncio.gather(*(self.until_ready(server) for server in self.servers))

    @property
    def programs(self) -> list[Program]:
        return [*self.servers, *self.workers]

    async def _program(self, name: str, command: str) -> Program:
        if self.pooler is not None:
            ways = [Proxy(self.pooler.url(self.primary.urls.app))]
        else:
            ways = [Proxy(node.urls.app) for node in (self.primary, self.standby) if node is not None]
        for way in ways:
            await way.open()
        self.ways[name] = ways
        first = urlsplit(ways[0].url)
        hosts = ",".join(f"127.0.0.1:{way.port}" for way in ways)
        several = "&target_session_attrs=read-write" if len(ways) > 1 else ""
        url = f"postgresql://{first.netloc.rpartition('@')[0]}@{hosts}{first.path}?sslmode=disable{several}"
        unprepared = {} if self.pooler is None or self.pooler.prepares else {"SCRIP_DATABASE_STATEMENT_CACHE": "0"}
        return Program(
            name,
            command,
            {
                "DATABASE_URL": url,
                "SCRIP_JWT_SECRET": SECRET,
                "SCRIP_RATE_LIMIT": "0",
                "SCRIP_LOG_LEVEL": "warning",
                **unprepared,
            },
            self.folder / f"{name.replace(' ', '-')}.log",
        )

    async def _tenant(self) -> None:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "DATABASE_URL": self.primary.urls.app,
            "SCRIP_JWT_SECRET": SECRET,
            "PYTHONPATH": str(ROOT),
        }
        arguments = ("tenant", "create", SLUG, "--time-zone", "Europe/London")
        made = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.cli", *arguments),
            cwd=self.folder,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        await made.communicate()
        if made.returncode:
            raise RuntimeError("the tenant was not made")
        admin = await self.primary.admin()
        self.tenant = await admin.fetchval("SELECT id FROM tenants WHERE slug = $1", SLUG)
        await admin.close()

    async def until_ready(self, server: Program, limit_s: float = START_S) -> float:
        """Wait until it says that it can serve. Returns the seconds that took. Raises TimeoutError, with its last answer."""
        began, told = monotonic(), "nothing"
        async with httpx.AsyncClient(timeout=5) as client:
            while monotonic() - began < limit_s:
                try:
                    answer = await client.get(f"{server.url}/health/ready")
                    if answer.status_code == 200:
                        return monotonic() - began
                    told = f"{answer.status_code} {answer.text[:200]}"
                except httpx.TransportError as error:
                    told = repr(error)
                await asyncio.sleep(0.05)
        raise TimeoutError(f"{server.url} was not ready after {limit_s:g} s; its last answer: {told}")

    def lead_to(self) -> None:
        """Have all ways lead to where PostgreSQL is now."""
        by_folder = {node.folder: node for node in (self.primary, self.standby) if node is not None}
        ordered = [by_folder.get(self.folder / name) for name in ("a", "b")]
        for ways in self.ways.values():
            if self.pooler is None:
                for way, node in zip(ways, ordered, strict=False):
                    if node is not None and node.urls.app:
                        way.serves(node.urls.app)
        for way in filter(None, (self.inner, self.replication)):
            way.serves(self.primary.urls.app)

    async def restart(self, node: Node) -> None:
        """Start a node that has ended, and lead all ways there."""
        await asyncio.to_thread(node.start)
        self.lead_to()

    async def new_standby(self) -> None:
        """Make one of the primary, and have the primary wait for it from then on."""
        assert self.replication is not None
        other = "b" if self.primary.folder.name == "a" else "a"
        parts = urlsplit(self.replication.url)
        way = (
            f"postgresql://{REPLICA}@127.0.0.1:{self.replication.port}{parts.path}?sslmode=disable&password={PASSWORD}"
        )
        self.standby = await asyncio.to_thread(
            copy_node,
            way,
            self.primary.folder / "passwords.json",
            self.folder / other,
            durable=self.wanted.durable,
            settings=self._settings,
        )
        await self.restart(self.standby)
        await self.until_streaming()
        await self.wait_for_standby(wanted=True)

    async def until_streaming(self) -> None:
        """Wait until the standby follows."""
        admin = await self.primary.admin()
        try:
            async with asyncio.timeout(START_S):
                while not await admin.fetchval("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        finally:
            await admin.close()

    async def wait_for_standby(self, *, wanted: bool) -> None:
        """Whether the primary acknowledges only what its standby has."""
        admin = await self.primary.admin()
        try:
            await admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{'*' if wanted else ''}'")
            await admin.execute("SELECT pg_reload_conf()")
        finally:
            await admin.close()

    async def promote(self) -> None:
        """Have the standby take over, as whoever watches over the two would. The old primary must have ended."""
        assert self.standby is not None
        node = self.standby
        admin = await node.admin()
        try:
            await admin.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
            await admin.fetchval("SELECT pg_promote(true, 30)")
            await admin.execute("SELECT pg_reload_conf()")
        finally:
            await admin.close()
        self.primary, self.standby = node, None
        self.lead_to()

    async def admin(self) -> "asyncpg.Connection":
        return await self.primary.admin()

    async def verify(self) -> str:
        """What `scrip verify` finds wrong; empty if nothing."""
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "DATABASE_URL": self.primary.urls.app,
            "PYTHONPATH": str(ROOT),
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.cli", "verify"),
            cwd=self.folder,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return "" if process.returncode == 0 else said.decode()[-2_000:]

    def token(self, role: Role, subject: str) -> str:
        return issue(
            SECRET,
            issuer="scrip",
            audience="scrip",
            tenant=SLUG,
            subject=subject,
            role=role,
            issued_at=datetime.now(UTC) - timedelta(seconds=1),
            lifetime=timedelta(days=1),
            token_id=uuid4().hex,
        )

    async def close(self) -> None:
        """End everything."""
        for program in self.programs:
            program.send(signal.SIGCONT)
            program.kill()
        ways = [way for each in self.ways.values() for way in each] + [self.inner, self.replication]
        for way in filter(None, ways):
            way.silent = False
            await way.refuse()
        if self.pooler is not None:
            self.pooler.send(signal.SIGCONT)
            self.pooler.kill()
        for node in (self.standby, self.primary):
            if node is not None:
                await asyncio.to_thread(node.crash)
        if self.wanted.small_disk:
            await asyncio.to_thread(unmount, self.folder / "a")


def mount(folder: Path) -> None:
    """Put a tmpfs of DISK there. Raises RuntimeError where that is not allowed."""
    folder.mkdir(mode=0o700)
    command = ["/bin/mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise RuntimeError("there is no `mount` here") from error
    if done.returncode:
        raise RuntimeError(f"a small disk takes root, and the right to mount one: {done.stderr.strip()}")


def unmount(folder: Path) -> None:
    """Take it away again, as soon as nobody uses it."""
    subprocess.run(["/bin/umount", "-l", str(folder)], check=False, capture_output=True)


def can_mount() -> str:
    """Why no small disk can be had; empty if one can."""
    folder = Path(tempfile.mkdtemp(prefix="scrip-mount-"))
    try:
        mount(folder / "a")
    except RuntimeError as error:
        return str(error)
    else:
        unmount(folder / "a")
        return ""
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def world(wanted: Wanted) -> AsyncIterator[World]:
    """One that runs, until the block ends; nothing of it stays."""
    folder = Path(tempfile.mkdtemp(prefix="scrip-chaos-"))
    await asyncio.to_thread(folder.chmod, 0o755)  # PostgreSQL and the pooler run as another account if we are root
    made = World(folder, wanted)
    try:
        await made.open()
        yield made
    finally:
        await made.close()
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
