"""Tokens of partners' clients. Never a secret: that is told once, by the mutation that makes it."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from gateway.reading import Pending
from models.reads.partner_tokens import PartnerTokenView
from schema.context import Info
from schema.ids import global_id
from schema.types.base import Node, Reader, resolved
from schema.types.ledger import Actor

PartnerTokenRef = Annotated["PartnerToken", strawberry.lazy("schema.types.partner_tokens")]


@strawberry.type(description="A token that was issued to a partner's client.")
class PartnerToken(Node):
    client: str = strawberry.field(
        description="Whom it was issued to: the subject and client of all that is done with it, and whose limits count."
    )
    name: str
    scopes: list[str] = strawberry.field(description="All that it may be used for.")
    active: bool = strawberry.field(description="Whether requests with it are served now.")
    created_at: datetime
    created_by: Actor
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: Actor | None
    last_used_at: datetime | None = strawberry.field(description="Noted at most once a minute.")
    last_used_address: str | None
    view: strawberry.Private[PartnerTokenView]

    @classmethod
    def of(cls, view: PartnerTokenView, reader: Reader) -> "PartnerToken":
        return cls(
            id=global_id("PartnerToken", view.id), client=view.client, name=view.name, scopes=list(view.scopes),
            active=view.good(reader.now), created_at=view.created_at, created_by=Actor.of(view.created_by),
            expires_at=view.expires_at, revoked_at=view.revoked_at,
            revoked_by=None if view.revoked_by is None else Actor.of(view.revoked_by), last_used_at=view.last_used_at,
            last_used_address=view.last_used_address, view=view,
        )  # fmt: skip

    @resolved(PartnerTokenRef | None, "The token that was rotated to make this one.")
    def replaces(self, info: Info) -> Pending[Any]:
        token_id = self.view.replaces_id
        return None if token_id is None else info.context.loaders.partner_tokens.get(token_id)
