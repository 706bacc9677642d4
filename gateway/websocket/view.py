"""GraphQL over WebSocket, by the protocol graphql-transport-ws, on Strawberry's own handler.

Queries, mutations and subscriptions go through the same schema as by HTTP, each with a context of its own: a
subscription only has to be added to the schema.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message, SubscribeMessage
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UNSET, UnsetType

from gateway.errors import MASKED_MESSAGE, ErrorCode, away_of, counted, error_entry
from gateway.http.requests import GraphQLParams
from gateway.http.view import TIMEOUT_MESSAGE, RequestContext, closed, is_cancelled, is_refusal, rested
from gateway.schema import GatewaySchema
from gateway.websocket.limits import OpenSockets, SocketLimits
from gateway.websocket.messages import BadMessage, message_of, operation_of
from gateway.websocket.session import (
    FORBIDDEN,
    INTERNAL_ERROR,
    TRY_AGAIN_LATER,
    Admit,
    Around,
    CannotTell,
    NotAdmitted,
    Refused,
    Session,
    Surroundings,
)
from gateway.websocket.wire import Wire

logger = logging.getLogger(__name__)

COMPLETE: Final = "complete"
_ANSWERED_ONCE: Final = frozenset({OperationType.QUERY, OperationType.MUTATION})
_SUBSCRIPTION: Final = frozenset({OperationType.SUBSCRIPTION})


@dataclass(slots=True)
class _Unwatched:
    status: str = ""


class Handler(BaseGraphQLTransportWSHandler[Session, None]):
    """Strawberry's handler, which enforces the protocol's order, with another way to run an operation."""

    task_logger = logger
    view: "SocketView"
    websocket: Wire

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._asked: dict[str, GraphQLParams] = {}
        self.context.attach(self.websocket)

    async def handle_message(self, message: Message) -> None:
        """Act on one message, which can be any JSON at all."""
        try:
            checked = message_of(message)
        except BadMessage as fault:
            await self.handle_invalid_message(str(fault))
            return
        await super().handle_message(cast("Message", checked))

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Begin an operation, or refuse only it; the base class closes the socket if necessary."""
        operation_id = message["id"]
        if self.connection_acknowledged and operation_id not in self.operations:
            try:
                params = operation_of(message)
            except BadMessage as fault:
                await self.handle_invalid_message(str(fault))
                return
            maximum = self.view.limits.max_operations
            if len(self.operations) >= maximum:
                text = f"There are {maximum} operations under way on this connection, and no more are taken."
                entry = error_entry(text, ErrorCode.TOO_MANY_OPERATIONS)
                await self.send_message({"id": operation_id, "type": "error", "payload": counted([entry])})
                return
            self._asked[operation_id] = params
            message = {"type": "subscribe", "id": operation_id, "payload": {"query": params.query}}
        await super().handle_subscribe(message)

    async def cleanup_operation(self, operation_id: str) -> None:
        """Cancel an operation, which may not even have begun."""
        self._asked.pop(operation_id, None)
        await super().cleanup_operation(operation_id)

    async def run_operation(self, operation: Operation[Session, None]) -> None:
        """Run one operation, as a task. It is cancelled when the client completes it or the socket closes."""
        params = self._asked.pop(operation.id)
        try:
            await self._run(operation, params)
        except WebSocketDisconnected:
            return  # the client is gone
        except NotAdmitted as error:
            await self.context.end(FORBIDDEN, str(error))
        except CannotTell as error:
            await self.context.end(TRY_AGAIN_LATER, str(error))
        # The last line of defence: the client gets an answer, the log the traceback.
        except (Exception, asyncio.CancelledError) as error:
            if is_cancelled(error):
                raise
            request_id = self.context.request_id
            logger.exception("unexpected error", extra={"request_id": request_id})
            with suppress(WebSocketDisconnected):
                await self._fail(operation, MASKED_MESSAGE, ErrorCode.INTERNAL_SERVER_ERROR, request_id)
        finally:
            if self.operations.get(operation.id) is operation:
                del self.operations[operation.id]

    async def _run(self, operation: Operation[Session, None], params: GraphQLParams) -> None:
        connection = await self.context.operation()
        with self.view.around(connection) as outcome:
            context = await self.view.make_context(connection)
            done = await self._answer(operation, params, context)
            outcome.status = COMPLETE if done else "error"

    async def _answer(
        self, operation: Operation[Session, None], params: GraphQLParams, context: RequestContext
    ) -> bool:
        """Run it, and send what comes of it. Returns whether it was executed to its end."""
        # Released before anything is sent: a client that reads slowly must not hold a database connection.
        try:
            async with asyncio.timeout(self.view.limits.execution_timeout):
                result = await self.schema.execute(
                    **_arguments(params, context), allowed_operation_types=_ANSWERED_ONCE
                )
        except TimeoutError:
            result = None
        except InvalidOperationTypeError:
            # That was found before execution; but its cost has been charged, and is charged again.
            return await self._stream(operation, params, context)
        except Exception as error:
            if (outage := self.view.outage_of(error)) is None:
                raise
            await self._fail(operation, outage.message, ErrorCode.UNAVAILABLE, self.context.request_id)
            return False
        finally:
            await closed(context)
        if result is None:
            await self._fail(operation, TIMEOUT_MESSAGE, ErrorCode.TIMEOUT)
            return False
        if (away := away_of(result)) is not None:
            request_id = (away.extensions or {}).get("requestId")
            await self._fail(operation, away.message, ErrorCode.UNAVAILABLE, request_id)
            return False
        if not await self._send(operation, result):
            return False
        await operation.send_operation_message({"id": operation.id, "type": COMPLETE})
        return True

    async def _stream(
        self, operation: Operation[Session, None], params: GraphQLParams, context: RequestContext
    ) -> bool:
        results = await self.schema.stream(**_arguments(params, context), allowed_operation_types=_SUBSCRIPTION)
        async with aclosing(results):
            async for result in results:
                await rested(context)
                await self.context.check()
                if not await self._send(operation, cast("ExecutionResult", result)):
                    return False
        await operation.send_operation_message({"id": operation.id, "type": COMPLETE})
        return True

    async def _send(self, operation: Operation[Session, None], result: ExecutionResult) -> bool:
        """Send a result. Returns whether the operation continues: one refused before execution has ended."""
        counted([error.formatted for error in result.errors or ()])
        if is_refusal(result):
            await operation.send_initial_errors(result.errors or [])
            return False
        await operation.send_next(result)
        return True

    async def _fail(
        self, operation: Operation[Session, None], message: str, code: ErrorCode, request_id: str | None = None
    ) -> None:
        entry = error_entry(message, code, request_id)
        await operation.send_operation_message({"id": operation.id, "type": "error", "payload": counted([entry])})


