"""One WebSocket as Strawberry's handler uses it: JSON in and out, with bounds on size, rate and waiting."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Protocol, cast

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketDisconnected as AlreadyClosed
from strawberry.http.async_base_view import AsyncBaseHTTPView, AsyncWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected

from gateway.websocket.limits import SocketLimits
from gateway.websocket.messages import close_reason

MESSAGE_TOO_BIG = 1009
"""Close code of RFC 6455, 7.4.1."""


class Bounded(Protocol):
    """The part of the endpoint that a wire needs: Strawberry hands it the whole."""

    limits: SocketLimits


class Wire(AsyncWebSocketAdapter):
    """Sends one message at a time, so that a client that does not read blocks sending, and fills no memory.

    `abandon` is called if it has not read for too long: then not even a close frame gets through.
    """

    def __init__(self, view: Bounded, request: WebSocket, response: WebSocket) -> None:
        super().__init__(cast("AsyncBaseHTTPView[Any, Any, Any, Any, Any, None, None]", view))
        self._websocket = response
        self._limits = view.limits
        self._sending = asyncio.Lock()
        self._closed = False
        self.abandon: Callable[[], None] = lambda: None

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[Any, None]:
        """The client's messages, until either side closes. Raises NonTextMessageReceived, NonJsonMessageReceived.

        ignore_parsing_errors: only the legacy protocol, which is off, asks for it.
        """
        while not self._closed:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                raise NonTextMessageReceived
            if self._is_too_big(text):
                await self.close(MESSAGE_TOO_BIG, f"The message is larger than {self._limits.max_message_bytes} bytes")
                return
            yield _json(text)
            # Thousands of small messages may be buffered here, and taking a buffered one does not yield to others.
            await asyncio.sleep(0)

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Wait until the client takes the message. Raises WebSocketDisconnected if it is gone or has stopped
        reading."""
        text = orjson.dumps(message).decode()
        async with self._sending:
            if self._closed:
                raise WebSocketDisconnected
            try:
                async with asyncio.timeout(self._limits.send_timeout):
                    await self._websocket.send_text(text)
            except TimeoutError:
                self._closed = True
                self.abandon()
                raise WebSocketDisconnected from None
            except (WebSocketDisconnect, AlreadyClosed) as gone:
                self._closed = True
                raise WebSocketDisconnected from gone

    async def close(self, code: int, reason: str) -> None:
        """Close it for this reason, or leave it at the one that it was closed for before."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._websocket.close(code, close_reason(reason))
        except (WebSocketDisconnect, AlreadyClosed):
            return  # the client was faster

    def _is_too_big(self, text: str) -> bool:
        maximum = self._limits.max_message_bytes
        # A character takes four bytes at most: only what could be too long is counted.
        return len(text) * 4 > maximum and len(text.encode()) > maximum


def _json(text: str) -> Any:
    # As for bodies by HTTP: orjson bounds the depth and refuses lone surrogates and NaN.
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise NonJsonMessageReceived from None
