"""reviveCredit, and previewRevival with the same input but its key; and refundSpend under a new expiry."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from auth.roles import Role
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.tenants import Tenant

REVIVE = """mutation($input: ReviveCreditInput!) { reviveCredit(input: $input) {
  replayed userErrors { code message field } account { available } credit { id status remaining expiresAt }
  approvalRequest { operation asset amount reason note expiresInDays credit { id } customer { externalId } }
  transaction { id kind reason note entries { edges { node { amount counter } } } } } }"""
PREVIEW = """query($input: PreviewRevivalInput!) { previewRevival(input: $input) {
  availableAfter credits { credit { id } amount remainingAfter expiresAt } account { available }
  limit { allowed approvalRequired } userErrors { code field } } }"""
REFUND = """mutation($input: RefundSpendInput!) { refundSpend(input: $input) {
  userErrors { code field } account { available } transaction { id } } }"""
MANAGER: dict[str, Any] = {"role": Role.MANAGER, "subject": "maria"}
STAFF: dict[str, Any] = {"role": Role.STAFF, "subject": "sam"}


@pytest.fixture
async def carol(tenant: Tenant) -> UUID:
    return await tenant.customer("carol")


@pytest.fixture
async def gone(tenant: Tenant, carol: UUID, clock: Clock) -> UUID:
    """Carol's credit, of which 50.00 has expired."""
    credit = await tenant.credit(carol, 50, expires_at=clock() + timedelta(days=1))
    clock.advance(days=2)
    await tenant.expire()
    return credit


def asking(credit: UUID, **given: Any) -> dict[str, Any]:
    asked = {"creditId": gid("Credit", credit), "reason": "GOODWILL", "expiresInDays": 9, "idempotencyKey": "k"}
    return {name: value for name, value in (asked | given).items() if value is not ...}


async def ask(api: Api, credit: UUID, **given: Any) -> dict[str, Any]:
    token = given.pop("token", MANAGER)
    payload: dict[str, Any] = (await api(REVIVE, {"input": asking(credit, **given)}, **token))["reviveCredit"]
    return payload


async def test_a_part_and_then_the_rest(api: Api, tenant: Tenant, gone: UUID) -> None:
    part = await ask(api, gone, amount="20.00", note="She was ill")
    assert (part["replayed"], part["userErrors"], part["approvalRequest"]) == (False, [], None)
    assert (part["account"], part["credit"]["status"]) == ({"available": "20.00"}, "OPEN")
    assert part["credit"]["id"] == gid("Credit", gone)
    said = part["transaction"]
    assert (said["kind"], said["reason"], said["note"]) == ("REVIVAL", "GOODWILL", "She was ill")
    assert [edge["node"] for edge in said["entries"]["edges"]] == [{"amount": "20.00", "counter": "EXPIRED"}]
    rest = await ask(api, gone, idempotencyKey="k2", expiresInDays=..., neverExpires=True)
    assert (rest["account"], rest["credit"]["expiresAt"]) == ({"available": "50.00"}, None)
    async with tenant.nothing_moves():
        again = await ask(api, gone, amount="20.00", note="She was ill")
        more = await ask(api, gone, idempotencyKey="k3")
    assert (again["replayed"], again["transaction"]["id"]) == (True, said["id"])
    (error,) = more["userErrors"]
    assert (error["code"], error["field"]) == ("EXCEEDS_REMAINING", ["amount"])


async def test_the_reason_is_trimmed(api: Api, tenant: Tenant, gone: UUID) -> None:
    done = await ask(api, gone, reason=" GOODWILL ")
    assert (done["userErrors"], done["account"]) == ([], {"available": "50.00"})
    assert done["transaction"]["reason"] == "GOODWILL"
    async with tenant.nothing_moves():
        assert await ask(api, gone) == done | {"replayed": True}


