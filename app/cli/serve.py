"""`scrip serve`: the server alone, on a database that exists and is migrated. And the parts that `run` shares with it."""

import asyncio
import errno
import gc
import multiprocessing
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory

import uvicorn
from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.cli.output import say
from app.cli.stopping import stop_is_success
from app.http.logs import log_config
from app.http.protocol import BoundedHttpProtocol
from app.http.shared_metrics import TEMPORARY
from app.http.websocket_protocol import PatientWebSocketProtocol
from app.postgres.database import check_database, check_role
from app.postgres.waiting import until_there
from app.problems import SetupProblem
from app.settings import Settings, load_settings
from app.tokens.keys import token_keys
from gateway.http.requests import DEFAULT_MAX_BODY_BYTES
from gateway.http.view import DEFAULT_EXECUTION_TIMEOUT

GRACE_S = int(DEFAULT_EXECUTION_TIMEOUT) + 3
"""How long requests under way may take after the server was told to stop: as long as any may, and its end."""
BACKLOG = 2048
"""Connections that wait to be accepted."""
OPEN_FILES = 65_536
"""Connections are open files; many systems let a process have 1,024 unless it asks."""
LOOK_S = 1
"""How long a process may take to say whether it serves, before it is asked again."""
UNREAD_MS = 60_000
"""How long a client may leave a response unread, the connection being full, before the system drops the connection."""


def serve_command() -> None:
    """Serve requests, and run no jobs. For production: set DATABASE_URL, and run `scrip migrate` first."""
    stop_is_success()
    settings = load_settings()
    if settings.app_url is None:
        raise SetupProblem("DATABASE_URL is not set. Set it, or use `scrip run`, which brings a database of its own.")
    token_keys(settings)  # refused here, in a line, and not in each process
    with take_port(settings.host, settings.port) as listener:
        asyncio.run(until_there(partial(_check, settings.app_url), say))
        say(f"Scrip is at {address(listener)}/graphql   (Ctrl-C stops it)")
        serve(settings, listener)


async def _check(url: str) -> None:
    await check_database(url)
    await check_role(url, say)


def take_port(host: str, port: int, setting: str = "SCRIP_PORT") -> socket.socket:
    """A socket that is bound already, so that a port in use is found out before anything else is started.

    It does not listen yet: until the app is there, connections are refused, and a proxy goes to another server instead of
    waiting. Raises SetupProblem if it cannot be opened. setting: the one that says the port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small packets at once only where the protocol is named: else each second one waits for 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections have it from their listener
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise _no_port(host, port, setting, error) from error
    listener.set_inheritable(True)
    return listener


def _no_port(host: str, port: int, setting: str, error: OSError) -> SetupProblem:
    reason = f"Port {port} on {host} cannot be used: {error.strerror or error}."
    return SetupProblem(f"{reason} Stop what uses it, or set {setting} to another one.")


def _in_use(config: uvicorn.Config) -> SetupProblem:
    taken = OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    return _no_port(config.host, config.port, "SCRIP_PORT", taken)


def address(listener: socket.socket) -> str:
    """The URL that leads to the server, without a path."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve until told to stop, in as many processes as the settings say. Each reads the settings anew.

    SIGHUP replaces several processes one after the other, and stops a single one.
    """
    _allow_open_files()
    config = server_config(settings, listener)
    if settings.workers > 1:
        with _counting_together(settings):
            processes = Processes(config, sockets=[listener])
            processes.run()
        if processes.is_deaf:
            raise _in_use(config)
        if processes.failed:
            sys.exit(1)
        return
    server = Alone(config)
    signal.signal(signal.SIGHUP, server.handle_exit)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return  # uvicorn has stopped in good order, and passes the signal on
    if not server.started:
        sys.exit(1)


def listens(listener: socket.socket) -> bool:
    """Whether it does. Two can have a port until one of them listens, as where both have waited for the database, and
    uvloop does not say that it cannot.
    """
    return listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) != 0


class Alone(uvicorn.Server):
    """uvicorn's, which ends if somebody else listens to its port by now."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        given = sockets or []
        kept = [each.dup() for each in given]
        await super().startup(sockets)
        is_deaf = not all(map(listens, kept))
        for each in kept:
            each.close()
        if is_deaf:
            await self.lifespan.shutdown()
            for each in given:
                each.detach()  # uvloop has closed what cannot listen
            raise _in_use(self.config)


class Processes(Multiprocess):
    """uvicorn's, which ends all of them if one cannot start: that is a failure, and no end in good order."""

    failed = False
    is_deaf = False

    def keep_subprocess_alive(self) -> None:
        for process in self.processes:
            process.child_conn.close()  # the process has its own: with that, a wait for its answer ends as it does
        if self.should_exit.is_set():
            return
        super().keep_subprocess_alive()
        self.failed = self.should_exit.is_set()
        if not self.failed and not listens(self.sockets[0]):
            # One that can listen does so before it says that it has started, and perhaps since the first look.
            started = any(process.is_ready(LOOK_S) for process in self.processes)
            self.is_deaf = started and not listens(self.sockets[0])
            if self.is_deaf:
                self.should_exit.set()


def application() -> Starlette:
    """The app, made in each serving process; called by uvicorn.

    What is imported for it stays: to look for garbage among it meanwhile would take a fifth of a start. A process of
    several that cannot start ends with the status by which the others learn that none can.
    """
    gc.disable()
    from app.main import create_app_from_environment

    try:
        return create_app_from_environment()
    except SetupProblem as problem:
        if multiprocessing.parent_process() is None:
            raise
        print(f"scrip: {problem}", file=sys.stderr, flush=True)
        sys.exit(STARTUP_FAILURE)


def bounded_http(settings: Settings) -> "partial[BoundedHttpProtocol]":
    """The HTTP protocol, with the settings' bounds."""
    return partial(BoundedHttpProtocol, read_timeout=settings.read_timeout, drain=settings.drain)


def server_config(settings: Settings, listener: socket.socket) -> uvicorn.Config:
    """Uvicorn's configuration."""
    host, port = listener.getsockname()[:2]
    return uvicorn.Config(
        f"{__name__}:{application.__name__}",
        factory=True,
        host=host,  # the socket is there already; but these are what it logs
        port=port,
        workers=settings.workers,
        http=bounded_http(settings),  # type: ignore[arg-type]
        timeout_keep_alive=settings.keep_alive,
        limit_concurrency=settings.max_connections,
        ws=PatientWebSocketProtocol,
        ws_max_size=DEFAULT_MAX_BODY_BYTES,
        # Messages are small, and a compressor for each connection is not; nor can a small one grow into a large one.
        ws_per_message_deflate=False,
        log_config=log_config(settings.log_level, settings.log_format),
        access_log=settings.log_level == "debug" and settings.log_format == "text",
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        lifespan="on",
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_S,
        timeout_worker_healthcheck=settings.worker_timeout,
    )


@contextmanager
def _counting_together(settings: Settings) -> Iterator[None]:
    """A folder in which the workers count together, unless there is one, until the block ends."""
    if not settings.metrics or settings.metrics_dir is not None:
        yield
        return
    with TemporaryDirectory(prefix=TEMPORARY) as folder:
        os.environ["SCRIP_METRICS_DIR"] = folder
        yield


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
