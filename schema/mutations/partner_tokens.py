"""issueToken, rotateToken and revokeToken."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import strawberry

from auth.claims import tells_apart, well_formed
from auth.partner_tokens import PartnerSecret
from auth.principal import Principal
from auth.roles import Role, Scope, scopes_of
from gateway.reading import Pending
from models.configuration_commands import IssueToken, RevokeToken, RotateToken
from models.errors import Invalid
from schema import texts
from schema.context import Info
from schema.ids import input_id
from schema.mutations.base import Payload, loaded
from schema.mutations.limits import Limits
from schema.types.base import resolved
from schema.types.partner_tokens import PartnerToken

MAX_SCOPES: Final = 100
MAX_LIMITS: Final = 100
CLIENT: Final = (
    "Names the client, as the claims sub and client_id of a partner's signed token do: tokens of one name are one "
    "client's, share its limits and stand in the audit under it. The name is not proof: give none to two clients."
)
NAME: Final = (
    "To tell tokens apart: one good token of a client has it at a time. So the same request again, after a lost "
    "answer, is refused, and leaves no token behind that nobody knows of: rotate or revoke the one that it made."
)


@strawberry.input
class TokenLimitInput(Limits):
    """A limit rule for the client of a token. It binds all tokens of that client, as a rule set by setLimit does."""


@strawberry.input
class IssueTokenInput:
    """A token to issue to a partner's client."""

    client: str
    """Name of the client program. All tokens of one name, and signed tokens whose client_id is the same, share limits
    and stand in the audit trail as one; give no name to two programs."""
    name: str
    """Name that tells the client's tokens apart, such as "Checkout"; unique among its active tokens. A request repeated
    after a lost answer fails with DUPLICATE: rotate or revoke the token that the first one issued."""
    scopes: list[str]
    """Scopes to open, such as credits:add. Each must be available to partners, and open to your own token."""
    limits: list[TokenLimitInput] | None = None
    """Limit rules that replace the client's own for these assets. Requires the right to set limits. Null: the rules
    stay."""
    expires_at: datetime | None = None
    """Instant from which it is rejected. Null: valid until revoked."""

    def command(self, issuer: Principal, made: PartnerSecret) -> IssueToken:
        """Raises Invalid."""
        client = _name(self.client, "client")
        if len(self.limits or ()) > MAX_LIMITS:
            raise Invalid(f"There are more than {MAX_LIMITS} limits.", field=("limits",))
        return IssueToken(
            token_id=made.token_id,
            secret_hash=made.digest,
            client=client,
            name=_name(self.name, "name"),
            scopes=_scopes(self.scopes, issuer),
            expires_at=self.expires_at,
            limits=tuple(limit.rule(Role.PARTNER.name, client) for limit in self.limits or ()),
        )


@strawberry.input
class RotateTokenInput:
    """A token to replace with a new one."""

    token_id: strawberry.ID
    """Token to replace."""
    overlap_minutes: int = 0
    """Minutes for which the old token stays valid beside the new one, at most 10080 (a week)."""

    def command(self, issuer: Principal, made: PartnerSecret) -> RotateToken:
        """Raises NotFound."""
        return RotateToken(
            token_id=made.token_id,
            secret_hash=made.digest,
            replaces_id=input_id(self.token_id, "PartnerToken", "tokenId"),
            grantable=frozenset(scope.value for scope in issuer.scopes),
            overlap_minutes=self.overlap_minutes,
        )


@strawberry.input
class RevokeTokenInput:
    """A token to revoke."""

    token_id: strawberry.ID
    """Token to revoke."""

    def command(self) -> RevokeToken:
        """Raises NotFound."""
        return RevokeToken(input_id(self.token_id, "PartnerToken", "tokenId"))


@strawberry.type
class NewTokenPayload(Payload):
    """A new token with its secret."""

    made: strawberry.Private[PartnerSecret | None] = None

    @resolved(str | None)
    def secret(self) -> str | None:
        """Token to send as 'Authorization: Bearer …'. Store it now: it is never shown again."""
        return None if self.made is None else self.made.text

    @resolved(PartnerToken | None)
    def token(self, info: Info) -> Pending[Any]:
        """Record of the new token."""
        return loaded(info, "PartnerToken", None if self.made is None else self.made.token_id)


@strawberry.type
class IssueTokenPayload(NewTokenPayload):
    """Result of issueToken."""


@strawberry.type
class RotateTokenPayload(NewTokenPayload):
    """Result of rotateToken."""


@strawberry.type
class RevokeTokenPayload(Payload):
    """Result of revokeToken."""

    token_id: strawberry.Private[UUID | None] = None

    @resolved(PartnerToken | None)
    def token(self, info: Info) -> Pending[Any]:
        """Record of the revoked token."""
        return loaded(info, "PartnerToken", self.token_id)


def _name(value: str, field: str) -> str:
    """Checked like names in signed tokens: the two kinds must look alike in the audit trail."""
    if field == "client":  # exact, as a subject is
        text = texts.required(value, texts.MAX_SUBJECT, field)
        good = tells_apart(text)
    else:
        text = texts.name(value, texts.MAX_SUBJECT, field)
        good = well_formed(text)
    if not good:
        raise Invalid("There are spaces around it, or characters that cannot be printed.", field=(field,))
    return text


def _scopes(names: Sequence[str], issuer: Principal) -> frozenset[str]:
    """Return each scope once. Raises Invalid, with the place in the list, for one that cannot be given to a partner."""
    if len(names) > MAX_SCOPES:
        raise Invalid(f"There are more than {MAX_SCOPES} scopes.", field=("scopes",))
    usable = {scope.value: scope for scope in scopes_of(Role.PARTNER)}
    for n, name in enumerate(names):
        scope: Scope | None = usable.get(name)
        if scope is None:
            raise Invalid(f"{_shown(name)} is no scope that a partner could use.", field=("scopes", str(n)))
        if scope not in issuer.scopes:
            raise Invalid(f"Your own token lacks the scope {name}.", field=("scopes", str(n)))
    return frozenset(names)


def _shown(name: str) -> str:
    """Return the sent text, short enough to send back."""
    return ascii(name if len(name) <= texts.MAX_REASON else f"{name[: texts.MAX_REASON]}...")
