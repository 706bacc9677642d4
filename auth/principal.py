"""The outcome of checking a token."""

from dataclasses import dataclass
from datetime import datetime

from starlette.authentication import BaseUser

from auth.roles import Role, Scope


@dataclass(frozen=True, slots=True)
class Principal(BaseUser):
    """The user or program that a token identifies. It is also what Starlette calls the user of a request.

    `tenant` is the claim as sent (a slug or an id), not yet a row; `customer` is the external id in a customer's own
    token, and None in all others. `scopes` are those that can be used: the token's, reduced to those that the role can
    use, or all of the role's if the token does not narrow it (a partner's always does). `expires_at` is exact: the
    token is rejected from that instant. `issued_at` is in whole seconds, or None if the token does not say.
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
        """Always true: without a checked token there is no principal."""
        return True

    @property
    def display_name(self) -> str:
        """Return the name to show."""
        return self.name or self.subject

    @property
    def identity(self) -> str:
        """The subject: unique within the issuer."""
        return self.subject
