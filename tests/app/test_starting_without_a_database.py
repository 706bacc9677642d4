"""Servers and jobs that start while the database is away: they wait for it, and nobody has to start them again."""

import asyncio
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from multiprocessing import Pipe
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, Final, cast

import asyncpg
import psutil  # type: ignore[import-untyped]
import pytest
from uvicorn.config import STARTUP_FAILURE

from app.cli import serve as serving
from app.cli.serve import Processes, take_port
from app.postgres import waiting
from app.postgres.database import check_database
from app.postgres.embedded import Urls
from app.postgres.hosts import may_pass
from app.postgres.waiting import opened_once_there, stop_noticed, until_there
from app.problems import OutOfReach, SetupProblem
from app.settings import Settings
from models.errors import DatabaseAway
from models.ledger import Ledger
from tests.app.cli.test_run import Scrip, get, wait_for
from tests.app.test_restarts import free_ports
from tests.app.test_workers import workers
from tests.support.proxy import Proxy, proxied

SECRET: Final = "a secret for servers under test, and long enough"
WAITS: Final = "It is waited for."
THERE: Final = "The database is there, after "
PAUSE_S: Final = 1.5
"""Long enough for a process that ended instead of waiting to be gone."""


@pytest.fixture
async def way(database_urls: Urls) -> AsyncIterator[Proxy]:
    """To the database; nobody gets through."""
    async with proxied(database_urls.app) as proxy:
        await proxy.refuse()
        yield proxy


@pytest.fixture
def start(tmp_path: Path, way: Proxy) -> Iterator[Callable[..., Scrip]]:
    started: list[Scrip] = []

    def begin(command: str, **variables: str) -> Scrip:
        given = {"DATABASE_URL": way.url, "SCRIP_JWT_SECRET": SECRET, "SCRIP_RATE_LIMIT": "0", **variables}
        started.append(Scrip(command, cwd=tmp_path, **given))
        return started[-1]

    yield begin
    for scrip in started:
        if scrip.process.poll() is None:
            scrip.process.kill()
            scrip.wait()


def told(scrip: Scrip, text: str) -> int:
    return sum(text in line for line in scrip.said)


async def until_told(scrip: Scrip, text: str) -> None:
    await asyncio.to_thread(wait_for, lambda: told(scrip, text) or scrip.process.poll() is not None)
    assert scrip.process.poll() is None, "".join(scrip.said)


@pytest.mark.parametrize("count", ["1", "2"])
async def test_a_server_waits_and_refuses_connections_until_it_can_serve(
    start: Callable[..., Scrip], way: Proxy, count: str
) -> None:
    (port,) = free_ports(1)
    scrip = start("serve", SCRIP_PORT=port, SCRIP_WORKERS=count)
    await until_told(scrip, WAITS)
    assert "is out of reach" in scrip.said[0]
    await asyncio.sleep(PAUSE_S)
    assert scrip.process.poll() is None
    assert get(f"http://127.0.0.1:{port}/health/live") is None
    await way.open()
    base = await asyncio.to_thread(scrip.url)
    assert base.endswith(f":{port}")
    assert (told(scrip, WAITS), told(scrip, THERE), told(scrip, "Traceback")) == (1, 1, 0)
    assert await asyncio.to_thread(scrip.end, signal.SIGTERM) == 0


@pytest.mark.parametrize("count", ["1", "2"])
async def test_one_of_two_servers_that_waited_at_one_port_ends(
    start: Callable[..., Scrip], way: Proxy, count: str
) -> None:
    (port,) = free_ports(1)
    both = [start("serve", SCRIP_PORT=port, SCRIP_WORKERS=count) for _ in range(2)]
    for scrip in both:
        await until_told(scrip, WAITS)
    await way.open()
    await asyncio.to_thread(wait_for, lambda: any(scrip.process.poll() is not None for scrip in both))
    ended, other = sorted(both, key=lambda scrip: scrip.process.poll() is None)
    assert await asyncio.to_thread(ended.wait) == 1
    assert told(ended, f"scrip: Port {port} on 127.0.0.1 cannot be used: Address already in use.") >= 1
    assert (told(ended, "Traceback"), told(ended, "died")) == (0, 0)
    await asyncio.to_thread(other.url)


async def test_jobs_wait(start: Callable[..., Scrip], way: Proxy) -> None:
    scrip = start("work")
    await until_told(scrip, WAITS)
    await asyncio.sleep(PAUSE_S)
    await way.open()
    await until_told(scrip, "Working: ")
    assert (told(scrip, WAITS), told(scrip, THERE), told(scrip, "Traceback")) == (1, 1, 0)
    assert await asyncio.to_thread(scrip.end, signal.SIGTERM) == 0


