"""Tokens on requests: the part between Starlette's AuthenticationMiddleware and the verifiers."""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
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
_NO_TOKEN = {"www-authenticate": 'Bearer realm="scrip"'}
_BAD_TOKEN = {"www-authenticate": 'Bearer error="invalid_token"'}


class Unchecked(AuthenticationError):
    """Reported to Starlette if a token can be neither accepted nor rejected."""


class BearerBackend(AuthenticationBackend):
    """`Authorization: Bearer TOKEN` (RFC 6750, 2.1) and no other way: not in the body, not in the URL.

    A token goes to one verifier, by its first characters, and never to the other.
    """

    def __init__(self, verifier: TokenVerifier, partner_tokens: PartnerTokens | None = None) -> None:
        """partner_tokens: None if there are none; a token that looks like one is then rejected."""
        self._verifier = verifier
        self._partner_tokens = partner_tokens

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Principal] | None:
        """Return None without a token: each field then decides. Raises AuthenticationError for a bad token, even
        if the request needs none."""
        bearer = await self.bearer(conn.scope)
        return None if bearer is None else (_CREDENTIALS, bearer)

    async def bearer(self, scope: Scope) -> Principal | None:
        """Return the bearer of a request's token; None without one. Raises AuthenticationError."""
        values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
        if not values:
            return None
        address, request_id = address_in(scope), scope.get("state", {}).get("request_id")
        try:
            return await self.principal(values, address=address, request_id=request_id)
        except TokenError as error:
            raise AuthenticationError(str(error)) from error
        except TokensUnavailable as error:
            raise Unchecked(str(error)) from error

    async def principal(
        self, values: Sequence[str], *, address: str | None = None, request_id: str | None = None
    ) -> Principal:
        """Return the principal of one Authorization value, from a header or a WebSocket client.

        address, request_id: of its use. Raises TokenError; TokensUnavailable if it cannot be checked now.
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
    """401 as RFC 6750, 3 specifies, with a GraphQL error as body; 503 if the token could not be checked: on a 401 a
    client throws its token away, and would do so in every outage of the database."""
    unavailable = isinstance(error, Unchecked)
    code = "UNAVAILABLE" if unavailable else "UNAUTHENTICATED"
    told = {"retry-after": str(RETRY_AFTER_SECONDS)} if unavailable else challenge(conn)
    accepts_graphql = _GRAPHQL_RESPONSE in conn.headers.get("accept", "").lower()
    extensions = {"code": code}
    if unavailable and (request_id := conn.scope.get("state", {}).get("request_id")) is not None:
        extensions["requestId"] = request_id
    return JSONResponse(
        {"errors": [{"message": _sentence(str(error)), "extensions": extensions}]},
        status_code=503 if unavailable else 401,
        headers={**told, "cache-control": "no-store"},
        media_type=_GRAPHQL_RESPONSE if accepts_graphql else None,
    )


def challenge(conn: HTTPConnection) -> Mapping[str, str]:
    """The header of a 401: a request that came without a token is not told of an error in it (RFC 6750, 3.1)."""
    return _BAD_TOKEN if "authorization" in conn.headers else _NO_TOKEN


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:].removesuffix('.')}."


def authentication(
    verifier: TokenVerifier,
    partner_tokens: PartnerTokens | None = None,
    *,
    on_error: Callable[[HTTPConnection, Exception], Response] = unauthenticated_response,
) -> Middleware:
    """Return the application's middleware, which puts a principal, or None, on each request.

    on_error: makes the response if a token is rejected.
    """
    return authentication_by(BearerBackend(verifier, partner_tokens), on_error=on_error)


def authentication_by(
    backend: BearerBackend, *, on_error: Callable[[HTTPConnection, Exception], Response] = unauthenticated_response
) -> Middleware:
    """Return the same with a backend that is there already."""
    return Middleware(_OfRequests, backend=backend, on_error=on_error)


class _OfRequests(AuthenticationMiddleware):
    """Requests only. A WebSocket sends its token after the handshake, or its endpoint reads it; a bad one is not
    answered here."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or let a WebSocket through."""
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def principal_of(conn: HTTPConnection) -> Principal | None:
    """Return the principal of a request, or None if it came without a token."""
    user = conn.scope.get("user")
    return user if isinstance(user, Principal) else None


def network_address(conn: HTTPConnection) -> str | None:
    """Return the IP address of the request's client, or None: behind a proxy it comes from a header, in any form."""
    return address_in(conn.scope)


def address_in(scope: Scope) -> str | None:
    """The same of a request's scope."""
    client = scope.get("client")
    return None if client is None else _address(client[0])


@lru_cache(maxsize=1024)
def _address(host: str) -> str | None:
    try:
        # The name of an IPv6 address's zone can be anything at all, and is of this machine's own making.
        return str(ipaddress.ip_address(host)).partition("%")[0]
    except ValueError:
        return None
