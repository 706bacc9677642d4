"""Checking and issuing access tokens (JWT). The signature is PyJWT's business; what may stand in a token is ours.

PyJWT's `decode` lets through more than an access token may be, so the header is read strictly before it and the claims
after it. Nothing in a token chooses how the token is checked: its `kid` is looked up in the keys we have, and each key
knows its one algorithm. `jwk`, `jku`, `x5u` and `x5c` are never read.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt
from jwt.api_jws import PyJWS

from auth.claim_map import ClaimMap
from auth.claims import ClaimsPolicy, strict_object
from auth.errors import TokenError, UnknownKeyError
from auth.keys import PUBLIC_KEY_ALGORITHMS, SHARED_SECRET_ALGORITHMS, KeySource
from auth.principal import Principal
from auth.roles import Role, Scope

MAX_TOKEN_LENGTH = 8 * 1024
MAX_KEY_ID_LENGTH = 255
MAX_CACHED_TOKENS = 4096
DEFAULT_LEEWAY = timedelta(seconds=30)
TOKEN_TYPES = frozenset({"at+jwt"})
"""RFC 9068, 2.1 and 4: an access token says so, or an ID token of the same issuer could pass for one."""

# Three parts of base64url: no padding, no line ends, no empty signature, no encrypted token with its five.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# Each of them changes how the rest is to be read, and none is understood here.
_REFUSED_HEADERS = frozenset({"crit", "b64", "cty", "zip", "enc"})
_JWS = PyJWS(
    algorithms=sorted(SHARED_SECRET_ALGORITHMS | PUBLIC_KEY_ALGORITHMS), options={"enforce_minimum_key_length": True}
)


@dataclass(frozen=True, slots=True)
class _Header:
    algorithm: str
    key_id: str | None


@dataclass(frozen=True, slots=True)
class _Checked:
    """A token that was good, with the key that proved it."""

    principal: Principal
    header: _Header
    key: jwt.PyJWK


class TokenVerifier:
    """Turns tokens into principals. One for each process; `verify` never waits."""

    def __init__(
        self,
        keys: KeySource,
        issuer: str,
        audience: str,
        clock: Callable[[], datetime],
        leeway: timedelta = DEFAULT_LEEWAY,
        *,
        claims: ClaimMap | None = None,
        types: frozenset[str] = TOKEN_TYPES,
    ) -> None:
        """clock: returns the current instant, with an offset. leeway: for `nbf` and `iat` only. claims: where tokens
        have what, unless they have Scrip's own. types: what their `typ` may be, in small letters."""
        self._keys = keys
        self._policy = ClaimsPolicy(issuer, audience, leeway, claims or ClaimMap())
        self._types = types
        self._clock = clock
        # A client sends the same token with each request, and checking one costs 30 to 100 microseconds. Only good
        # tokens are kept, so the cache can only be filled with tokens that the issuer signed.
        self._cache: dict[str, _Checked] = {}

    def verify(self, token: str) -> Principal:
        """Return the principal of the token. Raises TokenError (UnknownKeyError if the key may only be unknown as yet)."""
        checked = self._cache.get(token)
        if checked is not None:
            if self._still_good(checked):
                return checked.principal
            del self._cache[token]
        checked = self._check(token)
        if len(self._cache) >= MAX_CACHED_TOKENS:
            del self._cache[next(iter(self._cache))]
        self._cache[token] = checked
        return checked.principal

    async def authenticate(self, token: str) -> Principal:
        """Like `verify`, but look for an unknown key first, so that a rotation rejects nobody."""
        try:
            return self.verify(token)
        except UnknownKeyError:
            if not await self._keys.refresh_for_unknown_key():
                raise
        return self.verify(token)

    def _still_good(self, checked: _Checked) -> bool:
        """The key may have been withdrawn since, or have grown too old to be trusted."""
        known = self._keys.find(checked.header.key_id, checked.header.algorithm)
        return known is checked.key and self._clock() < checked.principal.expires_at

    def _check(self, token: str) -> _Checked:
        if len(token) > MAX_TOKEN_LENGTH:
            raise TokenError(f"the token is longer than {MAX_TOKEN_LENGTH} characters")
        if not _COMPACT.fullmatch(token):
            raise TokenError("this is not a signed token")
        header = self._header(token.partition(".")[0])
        key = self._keys.find(header.key_id, header.algorithm)
        if key is None:
            raise UnknownKeyError("the token is signed with a key that is not known here")
        try:
            payload = _JWS.decode_complete(token, key, [key.algorithm_name])["payload"]
        except jwt.PyJWTError as error:
            raise TokenError("the token's signature does not fit") from error
        claims = strict_object(payload, "payload")
        return _Checked(self._policy.principal(claims, self._clock()), header, key)

    def _header(self, segment: str) -> _Header:
        try:
            data = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
        except binascii.Error as error:
            raise TokenError("this is not a signed token") from error
        header = strict_object(data, "header")
        if not _REFUSED_HEADERS.isdisjoint(header):
            raise TokenError("the token's header asks for something that is not supported here")
        kind, algorithm, key_id = header.get("typ"), header.get("alg"), header.get("kid")
        if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in self._types:
            raise TokenError(f"the token is not an access token: its typ must be {' or '.join(sorted(self._types))}")
        if not isinstance(algorithm, str) or algorithm not in self._keys.algorithms:
            raise TokenError("the token's algorithm is not accepted here")
        if key_id is None:
            if "kid" in header:
                raise TokenError("the token's kid must be a text")
        elif not isinstance(key_id, str) or not 0 < len(key_id) <= MAX_KEY_ID_LENGTH:
            raise TokenError(f"the token's kid must be a text of 1 to {MAX_KEY_ID_LENGTH} characters")
        return _Header(algorithm, key_id)


def issue(
    secret: str,
    *,
    issuer: str,
    audience: str,
    tenant: str,
    subject: str,
    role: Role,
    issued_at: datetime,
    lifetime: timedelta,
    token_id: str,
    scopes: Iterable[Scope] | None = None,
    name: str | None = None,
    client_id: str | None = None,
    customer: str | None = None,
) -> str:
    """Return a token signed with the shared secret (HS256), which `verify` accepts from `issued_at` for `lifetime`.

    scopes: None leaves the role as it is; an empty list narrows it to nothing. Raises TokenError for claims that would
    be rejected.
    """
    issued = int(issued_at.timestamp())
    optional = {
        "scope": None if scopes is None else " ".join(scope.value for scope in scopes),
        "name": name,
        "client_id": client_id,
        "customer": customer,
    }
    claims: dict[str, object] = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "iat": issued,
        "nbf": issued,
        "exp": issued + int(lifetime.total_seconds()),
        "jti": token_id,
        "tenant": tenant,
        "role": role.value,
        **{claim: value for claim, value in optional.items() if value is not None},
    }
    ClaimsPolicy(issuer, audience, timedelta()).principal(claims, issued_at)
    return jwt.encode(claims, secret, algorithm="HS256", headers={"typ": "at+jwt"})
