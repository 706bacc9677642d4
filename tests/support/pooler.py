"""A PgBouncer by transaction, which tests put between Scrip and a server."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Final
from urllib.parse import parse_qs, urlsplit

from app.postgres.account import choose_account, hand_over, launch_command
from app.postgres.embedded import Urls

PREPARES: Final = (1, 21)
"""The first version that knows prepared statements."""
START_S: Final = 10
STOP_S: Final = 40
SOCKET: Final = ".s.PGSQL.5432"


class Pooler:
    """Between a socket in `folder` and a server.

    server: where it is, as PgBouncer's settings say it: `host=127.0.0.1 port=5432`. urls: with the roles' passwords.
    size: connections to the server, for each role and database.
    """

    def __init__(self, program: Path, folder: Path, server: str, urls: Urls, *, size: int = 10) -> None:
        said = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True).stdout
        self.version = said.split()[1]
        self.prepares = tuple(int(part) for part in self.version.split(".")[:2]) >= PREPARES
        self._program = program
        self._folder = folder
        self._account = choose_account(folder / "postgres")
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        known = [urlsplit(url) for url in (urls.app, urls.owner)]
        users = folder / "users.txt"
        users.write_text("".join(f'"{each.username}" "{each.password}"\n' for each in known))
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            f"""[databases]
* = {server}
[pgbouncer]
unix_socket_dir = {folder}
unix_socket_mode = 0777
listen_port = 5432
auth_type = plain
auth_file = {users}
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 500
server_login_retry = 1
{"max_prepared_statements = 500" if self.prepares else ""}
"""
        )
        for path in (folder, users, settings):
            hand_over(path, self._account)

    def url(self, direct: str) -> str:
        """A URL that leads to the server, through here."""
        parts = urlsplit(direct)
        return f"postgresql://{parts.netloc}{parts.path}?host={self._folder}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [str(self._program), "-q", str(self._folder / "pgbouncer.ini")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                launch_command(self._account, self._folder, command), stdout=log, stderr=log, start_new_session=True
            )
        give_up = monotonic() + START_S
        while not (self._folder / SOCKET).exists():
            if self._process.poll() is not None or monotonic() > give_up:
                raise RuntimeError(f"PgBouncer did not start: {(self._folder / 'log').read_text()[-1_000:]}")
            sleep(0.01)

    def send(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(STOP_S)
        for left in self._folder.glob(".s.PGSQL*"):
            left.unlink(missing_ok=True)


@contextmanager
def pooled(program: Path, urls: Urls) -> Iterator[Pooler]:
    """One in front of an embedded server, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="scrip-pooler-"))
    folder.chmod(0o755)
    (socket,) = parse_qs(urlsplit(urls.app).query)["host"]
    pooler = Pooler(program, folder / "p", f"host={socket} port=5432", urls)
    pooler.start()
    try:
        yield pooler
    finally:
        pooler.kill()
        shutil.rmtree(folder, ignore_errors=True)
