"""A WebSocket's session: it ends with its bearer's token."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn, Protocol

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket
from strawberry.exceptions import ConnectionRejectionError

from gateway.errors import MASKED_MESSAGE
from gateway.websocket.limits import OpenSockets, SocketLimits
from gateway.websocket.messages import credentials_of
from gateway.websocket.wire import Wire

logger = logging.getLogger(__name__)

FORBIDDEN: Final = 4403
INTERNAL_ERROR: Final = 1011
TRY_AGAIN_LATER: Final = 1013
CLOSE_GRACE_S: Final = 5.0
"""Seconds for a client that does not even accept the close frame."""
MAX_HANDSHAKE_ID_LENGTH: Final = 100
"""Maximum within an operation's id, which is limited to 128 characters like any request's."""
_HOW_TO_BEGIN: Final = 'Send a token with connection_init: {"Authorization": "Bearer …"}'


class NotAdmitted(Exception):
    """The token is invalid or missing. The message gives the reason, for the sender."""


class CannotTell(Exception):
    """The token cannot be checked now. The message is for the sender."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """The bearer of a token.

    user: for the context of each operation. holder: unchanged when a token is renewed.
    """

    user: object
    holder: Hashable
    expires_at: datetime


Admit = Callable[[Sequence[str], HTTPConnection, str], Awaitable[Bearer]]
"""Returns the current bearer of a token, from the Authorization values, the handshake, and the id of its operation.
Raises NotAdmitted, CannotTell."""


class Outcome(Protocol):
    """How an operation ends, to be set: "complete", or "error" if it was refused or given up."""

    status: str


Around = Callable[[HTTPConnection], AbstractContextManager[Outcome]]
"""Surrounds an operation, given the handshake with its user and request id added."""
Refused = Callable[[str, str, HTTPConnection], None]
"""Called when a token is refused at the beginning: reason, request id, handshake."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The surroundings shared by the WebSockets of one process."""

    admit: Admit
    clock: Callable[[], datetime]
    refused: Refused
    limits: SocketLimits
    sockets: OpenSockets


class Session:
    """One WebSocket's session. Strawberry calls it the context, and puts the payload of connection_init on it.

    The token comes in that payload or in a header of the handshake, never in the URL; in both only if equal. It is
    checked again before each operation and each message of a subscription, at the instant of its expiry, and every half
    second; less often beyond a thousand sockets.
    """

    def __init__(self, websocket: WebSocket, lifetime: asyncio.Timeout, surroundings: Surroundings) -> None:
        """lifetime: of the task that serves this socket; cancelled if closing does not end it."""
        self.connection_params: dict[str, Any] = {}
        self._websocket = websocket
        self._lifetime = lifetime
        self._around = surroundings
        self._credentials: list[str] = []
        self._holder: Hashable | None = None
        self._watch: asyncio.Task[None] | None = None
        self._operations = 0
        self._wire: Wire | None = None

    def attach(self, wire: Wire) -> None:
        """Set the wire that reaches the client."""
        self._wire = wire
        wire.abandon = self._abandon

    async def begin(self) -> None:
        """Accept the token from connection_init. Raises ConnectionRejectionError once the socket is closed."""
        offered = credentials_of(self.connection_params)
        self.connection_params = {}
        values = [value for value in offered if isinstance(value, str)]
        if len(values) < len(offered):
            await self._reject(FORBIDDEN, "Authorization must be a text")
        header = self._websocket.headers.getlist("authorization")
        self._credentials = [*header, *(value for value in values if value not in header)]
        if not self._credentials:
            await self._reject(FORBIDDEN, _HOW_TO_BEGIN)
        try:
            bearer = await self._bearer()
        except NotAdmitted as error:
            self._around.refused(str(error), self.request_id, self._websocket)
            await self._reject(FORBIDDEN, str(error))
        except CannotTell as error:
            await self._reject(TRY_AGAIN_LATER, str(error))
        if not self._around.sockets.take(bearer.holder):
            await self._reject(TRY_AGAIN_LATER, "There are too many connections with tokens of this holder")
        self._holder = bearer.holder
        self._watch = asyncio.create_task(self._watch_token(bearer), name="token of a WebSocket")

    async def operation(self) -> HTTPConnection:
        """One operation's connection, of the token's current bearer. Raises NotAdmitted, CannotTell."""
        self._operations += 1
        bearer = await self._bearer()
        scope = self._websocket.scope
        state = {**scope.get("state", {}), "request_id": self.request_id}
        return HTTPConnection({**scope, "user": bearer.user, "state": state})

    async def check(self) -> None:
        """Before each message of a subscription: raises NotAdmitted if the token is no longer valid, CannotTell."""
        await self._bearer()

    @property
    def request_id(self) -> str:
        """The latest operation's id: the handshake's, and a number. Before any operation, the handshake's."""
        handshake = str(self._websocket.scope.get("state", {}).get("request_id", "-"))
        return f"{handshake[:MAX_HANDSHAKE_ID_LENGTH]}.{self._operations}" if self._operations else handshake

    async def end(self, code: int, reason: str) -> None:
        """Close the socket, even if its client does not react."""
        self._lifetime.reschedule(asyncio.get_running_loop().time() + CLOSE_GRACE_S)
        if self._wire is not None:
            await self._wire.close(code, reason)

    async def release(self) -> None:
        """Stop checking the token. Called once the socket is closed, for any reason."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        if self._holder is not None:
            self._around.sockets.give_back(self._holder)
            self._holder = None

    def _abandon(self) -> None:
        self._lifetime.reschedule(asyncio.get_running_loop().time())

    async def _reject(self, code: int, reason: str) -> NoReturn:
        # Strawberry would close with 4403 and no reason. This closes first, so the client sees this.
        await self.end(code, reason)
        raise ConnectionRejectionError

    async def _watch_token(self, bearer: Bearer) -> None:
        try:
            while True:
                left = (bearer.expires_at - self._around.clock()).total_seconds()
                await asyncio.sleep(min(max(left, 0.0), self._around.sockets.check_interval))
                bearer = await self._bearer()
        except NotAdmitted as error:
            await self.end(FORBIDDEN, str(error))
        # A token that cannot be checked is not trusted.
        except CannotTell as error:
            await self.end(TRY_AGAIN_LATER, str(error))
        # The last line of defence: a task's failure would go unnoticed, and the token unchecked.
        except Exception:
            logger.exception("unexpected error", extra={"request_id": self.request_id})
            await self.end(INTERNAL_ERROR, MASKED_MESSAGE)

    async def _bearer(self) -> Bearer:
        return await self._around.admit(self._credentials, self._websocket, self.request_id)
