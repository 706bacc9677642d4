"""Subscriptions as clients have them: over real sockets, from the feed, with rights checked for each message."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final

import pytest
from graphql import GraphQLObjectType, get_named_type, is_composite_type
from strawberry.types.base import get_object_definition

from app.postgres.embedded import Urls
from auth.partner_tokens import parse
from auth.roles import Role
from jobs.feed import relay
from jobs.signals import signalled
from jobs.worker import Job, working
from models.commands import MergeCustomers
from models.configuration_commands import RevokeToken
from models.customers import UpdateCustomer
from models.ledger import Ledger
from models.operations.keep_feed import JOB, keep_feed
from models.operations.merge_customers import merge_customers
from models.operations.partner_tokens import revoke_token
from models.operations.people import erase_customer, update_customer
from models.operations.suspend_tenant import suspend_tenant
from models.reads.live import SELDOM_S, LiveFeed, LiveLimits
from models.reads.paging import Key
from schema.ids import global_id
from schema.types.event_movements import EVENT_TYPES, AccountMovement
from schema.types.live import cursor_of
from tests.app.test_websocket_ledger import sockets_of
from tests.support import approvals
from tests.support.holds import hold
from tests.support.schema import SCHEMA
from tests.support.sockets import Socket, opened, token, until
from tests.support.tenants import ADMIN, STAFF, Tenant, known, make_tenant

EVENTS: Final = """subscription($after: String, $types: [EventKind!], $customer: ID) {
  events(after: $after, types: $types, customerId: $customer) { cursor node { __typename position kind customerId
    ... on MovementEvent { movements { amount sequence hash previousHash } } } } }"""
ACCOUNTS: Final = """subscription($customer: ID!, $after: String) {
  accountUpdated(customerId: $customer, after: $after) { cursor event { kind } accounts { asset available held } } }"""
REQUESTS: Final = """subscription { approvalRequests { cursor event { kind }
  approvalRequest { status requestedBy { subject } } } }"""
BULK: Final = "subscription($id: ID!) { bulkOperationUpdated(id: $id) { cursor bulkOperation { status succeeded } } }"
QUIET_S: Final = 0.3
"""How long a test waits for what must not come."""


@pytest.fixture
async def ledger(database: Urls) -> AsyncIterator[Ledger]:
    ledger = Ledger()
    yield ledger
    await ledger.close()


@pytest.fixture
async def tenant(ledger: Ledger) -> Tenant:
    return await make_tenant(ledger)


@asynccontextmanager
async def server(ledger: Ledger, live: LiveFeed, rate_limit: str = "0") -> AsyncIterator[str]:
    """A process that serves, and hears of what is new."""
    async with signalled(live=live, relays=False), sockets_of(ledger, rate_limit, live=live) as base:
        yield base


@pytest.fixture
async def live() -> LiveFeed:
    return LiveFeed()


@pytest.fixture
async def base(ledger: Ledger, live: LiveFeed) -> AsyncIterator[str]:
    async with server(ledger, live) as base:
        yield base


Follow = Callable[..., Awaitable[Socket]]


@pytest.fixture
async def follow(base: str, tenant: Tenant) -> AsyncIterator[Follow]:
    """Subscribe, on a socket of one's own."""
    async with AsyncExitStack() as stack:

        async def begin(
            query: str = EVENTS, *, bearer: str | None = None, role: Role = Role.MANAGER, **variables: Any
        ) -> Socket:
            client = await stack.enter_async_context(opened(base))
            await client.begin(bearer or token(tenant=tenant.slug, role=role))
            await client.subscribe("s", query, variables=variables)
            return client

        yield begin


async def joined(live: LiveFeed, number: int = 1) -> None:
    """Wait until so many follow."""
    await until(lambda: live.joined == number)


async def message(client: Socket) -> dict[str, Any]:
    """The data of the next message."""
    received = await client.receive()
    assert received["type"] == "next", received
    assert "errors" not in received["payload"], received
    data: dict[str, Any] = received["payload"]["data"]
    (only,) = data.values()
    return dict(only)


async def relayed(tenant: Tenant) -> None:
    """What was recorded has its position."""
    await keep_feed(tenant.ledger, tenant.id)


async def silent(client: Socket) -> bool:
    try:
        async with asyncio.timeout(QUIET_S):
            await client.connection.recv()
    except TimeoutError:
        return True
    return False


