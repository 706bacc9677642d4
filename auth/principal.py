"""The outcome of checking a token."""

from dataclasses import dataclass
from datetime import datetime

from starlette.authentication import BaseUser

from auth.roles import Role, Scope


@dataclass(frozen=True, slots=True)
class Principal(BaseUser):
    """Who is asking, as their token says. It is also what Starlette calls the user of a request.

    `tenant` is the claim as it came (a slug or an id), not yet a row; `customer` is the external id in it of a
    customer's own token, and None for all others. `scopes` are those that can be used: the token's, cut down to what
    the role may do with them, or all of the role's if the token doesn't narrow it (a partner's always does).
    `expires_at` is exact: from that instant on the token is refused. `issued_at` is in whole seconds, or None where the
    token does not say.
    """

    tenant: str
    subject: str
    role: Role
    scopes: frozenset[Scope]
    name: str | None
    client_id: str | None
    customer: str | None
    token_id: str | None
    expires_at: datetime
    issued_at: datetime | None = None

    @property
    def is_authenticated(self) -> bool:
        """Always: nobody becomes a principal without a token that was checked."""
        return True

    @property
    def display_name(self) -> str:
        """What to call them."""
        return self.name or self.subject

    @property
    def identity(self) -> str:
        """The subject: unique within the issuer."""
        return self.subject
