"""Uvicorn's HTTP protocol, with bounds on the time and memory that a client may take before the app sees a request.

Uvicorn has neither: a connection that never finishes its head stays open for ever, and httptools collects a head, or
trailers, of any size. (Its other parser, h11, bounds the size alone, and takes several times as long.)
"""

import asyncio
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Final, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from app.http.security_headers import secured
from gateway.streams import CONNECTION

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of a request line with its headers, of trailers, of everything else that is not body. As much as h11 takes."""
MAX_DROPPED_BYTES: Final = 16 * 1024 * 1024
"""Of a body that continues after its response: time for a client to read that before the connection is reset under it."""

COPIED_BYTES: Final = 64 * 1024
"""Bodies of no more are put behind their head by copying them: uvloop's way for one piece is the shorter one."""

_INTERIM: Final = b"HTTP/1.1 100 "
_NOTHING: Final = [(b"connection", b"close"), (b"content-length", b"0")]
"""Headers of an answer without a body, after which the connection is closed."""


_LENGTH: Final = b"content-length"
_HANDLED: Final = frozenset({_LENGTH, b"connection", b"transfer-encoding"})
"""Headers by which uvicorn decides on more than on themselves."""
_REFUSED: Final = b":"


@lru_cache(maxsize=512)
def _line(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A header's line, and its name if uvicorn is to see to it: it is one of _HANDLED, or _REFUSED."""
    name = name.lower()
    if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        return b"", _REFUSED
    return b"%b: %b\r\n" % (name, value), name if name in _HANDLED else b""


async def send_again(_: Scope, __: Receive, send: Send) -> None:
    """Answer a request that is one too many at a time, or cut off as the server stops: to be sent again."""
    headers = secured([*_NOTHING, (b"retry-after", b"1")])
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


class Cycle(RequestResponseCycle):
    """One request with its response, whose own answers have the headers of all others."""

    async def run_asgi(self, app: Any) -> None:
        """Have the app serve it. That uvicorn's patience with it is over as the server stops is no failure of the app's."""
        await super().run_asgi(partial(self._served, app))

    async def _served(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            if self.response_started:
                self.transport.close()
                self.disconnected = True
            else:
                await send_again(scope, receive, send)

    async def send(self, message: Any) -> None:
        """Send a message as uvicorn does, but for the beginning of a whole answer, which nearly all are: its headers are
        mostly the same as of others, and need not be checked and put together again."""
        is_plain = message["type"] == "http.response.start" and not (
            self.response_started or self.disconnected or self.flow.write_paused or self.access_log
        )
        head = self._head_of(message) if is_plain else None
        if head is None:
            await super().send(message)
            return
        self.response_started = True
        self.waiting_for_100_continue = False
        self.transport.write(head)

    def _head_of(self, message: Any) -> bytes | None:
        """The head of an answer whose length is known, and which says nothing about its connection; None of any other."""
        headers = message.get("headers")
        if not isinstance(headers, list) or self.chunked_encoding is not None:
            return None
        lines = [_line(name, value) for name, value in (*self.default_headers, *headers)]
        length = None
        for line, handled in lines:
            if not handled:
                continue
            if handled != _LENGTH or length is not None:
                return None
            length = int(line[len(_LENGTH) + 2 :])
        if length is None:
            return None
        self.expected_content_length, self.chunked_encoding = length, False
        end = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        return b"".join([STATUS_LINE[message["status"]], *[line for line, _ in lines], end])

    async def send_500_response(self) -> None:
        """Answer a request that the app has left without an answer."""
        await self.send({"type": "http.response.start", "status": 500, "headers": secured(_NOTHING)})
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})


