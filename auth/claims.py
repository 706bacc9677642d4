"""Claims of a token whose signature has been checked: read strictly, or rejected.

Sources: RFC 7519 (claims), RFC 8725 (best current practice), RFC 9068 (access tokens).
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from auth.claim_map import ClaimMap
from auth.errors import TokenError
from auth.principal import Principal
from auth.roles import Role, Scope, scopes_of

MAX_TEXT_LENGTH = 255
MAX_LIFETIME_DAYS = 3660
"""Ten years. An expiry beyond it was never meant: milliseconds for seconds, or "for ever" written as a number."""

_MAX_LIFETIME_SECONDS = MAX_LIFETIME_DAYS * 86_400
# Control characters and lone surrogates: PostgreSQL takes neither NUL nor surrogates, and logs take no newlines.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_OTHER_KINDS = ("ID", "Refresh", "Offline")
"""Names that Keycloak's other tokens call themselves, in a claim; their headers say JWT as those of its access tokens do."""

# What the four-eyes rule compares, whose limits count, and what the audit is searched by.
_TELL_APART = frozenset({"sub", "client_id"})
# An external id is a name of the tenant's, and names are trimmed wherever they come in; who acts is exact.
_TRIMMED = frozenset({"customer"})


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Reject two members of one name: libraries read them differently (RFC 8725, 3.1; RFC 7519, 4)."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _no_constant(_: str) -> NoReturn:
    raise ValueError("not JSON: NaN or Infinity")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def strict_object(data: bytes, part: str) -> dict[str, object]:
    """Return the JSON object in `data`, which must be UTF-8 without a byte order mark and name no member twice.

    part: name of it in the error. Raises TokenError.
    """
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise TokenError(f"the token's {part} is not a proper JSON object") from error
    if not isinstance(value, dict):
        raise TokenError(f"the token's {part} is not a proper JSON object")
    return value


@dataclass(frozen=True, slots=True)
class ClaimsPolicy:
    """Requirements of this server on a token. claims: where it has what.

    leeway: how far an issuer's clock may be ahead of ours (`nbf`, `iat`). There is none after `exp`: open connections
    are closed at that instant, too.
    """

    issuer: str
    audience: str
    leeway: timedelta
    claims: ClaimMap = field(default_factory=ClaimMap)

    def principal(self, claims: dict[str, object], now: datetime) -> Principal:
        """Return the principal that the claims describe at the instant `now`. Raises TokenError."""
        if claims.get("typ") in _OTHER_KINDS:
            raise TokenError("the token is not an access token: its claim typ says so")
        if claims.get("iss") != self.issuer:
            raise TokenError("the token is from another issuer")
        self._check_audience(claims.get("aud"))
        expires_at = self._check_times(claims, now.timestamp())
        if not self.claims.is_plain:
            claims = self.claims.translated(claims)
        role = _role(claims.get("role"))
        return Principal(
            tenant=_required_text(claims, "tenant"),
            subject=_required_text(claims, "sub"),
            role=role,
            scopes=_scopes(claims, role),
            name=_text(claims, "name"),
            client_id=_text(claims, "client_id"),
            customer=_customer(claims, role),
            token_id=_text(claims, "jti"),
            expires_at=expires_at,
            issued_at=_issued_at(claims),
        )

    def _check_audience(self, audience: object) -> None:
        audiences = audience if isinstance(audience, list) else [audience]
        if not all(isinstance(one, str) for one in audiences) or self.audience not in audiences:
            raise TokenError("the token is for another audience")

    def _check_times(self, claims: dict[str, object], now: float) -> datetime:
        latest_start = now + self.leeway.total_seconds()
        for name in ("nbf", "iat"):
            if name in claims and _seconds(claims, name) > latest_start:
                raise TokenError(f"the token is not valid yet ({name})")
        expiry = _seconds(claims, "exp")
        if expiry <= now:
            raise TokenError("the token has expired")
        if expiry > now + _MAX_LIFETIME_SECONDS:
            raise TokenError("the token's exp is too far in the future")
        return datetime.fromtimestamp(expiry, UTC)


def _seconds(claims: dict[str, object], name: str) -> int:
    """Whole seconds since 1970. Neither a float nor a boolean, which Python takes for a number too."""
    value = claims.get(name)
    if type(value) is not int or value < 0:
        raise TokenError(f"the token's {name} must be a whole number of seconds")
    return value


def _issued_at(claims: dict[str, object]) -> datetime | None:
    return datetime.fromtimestamp(_seconds(claims, "iat"), UTC) if "iat" in claims else None


def _text(claims: dict[str, object], name: str) -> str | None:
    """Return an optional claim. If present it must have the right form: null or empty is an error."""
    if name not in claims:
        return None
    value = claims[name]
    if name in _TRIMMED and isinstance(value, str):
        value = value.strip()
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT_LENGTH:
        raise TokenError(f"the token's {name} must be a text of 1 to {MAX_TEXT_LENGTH} characters")
    if not (tells_apart(value) if name in _TELL_APART else well_formed(value)):
        raise TokenError(f"the token's {name} has spaces around it or characters that cannot be printed")
    return value


def well_formed(value: str) -> bool:
    """Whether a name or subject has no spaces around it, and no characters that cannot be printed."""
    # "bob" and "bob " would be two people to the approval rule, and one to whoever reads the list.
    return value == value.strip() and _UNPRINTABLE.search(value) is None


def tells_apart(value: str) -> bool:
    """Return whether a reader can tell a subject or client from every other: nothing in it is invisible.

    Names may contain joiners and marks of direction; two people who differ in those alone look the same.
    """
    return well_formed(value) and value.isprintable()


def _required_text(claims: dict[str, object], name: str) -> str:
    value = _text(claims, name)
    if value is None:
        raise TokenError(f"the token has no {name}")
    return value


def _role(value: object) -> Role:
    for role in Role:
        if value == role.value:
            return role
    raise TokenError("the token has no role known here")


def _scopes(claims: dict[str, object], role: Role) -> frozenset[Scope]:
    """Return the scopes of the token. Unknown ones belong to other services and are ignored."""
    of_role = scopes_of(role)
    if "scope" not in claims:
        return frozenset() if role is Role.PARTNER else of_role
    value = claims["scope"]
    if not isinstance(value, str):
        raise TokenError("the token's scope must be a text")
    named = set(value.split(" "))
    return frozenset(scope for scope in of_role if scope.value in named)


def _customer(claims: dict[str, object], role: Role) -> str | None:
    """Return the customer of a customer's token. On any other role's token it is an error: ignoring it would widen the
    token."""
    customer = _text(claims, "customer")
    if (customer is not None) != (role is Role.CUSTOMER):
        raise TokenError("the token must name a customer if its role is customer, and only then")
    return customer
