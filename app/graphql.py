"""GraphQL as this project serves it: the view, with a context for each request."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from starlette.requests import HTTPConnection

from app.http.request_log import ASKED, logged_operation
from app.rate_limits.quotas import RateLimits
from auth.backend import BearerBackend, challenge, network_address, principal_of
from auth.errors import TokenError, TokensUnavailable
from gateway.http.requests import DEFAULT_MAX_BODY_BYTES, DEFAULT_READ_TIMEOUT, BodyReader
from gateway.http.view import DEFAULT_EXECUTION_TIMEOUT, GraphQLView, Page
from gateway.schema import GatewaySchema, for_free
from gateway.streams import EventStreams
from gateway.websocket.limits import SocketLimits
from gateway.websocket.session import Admit, Around, Bearer, CannotTell, NotAdmitted
from gateway.websocket.view import SocketView
from models.ledger import Ledger
from models.reads.live import LiveFeed
from models.reads.tenants import TenantDirectory
from schema.context import Context, RefusedToken
from schema.loaders import loaders_of


def graphql_view(
    schema: GatewaySchema,
    ledger: Ledger,
    tenants: TenantDirectory,
    *,
    refused: RefusedToken | None = None,
    rate_limits: RateLimits | None = None,
    read_timeout: float = DEFAULT_READ_TIMEOUT,
    execution_timeout: float = DEFAULT_EXECUTION_TIMEOUT,
    ide: Page | None = None,
) -> GraphQLView:
    """The view mounted at /graphql, behind the middlewares of authentication and request ids."""
    return GraphQLView(
        schema,
        context_maker(ledger, tenants, refused, rate_limits),
        read_timeout=read_timeout,
        execution_timeout=execution_timeout,
        is_known=lambda request: principal_of(request) is not None,
        challenge=challenge,
        ide=ide,
    )


def socket_view(
    schema: GatewaySchema,
    ledger: Ledger,
    tenants: TenantDirectory,
    backend: BearerBackend,
    clock: Callable[[], datetime],
    *,
    refused: RefusedToken,
    rate_limits: RateLimits | None = None,
    live: LiveFeed | None = None,
    origins: Sequence[str] = (),
    other_origin: Callable[[str], bool] | None = None,
    limits: SocketLimits | None = None,
    logs: bool = False,
) -> SocketView:
    """The WebSocket view at /graphql: the same schema, with a context for each operation. logs: whether each operation has
    a line in the log.

    live: the feeds that subscriptions follow; one of its own unless given.
    """

    def note(reason: str, request_id: str, handshake: HTTPConnection) -> None:
        refused(reason, request_id, network_address(handshake))

    make_context = context_maker(ledger, tenants, refused, rate_limits, live)
    watching: dict[str, Around] = {"around": logged_operation} if logs else {}
    return SocketView(
        schema,
        make_context,
        admission(backend),
        clock,
        refused=note,
        origins=origins,
        other_origin=other_origin,
        limits=limits,
        **watching,
    )


def event_streams(
    schema: GatewaySchema,
    ledger: Ledger,
    tenants: TenantDirectory,
    backend: BearerBackend,
    sockets: SocketView,
    view: GraphQLView,
    *,
    clock: Callable[[], datetime],
    refused: RefusedToken,
    rate_limits: RateLimits | None = None,
    live: LiveFeed | None = None,
    read_timeout: float = DEFAULT_READ_TIMEOUT,
) -> EventStreams:
    """The view, in front of which requests that ask for a stream of events get one. They count as WebSockets, with those
    of `sockets`."""
    return EventStreams(
        schema,
        view,
        context_maker(ledger, tenants, refused, rate_limits, live),
        admission(backend),
        clock,
        sockets.sockets,
        limits=sockets.limits,
        challenge=challenge,
        bodies=BodyReader(DEFAULT_MAX_BODY_BYTES, read_timeout, lambda request: principal_of(request) is not None),
    )


def admission(backend: BearerBackend) -> Admit:
    """The function by which WebSockets find out the bearer of a token."""

    async def admit(values: Sequence[str], handshake: HTTPConnection, request_id: str) -> Bearer:
        try:
            who = await backend.principal(values, address=network_address(handshake), request_id=request_id)
        except TokenError as error:
            raise NotAdmitted(str(error)) from error
        except TokensUnavailable as error:
            raise CannotTell(str(error)) from error
        return Bearer(who, (who.tenant, who.role.value, who.subject, who.client_id), who.expires_at)

    return admit


def context_maker(
    ledger: Ledger,
    tenants: TenantDirectory,
    refused: RefusedToken | None = None,
    rate_limits: RateLimits | None = None,
    live: LiveFeed | None = None,
) -> Callable[[HTTPConnection], Awaitable[Context]]:
    """Makes the context of each request, and of each operation on a WebSocket: its bearer, and the way to this ledger.

    refused: counts good tokens of a tenant that is not known here. rate_limits: rejects requests of holders who
    have used up their quota; None rejects none. live: the feeds that subscriptions follow.
    """
    live = live or LiveFeed()

    async def make_context(request: HTTPConnection) -> Context:
        principal, address = principal_of(request), network_address(request)
        context = Context(
            principal=principal,
            ledger=ledger,
            tenants=tenants,
            loaders=loaders_of,
            request_id=request.scope.get("state", {}).get("request_id"),
            address=address,
            charge=for_free if rate_limits is None else rate_limits.of(principal, address),
            refused=refused,
            live=live,
            headers=request.scope["headers"],
        )
        request.scope.setdefault("state", {})[ASKED] = context.asked
        return context

    return make_context
