"""Events that are transactions: one type for each kind, all with what it did on its accounts."""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import strawberry

from models.event_kinds import EventKind
from models.money import to_decimal
from models.reads.events import EventView, Movement
from schema.ids import global_id
from schema.scalars import AssetCode
from schema.types.base import from_view
from schema.types.events import TYPES, Event, tells


@strawberry.type
class AccountMovement:
    """Effect of one event on one account. The account's events follow each other without gaps: `sequence` less `entries` is
    the `sequence` of the one before, and `previousHash` its `hash`."""

    account_id: strawberry.ID
    """Account that moved; node(id:) finds it."""
    asset: AssetCode
    """Asset that the account is kept in."""
    amount: Decimal
    """Amount that moved: positive if added, negative if removed."""
    balance_after: Decimal
    """Ledger balance of the account afterwards: available, scheduled, and expired but not yet written off."""
    entries: int
    """Number of entries that were made on the account."""
    sequence: int
    """Number of the last of them on the account."""
    hash: str
    """Hash of the last of them, in hexadecimal digits."""
    previous_hash: str | None
    """Hash of the entry before the first of them; null at the account's beginning."""


def _movement(of: Movement) -> AccountMovement:
    return AccountMovement(
        account_id=global_id("Account", of.account_id),
        asset=AssetCode(of.asset),
        amount=to_decimal(of.amount_minor, of.asset),
        balance_after=to_decimal(of.balance_after_minor, of.asset),
        entries=of.entries,
        sequence=of.sequence,
        hash=of.digest,
        previous_hash=of.previous,
    )


def _movements(view: EventView) -> list[Any]:
    return [_movement(each) for each in view.movements or ()]


@from_view(transaction_id=lambda view: global_id("Transaction", view.id), movements=_movements)
@strawberry.interface
class MovementEvent(Event):
    """A transaction was posted: an event of value, told by a type of its own for each kind."""

    transaction_id: strawberry.ID
    """Transaction in question; node(id:) finds it."""
    movements: list[AccountMovement]
    """Effect on each account; empty if no value moved."""


@tells(EventKind.CREDIT_ADJUSTED)
@strawberry.type
class CreditAdjustedEvent(MovementEvent):
    """Value was added or removed by adjustCredit or a bulk."""


@tells(EventKind.CREDIT_ASSIGNED)
@strawberry.type
class CreditAssignedEvent(MovementEvent):
    """Credit was set against invoices."""


@tells(EventKind.CREDIT_RELEASED)
@strawberry.type
class CreditReleasedEvent(MovementEvent):
    """Assigned credit went back to its credits."""


@tells(EventKind.CREDIT_EXPIRED)
@strawberry.type
class CreditExpiredEvent(MovementEvent):
    """Credit had expired, and what was left of it was written off. `occurredAt` is the expiry itself."""


@tells(EventKind.CREDIT_VOIDED)
@strawberry.type
class CreditVoidedEvent(MovementEvent):
    """A credit was voided, or an invoice that had credit on it."""


@tells(EventKind.CREDIT_UPDATED)
@strawberry.type
class CreditUpdatedEvent(MovementEvent):
    """A credit's terms were changed; nothing moved."""


@tells(EventKind.CREDIT_USED)
@strawberry.type
class CreditUsedEvent(MovementEvent):
    """Service credits were spent on a service."""


@tells(EventKind.CREDIT_SPENT)
@strawberry.type
class CreditSpentEvent(MovementEvent):
    """Value was spent for a purpose."""


@tells(EventKind.CREDIT_REFUNDED)
@strawberry.type
class CreditRefundedEvent(MovementEvent):
    """A spend or a use was given back, or a part of it."""


@tells(EventKind.CREDIT_HELD)
@from_view(
    hold_id=lambda view: global_id("Hold", UUID(view.facts[2])),
    account_id=lambda view: global_id("Account", UUID(view.facts[0])),
    asset=lambda view: view.facts[1],
    amount=lambda view: to_decimal(view.facts[3], view.facts[1]),
)
@strawberry.type
class CreditHeldEvent(MovementEvent):
    """Value was set aside, for longer, or let go. No entry is made of it."""

    hold_id: strawberry.ID
    """Hold in question; node(id:) finds it."""
    account_id: strawberry.ID
    """Account that the value is on, by its id."""
    asset: AssetCode
    """Asset that the account is kept in."""
    amount: Decimal
    """Amount that was set aside; below zero if it was let go, and zero if it is held for longer."""


@tells(EventKind.CREDIT_SOLD)
@strawberry.type
class CreditSoldEvent(MovementEvent):
    """A paid order added the credit that it sold."""


@tells(EventKind.CREDIT_KEPT)
@strawberry.type
class CreditKeptEvent(MovementEvent):
    """Money paid beyond what was due became credit."""


@tells(EventKind.CREDIT_NOTED)
@from_view(
    credit_note_id=lambda view: global_id("CreditNote", view.id),
    invoice_id=lambda view: global_id("Invoice", UUID(view.facts[0])),
    currency=lambda view: view.facts[1],
    amount=lambda view: to_decimal(view.facts[2], view.facts[1]),
)
@strawberry.type
class CreditNotedEvent(MovementEvent):
    """A credit note was made. What it gave back to accounts stands in `movements`."""

    credit_note_id: strawberry.ID
    """Credit note in question; node(id:) finds it."""
    invoice_id: strawberry.ID
    """Id of the invoice or order that it is of."""
    currency: AssetCode
    """Currency that it is made out in, such as GBP."""
    amount: Decimal
    """Amount, in `currency`."""


@tells(EventKind.CREDIT_TRANSFERRED)
@strawberry.type
class CreditTransferredEvent(MovementEvent):
    """Value moved from or to another customer."""


@tells(EventKind.CREDIT_REVIVED)
@strawberry.type
class CreditRevivedEvent(MovementEvent):
    """Value that had expired was put back on its credit."""


@tells(EventKind.CREDIT_REVERSED)
@strawberry.type
class CreditReversedEvent(MovementEvent):
    """Account credit of a voided payment, credit of an unpaid order or points of a disabled coupon were taken back."""


@tells(EventKind.CREDIT_MERGED)
@strawberry.type
class CreditMergedEvent(MovementEvent):
    """Value moved from one record of a person to another."""


@tells(EventKind.LIFETIME_RESTATED)
@strawberry.type
class LifetimeRestatedEvent(MovementEvent):
    """A migration corrected a lifetime total in older books; nothing moved."""


@tells(EventKind.REWARD_GIVEN)
@strawberry.type
class RewardGivenEvent(MovementEvent):
    """A reward was given. Points moved if they paid for it."""


MOVING: Final = frozenset(kind for kind, shown in TYPES.items() if issubclass(shown, MovementEvent))
"""Kinds that are transactions."""
EVENT_TYPES: Final = tuple(sorted(set(TYPES.values()), key=lambda shown: shown.__name__))
"""All types of events: no field leads to them but by their interface."""
