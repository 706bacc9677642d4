"""Previews of what touches several accounts or invoices: what they tell is what the mutation then does."""

from decimal import Decimal
from typing import Any, Final

import pytest

from auth.roles import Role, Scope
from models.commands import MergeCustomers
from models.operations.merge_customers import merge_customers
from schema.types.base import FEW
from tests.api.conftest import Api, gid
from tests.support.root_fields import one_of_each, what_it_names
from tests.support.root_previews import KEYLESS
from tests.support.tenants import ADMIN, Tenant

EFFECTS: Final = """accounts { account { id } customer { id } asset availableAfter heldAfter lifetimeAfter
    tierAfter { name } credits { credit { id } amount amountMoney { amount asset } remainingAfter
      expiresAt autoApply services { name } } }
  invoices { invoice { id number } currency total amount dueAfter statusAfter }
  limit { allowed approvalRequired } userErrors { code field }"""
ALLOWED: Final = {"allowed": True, "approvalRequired": False}
POSTS: Final = {
    "previewReward": "giveReward",
    "previewDisableCoupon": "disableCoupon",
    "previewAssignment": "assignCredit",
    "previewRelease": "releaseAssignments",
    "previewReassignment": "reassignCredit",
    "previewVoidCredit": "voidCredit",
    "previewVoidInvoice": "voidInvoice",
    "previewVoidPayment": "voidPayment",
    "previewVoidCreditNote": "voidCreditNote",
    "previewMerge": "mergeCustomers",
    "previewInvoice": "createInvoice",
    "previewOrder": "createOrder",
    "previewUpdateCredit": "updateCredit",
}
"""By preview with a PostingPreview, the mutation that does it."""
BALANCES: Final = "SELECT id, balance_minor, lifetime_minor FROM accounts WHERE tenant_id = $1"


async def preview(api: Api, field: str, given: dict[str, Any], **token: Any) -> dict[str, Any]:
    kind = field[0].upper() + field[1:]
    query = f"query($input: {kind}Input!) {{ {field}(input: $input) {{ {EFFECTS} }} }}"
    async with api.tenant.nothing_moves():
        found: dict[str, Any] = (await api(query, {"input": given}, **token))[field]
    return found


async def post(api: Api, field: str, given: dict[str, Any], key: str = "k") -> list[Any]:
    kind = field[0].upper() + field[1:]
    query = f"mutation($input: {kind}Input!) {{ {field}(input: $input) {{ userErrors {{ code field }} }} }}"
    errors: list[Any] = (await api(query, {"input": {**given, "idempotencyKey": key}}))[field]["userErrors"]
    return errors


async def state(api: Api, ids: list[str]) -> dict[str, Any]:
    """What is available on accounts and due on invoices, by their ids."""
    query = """query($id: ID!) { node(id: $id) { ... on Account { available held lifetime }
      ... on Invoice { due status } } }"""
    return {each: (await api(query, {"id": each}))["node"] for each in ids}


async def issued(api: Api, number: str) -> str:
    """The id of the invoice with this number."""
    query = "query($number: String!) { invoice(by: { number: $number }) { id } }"
    found: str = (await api(query, {"number": number}))["invoice"]["id"]
    return found


@pytest.mark.parametrize("case", [case for case in KEYLESS if case.field in POSTS], ids=lambda case: case.name)
async def test_what_a_preview_tells_is_what_is_then_done(api: Api, tenant: Tenant, case: Any) -> None:
    given = case.variables(await what_it_names(tenant, case))["input"]
    seen = await preview(api, case.field, given)
    assert (seen["limit"], seen["userErrors"]) == (ALLOWED, [])
    there = {gid("Account", row["id"]): row for row in await tenant.fetch(BALANCES)}

    assert await post(api, POSTS[case.field], given) == []

    told = {
        each["account"]["id"]: {
            "available": each["availableAfter"],
            "held": each["heldAfter"],
            "lifetime": each["lifetimeAfter"],
        }
        for each in seen["accounts"]
        if each["account"]
    }
    told |= {
        each["invoice"]["id"] if each["invoice"] else await issued(api, given["number"]): {
            "due": each["dueAfter"],
            "status": each["statusAfter"],
        }
        for each in seen["invoices"]
    }
    assert await state(api, list(told)) == told
    moved = {
        gid("Account", row["id"]) for row in await tenant.fetch(BALANCES) if there.get(gid("Account", row["id"])) != row
    }
    assert moved <= told.keys()


