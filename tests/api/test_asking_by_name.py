"""Queries that name a customer, a tier, a service or a reward by its name in place of its id."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from auth.roles import Role, Scope
from models.commands import MergeCustomers
from models.operations.keep_feed import keep_feed
from models.operations.merge_customers import merge_customers
from tests.api.conftest import Api, gid
from tests.support.holds import hold
from tests.support.tenants import ADMIN, Tenant

IDS: Final = "nodes { id }"
FIELDS: Final = {
    "approvalRequests": IDS,
    "auditTrail": IDS,
    "balances": "id",
    "coupons": IDS,
    "credits": IDS,
    "events": IDS,
    "holds": IDS,
    "invoices": IDS,
    "ledger": IDS,
    "orders": IDS,
    "statement": "openingBalance closingBalance",
    "upcomingExpirations": IDS,
}
"""By field that takes a customer, what is asked of it."""
ALWAYS: Final = ("balances", "ledger", "statement")
"""Those that always take one."""


def asking(field: str, arguments: str) -> str:
    more = {"statement": ', asset: "GBP"'}.get(field, "")
    return f"{{ {field}({arguments}{more}) {{ {FIELDS[field]} }} }}"


@pytest.fixture
async def carol(api: Api, tenant: Tenant) -> UUID:
    """A customer with something in each list, beside another one with the same."""
    reward = await tenant.reward(0)
    product = await tenant.product("3.00")
    found = []
    for name in ("dave", "carol"):
        customer = await tenant.customer(name)
        await tenant.adjust(customer, "10.00", expires_at=tenant.clock() + timedelta(days=5))
        await tenant.adjust(customer, "5.00", propose_only=True)
        await hold(tenant, customer, "1.00")
        await tenant.invoice(customer, "2.00", auto_apply=False)
        await tenant.order(customer, (product, 1))
        await tenant.give(customer, reward)
        found.append(customer)
    while await keep_feed(tenant.ledger, tenant.id):
        pass
    return found[-1]


async def one(api: Api, query: str, **token: Any) -> Any:
    answer = await api(query, **token)
    assert not answer.errors, answer.errors
    assert answer.data is not None
    (found,) = answer.data.values()
    return found


@pytest.mark.parametrize("field", FIELDS)
async def test_a_customer_is_asked_about_by_external_id(api: Api, tenant: Tenant, carol: UUID, field: str) -> None:
    by_id = await one(api, asking(field, f'customerId: "{gid("Customer", carol)}"'))
    assert by_id
    assert by_id != {"nodes": []}
    for by in ('{externalId: " carol "}', f'{{id: "{gid("Customer", carol)}"}}'):
        assert await one(api, asking(field, f"customerBy: {by}")) == by_id
    none = await one(api, asking(field, f'customerId: "{gid("Customer", uuid4())}"'))
    assert none in (None, {"nodes": []})
    for nobody in ('{externalId: "nobody"}', f'{{id: "{gid("Customer", uuid4())}"}}'):
        assert await one(api, asking(field, f"customerBy: {nobody}")) == none


@pytest.mark.parametrize("field", FIELDS)
async def test_one_of_two_ways(api: Api, tenant: Tenant, field: str) -> None:
    both = f'customerId: "{gid("Customer", await tenant.customer("ann"))}", customerBy: {{externalId: "ann"}}'
    (error,) = (await api(asking(field, both))).errors
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", ["customerBy"])
    if field in ALWAYS:
        given = {"balances": "customerId: null", "ledger": "first: 1", "statement": ""}[field]
        (error,) = (await api(asking(field, given))).errors
        assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", ["customerId"])
    else:
        assert await one(api, asking(field, "customerBy: null")) == {"nodes": []} or field == "auditTrail"


async def test_customers_name_nobody_but_themselves(api: Api, tenant: Tenant, carol: UUID) -> None:
    for field in FIELDS.keys() - {"approvalRequests", "auditTrail", "statement"}:
        token: dict[str, Any] = {"role": Role.CUSTOMER, "customer": "carol"}
        own = await one(api, asking(field, 'customerBy: {externalId: "carol"}'), **token)
        assert own == await one(api, asking(field, f'customerId: "{gid("Customer", carol)}"'), **token)
        assert own
        for other in ("dave", "nobody"):
            assert await one(api, asking(field, f'customerBy: {{externalId: "{other}"}}'), **token) is None


async def test_the_right_is_asked_for_before_the_name(api: Api, tenant: Tenant, carol: UUID) -> None:
    token: dict[str, Any] = {"role": Role.PARTNER, "client_id": "shop", "scopes": [Scope.LEDGER_READ]}
    by = asking("upcomingExpirations", 'customerBy: {externalId: "carol"}')
    assert (await one(api, by, **token))["nodes"]
    everybody = await api("{ upcomingExpirations { nodes { id } } }", **token)
    assert everybody.errors[0]["extensions"]["missing"] == ["reports:read"]
    (error,) = (await api(asking("invoices", 'customerBy: {externalId: "carol"}'), **token)).errors
    assert error["extensions"]["code"] == "FORBIDDEN"
    (error,) = (await api(asking("invoices", 'customerBy: {id: "carol"}'))).errors
    assert error["extensions"]["field"] == ["customerBy", "id"]


async def test_the_name_of_a_merged_record_is_the_persons(api: Api, tenant: Tenant, carol: UUID) -> None:
    old = await tenant.customer("old")
    await merge_customers(tenant.ledger, tenant.id, ADMIN, MergeCustomers(old, carol), tenant.key())
    by_old = await one(api, asking("credits", 'customerBy: {externalId: "old"}'))
    assert by_old == await one(api, asking("credits", 'customerBy: {externalId: "carol"}'))
    assert by_old["nodes"]


async def test_filters_name_tiers_services_and_rewards(api: Api, tenant: Tenant) -> None:
    gold, cut, mug = await tenant.tier("Gold", 100), await tenant.service("Cut"), await tenant.reward(0, name="Mug")
    await tenant.service("Wash")
    ann, _ = await tenant.customer("ann"), await tenant.customer("ben")
    await tenant.adjust(ann, 150, "POINTS")
    await tenant.adjust(ann, 3, "SERVICE_CREDITS", service_ids=(cut,))
    await tenant.give(ann, mug)
    for field, beside, by_id, name in (
        ("customers", "tierBy", f'tierId: "{gid("Tier", gold)}"', "Gold"),
        ("credits", "serviceBy", f'serviceId: "{gid("Service", cut)}"', "Cut"),
        ("coupons", "rewardBy", f'rewardId: "{gid("Reward", mug)}"', "Mug"),
    ):
        query = f"{{ {field}(filter: {{%s}}) {{ totalCount nodes {{ id }} }} }}"
        wanted = await one(api, query % by_id)
        assert wanted["totalCount"] == 1
        assert await one(api, query % f'{beside}: {{name: " {name} "}}') == wanted
        assert (await one(api, query % f'{beside}: {{name: "None"}}'))["nodes"] == []
        (error,) = (await api(query % f'{by_id}, {beside}: {{name: "{name}"}}')).errors
        assert error["extensions"]["field"] == ["filter", beside]
    nested = '{ customer(by: {externalId: "ann"}) { coupons(filter: {rewardBy: {name: "Mug"}}) { nodes { id } } } }'
    assert len((await one(api, nested))["coupons"]["nodes"]) == 1
