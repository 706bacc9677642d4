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
from schema.mutations.base import loaded
from schema.mutations.limits import Limits
from schema.types.base import resolved
from schema.types.errors import UserError
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


@strawberry.input(description="What the client may add. It stands for the client as a whole, like setLimit.")
class TokenLimitInput(Limits):
    pass


@strawberry.input
class IssueTokenInput:
    client: str = strawberry.field(description=CLIENT)
    name: str = strawberry.field(description=NAME)
    scopes: list[str] = strawberry.field(
        description="Such as credits:add. Each must be of use to a partner, and one that your own token has."
    )
    limits: list[TokenLimitInput] | None = strawberry.field(
        default=None, description="In place of the client's own for these assets. Takes the right to set limits."
    )
    expires_at: datetime | None = strawberry.field(default=None, description="Null: until it is revoked.")

    def command(self, issuer: Principal, made: PartnerSecret) -> IssueToken:
        """Raises Invalid."""
        client = _name(self.client, "client")
        if len(self.limits or ()) > MAX_LIMITS:
            raise Invalid(f"There are more than {MAX_LIMITS} limits.", field=("limits",))
        return IssueToken(
            token_id=made.token_id, secret_hash=made.digest, client=client, name=_name(self.name, "name"),
            scopes=_scopes(self.scopes, issuer), expires_at=self.expires_at,
            limits=tuple(limit.rule(Role.PARTNER.name, client) for limit in self.limits or ()),
        )  # fmt: skip


@strawberry.input
class RotateTokenInput:
    token_id: strawberry.ID
    overlap_minutes: int = strawberry.field(
        default=0, description="How long the old token stays good beside the new one: at most 10080, a week."
    )

    def command(self, issuer: Principal, made: PartnerSecret) -> RotateToken:
        """Raises NotFound."""
        return RotateToken(
            token_id=made.token_id, secret_hash=made.digest,
            replaces_id=input_id(self.token_id, "PartnerToken", "tokenId"),
            grantable=frozenset(scope.value for scope in issuer.scopes), overlap_minutes=self.overlap_minutes,
        )  # fmt: skip


@strawberry.input
class RevokeTokenInput:
    token_id: strawberry.ID

    def command(self) -> RevokeToken:
        """Raises NotFound."""
        return RevokeToken(input_id(self.token_id, "PartnerToken", "tokenId"))


@strawberry.type
class NewTokenPayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    made: strawberry.Private[PartnerSecret | None] = None

    @resolved(str | None, "The token to send as 'Authorization: Bearer …'. It is told here, once, and never again.")
    def secret(self) -> str | None:
        return None if self.made is None else self.made.text

    @resolved(PartnerToken | None)
    def token(self, info: Info) -> Pending[Any]:
        return loaded(info, "partner_tokens", None if self.made is None else self.made.token_id)


@strawberry.type
class IssueTokenPayload(NewTokenPayload):
    pass


@strawberry.type
class RotateTokenPayload(NewTokenPayload):
    pass


@strawberry.type
class RevokeTokenPayload:
    user_errors: list[UserError] = strawberry.field(default_factory=list)
    token_id: strawberry.Private[UUID | None] = None

    @resolved(PartnerToken | None)
    def token(self, info: Info) -> Pending[Any]:
        return loaded(info, "partner_tokens", self.token_id)


def _name(value: str, field: str) -> str:
    """As names in signed tokens are: the two kinds must be alike to whoever reads the audit."""
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
    """Each once. Raises Invalid, with the place in the list, for one that cannot be handed on to a partner."""
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
    """What was sent, short enough to send back."""
    return ascii(name if len(name) <= texts.MAX_REASON else f"{name[: texts.MAX_REASON]}...")
