"""transferCredit, and previewTransfer with the same input but its key."""

from typing import Any
from uuid import UUID

import pytest

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.tenants import Tenant

TRANSFER = """mutation($input: TransferCreditInput!) { transferCredit(input: $input) {
  replayed userErrors { code message field } account { asset available }
  approvalRequest { id status operation asset amount note customer { externalId } toCustomer { externalId } credit { id } }
  transaction { id kind note counterpart { id counterpart { id }
    entries { edges { node { amount counter account { customer { externalId } } } } } } } } }"""
PREVIEW = """query($input: PreviewTransferInput!) { previewTransfer(input: $input) {
  availableAfter receivedAvailableAfter credits { credit { id } amount } receivedCredits { credit { id } amount expiresAt }
  limit { allowed approvalRequired } userErrors { code field } } }"""
APPROVE = """mutation($input: ApproveRequestInput!) { approveRequest(input: $input) {
  transaction { id kind approvedBy { subject } counterpart { approvedBy { subject } } } userErrors { code } } }"""
TRAIL = """query($customer: ID!) { auditTrail(customerId: $customer, kind: [TRANSFER]) {
  edges { node { kind asset amount transaction { id } } } } }"""
LEDGER = """query($id: ID!) { ledger(customerId: $id) { edges { node {
  amount transaction { id kind note counterpart { id } } } } } }"""
MANAGER: dict[str, Any] = {"role": Role.MANAGER, "subject": "maria"}


@pytest.fixture
async def carol(tenant: Tenant) -> UUID:
    carol = await tenant.customer("carol")
    await tenant.credit(carol, 9, expires_in_days=5)
    return carol


@pytest.fixture
async def dave(tenant: Tenant) -> UUID:
    return await tenant.customer("dave")


def asking(carol: UUID, dave: UUID, **given: Any) -> dict[str, Any]:
    asked = {
        "fromCustomerId": gid("Customer", carol),
        "toCustomerId": gid("Customer", dave),
        "asset": "GBP",
        "amount": "4.00",
        "idempotencyKey": "k",
    }
    return {name: value for name, value in (asked | given).items() if value is not ...}


async def ask(api: Api, carol: UUID, dave: UUID, **given: Any) -> dict[str, Any]:
    token = given.pop("token", MANAGER)
    payload: dict[str, Any] = (await api(TRANSFER, {"input": asking(carol, dave, **given)}, **token))["transferCredit"]
    return payload


async def test_both_sides_name_each_other(api: Api, tenant: Tenant, carol: UUID, dave: UUID) -> None:
    done = await ask(api, carol, dave, note="A present")
    assert (done["replayed"], done["userErrors"], done["approvalRequest"]) == (False, [], None)
    assert done["account"] == {"asset": "GBP", "available": "5.00"}
    gave = done["transaction"]
    assert (gave["kind"], gave["note"]) == ("TRANSFER", "A present")
    received = gave["counterpart"]
    assert received["counterpart"] == {"id": gave["id"]}
    (entry,) = received["entries"]["edges"]
    assert entry["node"] == {
        "amount": "4.00",
        "counter": "TRANSFERRED",
        "account": {"customer": {"externalId": "dave"}},
    }
    for customer, transaction, amount in ((carol, gave, "-4.00"), (dave, received, "4.00")):
        edges = (await api(TRAIL, {"customer": gid("Customer", customer)}))["auditTrail"]["edges"]
        assert [edge["node"] for edge in edges] == [
            {"kind": "TRANSFER", "asset": "GBP", "amount": amount, "transaction": {"id": transaction["id"]}}
        ]
    async with tenant.nothing_moves():
        again = await ask(api, carol, dave, note="A present")
    assert again["replayed"]
    assert again["transaction"]["counterpart"]["id"] == received["id"]


async def test_a_customer_sees_no_one_else(api: Api, tenant: Tenant, carol: UUID, dave: UUID) -> None:
    await tenant.transfer(carol, dave, 4, note="Do not tell")
    (edge,) = (await api.as_customer("dave", LEDGER, {"id": gid("Customer", dave)}))["ledger"]["edges"]
    assert edge["node"]["amount"] == "4.00"
    assert edge["node"]["transaction"]["kind"] == "TRANSFER"
    assert (edge["node"]["transaction"]["note"], edge["node"]["transaction"]["counterpart"]) == (None, None)


