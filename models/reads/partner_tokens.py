"""Tokens of partners' clients: one to check a request with, and all of them in a list."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from models.reads.paging import Condition, Listing, id_key, time_key
from models.reads.session import ReadSession
from models.session import tenant_transaction
from models.views import ActorView

_WHO: Final = """(
    select jsonb_build_array(o.subject, o.name, o.role, nullif(o.client, '')) from actors o
     where o.tenant_id = $1 and o.id = t.{})"""
_COLUMNS: Final = f"""
    t.id, t.client, t.name, t.scope, t.created_at, t.expires_at, t.revoked_at, t.last_used_at, t.last_used_address,
    t.replaces_id, {_WHO.format("created_by_id")} as creator, {_WHO.format("revoked_by_id")} as revoker"""
_GOOD: Final = "t.revoked_at is null and (t.expires_at is null or t.expires_at > {0})"


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A stored token, to check a request's against. secret_hash: SHA-256 of its secret."""

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
        """Whether requests with it are served at `now`. Expiry is true the instant it passes."""
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


def _view(row: Any) -> PartnerTokenView:
    return PartnerTokenView(
        id=row["id"],
        client=row["client"],
        name=row["name"],
        scopes=tuple(row["scope"].split()),
        created_at=row["created_at"],
        created_by=_actor(row["creator"]),
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        revoked_by=None if row["revoker"] is None else _actor(row["revoker"]),
        last_used_at=row["last_used_at"],
        last_used_address=row["last_used_address"],
        replaces_id=row["replaces_id"],
    )


def _actor(value: Any) -> ActorView:
    return ActorView(*(json.loads(value) if isinstance(value, str) else value))


PARTNER_TOKENS: Final = Listing(
    name="partner-tokens",
    columns=_COLUMNS,
    table="partner_tokens t",
    parent="t.tenant_id",
    keys=(time_key("t.created_at"), id_key("t.id")),
    view=_view,
)
"""A tenant's tokens by the time they were made: the parent is the tenant."""


def of_client(client: str) -> Condition:
    return Condition("t.client = {0}", (client,))


def good_at(now: datetime, *, good: bool) -> Condition:
    """Tokens that requests are served with at `now`, or the others."""
    return Condition(_GOOD if good else f"not ({_GOOD})", (now,))


async def by_ids(session: ReadSession, ids: Iterable[UUID]) -> list[PartnerTokenView]:
    return [_view(row) for row in await session.fetch_by_ids("partner_tokens", _COLUMNS, ids)]
