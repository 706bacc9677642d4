"""refundSpend, and previewRefund with the same input but its key."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from auth.roles import Role, Scope
from models.commands import Actor
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.tenants import Tenant

REFUND = """mutation($input: RefundSpendInput!) { refundSpend(input: $input) {
  replayed userErrors { code message field } account { asset available }
  approvalRequest { id status operation asset amount note refundOf { id } customer { externalId } }
  transaction { id kind note refunded refundOf { id refunded } actor { subject }
    entries { edges { node { amount counter credit { id remaining } } } } } } }"""
PREVIEW = """query($input: PreviewRefundInput!) { previewRefund(input: $input) {
  account { available } availableAfter credits { credit { id } amount remainingAfter }
  limit { allowed approvalRequired remaining { scope kind remaining } } userErrors { code field } } }"""
TRAIL = "{ auditTrail(kind: [REFUND]) { edges { node { kind asset amount transaction { id } } } } }"
APPROVE = """mutation($input: ApproveRequestInput!) { approveRequest(input: $input) {
  transaction { id kind actor { subject } approvedBy { subject } refundOf { id } }
  account { available } userErrors { code } } }"""
STAFF: dict[str, Any] = {"role": Role.STAFF, "subject": "sam"}
MANAGER: dict[str, Any] = {"role": Role.MANAGER, "subject": "maria"}


async def ask(api: Api, spend: UUID | None, **given: Any) -> dict[str, Any]:
    token = given.pop("token", MANAGER)
    asked = {"transactionId": gid("Transaction", spend), "idempotencyKey": "k", **given}
    payload: dict[str, Any] = (await api(REFUND, {"input": asked}, **token))["refundSpend"]
    return payload


@pytest.fixture
async def carol(tenant: Tenant) -> UUID:
    return await tenant.customer("carol")


async def test_in_parts_and_then_the_rest(api: Api, tenant: Tenant, carol: UUID) -> None:
    soon, never = await tenant.credit(carol, 3, expires_in_days=5), await tenant.credit(carol, 5)
    spend = (await tenant.spend(carol, 7)).transaction_id

    part = await ask(api, spend, amount="4.50", note="One was cold")
    assert (part["replayed"], part["userErrors"], part["approvalRequest"]) == (False, [], None)
    assert part["account"] == {"asset": "GBP", "available": "5.50"}
    back = part["transaction"]
    assert (back["kind"], back["note"], back["refunded"]) == ("REFUND", "One was cold", None)
    assert back["refundOf"] == {"id": gid("Transaction", spend), "refunded": "4.50"}
    assert [edge["node"] for edge in back["entries"]["edges"]] == [
        {"amount": "4.00", "counter": "SPENT", "credit": {"id": gid("Credit", never), "remaining": "5.00"}},
        {"amount": "0.50", "counter": "SPENT", "credit": {"id": gid("Credit", soon), "remaining": "0.50"}},
    ]
    rest = await ask(api, spend, idempotencyKey="k2")
    assert rest["account"] == {"asset": "GBP", "available": "8.00"}
    edges = (await api(TRAIL))["auditTrail"]["edges"]
    assert [edge["node"]["amount"] for edge in edges] == ["4.50", "2.50"]

    async with tenant.nothing_moves():
        again = await ask(api, spend, amount="4.50", note="One was cold")
        more = await ask(api, spend, idempotencyKey="k3")
    assert again["replayed"]
    assert again["transaction"]["id"] == back["id"]
    (error,) = more["userErrors"]
    assert (error["code"], error["field"]) == ("EXCEEDS_REMAINING", ["amount"])
    assert error["message"] == "Only 0.00 GBP of the spend has not been given back yet."


async def test_a_use_after_the_grace_period(api: Api, tenant: Tenant, clock: Clock) -> None:
    anna, yoga = await tenant.member(), await tenant.service("Yoga")
    lessons = await tenant.credit(anna, 5, "SERVICE_CREDITS", service_ids=(yoga,))
    use = (await tenant.use(anna, yoga, 2)).transaction_id
    await tenant.cancel_membership(anna, clock())
    clock.advance(days=90)

    back = (await ask(api, use, amount="1", note="The class was cancelled"))["transaction"]
    (entry,) = back["entries"]["edges"]
    assert entry["node"]["counter"] == "REDEEMED"
    assert entry["node"]["credit"] == {"id": gid("Credit", lessons), "remaining": "4"}


async def test_what_cannot_be_moves_nothing(api: Api, tenant: Tenant, other_tenant: Tenant, carol: UUID) -> None:
    added = await tenant.adjust(carol, "5.00")
    spend = (await tenant.spend(carol, 3)).transaction_id
    dave = await other_tenant.customer()
    await other_tenant.adjust(dave, "5.00")
    theirs = await other_tenant.spend(dave, 3)
    bad: list[tuple[dict[str, Any], list[str]]] = [
        ({"transactionId": "x"}, ["NOT_FOUND", "transactionId"]),
        ({"transactionId": gid("Credit", added.credit_id)}, ["NOT_FOUND", "transactionId"]),
        ({"transactionId": gid("Transaction", theirs.transaction_id)}, ["NOT_FOUND", "transactionId"]),
        ({"transactionId": gid("Transaction", added.transaction_id)}, ["INVALID", "transactionId"]),
        ({"amount": "0"}, ["AMOUNT_ZERO", "amount"]),
        ({"amount": "-1"}, ["INVALID", "amount"]),
        ({"amount": "1.005"}, ["AMOUNT_PRECISION", "amount"]),
        ({"amount": "3.01"}, ["EXCEEDS_REMAINING", "amount"]),
        ({"note": "\x00"}, ["INVALID", "note"]),
        ({"idempotencyKey": " "}, ["INVALID", "idempotencyKey"]),
    ]
    async with tenant.nothing_moves():
        for change, expected in bad:
            errors = (await ask(api, spend, **change))["userErrors"]
            assert [[error["code"], *error["field"]] for error in errors] == [expected], change


async def test_over_a_limit_a_manager_approves_it(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.adjust(carol, "500.00")
    spend = (await tenant.spend(carol, 150)).transaction_id
    async with tenant.nothing_moves():
        (error,) = (await ask(api, spend, token=STAFF))["userErrors"]
    assert error["code"] == "LIMIT_EXCEEDED"
    waits = await ask(api, spend, token=STAFF, requestApproval=True, note="Please")
    assert (waits["transaction"], waits["account"], waits["userErrors"]) == (None, None, [])
    request = waits["approvalRequest"]
    assert request == {
        "id": request["id"],
        "status": "PENDING",
        "operation": "REFUND_SPEND",
        "asset": "GBP",
        "amount": "150.00",
        "note": "Please",
        "refundOf": {"id": gid("Transaction", spend)},
        "customer": {"externalId": "carol"},
    }
    assert await tenant.available(carol) == 35_000
    given = {"requestId": request["id"], "idempotencyKey": "a"}
    narrowed = await api(APPROVE, {"input": given}, **MANAGER, scopes=[Scope.CREDITS_ADD])
    assert (narrowed.codes, narrowed.errors[0]["extensions"]["missing"]) == (["FORBIDDEN"], ["credits:refund"])
    done = (await api(APPROVE, {"input": given}, **MANAGER))["approveRequest"]
    assert done["userErrors"] == []
    assert done["account"] == {"available": "500.00"}
    assert done["transaction"] == {
        "id": done["transaction"]["id"],
        "kind": "REFUND",
        "actor": {"subject": "sam"},
        "approvedBy": {"subject": "maria"},
        "refundOf": {"id": gid("Transaction", spend)},
    }


async def test_a_partner_gives_back_what_its_own_client_spent(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.adjust(carol, "50.00")
    ours = (await tenant.spend(carol, 3, actor=Actor("a program", "PARTNER", client="till"))).transaction_id
    theirs = (await tenant.spend(carol, 3)).transaction_id
    till: dict[str, Any] = {"role": Role.PARTNER, "client_id": "till"}
    scopes = [Scope.CREDITS_REFUND, Scope.LEDGER_READ, Scope.CUSTOMERS_READ]
    async with tenant.nothing_moves():
        (error,) = (await ask(api, theirs, token=till | {"scopes": scopes}))["userErrors"]
        given = {"transactionId": gid("Transaction", ours), "idempotencyKey": "k"}
        refused = await api(REFUND, {"input": given}, **till, scopes=[Scope.CREDITS_SPEND, Scope.CREDITS_ADD])
    assert (error["code"], error["field"]) == ("NOT_FOUND", ["transactionId"])
    assert (refused.codes, refused.errors[0]["extensions"]["missing"]) == (["FORBIDDEN"], ["credits:refund"])
    assert (await ask(api, ours, token=till | {"scopes": scopes}))["userErrors"] == []


async def test_a_customer_sees_what_came_back(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.adjust(carol, "50.00")
    spend = await tenant.spend(carol, 3)
    await tenant.refund(spend, 1)
    query = """query($id: ID!) { ledger(customerId: $id) { edges { node {
      amount transaction { kind note actor { subject } refunded refundOf { kind } } } } } }"""
    edges = (await api.as_customer("carol", query, {"id": gid("Customer", carol)}))["ledger"]["edges"]
    hidden = {"note": None, "actor": None}
    assert [(edge["node"]["amount"], edge["node"]["transaction"]) for edge in edges] == [
        ("50.00", {"kind": "ADJUSTMENT", "refunded": None, "refundOf": None, **hidden}),
        ("-3.00", {"kind": "SPEND", "refunded": "1.00", "refundOf": None, **hidden}),
        ("1.00", {"kind": "REFUND", "refunded": None, "refundOf": {"kind": "SPEND"}, **hidden}),
    ]


async def test_a_preview_and_what_it_foresaw(api: Api, tenant: Tenant, carol: UUID, clock: Clock) -> None:
    soon, never = await tenant.credit(carol, 90, expires_in_days=1), await tenant.credit(carol, 50)
    spend = (await tenant.spend(carol, 120)).transaction_id
    clock.advance(days=3)
    given = {"transactionId": gid("Transaction", spend)}
    async with tenant.nothing_moves():
        seen = (await api(PREVIEW, {"input": given}, **MANAGER))["previewRefund"]
        over = (await api(PREVIEW, {"input": given}, **STAFF))["previewRefund"]
        none = (await api(PREVIEW, {"input": {"transactionId": "x"}}, **STAFF))["previewRefund"]
    assert seen["credits"] == [
        {"credit": {"id": gid("Credit", never)}, "amount": "30.00", "remainingAfter": "50.00"},
        {"credit": {"id": gid("Credit", soon)}, "amount": "90.00", "remainingAfter": "0.00"},
        {"credit": {"id": gid("Credit", soon)}, "amount": "-90.00", "remainingAfter": "0.00"},
    ]
    assert (seen["account"], seen["availableAfter"]) == ({"available": "20.00"}, "50.00")
    assert over["userErrors"] == [{"code": "LIMIT_EXCEEDED", "field": ["amount"]}]
    assert (over["limit"]["allowed"], over["limit"]["approvalRequired"]) == (False, True)
    assert over["limit"]["remaining"][0] == {"scope": "PER_ADJUSTMENT", "kind": "ADDING", "remaining": "100.00"}
    assert none["userErrors"] == [{"code": "NOT_FOUND", "field": ["transactionId"]}]
    await ask(api, spend)
    assert await tenant.available(carol) == 5_000


# What is told to whom


async def test_a_request_tells_no_figure_of_the_books_to_who_may_not_read_them(
    api: Api, tenant: Tenant, carol: UUID
) -> None:
    await tenant.credit(carol, 50, "JPY")
    spend = (await tenant.spend(carol, 37, "JPY")).transaction_id
    query = """mutation($input: RefundSpendInput!) { refundSpend(input: $input) {
      userErrors { code } approvalRequest { operation asset amount } } }"""
    given = {"transactionId": gid("Transaction", spend), "idempotencyKey": "k", "proposeOnly": True}
    may = [Scope.CREDITS_REFUND]
    answer = await api(query, {"input": given}, role=Role.STAFF, scopes=may)
    assert answer.data is not None
    request = answer.data["refundSpend"]["approvalRequest"]
    assert request == {"operation": "REFUND_SPEND", "asset": None, "amount": None}
    assert [error["extensions"]["missing"] for error in answer.errors] == [["ledger:read"]] * 2
    answer = await api(query, {"input": given}, role=Role.STAFF, scopes=[*may, Scope.LEDGER_READ])
    request = answer["refundSpend"]["approvalRequest"]
    assert request == {"operation": "REFUND_SPEND", "asset": "JPY", "amount": "37"}


async def test_a_preview_of_another_client_s_spend_is_one_of_nothing(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.credit(carol, 50, "JPY")
    spend = (await tenant.spend(carol, 37, "JPY")).transaction_id
    shop: dict[str, Any] = {
        "role": Role.PARTNER,
        "client_id": "shop",
        "scopes": [Scope.CREDITS_REFUND, Scope.LEDGER_READ],
    }
    answers = [
        (await api(PREVIEW, {"input": {"transactionId": gid("Transaction", each)}}, **shop)).response.json()
        for each in (spend, uuid4())
    ]
    assert answers[0] == answers[1]
    assert [error["code"] for error in answers[0]["data"]["previewRefund"]["userErrors"]] == ["NOT_FOUND"]