async def test_an_event_comes_as_soon_as_it_has_its_position(follow: Follow, tenant: Tenant, live: LiveFeed) -> None:
    carol = await tenant.customer("carol")
    await relayed(tenant)
    client = await follow()
    await joined(live)
    await tenant.adjust(carol, 5)
    await keep_feed(tenant.ledger, tenant.id)
    told = await message(client)
    assert told["node"].items() >= {"kind": "CREDIT_ADJUSTED", "__typename": "CreditAdjustedEvent"}.items()
    assert told["node"]["customerId"] == global_id("Customer", carol)
    assert [moved["amount"] for moved in told["node"]["movements"]] == ["5.00"]


async def test_nobody_is_told_twice_or_not_at_all_by_going_on_from_a_cursor(
    follow: Follow, tenant: Tenant, live: LiveFeed
) -> None:
    """Some of it was there before, some comes while the past is read, some after."""
    carol = await tenant.customer("carol")

    async def write() -> None:
        for _ in range(30):
            await tenant.adjust(carol, 1)
            await keep_feed(tenant.ledger, tenant.id)

    writing = asyncio.create_task(write())
    seen: list[int] = []
    after = cursor_of(Key((0,)))
    async with asyncio.timeout(30):
        while len(seen) < 30:
            client = await follow(types=["CREDIT_ADJUSTED"], after=after)
            for _ in range(min(7, 30 - len(seen))):
                told = await message(client)
                after = told["cursor"]
                seen.append(told["node"]["movements"][0]["sequence"])
            client.connection.transport.abort()
    await writing
    assert seen == list(range(1, 31))


async def test_a_cursor_ahead_of_the_feed_is_refused(follow: Follow, tenant: Tenant) -> None:
    client = await follow(after=cursor_of(Key((1_000,))))
    refused = await client.receive()
    assert [error["extensions"]["code"] for error in refused["payload"]] == ["BAD_USER_INPUT"]


async def test_each_sees_what_they_may(follow: Follow, tenant: Tenant, live: LiveFeed) -> None:
    """Customers their own, partners by scope; what takes another right, those who have it."""
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    scoped, other = await tenant.partner_token("events:read"), await tenant.partner_token("ledger:read")
    await relayed(tenant)
    refused = (await (await follow(bearer=f"Bearer {other.text}")).receive())["payload"]
    assert [error["extensions"]["missing"] for error in refused["errors"]] == [["events:read"]]
    mine = await follow(bearer=token(tenant=tenant.slug, role=Role.CUSTOMER, customer="carol"))
    clients = {
        "staff": await follow(role=Role.STAFF),
        "manager": await follow(role=Role.MANAGER),
        "partner": await follow(bearer=f"Bearer {scoped.text}"),
    }
    await joined(live, 4)
    await tenant.adjust(dave, 1)
    await tenant.partner_token("credits:add")
    await tenant.adjust(carol, 2)
    await relayed(tenant)
    number = {"staff": 2, "manager": 3, "partner": 2}
    kinds = {
        name: [(await message(client))["node"]["kind"] for _ in range(number[name])] for name, client in clients.items()
    }
    everyones = ["CREDIT_ADJUSTED", "CREDIT_ADJUSTED"]
    managers = ["CREDIT_ADJUSTED", "TOKEN_CHANGED", "CREDIT_ADJUSTED"]
    assert kinds == {"staff": everyones, "manager": managers, "partner": everyones}
    own = await message(mine)
    assert own["node"]["customerId"] == global_id("Customer", carol)
    assert await silent(mine)


async def test_a_customer_may_not_follow_another(follow: Follow, tenant: Tenant) -> None:
    await tenant.customer("carol")
    dave = global_id("Customer", await tenant.customer("dave"))
    bearer = token(tenant=tenant.slug, role=Role.CUSTOMER, customer="carol")
    for query in (EVENTS, ACCOUNTS):
        refused = await (await follow(query, bearer=bearer, customer=dave)).receive()
        assert [error["message"] for error in refused["payload"]] == ["There is no such customer."]


