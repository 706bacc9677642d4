"""Tokens on requests: the part between Starlette's AuthenticationMiddleware and the verifiers."""

import ipaddress
from collections.abc import Callable, Sequence
from functools import lru_cache

from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from auth.errors import TokenError, TokensUnavailable
from auth.partner_tokens import PartnerTokens, is_partner_token
from auth.principal import Principal
from auth.tokens import TokenVerifier

RETRY_AFTER_SECONDS = 1
_GRAPHQL_RESPONSE = "application/graphql-response+json"
_CREDENTIALS = AuthCredentials(["authenticated"])


class Unchecked(AuthenticationError):
    """What Starlette has to be told where a token can be neither taken nor refused."""


class BearerBackend(AuthenticationBackend):
    """`Authorization: Bearer TOKEN` (RFC 6750, 2.1) and no other way: not in the body, not in the URL.

    A token goes to one verifier, by how it begins, and never to the other.
    """

    def __init__(self, verifier: TokenVerifier, partner_tokens: PartnerTokens | None = None) -> None:
        """partner_tokens: None where there are none, and what looks like one is refused."""
        self._verifier = verifier
        self._partner_tokens = partner_tokens

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Principal] | None:
        """None without a token: then fields decide. Raises AuthenticationError for a bad one, whatever is asked."""
        values = conn.headers.getlist("authorization")
        if not values:
            return None
        address, request_id = network_address(conn), conn.scope.get("state", {}).get("request_id")
        try:
            return _CREDENTIALS, await self.principal(values, address=address, request_id=request_id)
        except TokenError as error:
            raise AuthenticationError(str(error)) from error
        except TokensUnavailable as error:
            raise Unchecked(str(error)) from error

    async def principal(
        self, values: Sequence[str], *, address: str | None = None, request_id: str | None = None
    ) -> Principal:
        """Whose the one Authorization value is, be it a header's or a WebSocket client's.

        address, request_id: where it was used. Raises TokenError; TokensUnavailable where that cannot be told now.
        """
        if len(values) != 1:
            raise TokenError("there is more than one Authorization header")
        scheme, _, token = values[0].partition(" ")
        if scheme.lower() != "bearer":
            raise TokenError("the Authorization header must be of the form: Bearer TOKEN")
        token = token.strip(" ")
        if not is_partner_token(token):
            return await self._verifier.authenticate(token)
        if self._partner_tokens is None:
            raise TokenError("partner tokens are not known here")
        return await self._partner_tokens.principal(token, address=address, request_id=request_id)


def unauthenticated_response(conn: HTTPConnection, error: Exception) -> Response:
    """401 as RFC 6750, 3 wants it, with a GraphQL error for a body; 503 where the token could not be checked.

    A client that is told 401 throws its token away, and would do so whenever the database is away.
    """
    unavailable = isinstance(error, Unchecked)
    code = "UNAVAILABLE" if unavailable else "UNAUTHENTICATED"
    told = (
        {"retry-after": str(RETRY_AFTER_SECONDS)}
        if unavailable
        else {"www-authenticate": 'Bearer error="invalid_token"'}
    )
    accepts_graphql = _GRAPHQL_RESPONSE in conn.headers.get("accept", "").lower()
    extensions = {"code": code}
    if unavailable and (request_id := conn.scope.get("state", {}).get("request_id")) is not None:
        extensions["requestId"] = request_id
    return JSONResponse(
        {"errors": [{"message": str(error), "extensions": extensions}]},
        status_code=503 if unavailable else 401,
        headers={**told, "cache-control": "no-store"},
        media_type=_GRAPHQL_RESPONSE if accepts_graphql else None,
    )


def authentication(
    verifier: TokenVerifier,
    partner_tokens: PartnerTokens | None = None,
    *,
    on_error: Callable[[HTTPConnection, Exception], Response] = unauthenticated_response,
) -> Middleware:
    """The middleware for the application: puts a principal, or nobody, on each request.

    on_error: answers where a token is refused.
    """
    backend = BearerBackend(verifier, partner_tokens)
    return Middleware(_OfRequests, backend=backend, on_error=on_error)


class _OfRequests(AuthenticationMiddleware):
    """A WebSocket's token comes after its handshake, or is looked at by its endpoint: here, a bad one gets no answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or let a WebSocket through."""
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def principal_of(conn: HTTPConnection) -> Principal | None:
    """Whose request it is, or None if it came without a token."""
    user = conn.scope.get("user")
    return user if isinstance(user, Principal) else None


def network_address(conn: HTTPConnection) -> str | None:
    """The IP address that the request came from, or None: behind a proxy it is what a header said, of any form."""
    return None if conn.client is None else _address(conn.client.host)


@lru_cache(maxsize=1024)
def _address(host: str) -> str | None:
    try:
        # The name of an IPv6 address's zone can be anything at all, and is of this machine's own making.
        return str(ipaddress.ip_address(host)).partition("%")[0]
    except ValueError:
        return None
