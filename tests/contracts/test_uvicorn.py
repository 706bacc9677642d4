"""What Scrip's HTTP and WebSocket protocols take for granted of uvicorn's, and of the parser below."""

from __future__ import annotations

import asyncio
import inspect
import logging
import signal
import socket
import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from uvicorn import _types as uvicorn_types
from uvicorn.config import LOGGING_CONFIG, STARTUP_FAILURE
from uvicorn.logging import AccessFormatter, DefaultFormatter
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process
from websockets.exceptions import PayloadTooBig
from websockets.server import ServerProtocol

from tests.contracts.shape import has, parents_have, takes
from tests.support.sockets import until

if TYPE_CHECKING:
    from collections.abc import Iterator

HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
)
TEXT_OF_200_BYTES = b"\x81\xfe\x00\xc8"
MAX_SIZE = 100
SILENT_S = 20


class Transport(asyncio.Transport):
    """Keeps what is written, and is closed when it is told to."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = b""
        self.calls: list[str] = []

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.calls.append("close")

    def is_closing(self) -> bool:
        return "close" in self.calls

    def pause_reading(self) -> None:
        self.calls.append("pause_reading")

    def resume_reading(self) -> None:
        self.calls.append("resume_reading")

    def can_write_eof(self) -> bool:
        return True


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


def config(served: Any = app) -> uvicorn.Config:
    return uvicorn.Config(served, log_config=None, ws_max_size=MAX_SIZE, ws_per_message_deflate=False, lifespan="off")


class Recorder(HttpToolsProtocol):
    """Notes which of its methods uvicorn calls."""

    def __init__(self, **options: Any) -> None:
        self.called: list[str] = []
        super().__init__(**options)

    def connection_made(self, transport: Any) -> None:
        self.called.append("connection_made")
        super().connection_made(transport)

    def on_message_begin(self) -> None:
        self.called.append("on_message_begin")
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.called.append("on_header")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self.called.append("on_headers_complete")
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.called.append("_start_asgi_task")
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        self.called.append("on_body")
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.called.append("on_message_complete")
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self.called.append("on_response_complete")
        super().on_response_complete()


async def test_http_tools_protocol() -> None:
    """BoundedHttpProtocol puts its clocks and bounds into these calls: one that does not come bounds nothing."""
    takes(HttpToolsProtocol.__init__, "config", "server_state", "app_state")
    protocol = Recorder(config=config(), server_state=ServerState(), app_state={})
    transport = Transport()
    protocol.connection_made(transport)
    has(protocol, "transport", "loop", "cycle", "pipeline", "timeout_keep_alive_task")

    protocol.data_received(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\nbo")
    protocol.data_received(b"dy")
    cycle = protocol.cycle
    has(cycle, "response_complete", "disconnected", "message_event")
    await until(lambda: cycle.response_complete)

    assert protocol.called == [
        "connection_made",
        "on_message_begin",
        "on_header",
        "on_header",
        "on_headers_complete",
        "_start_asgi_task",
        "on_body",
        "on_body",
        "on_message_complete",
        "on_response_complete",
    ], "uvicorn calls its HTTP protocol's methods in another way"
    assert transport.written.endswith(b"ok")
    protocol.connection_lost(None)


async def test_http_tools_protocol_queues_what_is_sent_ahead() -> None:
    """BoundedHttpProtocol empties `pipeline` when the client goes, so that none of it is begun."""
    protocol = Recorder(config=config(), server_state=ServerState(), app_state={})
    protocol.connection_made(Transport())
    protocol.data_received(b"GET /1 HTTP/1.1\r\nhost: localhost\r\n\r\nGET /2 HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert protocol.called.count("_start_asgi_task") == 1, "uvicorn begins a request before the one before is answered"
    waiting = [type(cycle) for cycle, _ in protocol.pipeline]
    assert waiting == [RequestResponseCycle], "uvicorn keeps requests that were sent ahead elsewhere than in `pipeline`"
    protocol.pipeline.clear()
    protocol.connection_lost(None)
    await asyncio.sleep(0)


async def test_a_request_left_without_an_answer() -> None:
    """app/http/protocol.py makes each cycle one of its own class, whose `send_500_response` uvicorn then awaits."""
    called: list[str] = []

    class Own(RequestResponseCycle):
        async def send_500_response(self) -> None:
            called.append("send_500_response")
            await super().send_500_response()

    class Protocol(HttpToolsProtocol):
        def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
            cycle.__class__ = Own
            super()._start_asgi_task(cycle, app)

    async def silent(scope: Any, receive: Any, send: Any) -> None:
        return

    transport = Transport()
    protocol = Protocol(config=config(silent), server_state=ServerState(), app_state={})
    protocol.connection_made(transport)
    protocol.data_received(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
    await until(lambda: protocol.cycle.response_complete)
    assert called == ["send_500_response"]
    protocol.connection_lost(None)


async def test_a_protocol_is_told_to_stop() -> None:
    """BoundedHttpProtocol lets the client know by an answer: `keep_alive` decides until a response has started."""
    takes(HttpToolsProtocol.shutdown)
    protocol = Recorder(config=config(), server_state=ServerState(), app_state={})
    transport = Transport()
    protocol.connection_made(transport)
    protocol.data_received(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
    cycle = protocol.cycle
    has(cycle, "response_started", "keep_alive")
    protocol.shutdown()
    assert cycle.keep_alive is False, "uvicorn ends a connection under way in another way"
    await until(lambda: cycle.response_complete)
    assert b"connection: close\r\n" in transport.written
    assert transport.is_closing()
    protocol.connection_lost(None)


def test_several_processes_end_if_one_cannot_start() -> None:
    """It is told by an event that is set where processes are looked after, and by nothing else then."""

    class Failed:
        pid, exitcode = 1, STARTUP_FAILURE
        calls: tuple[str, ...] = ()

        def is_alive(self, timeout: float) -> bool:
            return False

        def kill(self) -> None:
            self.calls = (*self.calls, "kill")

        def join(self) -> None:
            self.calls = (*self.calls, "join")

    parents_have(Multiprocess, "run", "keep_subprocess_alive")
    several = Multiprocess.__new__(Multiprocess)
    several.config, several.should_exit = config(), threading.Event()
    failed: Any = Failed()
    several.processes = [failed]
    several.keep_subprocess_alive()

    assert several.should_exit.is_set()
    assert failed.calls == ("kill", "join")


def test_a_wait_for_a_process_that_has_ended_is_over_at_once() -> None:
    """Once the parent keeps only its own end of the pipe that it asks through."""
    process = Process(config(), [])
    process.child_conn.close()
    has(process, "is_ready")
    began = time.monotonic()
    assert not process.ping(timeout=SILENT_S)
    assert time.monotonic() - began < SILENT_S
    process.parent_conn.close()


async def test_a_server_leaves_signals_alone() -> None:
    """A server beside a worker: uvicorn's own handlers are put up in `capture_signals`, and nowhere else."""
    takes(uvicorn.Server.capture_signals)
    takes(uvicorn.Server.startup, "sockets")

    class Beside(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Beside(config())
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await until(lambda: server.started)
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
        server.should_exit = True
        await serving


def test_config_takes_a_protocol_that_is_partly_made() -> None:
    """The server gives the read timeout to the HTTP protocol in this way."""
    made: Any = partial(HttpToolsProtocol)
    settled = uvicorn.Config(app, http=made, ws=WebSocketsSansIOProtocol, log_config=None)
    settled.load()
    assert settled.http_protocol_class is made, "uvicorn.Config no longer takes any callable for `http`"
    assert settled.ws_protocol_class is WebSocketsSansIOProtocol


class WebSocketRecorder(WebSocketsSansIOProtocol):
    def __init__(self, **options: Any) -> None:
        self.faults: list[Exception | None] = []
        super().__init__(**options)

    def handle_parser_exception(self) -> None:
        self.faults.append(self.conn.parser_exc)


async def test_web_sockets_sans_io_protocol() -> None:
    """PatientWebSocketProtocol puts a parser of its own into `conn`, and closes in its own way where one has failed."""
    takes(WebSocketsSansIOProtocol.__init__, "config", "server_state", "app_state")
    parents_have(WebSocketsSansIOProtocol, "handle_parser_exception", "data_received", "stop_keepalive", "send")
    protocol = WebSocketRecorder(config=config(), server_state=ServerState(), app_state={})
    assert type(protocol.conn) is ServerProtocol, "uvicorn's WebSocket protocol has another parser in `conn`"
    has(protocol, "close_sent", "close_timer", "close_timeout", "queue", "read_paused", "config", "loop")
    assert inspect.iscoroutinefunction(WebSocketsSansIOProtocol.send)
    protocol.conn = ServerProtocol(max_size=MAX_SIZE, logger=logging.getLogger("contract"))
    transport = Transport()
    protocol.connection_made(transport)
    protocol.data_received(HANDSHAKE)
    await until(lambda: protocol.handshake_complete)

    protocol.data_received(TEXT_OF_200_BYTES)

    faults = [type(fault) for fault in protocol.faults]
    assert faults == [PayloadTooBig], "uvicorn no longer hands a parser's fault to handle_parser_exception, once"
    protocol.close_sent = True
    protocol.queue.put_nowait({"type": "websocket.disconnect", "code": 1009})
    protocol.connection_lost(None)
    await asyncio.sleep(0)


class Frames(ServerProtocol):
    left: bytes | None = None

    def discard(self) -> Any:
        self.left = bytes(self.reader.buffer)
        yield from super().discard()


def test_server_protocol() -> None:
    """Of `websockets`: where the parser gives up, `discard` takes over, and what it had not looked at is in `reader`."""
    assert inspect.isgeneratorfunction(ServerProtocol.discard), "ServerProtocol.discard is no generator any more"
    conn = Frames(max_size=MAX_SIZE, logger=logging.getLogger("contract"))
    conn.receive_data(HANDSHAKE)
    (request,) = conn.events_received()
    conn.send_response(conn.accept(request))  # type: ignore[arg-type]
    has(conn, "parser_exc", "close_sent", "reader", "data_to_send")

    conn.receive_data(TEXT_OF_200_BYTES + b"masked")

    assert isinstance(conn.parser_exc, PayloadTooBig)
    assert conn.parser_exc.size == 200, "PayloadTooBig no longer says how large the message is"
    assert conn.left == b"masked", "ServerProtocol no longer leaves what it has not looked at to discard"
    assert conn.close_sent is not None
    assert conn.close_sent.code == 1009


def test_private_types() -> None:
    """Of `uvicorn._types`, for the type checker alone."""
    assert hasattr(uvicorn_types, "ASGISendEvent"), "uvicorn._types no longer has ASGISendEvent"
    assert issubclass(ClientDisconnected, OSError)


def test_logging_config() -> None:
    """Scrip's configuration of logs is uvicorn's with filters, and another format."""
    assert "default" in LOGGING_CONFIG["handlers"], "uvicorn's LOGGING_CONFIG has no handler `default` any more"
    assert all("fmt" in formatter for formatter in LOGGING_CONFIG["formatters"].values())
    assert {"uvicorn", "uvicorn.error", "uvicorn.access"} <= LOGGING_CONFIG["loggers"].keys()


@pytest.mark.parametrize("kind", [DefaultFormatter, AccessFormatter])
def test_formatters(kind: type[DefaultFormatter | AccessFormatter]) -> None:
    """They write the time with the standard library's `converter`."""

    class Greenwich(kind):  # type: ignore[valid-type, misc]
        converter = staticmethod(time.gmtime)

    record = logging.LogRecord("uvicorn", logging.INFO, "", 0, "%s %s %s %s %d", ("a", "GET", "/", "1.1", 200), None)
    record.created = 0.0
    assert Greenwich("%(asctime)s", "%Y-%m-%dT%H:%M").format(record) == "1970-01-01T00:00"
