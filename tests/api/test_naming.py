"""Things named by what the tenant's own systems call them, in place of their ids."""

from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.headline import ADJUST, BULK, adjusting, ask, document, done
from tests.support.plans import recorded
from tests.support.tenants import Tenant

ERRORS: Final = "userErrors { code field }"


@pytest.fixture
async def carol(tenant: Tenant) -> UUID:
    return await tenant.customer("carol")


def by_name(customer: str, amount: str, **more: Any) -> dict[str, Any]:
    given = adjusting(uuid4(), amount, **more)
    del given["customerId"]
    return given | {"customerBy": {"externalId": customer}}


def fresh() -> dict[str, Any]:
    return {"idempotencyKey": uuid4().hex}


async def balance(tenant: Tenant, customer: UUID, asset: str = "GBP") -> int:
    rows = await tenant.rows(
        "SELECT balance_minor FROM accounts WHERE tenant_id = $1 AND customer_id = $2 AND asset = $3", customer, asset
    )
    return sum(row[0] for row in rows)


async def mutate(api: Api, field: str, given: dict[str, Any], selection: str = ERRORS) -> dict[str, Any]:
    payload: dict[str, Any] = (await api(document(field, selection), {"input": given}))[field]
    return payload


async def test_a_customer_is_named_by_external_id(api: Api, tenant: Tenant, carol: UUID) -> None:
    payload = await done(api, ADJUST, by_name(" carol ", "5.00"))
    assert payload["account"]["customer"] == {"externalId": "carol"}
    assert await balance(tenant, carol) == 500
    same = adjusting(carol, "5.00")
    same["customerBy"] = {"id": same.pop("customerId")}
    await done(api, ADJUST, same)
    assert await balance(tenant, carol) == 1000


