"""Claims of identity providers: a path to each that Scrip needs, and tables of what its values mean here.

A token is brought to Scrip's own claims before it is read (auth/claims.py), so that every rule there holds for all of
them. Nothing is guessed: a claim that stands elsewhere is not looked for where Scrip has it, a value that is not in its
table is none, and of several values that could each be meant the token is refused.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from auth.errors import TokenError
from auth.roles import Role, Scope

MAX_VALUES: Final = 1000
MAX_DEPTH: Final = 8
NOWHERE: Final = "-"
"""A path of this means that tokens do not have the claim, whatever stands in them."""
_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,64}", re.ASCII)

Path = tuple[str, ...]
"""Names of members, from the outermost; none: nowhere."""
Values = Mapping[str, str]
"""Meanings here of a provider's values, the first that is found counting."""

_ROLES: Final = {role.value: role.value for role in Role}


@dataclass(frozen=True, slots=True)
class ClaimMap:
    """Paths to the claims, and tables of their values, None if they mean what they say."""

    tenant: Path = ("tenant",)
    role: Path = ("role",)
    subject: Path = ("sub",)
    name: Path = ("name",)
    client_id: Path = ("client_id",)
    customer: Path = ("customer",)
    scope: Path = ("scope",)
    tenants: Values | None = None
    roles: Values | None = None
    scopes: Values | None = None

    @property
    def is_plain(self) -> bool:
        """Whether tokens have Scrip's own claims."""
        return all(getattr(self, field.name) == field.default for field in fields(self))

    def translated(self, claims: Mapping[str, object]) -> dict[str, object]:
        """Return the token's claims under Scrip's names, with Scrip's values. Raises TokenError.

        The customer is read from a customer's token alone: elsewhere, a provider's claim says nothing of the kind.
        """
        ours = {name: value for name, value in claims.items() if name not in _OURS}
        found = {
            "tenant": _chosen(_at(claims, self.tenant), self.tenants, "tenant"),
            "role": _role(_at(claims, self.role), self.roles),
            "sub": _single(_at(claims, self.subject), "sub"),
            "name": _single(_at(claims, self.name), "name"),
            "client_id": _single(_at(claims, self.client_id), "client_id"),
            "scope": _scope(_at(claims, self.scope), self.scopes),
        }
        if found["role"] == Role.CUSTOMER.value:
            found["customer"] = _single(_at(claims, self.customer), "customer")
        return ours | {name: value for name, value in found.items() if value is not None}


_OURS: Final = frozenset({"tenant", "role", "sub", "name", "client_id", "customer", "scope"})


def parse_path(text: str, *, required: bool = False) -> Path:
    """Read a path: names with dots between them, or, of names that have dots themselves, a JSON Pointer (RFC 6901).

    required: whether `-`, nowhere, is an error. Raises ValueError.
    """
    if text == NOWHERE:
        if required:
            raise ValueError("cannot be -: tokens have to say it")
        return ()
    if text.startswith("/"):
        if re.search(r"~(?![01])", text):
            raise ValueError("is no JSON Pointer: a ~ is written as ~0, a / in a name as ~1")
        names = tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))
    else:
        names = tuple(text.split("."))
    if not all(names) or len(names) > MAX_DEPTH:
        raise ValueError("must be names with dots between them, as in realm_access.roles, or a JSON Pointer: /a.b/c")
    return names


def parse_values(text: str, known: frozenset[str] | None = None) -> dict[str, str]:
    """Read a table: `theirs=ours` by commas, or a JSON object. known: what may stand on the right. Raises ValueError."""
    pairs = _from_json(text) if text.lstrip().startswith("{") else _from_list(text)
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("has a value twice on its left sides")
    if not 0 < len(values) <= MAX_VALUES:
        raise ValueError(f"must have between 1 and {MAX_VALUES} values")
    unknown = sorted(set(values.values()) - known) if known is not None else []
    if unknown:
        raise ValueError(f"has {unknown[0][:80]!r} on a right side; there are: {', '.join(sorted(known or ()))}")
    return values


def parse_types(text: str) -> frozenset[str]:
    """Read the values of `typ` that access tokens may have, by commas. Raises ValueError."""
    types = [part.strip() for part in text.split(",")]
    if not all(_TYPE.fullmatch(each.removeprefix("application/")) for each in types):
        raise ValueError("must be types of tokens by commas, as in at+jwt,JWT")
    return frozenset(each.lower().removeprefix("application/") for each in types)


ROLE_NAMES: Final = frozenset(_ROLES)
SCOPE_NAMES: Final = frozenset(scope.value for scope in Scope)


def _from_list(text: str) -> list[tuple[str, str]]:
    pairs = []
    for part in text.split(","):
        theirs, equals, ours = (each.strip() for each in part.rpartition("="))
        if not (equals and theirs and ours):
            raise ValueError("must be of the form theirs=ours,theirs=ours, or a JSON object")
        pairs.append((theirs, ours))
    return pairs


def _from_json(text: str) -> list[tuple[str, str]]:
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        raise ValueError("is no proper JSON object") from None
    if not isinstance(pairs, list) or not all(isinstance(ours, str) and theirs and ours for theirs, ours in pairs):
        raise ValueError("must be a JSON object of texts")
    return pairs


def _at(claims: Mapping[str, object], path: Path) -> object:
    """The value at the path; None if there is none."""
    found: object = claims if path else None
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _single(value: object, claim: str) -> object:
    """The value, or the only one of an array."""
    if isinstance(value, list):
        if len(value) != 1:
            raise TokenError(f"the token's {claim} must be one value, not {'several' if value else 'none'}")
        return value[0]
    return value


def _chosen(value: object, table: Values | None, claim: str) -> object:
    """The meaning of the one value of these that is in the table."""
    if table is None or value is None:
        return _single(value, claim)
    given = value if isinstance(value, list) else [value]
    meant = {table[each] for each in given if isinstance(each, str) and each in table}
    if len(meant) != 1:
        raise TokenError(f"the token's {claim} is {'more than one' if meant else 'none'} of those known here")
    return meant.pop()


def _role(value: object, table: Values | None) -> object:
    """The meaning of the first of the table's values that the token has. Without a table, the token has to name one role."""
    given = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
    if table is not None:
        return next((ours for theirs, ours in table.items() if theirs in given), None)
    roles = {each for each in given if each in _ROLES}
    if len(roles) > 1:
        raise TokenError("the token names several roles, and nothing says which of them counts")
    return roles.pop() if roles else None


def _scope(value: object, table: Values | None) -> object:
    """The scopes, with spaces between them, from a text or an array of texts."""
    if value is None:
        return None
    given = value.split(" ") if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise TokenError("the token's scope must be a text, or an array of texts")
    named = given if table is None else [table[each] for each in given if each in table]
    return " ".join(named)