@pytest.mark.parametrize("case", [case for case in KEYLESS if case.field in POSTS], ids=lambda case: case.name)
async def test_it_refuses_what_would_be_refused(api: Api, tenant: Tenant, case: Any) -> None:
    """Done once, most of it cannot be done again; and the preview says why in the words of the mutation."""
    given = case.variables(await what_it_names(tenant, case))["input"]
    kind, again = POSTS[case.field], given
    assert await post(api, kind, given) == []
    seen = await preview(api, case.field, again)
    posted = await post(api, kind, again, key="another")
    assert seen["userErrors"] == posted
    if posted:
        assert (seen["accounts"], seen["invoices"]) == ([], [])


async def test_an_assignment_of_blank_amounts(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    credit = await tenant.adjust(carol, "10.00")
    first = await tenant.invoice(carol, "7.00", auto_apply=False)
    second = await tenant.invoice(carol, "7.00", auto_apply=False)
    given = {
        "creditId": gid("Credit", credit.credit_id),
        "assignments": [{"invoiceId": gid("Invoice", each)} for each in (first, second)],
    }
    seen = await preview(api, "previewAssignment", given)
    (account,) = seen["accounts"]
    assert (account["account"], account["customer"]) == (
        {"id": gid("Account", credit.account_id)},
        {"id": gid("Customer", carol)},
    )
    assert [(each["amount"], each["remainingAfter"]) for each in account["credits"]] == [
        ("-7.00", "0.00"),
        ("-3.00", "0.00"),
    ]
    assert account["credits"][0]["amountMoney"] == {"amount": "-7.00", "asset": "GBP"}
    assert [
        (e["invoice"]["id"], e["currency"], e["amount"], e["dueAfter"], e["statusAfter"]) for e in seen["invoices"]
    ] == [
        (gid("Invoice", first), "GBP", "7.00", "0.00", "PAID"),
        (gid("Invoice", second), "GBP", "3.00", "4.00", "PART_PAID"),
    ]


async def test_a_free_reward_over_the_limit(api: Api, tenant: Tenant) -> None:
    carol, reward = await tenant.customer(), await tenant.reward(5_000, name="Trip")
    given = {"customerId": gid("Customer", carol), "rewardId": gid("Reward", reward), "deductPoints": False}
    seen = await preview(api, "previewReward", given, role=Role.STAFF)
    assert seen["limit"] == {"allowed": False, "approvalRequired": True}
    assert seen["userErrors"] == [{"code": "LIMIT_EXCEEDED", "field": ["rewardId"]}]
    asked = await preview(api, "previewReward", {**given, "requestApproval": True}, role=Role.STAFF)
    assert (asked["limit"], asked["userErrors"]) == ({"allowed": False, "approvalRequired": True}, [])
    free = await preview(api, "previewReward", given, role=Role.MANAGER)
    assert (free["limit"], free["userErrors"], free["accounts"]) == (ALLOWED, [], [])


async def test_a_reward_for_points_of_a_merged_record(api: Api, tenant: Tenant) -> None:
    old, new = await tenant.customer("old"), await tenant.customer("new")
    points = await tenant.adjust(new, "300", "POINTS")
    reward = await tenant.reward(100, name="Mug")
    await merge_customers(tenant.ledger, tenant.id, ADMIN, MergeCustomers(old, new), tenant.key())
    given = {"customerId": gid("Customer", old), "rewardId": gid("Reward", reward), "deductPoints": True}
    (account,) = (await preview(api, "previewReward", given))["accounts"]
    assert (account["account"]["id"], account["customer"]["id"]) == (
        gid("Account", points.account_id),
        gid("Customer", new),
    )
    assert (account["availableAfter"], account["lifetimeAfter"]) == ("200", "300")


async def test_all_credits_of_a_large_one_are_told_in_their_order(api: Api, tenant: Tenant) -> None:
    old, new = await tenant.customer("old"), await tenant.customer("new")
    await tenant.bulk(*[(old, n) for n in range(1, FEW + 2)], asset="GBP", allow_duplicate_customers=True)
    given = {"fromId": gid("Customer", old), "intoId": gid("Customer", new)}
    taken, added = (await preview(api, "previewMerge", given))["accounts"]
    amounts = [credit["amount"] for credit in added["credits"]]
    assert sorted(map(Decimal, amounts)) == [*map(Decimal, range(1, FEW + 2))]
    assert [credit["amount"] for credit in taken["credits"]] == [f"-{amount}" for amount in amounts]
    assert {credit["credit"] for credit in added["credits"]} == {None}


async def test_a_merge_shows_both_sides_and_the_account_it_would_open(api: Api, tenant: Tenant) -> None:
    old, new = await tenant.customer("old"), await tenant.customer("new")
    await tenant.tier("Gold", 100)
    points = await tenant.adjust(old, "150", "POINTS")
    given = {"fromId": gid("Customer", old), "intoId": gid("Customer", new)}
    seen = await preview(api, "previewMerge", given)
    by_customer = {each["customer"]["id"]: each for each in seen["accounts"]}
    left, got = by_customer[gid("Customer", old)], by_customer[gid("Customer", new)]
    assert (left["availableAfter"], left["lifetimeAfter"], left["tierAfter"]) == ("0", "0", None)
    assert [(each["credit"], each["amount"], each["remainingAfter"]) for each in left["credits"]] == [
        ({"id": gid("Credit", points.credit_id)}, "-150", "0")
    ]
    assert [(each["credit"], each["amount"], each["remainingAfter"]) for each in got["credits"]] == [
        (None, "150", "150")
    ]
    assert (got["account"], got["availableAfter"], got["tierAfter"]) == (None, "150", {"name": "Gold"})
    nobody = await preview(api, "previewMerge", {**given, "intoId": given["fromId"]})
    assert [error["code"] for error in nobody["userErrors"]] == ["INVALID"]


async def test_it_tells_no_figure_that_may_not_be_read(api: Api, tenant: Tenant) -> None:
    ids = await one_of_each(tenant)
    given = {"creditId": ids["Credit"], "assignments": [{"invoiceId": ids["Invoice"]}]}
    query = """query($input: PreviewAssignmentInput!) { previewAssignment(input: $input) {
      accounts { availableAfter } invoices { dueAfter } limit { allowed } userErrors { code } } }"""
    token: dict[str, Any] = {"role": Role.PARTNER, "client_id": "shop", "scopes": [Scope.CREDITS_ASSIGN]}
    answer = await api(query, {"input": given}, **token)
    assert answer.data == {
        "previewAssignment": {"accounts": None, "invoices": None, "limit": {"allowed": True}, "userErrors": []}
    }
    assert {error["extensions"]["missing"][0] for error in answer.errors} == {"ledger:read", "invoices:read"}


async def test_the_keyless_preview_of_an_adjustment_tells_the_same(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    given = {"customerId": gid("Customer", carol), "asset": "GBP", "amount": "5.00", "reason": "GOODWILL"}
    told = "{ availableAfter availableAfterMoney { amount asset } credits { amount } userErrors { code } }"
    new = await api(f"query($i: PreviewAdjustmentInput!) {{ previewAdjustment(input: $i) {told} }}", {"i": given})
    old = await api(
        f"query($i: AdjustCreditInput!) {{ adjustmentPreview(input: $i) {told} }}",
        {"i": {**given, "idempotencyKey": "ignored"}},
    )
    assert new["previewAdjustment"] == old["adjustmentPreview"]
    assert new["previewAdjustment"]["availableAfterMoney"] == {"amount": "5.00", "asset": "GBP"}


async def test_a_use_is_previewed_as_a_spend_is(api: Api, tenant: Tenant) -> None:
    carol, cut = await tenant.customer(), await tenant.service("Cut")
    await tenant.adjust(carol, "3", "SERVICE_CREDITS")
    query = """query($input: PreviewUseInput!) { previewUse(input: $input) { availableAfter userErrors { code } } }"""
    given = {"customerId": gid("Customer", carol), "serviceId": gid("Service", cut), "amount": "2"}
    assert (await api(query, {"input": given}))["previewUse"] == {"availableAfter": "1", "userErrors": []}
    short = await api(query, {"input": {**given, "amount": "4"}})
    assert short["previewUse"]["userErrors"] == [{"code": "INSUFFICIENT_BALANCE"}]
    none = await api(query, {"input": {**given, "amount": "0"}})
    assert none["previewUse"]["userErrors"] == [{"code": "AMOUNT_ZERO"}]


async def test_an_invoice_shows_the_credit_that_applies_itself(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    paused = await tenant.adjust(carol, "3.00", auto_apply=False)
    credit = await tenant.adjust(carol, "5.00")
    lines = [{"description": "Lamp", "units": "2", "unitPrice": "4.50", "taxAmount": "1.00"}]
    given = {"customerId": gid("Customer", carol), "number": "P-1", "currency": "GBP", "lines": lines}
    seen = await preview(api, "previewInvoice", given)
    assert seen["invoices"] == [
        {
            "invoice": None,
            "currency": "GBP",
            "total": "10.00",
            "amount": "5.00",
            "dueAfter": "5.00",
            "statusAfter": "PART_PAID",
        }
    ]
    (account,) = seen["accounts"]
    assert (account["account"]["id"], account["availableAfter"]) == (gid("Account", paused.account_id), "3.00")
    assert [(each["credit"]["id"], each["amount"], each["remainingAfter"]) for each in account["credits"]] == [
        (gid("Credit", credit.credit_id), "-5.00", "0.00")
    ]
    without = await preview(api, "previewInvoice", {**given, "autoApplyCredit": False})
    assert (without["accounts"], [each["dueAfter"] for each in without["invoices"]]) == ([], ["10.00"])
    assert without["invoices"][0]["statusAfter"] == "OPEN"


async def test_an_invoice_for_somebody_without_an_account(api: Api, tenant: Tenant) -> None:
    given = {"customerId": gid("Customer", await tenant.customer()), "number": "P-1", "currency": "GBP"}
    lines = [{"description": "Lamp", "units": "1", "unitPrice": "4.50"}]
    seen = await preview(api, "previewInvoice", {**given, "lines": lines})
    assert (seen["accounts"], seen["userErrors"], seen["invoices"][0]["dueAfter"]) == ([], [], "4.50")
    faulty = await preview(api, "previewInvoice", {**given, "lines": []})
    assert (faulty["userErrors"], faulty["invoices"]) == ([{"code": "INVALID", "field": ["lines"]}], [])


async def test_an_order_that_sells_credit_shows_the_limit(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    gift = await tenant.product("1.00", "CREDIT")
    await tenant.limit("STAFF", "GBP", kind="SELLING_CREDIT", adjustment=20)
    item = {"productId": gid("Product", gift), "units": "21"}
    given = {"customerId": gid("Customer", carol), "number": "O-1", "currency": "GBP", "items": [item]}
    over = await preview(api, "previewOrder", given, role=Role.STAFF)
    assert over["limit"] == {"allowed": False, "approvalRequired": True}
    assert (over["userErrors"], over["invoices"]) == ([{"code": "LIMIT_EXCEEDED", "field": ["items"]}], [])
    asked = await preview(api, "previewOrder", {**given, "requestApproval": True}, role=Role.STAFF)
    assert (asked["limit"]["approvalRequired"], asked["userErrors"], asked["invoices"]) == (True, [], [])
    within = await preview(api, "previewOrder", {**given, "items": [{**item, "units": "20"}]})
    assert (within["limit"], within["invoices"][0]["total"], within["accounts"]) == (ALLOWED, "20.00", [])


async def test_a_changed_credit_is_told_as_it_would_be(api: Api, tenant: Tenant) -> None:
    carol, cut = await tenant.customer(), await tenant.service("Cut")
    credit = await tenant.adjust(carol, "5", "SERVICE_CREDITS", expires_in_days=10)
    given = {"creditId": gid("Credit", credit.credit_id), "neverExpires": True, "serviceIds": [gid("Service", cut)]}
    seen = await preview(api, "previewUpdateCredit", given)
    (account,) = seen["accounts"]
    assert (account["availableAfter"], seen["invoices"]) == ("5", [])
    (told,) = account["credits"]
    assert (told["credit"]["id"], told["amount"], told["remainingAfter"]) == (given["creditId"], "0", "5")
    assert (told["expiresAt"], told["autoApply"], told["services"]) == (None, True, [{"name": "Cut"}])
    nothing = await preview(api, "previewUpdateCredit", {"creditId": given["creditId"]})
    assert (nothing["userErrors"], nothing["accounts"]) == ([{"code": "INVALID", "field": ["creditId"]}], [])
