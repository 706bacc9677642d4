"""Subscriptions: the feed as it grows, and what of it changes accounts, approval requests and bulks (docs/adr/0062).

Rights are checked for each event before it is sent: of the tenant, the token's person, and the kind.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final
from uuid import UUID

import strawberry

from auth.roles import Permission
from gateway.errors import BadUserInput
from models.event_kinds import EventKind
from models.kinds import BulkStatus
from models.reads import events
from models.reads.events import EVENTS, EventView, key_of
from models.reads.keys import BadPage
from models.reads.live import Choice, TooMany, TooSlow
from models.reads.paging import Key
from resolvers.events import hidden_from
from schema.context import Context, Info
from schema.errors import FollowsTooSlowly, TooManyFollowers, Unauthenticated
from schema.event_rights import APPROVALS, NARROWER, rights_for
from schema.ids import asked_id
from schema.types.base import Edge
from schema.types.bulk import BulkOperation
from schema.types.event_movements import MOVING
from schema.types.events import Event
from schema.types.live import AccountUpdate, ApprovalRequestUpdate, BulkOperationUpdate, cursor_of, edge_of
from schema.types.requests import ApprovalRequest

CHANGING: Final = MOVING | {EventKind.HOLD_LAPSED}
"""Kinds that change an account."""
PROGRESS_S: Final = 1.0
"""Between two looks at a bulk that runs: its progress is in no feed."""
OVER: Final = frozenset({BulkStatus.COMPLETED, BulkStatus.FAILED, BulkStatus.CANCELLED})
_NO_CUSTOMER: Final = "There is no such customer."
_TOO_MANY: Final = "There are as many subscriptions as this server takes. Try again in a while."
_TOO_SLOW: Final = "More happened than was read in time. Subscribe again with the last cursor: nothing is lost."
_NOBODY: Final = "The token names no customer of this tenant any more."
_NO_BULK: Final = "There is no such bulk operation."


def account_rights(_context: Context, **_: object) -> tuple[Permission, ...]:
    """Return the rights to the feed and to what accounts hold."""
    return (Permission.READ_EVENTS, Permission.READ_LEDGER)


async def resolve_events(
    info: Info, types: list[EventKind] | None = None, customer_id: strawberry.ID | None = None, after: str | None = None
) -> AsyncIterator[Edge[Event] | None]:
    """Follow the feed: what happened after the cursor, and then each event as soon as it has its position, once. If the
    connection ends, subscribe again with the last cursor. Customers follow their own.

    types: Kinds of events to follow. Null: all that the token may see.
    customer_id: Customer whom they concern, by any of their records. Null: everybody.
    after: Cursor of the last event that was seen. Null: from now on.
    """
    context = info.context
    kinds = None if types is None else frozenset(types)
    context.require(*rights_for(types or ()), own=False)
    async with aclosing(_followed(context, kinds, customer_id, after)) as followed:
        async for view in followed:
            yield edge_of(view)


async def resolve_accounts(
    info: Info, customer_id: strawberry.ID, after: str | None = None
) -> AsyncIterator[AccountUpdate | None]:
    """Follow what changes a customer's accounts, with the accounts as they are by then: postings, and holds whose time
    ran out. A credit that starts or expires changes what is available without an event at
    that instant: `CREDIT_EXPIRED` comes once it is written off.

    customer_id: Customer whose accounts to follow, by any of their records.
    after: Cursor of the last message that was seen. Null: from now on.
    """
    context = info.context
    async with aclosing(_followed(context, CHANGING, customer_id, after)) as followed:
        async for view in followed:
            yield AccountUpdate(cursor=cursor_of(key_of(view)), event=context.loaders.show(view), view=view)


async def resolve_requests(info: Info, after: str | None = None) -> AsyncIterator[ApprovalRequestUpdate | None]:
    """Follow approval requests: what begins to wait, and what becomes of it. Those who may approve follow all, others
    their own.

    after: Cursor of the last message that was seen. Null: from now on.
    """
    context = info.context
    async with aclosing(_followed(context, APPROVALS, None, after, narrowed=False)) as followed:
        async for view in followed:
            request = view.subject_id and await context.loaders.approval_requests.load(view.subject_id)
            if isinstance(request, ApprovalRequest) and request.may_be_seen(context.principal):
                shown = context.loaders.show(view)
                yield ApprovalRequestUpdate(cursor=cursor_of(key_of(view)), event=shown, approval_request=request)


async def resolve_bulk(info: Info, id: strawberry.ID) -> AsyncIterator[BulkOperationUpdate | None]:  # noqa: A002 - the argument's name in the API
    """Follow a bulk operation: as it is now, then whenever it has come further, at most once a second, until it has ended.
    Then the subscription is complete.

    id: Bulk operation to follow.
    """
    context, operation_id = info.context, asked_id(id, "BulkOperation", "id")
    try:
        async with context.live.entering(context.tenant.id):
            told: Any = None
            while operation_id is not None:
                await context.again()
                shown = await context.loaders.bulk_operations.load(operation_id)
                if shown is None or not shown.may_be_seen(context.principal):
                    raise BadUserInput(_NO_BULK, "id")
                operation: BulkOperation = shown
                if told != (told := _stage(operation)):
                    await context.charge_message()
                    newest = (await events.feed_ends(context.reads)).newest
                    yield BulkOperationUpdate(cursor=cursor_of(Key((newest,))), bulk_operation=operation)
                await context.rest()
                if operation.status in OVER:
                    return
                await asyncio.sleep(PROGRESS_S)
    except TooMany:
        raise TooManyFollowers(_TOO_MANY) from None
    raise BadUserInput(_NO_BULK, "id")


def _stage(operation: BulkOperation) -> tuple[object, ...]:
    view = operation.view
    return view.status, view.succeeded, view.failed


async def _followed(
    context: Context,
    kinds: frozenset[EventKind] | None,
    customer_id: strawberry.ID | None,
    after: str | None,
    *,
    narrowed: bool = True,
) -> AsyncGenerator[EventView]:
    """The events, each once the rights to it have been checked anew. narrowed: whether kinds that take another right are
    left out for those without it; else the caller looks at each."""
    hidden = hidden_from(context) if narrowed else frozenset[EventKind]()
    asked = None if customer_id is None else asked_id(customer_id, "Customer", "customerId")
    if customer_id is not None and asked is None:
        raise BadUserInput(_NO_CUSTOMER, "customerId")

    async def choose() -> Choice:
        await context.again()
        try:
            return await _choice(context, kinds, hidden, asked)
        finally:
            await context.rest()

    try:
        async with aclosing(context.live.follow(context.tenant.id, _key(after), choose)) as followed:
            async for view in followed:
                await context.again()
                if not narrowed or await _may_see(context, view):
                    await context.charge_message()
                    yield view
                await context.rest()
    except TooMany:
        raise TooManyFollowers(_TOO_MANY) from None
    except TooSlow:
        raise FollowsTooSlowly(_TOO_SLOW) from None
    except BadPage as error:
        raise BadUserInput(str(error), "after") from None


async def _choice(
    context: Context, kinds: frozenset[EventKind] | None, hidden: frozenset[EventKind], asked: UUID | None
) -> Choice:
    if asked is None and not context.is_customer:
        return Choice(kinds, hidden)
    own = await context.own_customer_id()
    if context.is_customer and own is None:
        raise Unauthenticated(_NOBODY)
    person = await context.person(own if asked is None else asked)
    if person is None:
        raise BadUserInput(_NO_CUSTOMER, "customerId")
    return Choice(kinds, hidden, person, await events.records_of(context.reads, person))


async def _may_see(context: Context, view: EventView) -> bool:
    """Whether the token may see the event by now. Raises Unauthenticated if it names no customer any more."""
    if context.is_customer:
        own = await context.own_customer_id()
        if own is None:
            raise Unauthenticated(_NOBODY)
        if view.customer_id is None or await context.person(view.customer_id) != own:
            return False
    right = NARROWER.get(view.kind)
    return right is None or context.may(right)


def _key(after: str | None) -> Key | None:
    """The cursor's. Raises BadPage."""
    if after is None:
        return None
    key = EVENTS.mark(after).key
    (position,) = key.values
    if not isinstance(position, int) or position < 0:
        raise BadPage(f"after is no cursor of {EVENTS.name}")
    return key
