"""events: what happened, told over the API, to those who may know of it."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import pytest

from auth.roles import Role, Scope
from models.commands import MergeCustomers
from models.configuration_commands import UpdateTenant
from models.operations.keep_feed import keep_feed
from models.operations.merge_customers import merge_customers
from models.operations.prune_feed import prune_feed
from models.operations.update_tenant import update_tenant
from models.session import tenant_transaction
from tests.api.conftest import Answer, Api, gid
from tests.support import approvals
from tests.support.clock import Clock
from tests.support.holds import hold
from tests.support.schema import SCHEMA
from tests.support.tenants import ADMIN, MANAGER, Tenant

EVENTS: Final = """query($types: [EventKind!], $customer: ID, $first: Int, $after: String, $last: Int) {
  events(types: $types, customerId: $customer, first: $first, after: $after, last: $last) { oldest newest
    edges { cursor node { __typename position kind occurredAt recordedAt customerId
      ... on MovementEvent { transactionId
        movements { accountId asset amount balanceAfter entries sequence hash previousHash } }
      ... on InvoiceIssuedEvent { invoiceId invoiceKind currency total }
      ... on OrderPaidEvent { invoiceId total }
      ... on PaymentRecordedEvent { paymentId invoiceId method amount }
      ... on CouponEvent { couponId rewardId points }
      ... on TierChangedEvent { accountId oldTier newTier }
      ... on CreditHeldEvent { holdId amount }
      ... on CreditExpiringEvent { creditId amount asset }
      ... on ApprovalRequestedEvent { approvalRequestId }
      ... on ApprovalDecidedEvent { approvalRequestId approvalStatus }
      ... on BulkFinishedEvent { bulkOperationId bulkStatus rows succeeded }
      ... on CustomerMergedEvent { intoCustomerId }
      ... on ConfigurationEvent { action subjectId }
      ... on CustomerEvent { action } } }
    pageInfo { hasNextPage hasPreviousPage endCursor } } }"""
Feed = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def feed(api: Api, tenant: Tenant, clock: Clock) -> Feed:
    """What it answers once all that was done has its position; to a manager unless told."""

    async def ask(*, role: Role = Role.MANAGER, token: dict[str, Any] | None = None, **page: Any) -> Any:
        clock.advance(timedelta(seconds=1))
        await keep_feed(tenant.ledger, tenant.id)
        asked = page if "last" in page else {"first": 100, **page}
        return (await api(EVENTS, asked, role=role, **(token or {})))["events"]

    return ask


def nodes(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [edge["node"] for edge in answer["edges"]]


def kinds(answer: dict[str, Any]) -> list[str]:
    return [node["kind"] for node in nodes(answer)]


async def test_each_event_says_what_happened(tenant: Tenant, feed: Feed) -> None:
    carol = await tenant.customer("carol")
    await tenant.tier("Gold", 100)
    reward = await tenant.reward(50)
    tea = await tenant.product("4.00")
    await tenant.adjust(carol, 120, "POINTS")
    given = await tenant.give(carol, reward)
    await tenant.use_coupon(given.coupon_id)
    order = await tenant.order(carol, (tea, 2), auto_apply=False)
    payment = await tenant.pay(order, 8)
    credit = await tenant.credit(carol, "30.00", expires_in_days=5)
    held = await hold(tenant, carol, 10)
    bulk = await tenant.bulk((carol, 5))
    answer = await feed()
    assert [int(node["position"]) for node in nodes(answer)] == list(range(1, len(answer["edges"]) + 1))
    assert (answer["oldest"], answer["newest"]) == ("1", str(len(answer["edges"])))
    told = {node["kind"]: node for node in nodes(answer)}
    customer = gid("Customer", carol)
    assert told["CUSTOMER_CREATED"]["action"] == "customer.created"
    assert told["TIER_CHANGED"].items() >= {"oldTier": None, "newTier": "Gold", "customerId": customer}.items()
    assert told["COUPON_ISSUED"].items() >= {"couponId": gid("Coupon", given.coupon_id), "points": "50"}.items()
    assert told["COUPON_USED"]["rewardId"] == gid("Reward", reward)
    assert told["INVOICE_ISSUED"].items() >= {"invoiceId": gid("Invoice", order), "invoiceKind": "ORDER"}.items()
    assert told["PAYMENT_RECORDED"].items() >= {"method": "CARD", "amount": "8.00", "customerId": customer}.items()
    assert told["PAYMENT_RECORDED"]["paymentId"] == gid("Payment", payment.payment_id)
    assert told["ORDER_PAID"].items() >= {"invoiceId": gid("Invoice", order), "total": "8.00"}.items()
    assert told["CREDIT_HELD"].items() >= {"holdId": gid("Hold", held.hold_id), "amount": "10.00"}.items()
    assert told["CREDIT_EXPIRING"].items() >= {"creditId": gid("Credit", credit), "amount": "30.00"}.items()
    assert (
        told["BULK_FINISHED"].items()
        >= {
            "bulkOperationId": gid("BulkOperation", bulk.bulk_operation_id),
            "bulkStatus": "COMPLETED",
            "succeeded": 1,
        }.items()
    )
    (moved,) = told["REWARD_GIVEN"]["movements"]
    assert (
        moved.items() >= {"asset": "POINTS", "amount": "-50", "balanceAfter": "70", "entries": 1, "sequence": 2}.items()
    )
    first = next(node for node in nodes(answer) if node["kind"] == "CREDIT_ADJUSTED")["movements"][0]
    assert (first["sequence"], first["previousHash"], len(first["hash"])) == (1, None, 64)
    assert moved["previousHash"] == first["hash"]
    (given_back,) = told["CREDIT_ADJUSTED"]["movements"]
    assert given_back["previousHash"] == moved["hash"]


async def test_it_is_followed_by_its_cursor(tenant: Tenant, feed: Feed) -> None:
    carol = await tenant.customer("carol")
    seen: list[str] = []
    after: str | None = None
    for n in range(7):
        if n < 5:
            await tenant.adjust(carol, n + 1)
        page = await feed(first=2, after=after)
        seen += [node["position"] for node in nodes(page)]
        after = page["pageInfo"]["endCursor"] or after
    assert seen == [str(n) for n in range(1, 7)]
    assert nodes(await feed(last=1))[0]["position"] == "6"


async def test_kinds_and_customers_are_chosen(tenant: Tenant, feed: Feed) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    for n in range(3):
        await tenant.adjust(carol, n + 1)
        await tenant.invoice(dave, n + 1, auto_apply=False)
    assert kinds(await feed(types=["INVOICE_ISSUED"])) == ["INVOICE_ISSUED"] * 3
    both = await feed(types=["INVOICE_ISSUED", "CREDIT_ADJUSTED"], first=4)
    assert kinds(both) == ["CREDIT_ADJUSTED", "INVOICE_ISSUED"] * 2
    assert both["pageInfo"]["hasNextPage"]
    rest = await feed(types=["INVOICE_ISSUED", "CREDIT_ADJUSTED"], after=both["pageInfo"]["endCursor"])
    assert kinds(rest) == ["CREDIT_ADJUSTED", "INVOICE_ISSUED"]
    assert kinds(await feed(types=[])) == []
    assert kinds(await feed(customer=gid("Customer", dave))) == ["CUSTOMER_CREATED"] + ["INVOICE_ISSUED"] * 3
    assert kinds(await feed(customer=gid("Customer", dave), types=["CREDIT_ADJUSTED"])) == []
    assert (
        kinds(await feed(customer=gid("Customer", carol), types=["CREDIT_ADJUSTED"], first=2))
        == ["CREDIT_ADJUSTED"] * 2
    )


async def test_a_person_is_all_of_their_records(tenant: Tenant, feed: Feed) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    await tenant.adjust(dave, 3)
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(dave, carol), tenant.key())
    await tenant.adjust(dave, 5)
    for customer in (carol, dave):
        answer = await feed(customer=gid("Customer", customer))
        told = kinds(answer)
        assert sorted(told) == sorted(
            ["CUSTOMER_CREATED"] * 2 + ["CREDIT_ADJUSTED"] * 2 + ["CREDIT_MERGED"] * 2 + ["CUSTOMER_MERGED"]
        )
        positions = [int(node["position"]) for node in nodes(answer)]
        assert positions == sorted(positions)
        merged = next(node for node in nodes(answer) if node["kind"] == "CUSTOMER_MERGED")
        assert (merged["customerId"], merged["intoCustomerId"]) == (gid("Customer", dave), gid("Customer", carol))


async def test_customers_see_their_own(tenant: Tenant, feed: Feed) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    await tenant.adjust(carol, 3)
    await tenant.adjust(dave, 4)
    await approvals.ask(tenant, carol)
    as_carol: dict[str, Any] = {"role": Role.CUSTOMER, "token": {"customer": "carol"}}
    assert kinds(await feed(**as_carol)) == ["CUSTOMER_CREATED", "CREDIT_ADJUSTED"]
    assert kinds(await feed(customer=gid("Customer", carol), **as_carol)) == ["CUSTOMER_CREATED", "CREDIT_ADJUSTED"]
    assert await feed(customer=gid("Customer", dave), **as_carol) is None
    assert "APPROVAL_REQUESTED" in kinds(await feed())


async def test_configuration_and_approvals_are_for_those_who_may_read_them(
    api: Api, tenant: Tenant, feed: Feed
) -> None:
    carol = await tenant.customer("carol")
    await update_tenant(tenant.ledger, tenant.id, ADMIN, UpdateTenant(event_days=30))
    await approvals.ask(tenant, carol)
    narrow = {"SETTINGS_CHANGED", "APPROVAL_REQUESTED"}
    assert set(kinds(await feed())) == {"CUSTOMER_CREATED", *narrow}
    assert set(kinds(await feed(role=Role.STAFF))) == {"CUSTOMER_CREATED"}
    partner: dict[str, Any] = {"role": Role.PARTNER, "token": {"scopes": (Scope.EVENTS_READ,)}}
    assert set(kinds(await feed(**partner))) == {"CUSTOMER_CREATED"}
    for kind in narrow:
        denied: Answer = await api(EVENTS, {"types": [kind]}, role=Role.STAFF)
        assert denied.codes == ["FORBIDDEN"]
    refused: Answer = await api(EVENTS, {}, role=Role.PARTNER, scopes=(Scope.LEDGER_READ,))
    assert refused.codes == ["FORBIDDEN"]


async def test_a_cursor_whose_events_are_pruned_is_refused(api: Api, tenant: Tenant, clock: Clock, feed: Feed) -> None:
    carol = await tenant.customer("carol")
    await tenant.adjust(carol, 1)
    old, last = [edge["cursor"] for edge in (await feed())["edges"]]
    clock.advance(days=91)
    await tenant.adjust(carol, 2)
    assert kinds(await feed(after=last)) == ["CREDIT_ADJUSTED"]
    await prune_feed(tenant.ledger, tenant.id)
    answer = await feed()
    assert (answer["oldest"], answer["newest"], kinds(answer)) == ("3", "3", ["CREDIT_ADJUSTED"])
    assert kinds(await feed(after=last)) == ["CREDIT_ADJUSTED"]  # nothing that followed it is gone
    refused: Answer = await api(EVENTS, {"after": old}, role=Role.MANAGER)
    assert refused.codes == ["BAD_USER_INPUT"]


async def test_a_cursor_from_before_a_restoration_is_refused(api: Api, tenant: Tenant, feed: Feed) -> None:
    await tenant.customer("carol")
    await tenant.customer("dave")
    last = (await feed())["edges"][-1]["cursor"]
    async with tenant_transaction(tenant.id) as connection:
        await connection.raw.execute("DELETE FROM feed WHERE tenant_id = $1 AND position = 2", tenant.id)
        await connection.raw.execute("UPDATE feed_heads SET position = 1 WHERE tenant_id = $1", tenant.id)
    refused: Answer = await api(EVENTS, {"after": last}, role=Role.MANAGER)
    assert refused.codes == ["BAD_USER_INPUT"]


def test_one_document_can_ask_all_kinds_for_all_they_tell() -> None:
    """GraphQL refuses fields of one name that have several types, even on types that exclude each other."""
    interface: Any = SCHEMA.graphql.type_map["Event"]
    told: dict[str, set[str]] = {}
    for shown in SCHEMA.graphql.get_implementations(interface).objects:
        for name, field in shown.fields.items():
            told.setdefault(name, set()).add(str(field.type))
    assert {name: types for name, types in told.items() if len(types) > 1} == {}
