"""Rows of earlier spends, as undoing them reads them. Pure."""

from dataclasses import dataclass
from uuid import UUID

from models.commands import Actor


@dataclass(frozen=True, slots=True)
class SpendRecord:
    """One stored entry of an earlier transaction that took value off a credit: an undo follows it. lifetime_minor: what
    it moved of the lifetime total."""

    transaction_id: UUID
    sequence: int
    credit_id: UUID
    taken_minor: int
    lifetime_minor: int = 0


@dataclass(slots=True)
class SpendState:
    """An earlier transaction of which something is to be given back. held_by: who had placed the hold that it captured, if
    it captured one. given_minor: what has been given back, of all of it."""

    id: UUID
    kind: str
    spent_by: Actor
    given_minor: int
    held_by: Actor | None = None
