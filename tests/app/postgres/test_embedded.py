"""The embedded PostgreSQL, started, stopped and killed for real. As root it runs as another user, and so do these."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.postgres.embedded import EmbeddedPostgres, Urls, running_server
from app.problems import SetupProblem

SOME_S = 20

HOLD = """
import json, sys, time
from dataclasses import asdict
from pathlib import Path
from app.postgres.embedded import EmbeddedPostgres
print(json.dumps(asdict(EmbeddedPostgres(Path(sys.argv[1]), durable=False).start())), flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as awkward as they come: a space and a quote in its name, long, and closed to other users."""
    folder = tmp_path / "it's a folder" / ("long" * 40)
    folder.mkdir(parents=True)
    (tmp_path / "it's a folder").chmod(0o700)
    return folder


@pytest.fixture
def holder(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process, which has started a server in the folder; killed at the end at the latest."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
        yield process
        process.kill()


def make(folder: Path, say: Callable[[str], None] = lambda _: None) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder, durable=False, say=say)


def ask(url: str, *statements: str) -> Any:
    """What the last of the statements answers."""

    async def run() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetchval(statement) for statement in statements][-1]
        finally:
            await connection.close()

    return asyncio.run(run())


def postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def wait_until(happened: Callable[[], bool]) -> None:
    give_up = time.monotonic() + SOME_S
    while not happened():
        assert time.monotonic() < give_up, "it did not happen"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_data_are_kept_and_nothing_else_is_left(folder: Path) -> None:
    with make(folder) as server:
        urls = server.start()
        socket = Path(urls.app.partition("host=")[2])
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert ask(urls.owner, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (42)", "SELECT n FROM kept") == 42
        assert running_server(folder) == urls
    assert not socket.exists()
    assert running_server(folder) is None
    assert stat.S_IMODE((folder / "passwords.json").stat().st_mode) == 0o600
    with make(folder) as server:
        assert ask(server.start().owner, "SELECT n FROM kept") == 42


def test_nobody_gets_in_without_the_password(folder: Path) -> None:
    with make(folder) as server:
        urls = server.start()
        password = urls.admin.partition("postgres:")[2].partition("@")[0]
        for wrong in ("", ":wrong"):
            with pytest.raises(asyncpg.InvalidPasswordError):
                ask(urls.admin.replace(f":{password}", wrong), "SELECT 1")


def test_the_server_does_not_run_as_root(folder: Path) -> None:
    with make(folder) as server:
        server.start()
        assert Path(f"/proc/{postmaster(folder)}").stat().st_uid != 0
        assert stat.S_IMODE((folder / "postgres").stat().st_mode) == 0o700
    # The folders above have not been opened for it.
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


def test_a_second_start_in_the_same_folder_is_refused(folder: Path) -> None:
    with make(folder) as server:
        urls = server.start()
        with pytest.raises(SetupProblem, match=rf"Another Scrip \(process {os.getpid()}\)"):
            make(folder).start()
        assert ask(urls.app, "SELECT 1") == 1


def test_the_server_ends_with_a_killed_process_and_starts_again(folder: Path, holder: "subprocess.Popen[str]") -> None:
    assert holder.stdout is not None
    urls = Urls(**json.loads(holder.stdout.readline()))
    ask(urls.owner, "CREATE TABLE kept (n int)")
    pid = postmaster(folder)
    holder.kill()
    wait_until(lambda: not is_alive(pid))
    with make(folder) as server:
        again = server.start()
        assert ask(again.owner, "SELECT count(*) FROM kept") == 0
        assert again.app != urls.app
        assert not Path(urls.app.partition("host=")[2]).exists()


def test_a_server_that_was_left_running_is_stopped(folder: Path) -> None:
    left = make(folder)
    urls = left.start()
    pid = postmaster(folder)
    ask(urls.owner, "CREATE TABLE kept (n int)")
    assert left._lock is not None
    os.close(left._lock)  # as if the process had gone and the kernel had not stopped the server
    left._lock = None
    said: list[str] = []
    with make(folder, said.append) as server:
        assert ask(server.start().owner, "SELECT count(*) FROM kept") == 0
        assert not is_alive(pid)
    assert said == [f"Stopping the PostgreSQL (process {pid}) that an earlier run left behind"]
    left.stop()


def test_a_killed_server_with_work_in_hand_is_recovered(folder: Path) -> None:
    killed = EmbeddedPostgres(folder)  # as `scrip run` starts it: what was committed has been written
    urls = killed.start()
    ask(urls.owner, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (42)")
    busy = _busy(urls)
    os.kill(postmaster(folder), signal.SIGKILL)
    killed.stop()
    assert is_alive(busy), "there is nothing left to clear up: the test tests nothing"
    said: list[str] = []
    with make(folder, said.append) as server:
        assert ask(server.start().owner, "SELECT n FROM kept") == 42
    assert not is_alive(busy)
    assert said == ["The last run was killed; PostgreSQL recovers its data now"]


def _busy(urls: Urls) -> int:
    """The process of a server that counts for minutes, and does not look up while it does."""

    async def start() -> int:
        connection = await asyncpg.connect(urls.owner)
        pid: int = connection.get_server_pid()
        counting = asyncio.ensure_future(
            connection.execute("DO $$ DECLARE n int; BEGIN FOR n IN 1..2000000000 LOOP END LOOP; END $$")
        )
        await asyncio.sleep(0.3)
        counting.cancel()
        connection.terminate()
        return pid

    return asyncio.run(start())


def test_a_process_number_that_is_somebody_elses_by_now(folder: Path) -> None:
    with make(folder) as server:
        server.start()
    (folder / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n/elsewhere\n1\n5432\n\n\n")
    with make(folder) as server:
        assert ask(server.start().app, "SELECT 1") == 1


def test_what_a_start_that_was_killed_had_half_made_is_thrown_away(folder: Path) -> None:
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "PG_VERSION").write_text("18\n")
    with make(folder) as server:
        assert ask(server.start().app, "SELECT 1") == 1
    assert not (folder / "postgres.new").exists()


def test_lost_passwords_are_replaced(folder: Path) -> None:
    with make(folder) as server:
        before = server.start()
    (folder / "passwords.json").unlink()
    with make(folder) as server:
        after = server.start()
        assert [ask(url, "SELECT 1") for url in asdict(after).values()] == [1, 1, 1]
    assert before.app.partition("@")[0] != after.app.partition("@")[0]


def test_data_of_another_version_are_refused(folder: Path) -> None:
    with make(folder) as server:
        server.start()
    (folder / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(SetupProblem, match="was made by PostgreSQL 12, and the installed one is 18"):
        make(folder).start()


def test_why_it_does_not_start_is_told_in_a_line(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings={"shared_buffers": "lots"})
    with pytest.raises(SetupProblem, match=r'did not start: .*FATAL:.*"shared_buffers".*\(more in .*postgres\.log\)'):
        server.start()
    with make(folder) as server:
        assert ask(server.start().app, "SELECT 1") == 1


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupProblem, match="file/data cannot be used"):
        make(tmp_path / "file" / "data").start()
