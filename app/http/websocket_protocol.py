"""Uvicorn's WebSocket protocol, which lets a client see why it was closed.

Uvicorn closes the connection right behind the close frame of a message that is too large, or is no UTF-8. The rest of
that message is then unread, or still on its way: the system resets the connection, the client's next write fails, and
the client reports 1006, not the code that it was sent. On a quiet machine the client is often quick enough; on a busy
one hardly ever. Here the rest is read and dropped, within bounds, until the client has closed its side in turn.
"""

import logging
from collections.abc import Generator
from typing import Any, Final

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import PayloadTooBig
from websockets.http11 import Response
from websockets.server import ServerProtocol

from app.http.protocol import MAX_DROPPED_BYTES
from app.http.security_headers import VERSION, version

_MASK_BYTES: Final = 4
_CLOSE: Final = 8
_OPCODE, _LENGTH = 0x0F, 0x7F
_LONG_LENGTHS: Final = {126: 2, 127: 8}
"""By the length field's marker: the number of bytes of the length itself (RFC 6455, 5.2)."""


class _Frames(ServerProtocol):
    """The parser, which keeps the bytes it had not looked at when it gave up."""

    left = b""

    def send_response(self, response: Response) -> None:
        """Answer the handshake: that names our release too, also if it is refused."""
        if VERSION not in response.headers:
            response.headers[VERSION] = version()
        super().send_response(response)

    def discard(self) -> Generator[None]:
        self.left = bytes(self.reader.buffer)
        yield from super().discard()


class PatientWebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection, without compression. Data after a fault of the client's is dropped: MAX_DROPPED_BYTES of it, for
    `close_timeout`.
    """

    conn: _Frames

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn = _Frames(max_size=self.config.ws_max_size, logger=logging.getLogger("uvicorn.error"))
        self._failed = False
        self._dropped = 0
        self._rest: Skimmer | None = None

    def data_received(self, data: bytes) -> None:
        """Some bytes have come."""
        if self._failed:
            self._drop(data)
        if self.conn.parser_exc is None and not self.transport.is_closing():
            super().data_received(data)

    def handle_parser_exception(self) -> None:
        """Report the invalid data, and close once the client has closed too, or has had the time to."""
        sent = self.conn.close_sent
        if sent is None:
            raise RuntimeError("a WebSocket failed without a close frame")
        if not self._failed:
            self._failed = self.close_sent = True
            self.stop_keepalive()
            self.queue.put_nowait({"type": "websocket.disconnect", "code": sent.code, "reason": sent.reason})
            self.transport.write(b"".join(self.conn.data_to_send()))
            if self.read_paused:
                self.read_paused = False
                self.transport.resume_reading()
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)
        fault = self.conn.parser_exc
        if isinstance(fault, PayloadTooBig) and fault.size is not None:
            self._rest = Skimmer(_MASK_BYTES + fault.size)
            self._drop(self.conn.left)
        elif fault is not None and self.transport.can_write_eof():
            # Where the next frame begins cannot be known. This is what a client closes for that reads as far as here.
            self.transport.write_eof()

    async def send(self, message: ASGISendEvent) -> None:
        """Send the app's message; nothing more after the close frame."""
        if self._failed:
            raise ClientDisconnected
        await super().send(message)

    def _drop(self, data: bytes) -> None:
        self._dropped += len(data)
        if self._dropped > MAX_DROPPED_BYTES or (self._rest is not None and self._rest.closes(data)):
            self.transport.close()


class Skimmer:
    """Looks for the close frame in frames that are not read. skip: bytes left of the current frame."""

    def __init__(self, skip: int) -> None:
        self._skip = skip
        self._head = bytearray()

    def closes(self, data: bytes) -> bool:
        """Whether it is in the new bytes."""
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            self._head.append(data[at])
            at += 1
            if self._head[0] & _OPCODE == _CLOSE:
                return True
            self._end_head()
        return False

    def _end_head(self) -> None:
        """Once the head of a frame is complete, its payload is to be skipped."""
        if len(self._head) < 2:
            return
        length = self._head[1] & _LENGTH
        long = _LONG_LENGTHS.get(length, 0)
        if len(self._head) == 2 + long:
            self._skip = _MASK_BYTES + (int.from_bytes(self._head[2:]) if long else length)
            self._head.clear()