class OneWrite:
    """A connection's transport for one response: its head goes out with the first bytes of its body, as ASGI asks for, in
    one write. Uvicorn makes two, each of them a call of the system.
    """

    __slots__ = ("_has_begun", "_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = None
        self._has_begun = False

    def write(self, data: bytes) -> None:
        """Write, but for a response's head."""
        if self._head is not None:
            head, self._head = self._head, None
            if len(data) <= COPIED_BYTES:
                self._transport.write(head + data)
            else:
                self._transport.writelines((head, data))
        elif self._has_begun or data.startswith(_INTERIM):
            self._transport.write(data)
        else:
            self._head, self._has_begun = data, True

    def flush(self) -> None:
        """Write a head that no body follows."""
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head)

    def close(self) -> None:
        """Close the connection once all is written."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection. Closed with 408 if the client keeps it waiting, with 431 if the head is too large.

    read_timeout: seconds for the head of a request, from the connection's start or the head's first byte; and for the
    rest of a request that has been answered already. The app itself bounds how long it reads a body, and uvicorn's
    keep-alive timeout how long a connection rests between requests. drain: seconds that it stays open, if it rests, once the
    server was told to stop.
    """

    def __init__(self, *args: Any, read_timeout: float, drain: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_timeout = read_timeout
        self._drain = drain
        self._is_ending = False
        self._waiting: asyncio.TimerHandle | None = None
        self._in_message = False
        self._head_done = False
        self._head_begun = False
        self._undigested = 0
        self._dropped = 0
        self._running: RequestResponseCycle | None = None
        self._told: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone. Pipelined requests are not begun; uvicorn would let the next one write its response all
        the same, and tell the wrong one of the two that its client has gone."""
        self._stop_waiting()
        self.pipeline.clear()
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)
        if not self._answering():
            self.cycle = self.scope = self._running = None  # type: ignore[assignment]  # which hold this protocol in turn

    def data_received(self, data: bytes) -> None:
        """Some bytes have come: pieces of a request, or of several."""
        if self.transport.is_closing():
            return
        self._undigested += len(data)
        super().data_received(data)
        if self._head_begun:  # by these bytes: nearly always they end it too, and there is nothing to wait for
            self._head_begun = False
            if self._in_message and not self._head_done and not self.transport.is_closing():
                self._wait()
        if self._in_message and self._undigested > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse("431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._in_message, self._head_done, self._head_begun, self._dropped = True, False, True, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; or a trailer, which is dropped: it must not count as a header that was there at the check."""
        if not self._head_done:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The app starts on the request."""
        self._head_done = True
        self._stop_waiting()
        super().on_headers_complete()
        if self._is_ending and self.cycle is not None:
            self.cycle.keep_alive = False  # the answer says so

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """One request is answered at a time, though several may have come."""
        self._running = cycle
        self._told = None
        cycle.scope["extensions"] = {CONNECTION: self}  # type: ignore[dict-item]
        cycle.transport = OneWrite(cycle.transport)  # type: ignore[assignment]
        cycle.__class__ = Cycle  # uvicorn has no setting for it
        answering: Any = send_again if app is service_unavailable else app
        super()._start_asgi_task(cycle, answering)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._undigested = 0
        if self._answering():
            super().on_body(body)
            return
        self._dropped += len(body)
        if self._dropped > MAX_DROPPED_BYTES:
            self.transport.close()

    def on_message_complete(self) -> None:
        """The last byte of a request."""
        self._in_message = False
        self._undigested = 0
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The response is written, perhaps before the whole request was there."""
        if self._running is not None:
            cast("OneWrite", self._running.transport).flush()
        super().on_response_complete()
        if self._in_message and not self.transport.is_closing():
            self._wait()

    def abort(self) -> None:
        """End the connection at once, whatever its client has not read."""
        self.transport.abort()

    def on_stop(self, told: Callable[[], None]) -> None:
        """Have this called when the server is told to stop, before the response under way is complete; at once if it was."""
        self._told = told
        if self._is_ending:
            told()

    def shutdown(self) -> None:
        """The server was told to stop. Its client is told by an answer: a connection that is closed unasked may have a
        request on its way, which nobody would answer."""
        self._is_ending = True
        if self._told is not None and self._answering():
            self._told()
        if self._answering() and not self.cycle.response_started:
            super().shutdown()
        else:
            self.loop.call_later(self._drain, self._hang_up)

    def _hang_up(self) -> None:
        """Close a connection that has been silent all the while; one that was not is closed by its answer."""
        if not (self.transport.is_closing() or self._answering() or self._in_message):
            self.transport.close()

    def _wait(self) -> None:
        self._stop_waiting()
        self._waiting = self.loop.call_later(self._read_timeout, self._waited)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _waited(self) -> None:
        self._waiting = None
        if self.transport.is_closing():
            return
        if self._answering():
            # The next request's head is late because reading is paused while this one is answered.
            self._wait()
        elif self._in_message and not self._head_done:
            self._refuse("408 Request Timeout")
        else:
            self.transport.close()

    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse("400 Bad Request")

    def _refuse(self, status: str) -> None:
        self._stop_waiting()
        if not self._answering():
            lines = [f"HTTP/1.1 {status}".encode(), *(b"%b: %b" % pair for pair in secured(_NOTHING)), b"\r\n"]
            self.transport.write(b"\r\n".join(lines))
        self.transport.close()
