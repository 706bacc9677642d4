"""Tokens of partners' clients. Never a secret: that is shown once, by the mutation that makes it."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from auth.roles import Permission
from gateway.reading import Pending
from models.reads import partner_tokens
from models.reads.partner_tokens import PartnerTokenView
from schema.context import Info
from schema.ids import global_id
from schema.nodes import by_ids, node
from schema.types.base import Node, Reader, resolved
from schema.types.ledger import Actor

PartnerTokenRef = Annotated["PartnerToken", strawberry.lazy("schema.types.partner_tokens")]


@node(PartnerTokenView, by_ids(partner_tokens.by_ids), Permission.READ_CONFIG, Permission.WRITE_TOKENS, owner=None)
@strawberry.type
class PartnerToken(Node):
    """A token issued to a partner's client program. Its secret is never shown again."""

    client: str
    """Name of the client: the subject of everything done with the token, and the holder whose limits count."""
    name: str
    """Name that tells the client's tokens apart, such as "Checkout"."""
    scopes: list[str]
    """Scopes that the token opens, such as credits:add. It has no other rights."""
    active: bool
    """Whether requests with the token are accepted now."""
    created_at: datetime
    """Instant at which it was issued."""
    created_by: Actor
    """Administrator who issued it."""
    expires_at: datetime | None
    """Instant from which it is rejected; null if it never expires."""
    revoked_at: datetime | None
    """Instant at which it was revoked; null if it was not."""
    revoked_by: Actor | None
    """Administrator who revoked it; null if it was not revoked."""
    last_used_at: datetime | None
    """Instant of its last use, recorded at most once a minute; null if it was never used."""
    last_used_address: str | None
    """Network address of its last use; null if it was never used."""
    view: strawberry.Private[PartnerTokenView]

    @classmethod
    def of(cls, view: PartnerTokenView, reader: Reader) -> "PartnerToken":
        return cls(
            id=global_id("PartnerToken", view.id),
            client=view.client,
            name=view.name,
            scopes=list(view.scopes),
            active=view.good(reader.now),
            created_at=view.created_at,
            created_by=Actor.of(view.created_by),
            expires_at=view.expires_at,
            revoked_at=view.revoked_at,
            revoked_by=None if view.revoked_by is None else Actor.of(view.revoked_by),
            last_used_at=view.last_used_at,
            last_used_address=view.last_used_address,
            view=view,
        )

    @resolved(PartnerTokenRef | None)
    def replaces(self, info: Info) -> Pending[Any]:
        """Token that was rotated into this one; null if it was issued anew."""
        token_id = self.view.replaces_id
        return None if token_id is None else info.context.loaders.partner_tokens.get(token_id)
