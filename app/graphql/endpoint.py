"""GraphQL as this project serves it: the view, with a context for each request."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from starlette.requests import HTTPConnection

from app.graphql.requests import DEFAULT_READ_TIMEOUT
from app.graphql.view import DEFAULT_EXECUTION_TIMEOUT, GraphQLView
from app.graphql.websocket import SocketLimits, SocketView
from app.rate_limits.quotas import RateLimits
from auth.backend import BearerBackend, network_address, principal_of
from models.ledger import Ledger
from models.reads.tenants import TenantDirectory
from schema.context import Context, RefusedToken
from schema.documents import for_free
from schema.loaders import Loaders
from schema.root import schema


def graphql_view(
    ledger: Ledger,
    tenants: TenantDirectory,
    *,
    refused: RefusedToken | None = None,
    rate_limits: RateLimits | None = None,
    read_timeout: float = DEFAULT_READ_TIMEOUT,
    execution_timeout: float = DEFAULT_EXECUTION_TIMEOUT,
    ide: bool = True,
) -> GraphQLView:
    """What is mounted at /graphql, behind the middlewares of authentication and request ids."""
    return GraphQLView(
        schema,
        context_maker(ledger, tenants, refused, rate_limits),
        read_timeout=read_timeout,
        execution_timeout=execution_timeout,
        ide=ide,
    )


def socket_view(
    ledger: Ledger,
    tenants: TenantDirectory,
    backend: BearerBackend,
    clock: Callable[[], datetime],
    *,
    refused: RefusedToken,
    rate_limits: RateLimits | None = None,
    origins: Sequence[str] = (),
    limits: SocketLimits | None = None,
) -> SocketView:
    """What a WebSocketRoute at /graphql leads to: the same schema, with a context for each operation."""
    make_context = context_maker(ledger, tenants, refused, rate_limits)
    return SocketView(schema, make_context, backend, clock, refused=refused, origins=origins, limits=limits)


def context_maker(
    ledger: Ledger,
    tenants: TenantDirectory,
    refused: RefusedToken | None = None,
    rate_limits: RateLimits | None = None,
) -> Callable[[HTTPConnection], Awaitable[Context]]:
    """Makes the context of each request, and of each operation on a WebSocket: whose it is, and the way to this ledger.

    refused: is told of tokens that are good and of no tenant that is known here. rate_limits: who has used up theirs
    is refused; without them nobody is.
    """

    async def make_context(request: HTTPConnection) -> Context:
        principal, address = principal_of(request), network_address(request)
        return Context(
            principal=principal,
            ledger=ledger,
            tenants=tenants,
            loaders=Loaders,
            request_id=getattr(request.state, "request_id", None),
            address=address,
            charge=for_free if rate_limits is None else rate_limits.of(principal, address),
            refused=refused,
        )

    return make_context