async def test_what_cannot_be_moves_nothing(api: Api, tenant: Tenant, carol: UUID, gone: UUID) -> None:
    bad: list[tuple[dict[str, Any], list[str]]] = [
        ({"creditId": "x"}, ["NOT_FOUND", "creditId"]),
        ({"creditId": gid("Customer", carol)}, ["NOT_FOUND", "creditId"]),
        ({"reason": "NOPE"}, ["REASON_UNKNOWN", "reason"]),
        ({"reason": "\x00"}, ["INVALID", "reason"]),
        ({"amount": "50.01"}, ["EXCEEDS_REMAINING", "amount"]),
        ({"amount": "-1"}, ["INVALID", "amount"]),
        ({"expiresInDays": ...}, ["EXPIRY_CONFLICT", "expiresAt"]),
        ({"neverExpires": True}, ["EXPIRY_CONFLICT", "expiresAt"]),
        ({"expiresInDays": -1}, ["INVALID", "expiresInDays"]),
        ({"expiresInDays": ..., "expiresAt": "2020-01-01T00:00:00Z"}, ["EXPIRY_IN_PAST", "expiresAt"]),
        ({"note": "\x00"}, ["INVALID", "note"]),
    ]
    async with tenant.nothing_moves():
        for change, expected in bad:
            errors = (await ask(api, gone, **change))["userErrors"]
            assert [[error["code"], *error["field"]] for error in errors] == [expected], change


async def test_a_request_shows_what_is_asked(api: Api, gone: UUID) -> None:
    waits = await ask(api, gone, proposeOnly=True, note="Please")
    assert (waits["transaction"], waits["credit"], waits["userErrors"]) == (None, None, [])
    assert waits["approvalRequest"] == {
        "operation": "REVIVE_CREDIT",
        "asset": "GBP",
        "amount": "50.00",
        "reason": "GOODWILL",
        "note": "Please",
        "expiresInDays": 9,
        "credit": {"id": gid("Credit", gone)},
        "customer": {"externalId": "carol"},
    }


async def test_a_preview_says_how_much(api: Api, tenant: Tenant, gone: UUID) -> None:
    async with tenant.nothing_moves():
        asked = asking(gone, idempotencyKey=...)
        preview = (await api(PREVIEW, {"input": asked}, **MANAGER))["previewRevival"]
        nothing = (await api(PREVIEW, {"input": asked | {"creditId": "x"}}, **MANAGER))["previewRevival"]
    (effect,) = preview["credits"]
    assert (effect["amount"], effect["remainingAfter"]) == ("50.00", "50.00")
    assert (preview["availableAfter"], preview["account"]) == ("50.00", {"available": "0.00"})
    assert nothing["userErrors"] == [{"code": "NOT_FOUND", "field": ["creditId"]}]


async def test_staff_neither_revive_nor_renew(api: Api, tenant: Tenant, carol: UUID, gone: UUID) -> None:
    await tenant.credit(carol, 5)
    spend = {"transactionId": gid("Transaction", (await tenant.spend(carol, 5)).transaction_id), "idempotencyKey": "k"}
    async with tenant.nothing_moves():
        refused = await api(REVIVE, {"input": asking(gone)}, **STAFF)
        renewed = await api(REFUND, {"input": spend | {"neverExpires": True}}, **STAFF)
    for answer in (refused, renewed):
        assert answer.codes == ["FORBIDDEN"]
    back = (await api(REFUND, {"input": spend}, **STAFF))["refundSpend"]
    assert back["account"] == {"available": "5.00"}


async def test_a_refund_under_a_new_expiry(api: Api, tenant: Tenant, carol: UUID, clock: Clock) -> None:
    credit = await tenant.credit(carol, 8, expires_in_days=1)
    spend = (await tenant.spend(carol, 5)).transaction_id
    clock.advance(days=9)
    asked = {"transactionId": gid("Transaction", spend), "expiresInDays": 10, "idempotencyKey": "k"}
    back = (await api(REFUND, {"input": asked}, **MANAGER))["refundSpend"]
    assert (back["userErrors"], back["account"]) == ([], {"available": "5.00"})
    assert await tenant.remainders(credit) == [500]
