"""events: the feed of what happened, in the order in which it was recorded."""

from collections.abc import Iterable
from typing import Any

import strawberry

from auth.roles import Permission
from gateway.errors import BadUserInput
from models.event_kinds import EventKind
from models.reads import events
from models.reads.keys import BadPage
from models.reads.paging import Condition, Listing
from schema.context import Context, Info
from schema.event_rights import NARROWER, rights_for
from schema.ids import asked_id
from schema.types.events import EventConnection
from schema.types.pages import asked_page, looked_into


def hidden_from(context: Context) -> frozenset[EventKind]:
    """Return the kinds that the token may not see."""
    return frozenset(kind for kind, right in NARROWER.items() if not context.may(right))


def rights(_context: Context, types: list[EventKind] | None = None, **_: object) -> tuple[Permission, ...]:
    """Return the right to the feed, and those that the kinds asked for take beside it."""
    return (Permission.READ_EVENTS, *rights_for(types or ()))


async def resolve(
    info: Info,
    types: list[EventKind] | None = None,
    customer_id: strawberry.ID | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    reverse: bool | None = False,
) -> EventConnection | None:
    """List what happened, in the order in which it was recorded. Follow it by `after` with the last cursor: each event
    comes once, and none is left out. A cursor is good for as long as the events after it are kept. Customers see their
    own.

    types: Kinds of events to list. Null: all that the token may see.
    customer_id: Customer whom they concern, by any of their records. Null: everybody.
    """
    context = info.context
    page = (first, after, last, before, reverse)
    if types is not None:
        context.require(*rights_for(types), own=False)
    kinds = None if types is None else frozenset(types)
    listing, parent, conditions = await _asked(context, kinds, customer_id)
    if parent is None:
        return None
    shown = await looked_into(info, listing, parent, page, *conditions)
    mark = asked_page(listing, page).after
    followed = None if mark is None else mark.key
    ends = await events.feed_ends(context.reads, followed)
    try:
        events.check_kept(followed, ends)
    except BadPage as error:
        raise BadUserInput(str(error), "after") from None
    return None if shown is None else EventConnection.between(shown, ends)


async def _asked(
    context: Context, kinds: frozenset[EventKind] | None, customer_id: strawberry.ID | None
) -> tuple[Listing[Any], Any, Iterable[Condition]]:
    hidden = hidden_from(context)
    narrowed = [] if kinds is not None or not hidden else [events.without(hidden)]
    if customer_id is None and not context.is_customer:
        listing = events.EVENTS if kinds is None else events.of_kinds(kinds)
        return listing, context.tenant.id, narrowed
    customer = (
        await context.own_customer_id() if customer_id is None else asked_id(customer_id, "Customer", "customerId")
    )
    narrowed += [] if kinds is None else [events.only(kinds)]
    return events.PERSONS_EVENTS, await context.person(customer), narrowed