async def test_another_tenant_s_events_come_to_nobody(
    follow: Follow, tenant: Tenant, ledger: Ledger, live: LiveFeed
) -> None:
    other = await make_tenant(ledger)
    client = await follow()
    await joined(live)
    await other.adjust(await other.customer(), 1)
    await relayed(other)
    live.grown(tenant.id, 10)
    assert await silent(client)


async def test_a_merge_brings_the_other_record_s_events(follow: Follow, tenant: Tenant, live: LiveFeed) -> None:
    carol, caro = await tenant.customer("carol"), await tenant.customer("caro")
    await relayed(tenant)
    survivor = await follow(customer=global_id("Customer", carol))
    gone = await follow(customer=global_id("Customer", caro))
    await joined(live, 2)
    await merge_customers(tenant.ledger, tenant.id, ADMIN, MergeCustomers(caro, carol), tenant.key())
    await relayed(tenant)
    for client in (survivor, gone):
        assert (await message(client))["node"]["kind"] == "CUSTOMER_MERGED"
    await joined(live, 2)
    await tenant.adjust(caro, 1)
    await relayed(tenant)
    for client in (survivor, gone):
        assert (await message(client))["node"]["kind"] == "CREDIT_ADJUSTED"
        assert await silent(client)


async def test_an_account_is_shown_as_it_is_by_then(follow: Follow, tenant: Tenant, live: LiveFeed) -> None:
    carol = await tenant.customer("carol")
    await tenant.adjust(carol, 5)
    await relayed(tenant)
    client = await follow(
        ACCOUNTS,
        bearer=token(tenant=tenant.slug, role=Role.CUSTOMER, customer="carol"),
        customer=global_id("Customer", carol),
    )
    await joined(live)
    await tenant.adjust(carol, 2)
    await hold(tenant, carol, 3)
    await relayed(tenant)
    told = [await message(client) for _ in range(2)]
    assert [each["event"]["kind"] for each in told] == ["CREDIT_ADJUSTED", "CREDIT_HELD"]
    assert told[1]["accounts"] == [{"asset": "GBP", "available": "4.00", "held": "3.00"}]


async def test_a_manager_is_told_of_what_waits_and_staff_of_their_own(
    follow: Follow, tenant: Tenant, live: LiveFeed
) -> None:
    carol = await tenant.customer("carol")
    await relayed(tenant)
    manager = await follow(REQUESTS, bearer=token(tenant=tenant.slug, role=Role.MANAGER, subject="mo"))
    asker = await follow(REQUESTS, bearer=token(tenant=tenant.slug, subject=STAFF.subject))
    colleague = await follow(REQUESTS, bearer=token(tenant=tenant.slug, subject="somebody else"))
    await joined(live, 3)
    request = await approvals.ask(tenant, carol)
    await relayed(tenant)
    await approvals.approve(tenant, request)
    await relayed(tenant)
    for client in (manager, asker):
        told = [await message(client) for _ in range(2)]
        assert [each["event"]["kind"] for each in told] == ["APPROVAL_REQUESTED", "APPROVAL_APPROVED"]
        assert told[0]["approvalRequest"]["requestedBy"] == {"subject": STAFF.subject}
        assert told[1]["approvalRequest"]["status"] == "APPROVED"
    assert await silent(colleague)


async def test_a_bulk_is_followed_until_it_has_ended(follow: Follow, tenant: Tenant) -> None:
    bulk = await tenant.bulk((await tenant.customer("carol"), 5))
    bulk_id = global_id("BulkOperation", known(bulk.bulk_operation_id))
    client = await follow(BULK, id=bulk_id)
    assert (await message(client))["bulkOperation"] == {"status": "COMPLETED", "succeeded": 1}
    assert (await client.receive())["type"] == "complete"
    staff = await follow(BULK, role=Role.STAFF, id=bulk_id)
    assert [error["extensions"]["code"] for error in (await staff.receive())["payload"]["errors"]] == ["FORBIDDEN"]


# How a subscription ends


async def test_a_revoked_token_gets_no_event_more(
    follow: Follow, tenant: Tenant, ledger: Ledger, live: LiveFeed
) -> None:
    secret = (await tenant.partner_token("events:read")).text
    await relayed(tenant)
    client = await follow(bearer=f"Bearer {secret}")
    await joined(live)
    await revoke_token(ledger, tenant.id, ADMIN, RevokeToken(parse(secret).token_id))
    assert await client.last_words() == ([], (4403, "the token has been revoked"))
    await joined(live, 0)


