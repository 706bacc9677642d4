"""Messages of subscriptions. Each has the cursor of the event that it is about, in the feed of `events`."""

from typing import Final
from uuid import UUID

import strawberry

from gateway.sharing import SHARED, Shared
from models.event_kinds import EventKind
from models.reads.events import EVENTS, EventView, key_of
from models.reads.paging import Key, Page
from schema.context import Info
from schema.types.account import Account
from schema.types.base import Cursors, Edge, of_view, resolved
from schema.types.bulk import BulkOperation
from schema.types.events import TYPES, Event
from schema.types.requests import ApprovalRequest

_FACT_IS_ACCOUNT = frozenset({EventKind.CREDIT_HELD, EventKind.HOLD_LAPSED})


def cursor_of(key: Key) -> str:
    """The cursor of the event with this key."""
    return EVENTS.cursor(key)


MAX_SHOWN: Final = 1_000
_shown: Final[dict[int, tuple[EventView, Edge[Event]]]] = {}


def edge_of(view: EventView) -> Edge[Event]:
    """The event with its cursor, as a page of the feed has it: one object for all who follow it, since nothing below it
    depends on who asks."""
    known = _shown.get(id(view))
    if known is not None and known[0] is view:
        return known[1]
    page = Page((view,), lambda _: key_of(view), has_next=False, has_previous=False)
    edge = Edge(node=of_view(TYPES[view.kind], view), cursors=Cursors(EVENTS, page), index=0)
    setattr(edge, SHARED, Shared())
    if len(_shown) >= MAX_SHOWN:
        del _shown[next(iter(_shown))]
    _shown[id(view)] = view, edge
    return edge


@strawberry.type
class AccountUpdate:
    """Something that changed a customer's accounts."""

    cursor: str
    """Position of the event in the feed, to pass as `after`. Opaque; the cursors of `events` are the same."""
    event: Event
    """Event by which they changed."""
    view: strawberry.Private[EventView]

    @resolved(list[Account])
    async def accounts(self, info: Info) -> list[Account]:
        """Return the accounts that it changed, as they are by now: several where records were merged."""
        loaders = info.context.loaders
        found = [await loaders.accounts.load(id_) for id_ in accounts_of(self.view)]
        return [account for account in found if account is not None]


@strawberry.type
class ApprovalRequestUpdate:
    """An approval request was made, decided or withdrawn, or its time ran out."""

    cursor: str
    """Position of the event in the feed, to pass as `after`. Opaque; the cursors of `events` are the same."""
    event: Event
    """Event that tells of it."""
    approval_request: ApprovalRequest
    """Request in question, as it is by now."""


@strawberry.type
class BulkOperationUpdate:
    """How far a bulk operation is."""

    cursor: str
    """Position of the feed's newest event at that moment. Opaque; the cursors of `events` are the same."""
    bulk_operation: BulkOperation
    """Bulk operation in question, as it is by now."""


def accounts_of(view: EventView) -> list[UUID]:
    """The accounts whose balance, available or held, the event has changed."""
    if view.movements:
        return [each.account_id for each in view.movements]
    if view.kind in _FACT_IS_ACCOUNT and view.facts is not None:
        return [UUID(view.facts[0])]
    return []
