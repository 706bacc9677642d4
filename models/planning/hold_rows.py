"""Rows of holds, as plans read and write them; and what of an account is held. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated
from uuid import UUID

from models.commands import Actor
from models.planning.columns import ASIDE, table


@dataclass(slots=True)
class HoldPart:
    """The part of a hold that is on one credit. held_minor: of it, what was neither captured nor let go. position: in the
    order in which they are captured."""

    position: int
    credit_id: UUID
    held_minor: int


@table("holds")
@dataclass(slots=True)
class HoldState:
    """account_id: where it was placed. home_id: where it is now. held_by: who placed it. parts: those of which something
    is left."""

    id: UUID
    account_id: UUID
    home_id: UUID
    amount_minor: int
    held_minor: int
    captured_minor: int
    invoice_id: UUID | None
    expires_at: datetime
    created_at: datetime
    held_by: Annotated[Actor, ASIDE]
    parts: Annotated[list[HoldPart], ASIDE] = field(default_factory=list)

    def is_live(self, now: datetime) -> bool:
        """Whether something is held: not from the instant of its expiry on."""
        return self.held_minor > 0 and self.expires_at > now


@table("hold_lots")
@dataclass(frozen=True, slots=True)
class HoldLotDraft:
    """amount_minor: set aside above zero, captured or let go below it, 0 with another expiry. expires_at: the hold's from
    then on."""

    id: UUID
    hold_id: UUID
    transaction_id: UUID
    account_id: UUID
    credit_id: UUID
    position: int
    amount_minor: int
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """The part of an account that is held when its books are loaded: by credit, and by which holds, each with the invoice
    that it is for."""

    of_credits: dict[UUID, int]
    holds: dict[UUID, UUID | None]