class SocketView(GraphQL[Session, None]):
    """The ASGI endpoint of WebSocket /graphql.

    admit, refused: see Surroundings. make_context: makes the context of an operation, from the handshake with its user and
    request id added. around: what goes on while an operation runs, such as a log of them.
    origins: of pages that may connect besides those of this host. A browser does not send a token by itself, so
    another site's page gains nothing by connecting; but it is refused earlier. other_origin: whether another
    origin's may, too.
    """

    websocket_adapter_class = Wire  # type: ignore[assignment]
    graphql_transport_ws_handler_class = Handler

    def __init__(
        self,
        schema: GatewaySchema,
        make_context: Callable[[HTTPConnection], Awaitable[RequestContext]],
        admit: Admit,
        clock: Callable[[], datetime],
        *,
        origins: Sequence[str] = (),
        other_origin: Callable[[str], bool] | None = None,
        refused: Refused = lambda *_: None,
        limits: SocketLimits | None = None,
        around: Around = lambda _: nullcontext(_Unwatched()),
    ) -> None:
        self.limits = limits or SocketLimits()
        self.sockets = OpenSockets(self.limits)
        self.outage_of = schema.outage_of
        self.make_context = make_context
        self._other_origin = other_origin
        self.around = around
        self._around = Surroundings(admit, clock, refused, self.limits, self.sockets)
        super().__init__(
            schema,
            graphql_ide=None,
            # Not the legacy graphql-ws, which Strawberry speaks as well.
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=self.limits.init_timeout),
            # Our own limit applies first, with a code that clients can recognise.
            max_subscriptions_per_connection=None,
            allowed_origins=origins,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket until it closes."""
        websocket = WebSocket(scope, receive, send)
        with self.sockets.one_more() as fits:
            try:
                await (self._serve(websocket) if fits else self._turn_away(websocket))
            # The last line of defence: the client gets an answer, the log the traceback.
            except Exception:
                logger.exception("unexpected error on a WebSocket")
                await Wire(self, websocket, websocket).close(INTERNAL_ERROR, MASKED_MESSAGE)

    def is_websocket_origin_allowed(self, request: WebSocket, origin: str) -> bool:
        """Strawberry's hook for pages of other origins than this host's."""
        if self._other_origin is not None and self._other_origin(origin):
            return True
        return super().is_websocket_origin_allowed(request, origin)

    async def on_ws_connect(self, context: Session) -> UnsetType | dict[str, object] | None:
        """Strawberry's hook for connection_init. Raises ConnectionRejectionError."""
        await context.begin()
        nothing: UnsetType = UNSET
        return nothing

    async def _turn_away(self, websocket: WebSocket) -> None:
        # Accepted first: a refused handshake tells a WebSocket client nothing, not even that it may retry.
        await websocket.accept(await self.pick_websocket_subprotocol(websocket))
        await websocket.close(TRY_AGAIN_LATER, "There are too many connections")

    async def _serve(self, websocket: WebSocket) -> None:
        try:
            async with asyncio.timeout(None) as lifetime:
                session = Session(websocket, lifetime, self._around)
                try:
                    await self.run(websocket, context=session)
                finally:
                    await session.release()
        except TimeoutError:
            if not lifetime.expired():
                raise


def _arguments(params: GraphQLParams, context: RequestContext) -> dict[str, Any]:
    return {
        "query": params.query,
        "variable_values": params.variables,
        "context_value": context,
        "operation_name": params.operation_name,
        "operation_extensions": params.extensions,
    }