async def test_what_cannot_be_moves_nothing(api: Api, tenant: Tenant, carol: UUID, dave: UUID) -> None:
    bad: list[tuple[dict[str, Any], list[str]]] = [
        ({"fromCustomerId": "x"}, ["NOT_FOUND", "fromCustomerId"]),
        ({"toCustomerId": gid("Credit", dave)}, ["NOT_FOUND", "toCustomerId"]),
        ({"toCustomerId": gid("Customer", carol)}, ["INVALID", "toCustomerId"]),
        ({"creditId": gid("Credit", carol)}, ["NOT_FOUND", "creditId"]),
        ({"amount": "0"}, ["AMOUNT_ZERO", "amount"]),
        ({"amount": "-1"}, ["INVALID", "amount"]),
        ({"amount": "1.005"}, ["AMOUNT_PRECISION", "amount"]),
        ({"amount": "9.01"}, ["INSUFFICIENT_BALANCE", "amount"]),
        ({"asset": "XXXX"}, ["INVALID", "asset"]),
        ({"note": "\x00"}, ["INVALID", "note"]),
        ({"idempotencyKey": " "}, ["INVALID", "idempotencyKey"]),
    ]
    async with tenant.nothing_moves():
        for change, expected in bad:
            errors = (await ask(api, carol, dave, **change))["userErrors"]
            assert [[error["code"], *error["field"]] for error in errors] == [expected], change


async def test_to_a_member_whose_grace_is_over(api: Api, tenant: Tenant, clock: Clock, carol: UUID) -> None:
    gone = await tenant.member()
    await tenant.credit(carol, 2, "SERVICE_CREDITS")
    await tenant.cancel_membership(gone, clock())
    clock.advance(days=90)
    async with tenant.nothing_moves():
        (error,) = (await ask(api, carol, gone, asset="SERVICE_CREDITS", amount="1"))["userErrors"]
    assert (error["code"], error["field"]) == ("MEMBERSHIP_GRACE_ENDED", ["toCustomerId"])


async def test_a_manager_proposes_and_another_approves(api: Api, tenant: Tenant, carol: UUID, dave: UUID) -> None:
    waits = await ask(api, carol, dave, proposeOnly=True, note="Please")
    assert (waits["transaction"], await tenant.available(carol)) == (None, 900)
    request = waits["approvalRequest"]
    assert request == {
        "id": request["id"],
        "status": "PENDING",
        "operation": "TRANSFER_CREDIT",
        "asset": "GBP",
        "amount": "4.00",
        "note": "Please",
        "customer": {"externalId": "carol"},
        "toCustomer": {"externalId": "dave"},
        "credit": None,
    }
    approving = {"input": {"requestId": request["id"], "idempotencyKey": "k2"}}
    done = (await api(APPROVE, approving, role=Role.MANAGER, subject="mona"))["approveRequest"]
    assert done["userErrors"] == []
    assert done["transaction"]["approvedBy"] == {"subject": "mona"}
    assert done["transaction"]["counterpart"]["approvedBy"] == {"subject": "mona"}


@pytest.mark.parametrize("scope", [Scope.CREDITS_ADD, Scope.CREDITS_REMOVE])
async def test_one_scope_of_two_is_not_enough(api: Api, tenant: Tenant, carol: UUID, dave: UUID, scope: Scope) -> None:
    async with tenant.nothing_moves():
        answer = await api(TRANSFER, {"input": asking(carol, dave)}, **MANAGER, scopes=[scope])
    assert answer.codes == ["FORBIDDEN"]


async def test_a_preview(api: Api, tenant: Tenant, carol: UUID, dave: UUID) -> None:
    await tenant.limit("MANAGER", "GBP", adjustment=3)
    asked = asking(carol, dave, idempotencyKey=..., requestApproval=True)
    preview = (await api(PREVIEW, {"input": asked}, **MANAGER))["previewTransfer"]
    assert preview["limit"] == {"allowed": False, "approvalRequired": True}
    asked = asking(carol, dave, idempotencyKey=..., amount="3.00")
    preview = (await api(PREVIEW, {"input": asked}, **MANAGER))["previewTransfer"]
    assert (preview["availableAfter"], preview["receivedAvailableAfter"]) == ("6.00", "3.00")
    (took,), (gave,) = preview["credits"], preview["receivedCredits"]
    assert (took["amount"], gave["amount"], gave["credit"]) == ("-3.00", "3.00", None)
    assert gave["expiresAt"] is not None
    assert await tenant.available(carol) == 900
