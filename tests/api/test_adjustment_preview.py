"""adjustmentPreview: what adjustCredit would do, without doing it."""

from typing import Any

import pytest

from auth.roles import Role
from tests.api.conftest import Api, gid
from tests.support.tenants import Tenant

PREVIEW = """query($input: AdjustCreditInput!) { adjustmentPreview(input: $input) {
  account { available } availableAfter lifetimeAfter tierAfter { name }
  credits { credit { id } amount remainingAfter expiresAt }
  limit { allowed approvalRequired remaining { scope asset remaining } }
  userErrors { code field available } } }"""


def an_input(customer: Any, amount: str, asset: str = "GBP", **more: Any) -> dict[str, Any]:
    return {
        "input": {
            "customerId": gid("Customer", customer),
            "asset": asset,
            "amount": amount,
            "reason": "CORRECTION",
            "idempotencyKey": "never used",
            **more,
        }
    }


async def preview(api: Api, tenant: Tenant, variables: dict[str, Any], role: Role = Role.ADMIN) -> dict[str, Any]:
    async with tenant.nothing_moves():
        found: dict[str, Any] = (await api(PREVIEW, variables, role=role))["adjustmentPreview"]
    return found


async def test_an_addition_that_would_open_the_account(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    await tenant.tier("Silver", 100)

    found = await preview(api, tenant, an_input(carol, "150", "POINTS"))

    assert found == {
        "account": None,
        "availableAfter": "150",
        "lifetimeAfter": "150",
        "tierAfter": {"name": "Silver"},
        "credits": [{"credit": None, "amount": "150", "remainingAfter": "150", "expiresAt": None}],
        "limit": {"allowed": True, "approvalRequired": False, "remaining": []},
        "userErrors": [],
    }


async def test_a_removal_in_burn_order(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    first = await tenant.adjust(carol, "5.00")
    soonest = await tenant.adjust(carol, "2.00", expires_in_days=3)

    found = await preview(api, tenant, an_input(carol, "-3.00"))

    assert (found["account"], found["availableAfter"]) == ({"available": "7.00"}, "4.00")
    assert [(c["credit"], c["amount"], c["remainingAfter"]) for c in found["credits"]] == [
        ({"id": gid("Credit", soonest.credit_id)}, "-2.00", "0.00"),
        ({"id": gid("Credit", first.credit_id)}, "-1.00", "4.00"),
    ]


async def test_over_a_limit_it_says_so(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()

    found = await preview(api, tenant, an_input(carol, "100.01", reason="GOODWILL"), Role.STAFF)

    assert (found["limit"]["allowed"], found["limit"]["approvalRequired"]) == (False, True)
    assert {"scope": "PER_CUSTOMER_DAY", "asset": "GBP", "remaining": "200.00"} in found["limit"]["remaining"]
    assert [error["code"] for error in found["userErrors"]] == ["LIMIT_EXCEEDED"]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"customerId": "x"}, "NOT_FOUND", ["customerId"]),
        ({"creditId": "x", "amount": "-1.00"}, "NOT_FOUND", ["creditId"]),
        ({"serviceIds": ["x"]}, "NOT_FOUND", ["serviceIds", "0"]),
        ({"amount": "0"}, "AMOUNT_ZERO", ["amount"]),
        ({"amount": "1.005"}, "AMOUNT_PRECISION", ["amount"]),
        ({"amount": "-9.00"}, "INSUFFICIENT_BALANCE", ["amount"]),
        ({"asset": "XYZ"}, "INVALID", ["asset"]),
        ({"note": "\x00"}, "INVALID", ["note"]),
        ({"note": "n" * 10_001}, "INVALID", ["note"]),
        ({"reason": "NONSENSE"}, "REASON_UNKNOWN", ["reason"]),
        ({"reason": "R" * 65}, "INVALID", ["reason"]),
        ({"reason": "OTHER"}, "NOTE_REQUIRED", ["note"]),
    ],
)
async def test_what_would_be_refused(
    api: Api, tenant: Tenant, change: dict[str, Any], code: str, field: list[str]
) -> None:
    carol = await tenant.customer()
    await tenant.adjust(carol, "5.00")
    variables = an_input(carol, "1.00")
    variables["input"].update(change)

    found = await preview(api, tenant, variables)

    assert [(error["code"], error["field"]) for error in found["userErrors"]] == [(code, field)]
    assert found["credits"] == []


async def test_another_tenants_customer_is_not_found(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    theirs = await other_tenant.customer()
    found = await preview(api, tenant, an_input(theirs, "1.00"))
    assert [error["code"] for error in found["userErrors"]] == ["NOT_FOUND"]
