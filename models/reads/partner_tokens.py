"""Tokens of partners' clients: one to check a request against, and a list of all."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from models.reads.columns import actor, columns, rows, who
from models.reads.keys import id_key, time_key
from models.reads.paging import Condition, Listing
from models.reads.session import ReadSession
from models.session import tenant_transaction
from models.views import ActorView

_GOOD: Final = "t.revoked_at is null and (t.expires_at is null or t.expires_at > {0})"


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A stored token, to check a request's token against. secret_hash: SHA-256 of its secret."""

    id: UUID
    tenant_id: UUID
    client: str
    name: str
    scopes: frozenset[str]
    secret_hash: bytes = field(repr=False)
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class PartnerTokenView:
    """scopes: by name. replaces_id: the token that was rotated."""

    id: UUID
    client: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    created_by: ActorView
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: ActorView | None
    last_used_at: datetime | None
    last_used_address: str | None
    replaces_id: UUID | None

    def good(self, now: datetime) -> bool:
        """Whether requests with it are served at `now`. Expiry takes effect the instant it passes."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


async def stored_token(tenant_id: UUID, token_id: UUID) -> StoredToken | None:
    """The token as it is now: one row by its key, under the row-level security of the tenant that the token names."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        row = await connection.raw.fetchrow(
            """select id, tenant_id, client, name, scope, secret_hash, expires_at, revoked_at
                 from partner_tokens where tenant_id = $1 and id = $2""",
            tenant_id,
            token_id,
        )
    if row is None:
        return None
    return StoredToken(
        id=row["id"],
        tenant_id=row["tenant_id"],
        client=row["client"],
        name=row["name"],
        scopes=frozenset(row["scope"].split()),
        secret_hash=row["secret_hash"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )


_COLUMNS: Final = columns(
    PartnerTokenView,
    scopes="string_to_array(t.scope, ' ')",
    created_by=who("created_by_id"),
    revoked_by=who("revoked_by_id"),
)
_view: Final = rows(PartnerTokenView, scopes=tuple, created_by=actor, revoked_by=actor)

PARTNER_TOKENS: Final = Listing(
    name="partner-tokens",
    columns=_COLUMNS,
    table="partner_tokens t",
    parent="t.tenant_id",
    keys=(time_key("t.created_at"), id_key("t.id")),
    view=_view,
)
"""A tenant's tokens by creation time: the parent is the tenant."""


def of_client(client: str) -> Condition:
    return Condition("t.client = {0}", (client,))


def good_at(now: datetime, *, good: bool) -> Condition:
    """Tokens whose requests are served at `now`, or the others."""
    return Condition(_GOOD if good else f"not ({_GOOD})", (now,))


async def by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[PartnerTokenView]:
    return [_view(row) for row in await session.fetch_by_ids("partner_tokens", _COLUMNS, ids)]