async def test_each_kind_of_thing_is_named_by_what_is_its_name(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.service("Haircut")
    await tenant.reward(10, name="Mug")
    await tenant.product("3.00", name="Chair")
    await tenant.tier("Gold", 1000)
    await tenant.adjust(carol, "500", "POINTS")
    credit = await tenant.adjust(carol, "50.00", auto_apply=False)
    who: dict[str, Any] = {"customerBy": {"externalId": "carol"}}
    served = by_name("carol", "2", asset="SERVICE_CREDITS", servicesBy=[{"name": "Haircut"}])

    await done(api, ADJUST, served)
    given: dict[str, Any] = {**who, "serviceBy": {"name": "Haircut"}, "amount": "1", **fresh()}
    assert await mutate(api, "useCredit", given) == {"userErrors": []}
    items = [{"productBy": {"name": "Chair"}, "quantity": 1}]
    order = {**who, "number": "SO-1", "currency": "GBP", "items": items, **fresh()}
    assert await mutate(api, "createOrder", order) == {"userErrors": []}
    number: dict[str, Any] = {"invoiceBy": {"number": "SO-1"}}
    given = {"creditId": gid("Credit", credit.credit_id), "assignments": [number | {"amount": "1.00"}], **fresh()}
    assert await mutate(api, "assignCredit", given) == {"userErrors": []}
    paid = {**number, "amount": "1.00", "method": "CASH", **fresh()}
    assert await mutate(api, "recordPayment", paid) == {"userErrors": []}
    given = {**who, "rewardBy": {"name": "Mug"}, "deductPoints": True, **fresh()}
    coupon = await mutate(api, "giveReward", given, f"coupon {{ code }} {ERRORS}")
    used = {"couponBy": {"code": coupon["coupon"]["code"].lower()}, **number, **fresh()}
    assert await mutate(api, "useCoupon", used, f"coupon {{ usedOn {{ number }} }} {ERRORS}") == {
        "coupon": {"usedOn": {"number": "SO-1"}},
        "userErrors": [],
    }
    assert await mutate(api, "updateTier", {"tierBy": {"name": "Gold"}, "threshold": "2000"}) == {"userErrors": []}
    for field, given in (
        ("updateProduct", {"productBy": {"name": "Chair"}, "active": False}),
        ("updateReward", {"rewardBy": {"name": "Mug"}, "active": False}),
        ("updateService", {"serviceBy": {"name": "Haircut"}, "active": False}),
        ("startMembership", who),
        ("updateCustomer", {**who, "name": "Carol C."}),
    ):
        assert await mutate(api, field, given) == {"userErrors": []}, field


async def test_both_customers_of_a_transfer_and_of_a_merge_are_named(api: Api, tenant: Tenant, carol: UUID) -> None:
    dave = await tenant.customer("dave")
    await tenant.adjust(carol, "10.00")
    sides = {"fromCustomerBy": {"externalId": "carol"}, "toCustomerBy": {"externalId": "dave"}}
    given = {**sides, "asset": "GBP", "amount": "4.00", "note": "shared", "idempotencyKey": uuid4().hex}
    assert await mutate(api, "transferCredit", given) == {"userErrors": []}
    assert (await balance(tenant, carol), await balance(tenant, dave)) == (600, 400)
    merged = {"fromBy": {"externalId": "dave"}, "intoBy": {"externalId": "carol"}, "idempotencyKey": "m"}
    for replayed in (False, True):
        payload = await mutate(api, "mergeCustomers", merged, f"replayed customer {{ externalId }} {ERRORS}")
        assert payload == {"replayed": replayed, "customer": {"externalId": "carol"}, "userErrors": []}
    await done(api, ADJUST, by_name("dave", "1.00"))
    assert await balance(tenant, carol) == 1100


async def test_what_has_no_such_name_is_not_found_at_its_field(api: Api, tenant: Tenant, carol: UUID) -> None:
    credit = gid("Credit", (await tenant.adjust(carol, "10.00")).credit_id)
    await tenant.invoice(carol, "5.00", number="I-1", auto_apply=False)
    key: dict[str, Any] = {"idempotencyKey": "k"}
    for field, given, path in (
        (ADJUST, by_name("nobody", "5.00"), ["customerBy", "externalId"]),
        (ADJUST, by_name("carol", "5", asset="SERVICE_CREDITS", servicesBy=[{"name": "Cut"}]), ["servicesBy"]),
        (
            "assignCredit",
            {"creditId": credit, "assignments": [{"invoiceBy": {"number": n}} for n in ("I-1", "I-2")], **key},
            ["assignments", "1", "invoiceBy", "number"],
        ),
        ("voidInvoice", {"invoiceBy": {"number": "I-2"}, **key}, ["invoiceBy", "number"]),
        ("startMembership", {"customerBy": {"externalId": "nobody"}}, ["customerBy", "externalId"]),
        ("deleteTier", {"tierBy": {"name": "Gold"}}, ["tierBy", "name"]),
    ):
        assert await mutate(api, field, given) == {"userErrors": [{"code": "NOT_FOUND", "field": path}]}, field
    assert await balance(tenant, carol) == 1000
    assert await tenant.rows("SELECT key FROM idempotency_keys WHERE tenant_id = $1 AND key = 'k'") == []


async def test_one_of_the_two_is_given(api: Api, tenant: Tenant, carol: UUID) -> None:
    both = adjusting(carol, "5.00", customerBy={"externalId": "carol"})
    neither = by_name("carol", "5.00")
    del neither["customerBy"]
    serviced = adjusting(carol, "5", asset="SERVICE_CREDITS", serviceIds=[], servicesBy=[])
    for given, field in ((both, ["customerBy"]), (neither, ["customerId"]), (serviced, ["servicesBy"])):
        assert await mutate(api, ADJUST, given) == {"userErrors": [{"code": "INVALID", "field": field}]}
    assert await balance(tenant, carol) == 0


@pytest.mark.parametrize("name", ["x" * 256, "a\x00b", ""])
async def test_what_is_no_name_is_refused(api: Api, tenant: Tenant, name: str) -> None:
    payload = await mutate(api, ADJUST, by_name(name, "5.00"))
    assert payload["userErrors"][0]["field"] == ["customerBy", "externalId"]


async def test_another_tenants_names_are_nobody_s(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    await other_tenant.customer("zoe")
    payload = await mutate(api, ADJUST, by_name("zoe", "5.00"))
    assert payload["userErrors"] == [{"code": "NOT_FOUND", "field": ["customerBy", "externalId"]}]


async def test_it_is_the_same_request_whoever_has_the_name(api: Api, tenant: Tenant, carol: UUID) -> None:
    given = by_name("carol", "5.00")
    first = await done(api, ADJUST, given)
    renamed = {"customerId": gid("Customer", carol), "externalId": "caroline"}
    assert await mutate(api, "updateCustomer", renamed) == {"userErrors": []}
    for _ in range(2):  # nobody's; then another's
        again = await ask(api, ADJUST, given)
        assert (again["replayed"], again["userErrors"]) == (True, [])
        assert again["transaction"]["id"] == first["transaction"]["id"]
        other = await tenant.customer("carol")
    assert (await balance(tenant, carol), await balance(tenant, other)) == (500, 0)
    assert [e["code"] for e in (await ask(api, ADJUST, given | {"amount": "6.00"}))["userErrors"]] == [
        "IDEMPOTENCY_KEY_REUSED"
    ]


async def rename(api: Api, customer: UUID, external_id: str) -> None:
    renamed = {"customerId": gid("Customer", customer), "externalId": external_id}
    assert await mutate(api, "updateCustomer", renamed) == {"userErrors": []}


async def test_a_reward_given_is_answered_whatever_has_the_names(api: Api, tenant: Tenant, carol: UUID) -> None:
    """The coupon and the account are those of then: the reward's name is nothing's by now, the customer's another's."""
    reward = await tenant.reward(10, name="Mug")
    await tenant.adjust(carol, "500", "POINTS")
    selection = f"replayed coupon {{ id }} account {{ customer {{ id }} }} transaction {{ id }} {ERRORS}"
    named = {"customerBy": {"externalId": "carol"}, "rewardBy": {"name": "Mug"}}
    given = [{**named, "deductPoints": points, **fresh()} for points in (True, False)]
    first = [await mutate(api, "giveReward", each, selection) for each in given]
    assert [each["account"]["customer"]["id"] for each in first] == [gid("Customer", carol)] * 2
    cup = {"rewardId": gid("Reward", reward), "name": "Cup"}
    assert await mutate(api, "updateReward", cup) == {"userErrors": []}
    await rename(api, carol, "caroline")
    for _ in range(2):  # nobody's; then another's
        async with tenant.nothing_moves():
            again = [await mutate(api, "giveReward", each, selection) for each in given]
        assert again == [each | {"replayed": True} for each in first]
        await tenant.adjust(await tenant.customer("carol"), "500", "POINTS")
    nothing = [{"code": "NOT_FOUND", "field": ["rewardBy", "name"]}]
    async with tenant.nothing_moves():
        for points in (True, False):
            new = {**named, "deductPoints": points, **fresh()}
            assert await mutate(api, "giveReward", new) == {"userErrors": nothing}


async def test_a_merge_is_answered_with_the_person_whoever_has_the_name(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.customer("dave")
    given = {"fromBy": {"externalId": "dave"}, "intoBy": {"externalId": "carol"}, "idempotencyKey": "m"}
    selection = f"replayed customer {{ id }} {ERRORS}"
    merged = {"replayed": False, "customer": {"id": gid("Customer", carol)}, "userErrors": []}
    assert await mutate(api, "mergeCustomers", given, selection) == merged
    await rename(api, carol, "caroline")
    for _ in range(2):  # nobody's; then another's
        assert await mutate(api, "mergeCustomers", given, selection) == merged | {"replayed": True}
        await tenant.customer("carol")


async def test_a_merge_of_somebody_erased_is_not_answered_with_who_has_the_names_now(
    api: Api, tenant: Tenant, carol: UUID
) -> None:
    await tenant.customer("dave")
    given = {"fromBy": {"externalId": "dave"}, "intoBy": {"externalId": "carol"}, "idempotencyKey": "m"}
    selection = f"replayed customer {{ id }} {ERRORS}"
    await mutate(api, "mergeCustomers", given, selection)
    assert await mutate(api, "eraseCustomer", {"customerId": gid("Customer", carol)}) == {"userErrors": []}
    for name in ("dave", "carol"):
        await tenant.customer(name)
    answer = await mutate(api, "mergeCustomers", given, selection)
    assert answer == {"replayed": True, "customer": None, "userErrors": []}


async def test_a_merge_leaves_a_request_what_it_was(api: Api, tenant: Tenant, carol: UUID) -> None:
    given = by_name("carol", "5.00")
    await done(api, ADJUST, given)
    dave = await tenant.customer("dave")
    merged = {"fromId": gid("Customer", carol), "intoId": gid("Customer", dave), "idempotencyKey": "m"}
    assert await mutate(api, "mergeCustomers", merged) == {"userErrors": []}
    assert (await ask(api, ADJUST, given))["replayed"] is True
    assert await balance(tenant, dave) == 500


async def test_the_name_and_the_id_are_two_requests(api: Api, tenant: Tenant, carol: UUID) -> None:
    await done(api, ADJUST, by_name("carol", "5.00", idempotencyKey="k"))
    again = await ask(api, ADJUST, adjusting(carol, "5.00", idempotencyKey="k"))
    assert [error["code"] for error in again["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    assert (await ask(api, ADJUST, by_name("carol ", "5.00", idempotencyKey="k")))["replayed"] is True


async def test_rows_of_a_bulk_are_named(api: Api, tenant: Tenant, carol: UUID) -> None:
    dave = await tenant.customer("dave")
    items: list[dict[str, Any]] = [
        {"customerBy": {"externalId": "carol"}, "amount": "1"},
        {"customerId": gid("Customer", dave), "amount": "2"},
        {"customerBy": {"externalId": "nobody"}, "amount": "3"},
    ]
    given = {"items": items, "asset": "POINTS", "reason": "CORRECTION", "idempotencyKey": "b"}
    assert await mutate(api, BULK, given) == {
        "userErrors": [{"code": "NOT_FOUND", "field": ["items", "2", "customerBy", "externalId"]}]
    }
    rows = f"operation {{ rows {{ edges {{ node {{ row customer {{ externalId }} error {{ code field }} }} }} }} }} {ERRORS}"
    payload = await mutate(api, BULK, given | {"errorPolicy": "SKIP_FAILED"}, rows)
    assert [edge["node"] for edge in payload["operation"]["rows"]["edges"]] == [
        {"row": 0, "customer": {"externalId": "carol"}, "error": None},
        {"row": 1, "customer": {"externalId": "dave"}, "error": None},
        {
            "row": 2,
            "customer": None,
            "error": {"code": "NOT_FOUND", "field": ["items", "2", "customerBy", "externalId"]},
        },
    ]
    assert (await balance(tenant, carol, "POINTS"), await balance(tenant, dave, "POINTS")) == (1, 2)
    twice = given | {"items": [items[0], {"customerId": gid("Customer", carol), "amount": "1"}], "idempotencyKey": "c"}
    assert [error["code"] for error in (await mutate(api, BULK, twice))["userErrors"]] == ["DUPLICATE"]


async def test_a_preview_takes_names(api: Api, tenant: Tenant, carol: UUID) -> None:
    query = (
        "query($input: AdjustCreditInput!) { adjustmentPreview(input: $input) { availableAfter userErrors { field } } }"
    )
    assert (await api(query, {"input": by_name("carol", "5.00")}))["adjustmentPreview"] == {
        "availableAfter": "5.00",
        "userErrors": [],
    }
    nobody = (await api(query, {"input": by_name("nobody", "5.00")}))["adjustmentPreview"]
    assert nobody["userErrors"] == [{"field": ["customerBy", "externalId"]}]
    query = "query($input: PreviewSpendInput!) { previewSpend(input: $input) { userErrors { field } } }"
    given = {"customerBy": {"externalId": "nobody"}, "asset": "GBP", "amount": "1.00", "note": "Coffee"}
    nobody = (await api(query, {"input": given}))["previewSpend"]
    assert nobody["userErrors"] == [{"field": ["customerBy", "externalId"]}]


async def test_paying_by_number_takes_the_right_to_record_payments(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.invoice(carol, "5.00", number="I-1", auto_apply=False)
    given = {"holdId": gid("Hold", uuid4()), "invoiceBy": {"number": "I-1"}, "idempotencyKey": "k"}
    token: dict[str, Any] = {"role": Role.PARTNER, "client_id": "shop", "scopes": [Scope("credits:spend")]}
    answer = await api(document("captureHold", ERRORS), {"input": given}, **token)
    assert answer.errors[0]["extensions"]["missing"] == ["payments:write"]


async def test_ids_alone_are_not_looked_up(api: Api, tenant: Tenant, carol: UUID) -> None:
    async def sent(given: dict[str, Any]) -> set[str]:
        await done(api, ADJUST, given)  # what is asked once is known then
        with recorded() as found:
            await done(api, ADJUST, given | {"idempotencyKey": uuid4().hex})
        return {each.asked_by for each in found}

    by_ids, by_names = await sent(adjusting(carol, "5.00")), await sent(by_name("carol", "5.00"))
    assert by_names - by_ids == {"models/reads/names.py ids_of"}