async def test_an_expired_token_ends_its_subscription(follow: Follow, tenant: Tenant, live: LiveFeed) -> None:
    client = await follow(bearer=token(tenant=tenant.slug, role=Role.MANAGER, lifetime_s=4))
    assert await client.closed() == (4403, "the token has expired")
    await joined(live, 0)


async def test_a_suspended_tenant_s_subscriptions_end(
    ledger: Ledger, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for what had its position before."""
    monkeypatch.setattr("models.reads.tenants.REMEMBERED_SECONDS", 0.0)
    carol, live = await tenant.customer("carol"), LiveFeed()
    live.told = True  # by this test alone
    await relayed(tenant)
    async with sockets_of(ledger, live=live) as base, opened(base) as client:
        await client.begin(token(tenant=tenant.slug, role=Role.MANAGER))
        await client.subscribe("s", EVENTS)
        await joined(live)
        await tenant.adjust(carol, 1)
        await relayed(tenant)
        await suspend_tenant(tenant.ledger, tenant.id, ADMIN)
        live.look_again()
        refused = await client.receive()
    assert [error["extensions"]["code"] for error in refused["payload"]] == ["SUSPENDED"]


@pytest.mark.parametrize("how", ["erased", "named otherwise"])
async def test_a_customer_who_is_not_there_any_more_is_told_nothing(
    follow: Follow, tenant: Tenant, live: LiveFeed, how: str
) -> None:
    carol = await tenant.customer("carol")
    await relayed(tenant)
    client = await follow(bearer=token(tenant=tenant.slug, role=Role.CUSTOMER, customer="carol"))
    await joined(live)
    if how == "erased":
        await erase_customer(tenant.ledger, tenant.id, ADMIN, carol)
    else:
        await update_customer(tenant.ledger, tenant.id, ADMIN, UpdateCustomer(carol, external_id="caro"))
    await relayed(tenant)
    refused = await client.receive()
    assert [error["extensions"]["code"] for error in refused["payload"]] == ["UNAUTHENTICATED"]


async def test_who_reads_too_slowly_is_dropped_and_goes_on_from_the_cursor(ledger: Ledger, tenant: Tenant) -> None:
    live = LiveFeed(LiveLimits(queue=5))
    carol = await tenant.customer("carol")
    await relayed(tenant)
    async with server(ledger, live) as base, opened(base) as client:
        await client.begin(token(tenant=tenant.slug, role=Role.MANAGER))
        await client.subscribe("s", EVENTS)
        await joined(live)
        await tenant.adjust(carol, 1)
        await relayed(tenant)
        after = (await message(client))["cursor"]
        for _ in range(8):  # more than are kept, in one piece
            await tenant.adjust(carol, 1)
        await relayed(tenant)
        dropped = await client.receive()
        assert [error["extensions"]["code"] for error in dropped["payload"]] == ["TOO_SLOW"]
        assert live.metrics.dropped == 1
        await client.subscribe("again", EVENTS, variables={"after": after})
        told = [(await message(client))["node"]["movements"][0]["sequence"] for _ in range(8)]
    assert told == list(range(2, 10))


async def test_there_are_only_so_many(ledger: Ledger, tenant: Tenant) -> None:
    live = LiveFeed(LiveLimits(max_followers_per_tenant=1))
    async with server(ledger, live) as base, opened(base) as client:
        await client.begin(token(tenant=tenant.slug, role=Role.MANAGER))
        await client.subscribe("1", EVENTS)
        await joined(live)
        await client.subscribe("2", EVENTS)
        refused = await client.receive()
        assert [error["extensions"]["code"] for error in refused["payload"]] == ["TOO_MANY_SUBSCRIPTIONS"]
        await client.send({"type": "complete", "id": "1"})
        await until(lambda: live.followers == 0)


async def test_messages_are_charged(ledger: Ledger, tenant: Tenant, live: LiveFeed) -> None:
    carol = await tenant.customer("carol")
    await relayed(tenant)
    async with server(ledger, live, "100/minute") as base, opened(base) as client:
        await client.begin(token(tenant=tenant.slug, role=Role.MANAGER))
        await client.subscribe("1", EVENTS)
        await joined(live)
        await tenant.adjust(carol, 1)
        await relayed(tenant)
        refused = await client.receive()
    assert [error["extensions"]["code"] for error in refused["payload"]] == ["RATE_LIMITED"]


async def test_a_message_that_is_charged_tells_what_is_left_and_others_tell_nothing_old(
    ledger: Ledger, tenant: Tenant, live: LiveFeed
) -> None:
    carol = await tenant.customer("carol")
    await relayed(tenant)
    async with server(ledger, live, "100000/minute") as base, opened(base) as client:
        await client.begin(token(tenant=tenant.slug, role=Role.MANAGER))
        await client.subscribe("1", EVENTS)
        await joined(live)
        left = []
        for _ in range(22):
            await tenant.adjust(carol, 1)
            await relayed(tenant)
            extensions = (await client.receive())["payload"]["extensions"]
            left.append(extensions.get("rateLimit", {}).get("reads", {}).get("remaining"))
            assert extensions["cost"].get("remaining") == left[-1]
    assert [number for number, told in enumerate(left) if told is not None] == [0, 20]
    assert left[20] < left[0]


# How soon, and from where


async def test_what_another_process_posts_is_told_at_once(ledger: Ledger, tenant: Tenant) -> None:
    """One posts, one relays, one serves: each a ledger of its own, which nothing but the database connects."""
    carol, live = await tenant.customer("carol"), LiveFeed()
    async with (
        signalled(relays=True) as hints,
        working(ledger, (Job(JOB, 60.0, relay),), hints),
        server(Ledger(), live) as base,
        opened(base) as client,
    ):
        await client.begin(token(tenant=tenant.slug, role=Role.MANAGER))
        await client.subscribe("s", EVENTS, variables={"types": ["CREDIT_ADJUSTED"]})
        await joined(live)
        await until(lambda: live.told)
        for _ in range(3):
            began = asyncio.get_running_loop().time()
            await tenant.adjust(carol, 1)
            await message(client)
            assert asyncio.get_running_loop().time() - began < SELDOM_S - 1  # by a look alone it takes that much


async def test_where_nobody_can_listen_feeds_are_looked_at(ledger: Ledger, tenant: Tenant) -> None:
    """As behind a pooler; what was written has its position from there too."""
    live = LiveFeed(relay=partial(keep_feed, ledger))
    carol = await tenant.customer("carol")
    async with sockets_of(ledger, live=live) as base, opened(base) as client:
        await client.begin(token(tenant=tenant.slug, role=Role.MANAGER))
        await client.subscribe("s", EVENTS, variables={"types": ["CREDIT_ADJUSTED"]})
        await joined(live)
        await tenant.adjust(carol, 1)
        assert (await message(client))["node"]["kind"] == "CREDIT_ADJUSTED"


# What is shared


def test_nothing_below_an_event_depends_on_who_asks() -> None:
    """Where this fails, an event may not be executed once for all who asked alike (gateway/sharing.py)."""
    shown = [get_object_definition(kind, strict=True) for kind in (*EVENT_TYPES, AccountMovement)]
    resolved = {
        f"{kind.name}.{field.name}" for kind in shown for field in kind.fields if field.base_resolver is not None
    }
    assert resolved == set()
    types = [SCHEMA.graphql.type_map[kind.name] for kind in shown]
    fields = [field for kind in types if isinstance(kind, GraphQLObjectType) for field in kind.fields.values()]
    inner = {str(named) for field in fields if is_composite_type(named := get_named_type(field.type))}
    assert inner == {"AccountMovement"}


async def test_who_asks_alike_is_shown_the_same(follow: Follow, tenant: Tenant, live: LiveFeed) -> None:
    """Though from other cursors; who asks otherwise is not."""
    carol = await tenant.customer("carol")
    await relayed(tenant)
    query = """subscription($a: String, $kind: Boolean!) {
      events(after: $a) { cursor node { position kind @include(if: $kind) } } }"""
    clients = [
        await follow(query, a=cursor, kind=kind)
        for cursor, kind in ((None, True), (cursor_of(Key((1,))), True), (None, False))
    ]
    await joined(live, 3)
    await tenant.adjust(carol, 1)
    await relayed(tenant)
    first, second, third = [await message(client) for client in clients]
    assert first == second
    assert third == {"cursor": first["cursor"], "node": {"position": first["node"]["position"]}}
