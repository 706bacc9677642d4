"""A TCP proxy in front of the tests' PostgreSQL, which can do what networks and servers do to connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import parse_qs, urlsplit

_PIECE: Final = 65_536
_COMMIT: Final = b"COMMIT\x00"
COMMIT_S: Final = 0.2
"""For the server to do it, before it sees that its client has gone."""


class Proxy:
    """Forwards to the server's socket. `silent`: takes connections, and lets nothing through in either direction.

    lose_commits: cuts a connection once the server has been sent a COMMIT, before anything of its answer comes back.
    """

    def __init__(self, server_url: str) -> None:
        self._socket = _socket_of(server_url)
        self._url = server_url
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows: set[asyncio.Task[None]] = set()
        self.port = 0
        self.silent = False
        self.lose_commits = False
        self.commits_lost = 0

    @property
    def url(self) -> str:
        """The same database, through here."""
        parts = urlsplit(self._url)
        return f"postgresql://{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self.port}{parts.path}?sslmode=disable"

    def serves(self, server_url: str) -> None:
        """The server has another socket by now."""
        self._socket = _socket_of(server_url)

    async def open(self) -> None:
        """Take connections (again)."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Take no connections any more, and cut those that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.cut()

    async def cut(self) -> None:
        """Cut the connections that there are."""
        flows = set(self._flows)  # others begin meanwhile
        for writer in self._writers:
            writer.transport.abort()
        if flows:
            await asyncio.wait(flows)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._flows.add(task)
        task.add_done_callback(self._flows.discard)
        self._writers.add(writer)
        try:
            up_reader, up_writer = await asyncio.open_unix_connection(self._socket)
            try:
                muted = asyncio.Event()
                forth = asyncio.create_task(self._forth(reader, up_writer, muted))
                back = asyncio.create_task(self._back(up_reader, writer, muted))
                try:
                    await asyncio.wait([forth, back], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    forth.cancel()
                    back.cancel()
                    await asyncio.gather(forth, back, return_exceptions=True)
            finally:
                up_writer.close()
        except OSError:
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, muted: asyncio.Event) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                await self._while_silent()
                lost = self.lose_commits and piece.endswith(_COMMIT)
                if lost:
                    muted.set()
                writer.write(piece)
                await writer.drain()
                if lost:
                    self.commits_lost += 1
                    await asyncio.sleep(COMMIT_S)
                    return

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, muted: asyncio.Event) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                await self._while_silent()
                if not muted.is_set():
                    writer.write(piece)
                    await writer.drain()

    async def _while_silent(self) -> None:
        while self.silent:  # noqa: ASYNC110 - until the test says otherwise, or the connection ends
            await asyncio.sleep(0.02)


@asynccontextmanager
async def proxied(server_url: str) -> AsyncIterator[Proxy]:
    """One that is open, until the block ends."""
    proxy = Proxy(server_url)
    await proxy.open()
    try:
        yield proxy
    finally:
        proxy.silent = False
        await proxy.refuse()


def _socket_of(url: str) -> str:
    return f"{parse_qs(urlsplit(url).query)['host'][0]}/.s.PGSQL.5432"
