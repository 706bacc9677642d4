"""Checkpoints and receipts: what can be checked without Scrip."""

import base64
from datetime import datetime

import strawberry

from auth.principal import Principal
from auth.roles import Permission, Role
from models.kinds import ReceiptState
from models.reads import checkpoints
from models.reads.checkpoints import CheckpointView
from models.reads.receipts import Receipt as ReceiptView
from schema.ids import global_id
from schema.nodes import by_ids, node
from schema.types.base import Node, Reader, from_view, of_view


@node(CheckpointView, by_ids(checkpoints.by_ids), Permission.READ_LEDGER, owner=None)
@from_view(
    id=lambda view: global_id("Checkpoint", view.id),
    number=lambda view: view.number,
    until=lambda view: view.until,
    size=lambda view: view.size,
    root=lambda view: view.root.hex(),
    position=lambda view: str(view.position),
    note=lambda view: view.note,
    keys=lambda view: view.keys.split("\n"),
    created_at=lambda view: view.created_at,
)
@strawberry.type
class Checkpoint(Node):
    """A signed text that says what was on every account at an instant, and what had happened until then. Each names the
    one before it."""

    number: int
    """Its number, from 1."""
    until: datetime
    """Instant that it is of: what was posted before is in it."""
    size: int
    """Number of accounts in the tree."""
    root: str
    """Root of the tree over the accounts' heads, in hexadecimal digits."""
    position: str
    """Position of the last event of the feed in it, in decimal digits."""
    note: str
    """Signed text, to be kept elsewhere and checked."""
    keys: list[str]
    """Public keys of those that signed it. Compare them with the ones that you were given in another way."""
    created_at: datetime
    """Instant at which it was made."""
    view: strawberry.Private[CheckpointView]

    @staticmethod
    def of(view: CheckpointView, _reader: Reader) -> "Checkpoint":
        return of_view(Checkpoint, view)

    def may_be_seen(self, principal: Principal) -> bool:
        """Customers see the one that a receipt of theirs leads to, and no others."""
        return principal.role is not Role.CUSTOMER


@strawberry.type
class Receipt:
    """Proof that an entry is in the books, and was in them at the last checkpoint."""

    state: ReceiptState
    """Whether there is one, or why not. If not, all the rest is null."""
    entry: str | None
    """Bytes that the entry's hash is of, in base64."""
    links: list[str] | None
    """The same of the entries that followed on the account up to the checkpoint, in their order: each covers the hash of
    the one before it."""
    index: int | None
    """Place of the account among all of them, from 0."""
    path: list[str] | None
    """Hashes that lead from the account's head up to the checkpoint's root, in hexadecimal digits."""
    checkpoint: Checkpoint | None
    """Checkpoint that the receipt leads to."""

    @staticmethod
    def made(view: ReceiptView) -> "Receipt":
        if view.checkpoint is None or view.entry is None:
            return Receipt(state=view.state, entry=None, links=None, index=None, path=None, checkpoint=None)
        return Receipt(
            state=view.state,
            entry=base64.b64encode(view.entry).decode(),
            links=[base64.b64encode(link).decode() for link in view.links],
            index=view.index,
            path=[each.hex() for each in view.path],
            checkpoint=of_view(Checkpoint, view.checkpoint),
        )