@pytest.mark.parametrize("command", ["serve", "work"])
async def test_who_waits_stops_when_told_to(start: Callable[..., Scrip], command: str) -> None:
    scrip = start(command)
    await until_told(scrip, WAITS)
    assert await asyncio.to_thread(scrip.end, signal.SIGTERM) == 0
    assert told(scrip, "Traceback") == 0


@pytest.mark.parametrize("told_before", [True, False])
def test_a_signal_that_came_before_the_application_was_there_is_known_to_its_server(*, told_before: bool) -> None:
    class Server:
        should_exit = told_before

        def handle_exit(self, _number: int, _frame: FrameType | None) -> None:
            self.should_exit = True

    before = signal.signal(signal.SIGTERM, Server().handle_exit)
    try:
        with stop_noticed() as stopped:
            assert stopped() is told_before
            signal.raise_signal(signal.SIGTERM)
            assert stopped()
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("command", ["serve", "work"])
async def test_what_does_not_pass_by_itself_is_not_waited_for(
    start: Callable[..., Scrip], way: Proxy, command: str
) -> None:
    scrip = start(command, DATABASE_URL=way.url.replace("scrip_app:", "scrip_app:x"))
    await until_told(scrip, WAITS)
    await way.open()
    assert await asyncio.to_thread(scrip.wait) == 1
    assert "refuses the role scrip_app" in scrip.said[-1]


async def test_a_file_that_the_url_names_and_that_is_not_there_is_not_waited_for(
    start: Callable[..., Scrip], way: Proxy
) -> None:
    scrip = start("serve", DATABASE_URL=way.url.replace("=disable", "=verify-full&sslrootcert=/typo.pem"))
    assert await asyncio.to_thread(scrip.wait) == 1
    assert [line for line in scrip.said if "sslrootcert=/typo.pem cannot be read" in line] == scrip.said


async def test_a_single_round_of_jobs_does_not_wait(start: Callable[..., Scrip], tmp_path: Path, way: Proxy) -> None:
    once = Scrip("work", "--once", cwd=tmp_path, DATABASE_URL=way.url, SCRIP_JWT_SECRET=SECRET)
    assert await asyncio.to_thread(once.wait) == 1
    assert "is out of reach" in once.said[-1]


async def test_a_process_of_several_that_dies_while_the_database_is_away_does_not_end_the_others(
    start: Callable[..., Scrip], way: Proxy
) -> None:
    await way.open()
    scrip = start("serve", SCRIP_WORKERS="2")
    base = await asyncio.to_thread(scrip.url)
    await asyncio.to_thread(wait_for, lambda: told(scrip, "Application startup complete") == 2)
    await way.refuse()
    first, second = workers(scrip)
    first.kill()
    await until_told(scrip, WAITS)
    await asyncio.to_thread(wait_for, lambda: get(f"{base}/health/live") == (200, {"status": "live"}))
    assert second in workers(scrip)
    await way.open()
    await asyncio.to_thread(wait_for, lambda: told(scrip, "Application startup complete") == 3)
    assert second in workers(scrip)
    assert (told(scrip, THERE), told(scrip, "Traceback")) == (1, 0)
    assert await asyncio.to_thread(scrip.end, signal.SIGTERM) == 0


async def test_one_of_several_that_waits_stops_with_them(start: Callable[..., Scrip], way: Proxy) -> None:
    await way.open()
    scrip = start("serve", SCRIP_WORKERS="2")
    await asyncio.to_thread(scrip.url)
    await asyncio.to_thread(wait_for, lambda: told(scrip, "Application startup complete") == 2)
    await way.refuse()
    workers(scrip)[0].kill()
    await until_told(scrip, WAITS)
    processes = psutil.Process(scrip.process.pid).children()
    assert await asyncio.to_thread(scrip.end, signal.SIGTERM) == 0
    await asyncio.to_thread(wait_for, lambda: not [each for each in processes if is_there(each)])
    assert told(scrip, "Traceback") == 0


def is_there(process: psutil.Process) -> bool:
    """Whether it runs: who has ended may be kept as a zombie by whoever took it over."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def test_processes_of_which_one_cannot_start_have_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor that starts again what has failed starts them again."""

    class Dead:
        exitcode, pid, child_conn = STARTUP_FAILURE, 1, Pipe()[1]

        def is_alive(self, timeout: float) -> bool:
            return False

        kill = join = terminate = lambda _: None

    class Ended(Processes):
        def __init__(self, _: object, sockets: list[socket.socket]) -> None:
            self.sockets = sockets
            self.should_exit, self.signal_queue = threading.Event(), []
            self.config = cast("Any", SimpleNamespace(timeout_worker_healthcheck=1))
            self.processes = [cast("Any", Dead())]

        def init_processes(self) -> None:
            """Start none."""

    monkeypatch.setattr(serving, "Processes", Ended)
    with take_port("127.0.0.1", 0) as listener, pytest.raises(SystemExit) as ended:
        serving.serve(Settings.model_validate({"workers": 2}), listener)
    assert ended.value.code == 1


