"""Tokens on requests: the part between Starlette's AuthenticationMiddleware and the verifier."""

from collections.abc import Sequence

from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from auth.errors import TokenError
from auth.principal import Principal
from auth.tokens import TokenVerifier

_GRAPHQL_RESPONSE = "application/graphql-response+json"
_CREDENTIALS = AuthCredentials(["authenticated"])


class BearerBackend(AuthenticationBackend):
    """`Authorization: Bearer TOKEN` (RFC 6750, 2.1) and no other way: not in the body, not in the URL."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Principal] | None:
        """None without a token: then fields decide. Raises AuthenticationError for a bad one, whatever is asked."""
        values = conn.headers.getlist("authorization")
        if not values:
            return None
        try:
            return _CREDENTIALS, await self.principal(values)
        except TokenError as error:
            raise AuthenticationError(str(error)) from error

    async def principal(self, values: Sequence[str]) -> Principal:
        """Whose the one Authorization value is, be it a header's or a WebSocket client's. Raises TokenError."""
        if len(values) != 1:
            raise TokenError("there is more than one Authorization header")
        scheme, _, token = values[0].partition(" ")
        if scheme.lower() != "bearer":
            raise TokenError("the Authorization header must be of the form: Bearer TOKEN")
        return await self._verifier.authenticate(token.strip(" "))


def unauthenticated_response(conn: HTTPConnection, error: Exception) -> Response:
    """401 as RFC 6750, 3 wants it, with a GraphQL error for a body."""
    accepts_graphql = _GRAPHQL_RESPONSE in conn.headers.get("accept", "").lower()
    return JSONResponse(
        {"errors": [{"message": str(error), "extensions": {"code": "UNAUTHENTICATED"}}]},
        status_code=401,
        headers={"www-authenticate": 'Bearer error="invalid_token"', "cache-control": "no-store"},
        media_type=_GRAPHQL_RESPONSE if accepts_graphql else None,
    )


def authentication(verifier: TokenVerifier) -> Middleware:
    """The middleware for the application: puts a principal, or nobody, on each request and WebSocket."""
    return Middleware(AuthenticationMiddleware, backend=BearerBackend(verifier), on_error=unauthenticated_response)


def principal_of(conn: HTTPConnection) -> Principal | None:
    """Whose request it is, or None if it came without a token."""
    user = conn.scope.get("user")
    return user if isinstance(user, Principal) else None