@pytest.mark.parametrize("ours", [True, False])
def test_processes_are_deaf_only_if_another_has_their_port(*, ours: bool) -> None:
    """Not if one of them begins to listen while it is asked whether it has started."""

    class Starting:
        child_conn = Pipe()[1]

        def is_alive(self, timeout: float) -> bool:
            return True

        def is_ready(self, timeout: float) -> bool:
            if ours:
                listener.listen()
            return True

    class Asked(Processes):
        def __init__(self, sockets: list[socket.socket]) -> None:
            self.sockets, self.should_exit = sockets, threading.Event()
            self.config = cast("Any", SimpleNamespace(timeout_worker_healthcheck=1))
            self.processes = [cast("Any", Starting())]

    with take_port("127.0.0.1", 0) as listener:
        processes = Asked([listener])
        processes.keep_subprocess_alive()
    assert (processes.is_deaf, processes.should_exit.is_set()) == (not ours, not ours)


async def test_why_is_said_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PAUSE_S", 0)
    monkeypatch.setattr(waiting, "SAID_EVERY_S", 0)
    errors = [OutOfReach("It is away."), asyncpg.CannotConnectNowError("starting"), DatabaseAway()]
    said: list[str] = []

    async def look() -> None:
        if errors:
            raise errors.pop(0)

    assert await until_there(look, said.append)
    assert said == [
        f"It is away. {WAITS}",
        f"The database cannot be used: CannotConnectNowError. {WAITS}",
        f"The database cannot be used: DatabaseAway. {WAITS}",
        f"{THERE}0 s",
    ]
    said.clear()
    assert await until_there(look, said.append)
    assert said == []


async def test_other_errors_are_not_waited_for() -> None:
    async def look() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await until_there(look, lambda _: None)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (OutOfReach(""), True),
        (SetupProblem(""), False),
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (asyncpg.CannotConnectNowError(""), True),
        (asyncpg.TooManyConnectionsError(""), True),
        (asyncpg.ConnectionDoesNotExistError(""), True),
        (asyncpg.TargetServerAttributeNotMatched(""), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.ProtocolViolationError("server login has been failing, try again later (server_login_retry)"), True),
        (asyncpg.ProtocolViolationError("client_login_timeout (server down)"), True),
        (asyncpg.ProtocolViolationError("query_wait_timeout"), True),
        (asyncpg.ProtocolViolationError("SASL authentication failed"), False),
        (asyncpg.ProtocolViolationError("password authentication failed"), False),
        (asyncpg.ProtocolViolationError('"trust" authentication failed'), False),
        (asyncpg.ProtocolViolationError("empty password returned by client"), False),
        (asyncpg.ProtocolViolationError("login rejected"), False),
        (asyncpg.ProtocolViolationError("no authentication method is found"), False),
        (asyncpg.ProtocolViolationError("no such user: u"), False),
        (asyncpg.ProtocolViolationError("no such database: x"), False),
        (asyncpg.InterfaceError("unsupported authentication method requested by the server: 'kerberosv5'"), False),
        (asyncpg.InvalidPasswordError(""), False),
        (asyncpg.InvalidCatalogNameError(""), False),
        (asyncpg.ClientConfigurationError(""), False),
        (ValueError(), False),
    ],
)
def test_what_may_pass_by_itself(error: Exception, passes: bool) -> None:
    assert may_pass(error) is passes


async def test_what_was_opened_before_it_went_away_again_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, said, pools = Ledger(), list[str](), list[str]()
    failures = [DatabaseAway(), DatabaseAway()]

    @asynccontextmanager
    async def pool(*_: object, **__: object) -> AsyncIterator[None]:
        pools.append("opened")
        try:
            yield
        finally:
            pools.append("closed")

    async def sync() -> None:
        if failures:
            raise failures.pop()

    monkeypatch.setattr(waiting, "PAUSE_S", 0)
    monkeypatch.setattr(waiting, "open_database", pool)
    monkeypatch.setattr(ledger, "sync_clock", sync)
    async with opened_once_there("url", ledger, said.append, pool_min=1, pool_max=2, statement_cache=0) as there:
        assert there
        assert pools == ["opened", "closed"] * 2 + ["opened"]
    assert pools == ["opened", "closed"] * 3
    assert [line[: len(THERE)] for line in said if WAITS not in line] == [THERE]
    await ledger.close()


async def test_who_is_stopped_before_it_is_there_opens_nothing(way: Proxy) -> None:
    ledger = Ledger()
    opened = opened_once_there(
        way.url, ledger, lambda _: None, pool_min=1, pool_max=2, statement_cache=0, stopped=lambda: True
    )
    async with opened as there:
        assert not there
    with pytest.raises(OutOfReach):
        await check_database(way.url)
    await ledger.close()
