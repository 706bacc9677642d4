"""setLimit, removeLimit and limitRules: in force at once, replaced as a whole, told to those who may read them."""

from typing import Any, Final

import pytest

from auth.roles import RULES as RIGHTS
from auth.roles import Access, Role
from models.planning.limits import LIMITED_ROLES
from tests.api.conftest import Api
from tests.support.headline import ADJUST, adjusting, ask, done, refused
from tests.support.tenants import Tenant

RULE: Final = "role asset holder perAdjustment perActorDay perCustomerDay"
SET: Final = f"""mutation($input: SetLimitInput!) {{
  setLimit(input: $input) {{ rule {{ {RULE} }} userErrors {{ code field }} }} }}"""
REMOVE: Final = """mutation($input: RemoveLimitInput!) { removeLimit(input: $input) { userErrors { code field } } }"""
RULES: Final = f"query($role: LimitRole, $holder: String) {{ limitRules(role: $role, holder: $holder) {{ {RULE} }} }}"
AUDIT: Final = """{ auditTrail(action: "limit.set", last: 5) { edges { node {
  action subjectId details requestId actor { subject role } } } } }"""
SAM: Final[dict[str, Any]] = {"role": Role.STAFF, "subject": "sam"}


def rule(
    role: str,
    asset: str | None,
    adjustment: str | None,
    day: str | None,
    customer: str | None,
    holder: str | None = None,
) -> dict[str, str | None]:
    return {
        "role": role,
        "asset": asset,
        "holder": holder,
        "perAdjustment": adjustment,
        "perActorDay": day,
        "perCustomerDay": customer,
    }


async def put(api: Api, role: str, **given: str | None) -> dict[str, Any]:
    """The rule, which has to be set."""
    payload: dict[str, Any] = (await api(SET, {"input": {"role": role, **given}}))["setLimit"]
    assert payload["userErrors"] == []
    found: dict[str, Any] = payload["rule"]
    return found


async def listed(api: Api, **arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api(RULES, arguments, role=Role.MANAGER))["limitRules"]
    return found


async def test_a_new_tenants_rules(api: Api) -> None:
    of_each = [(None, "100", "500", "200"), ("POINTS", "1000", "5000", "2000"), ("SERVICE_CREDITS", "10", "50", "20")]
    partners = [rule("PARTNER", *bounds) for bounds in of_each for _ in ("ADDING", "SPENDING")]
    assert await listed(api) == [*partners, *(rule("STAFF", *bounds) for bounds in of_each)]
    kinds = (await api("{ limitRules(role: PARTNER) { kind } }", role=Role.MANAGER))["limitRules"]
    assert [one["kind"] for one in kinds] == ["ADDING", "SPENDING"] * 3
    assert await listed(api, role="STAFF") == [rule("STAFF", *bounds) for bounds in of_each]
    assert await listed(api, role="MANAGER") == []


async def test_what_is_set_is_in_force_and_replaces_the_whole_rule(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    first = await put(api, "STAFF", asset="GBP", holder="sam", perAdjustment="5", perActorDay="7.5")
    assert first == rule("STAFF", "GBP", "5.00", "7.50", None, "sam")
    (error,) = await refused(api, tenant, ADJUST, adjusting(carol, "5.01", reason="GOODWILL"), **SAM)
    assert (error["code"], error["remaining"]) == (
        "LIMIT_EXCEEDED",
        [
            {"scope": "PER_ADJUSTMENT", "asset": "GBP", "remaining": "5.00"},
            {"scope": "PER_ACTOR_DAY", "asset": "GBP", "remaining": "7.50"},
        ],
    )
    await done(api, ADJUST, adjusting(carol, "5.00", reason="GOODWILL"), **SAM)

    second = await put(api, "STAFF", asset="GBP", holder="sam", perActorDay="6")
    assert second == rule("STAFF", "GBP", None, "6.00", None, "sam")
    assert await listed(api, holder="sam") == [second]
    (error,) = await refused(api, tenant, ADJUST, adjusting(carol, "1.01", reason="GOODWILL"), **SAM)
    assert error["remaining"] == [{"scope": "PER_ACTOR_DAY", "asset": "GBP", "remaining": "1.00"}]
    gone = {"role": "STAFF", "asset": "GBP", "holder": "sam"}
    assert (await api(REMOVE, {"input": gone}))["removeLimit"] == {"userErrors": []}
    await done(api, ADJUST, adjusting(carol, "95.00", reason="GOODWILL"), **SAM)
    async with tenant.nothing_moves():
        again = (await api(REMOVE, {"input": gone}))["removeLimit"]
    assert again == {"userErrors": [{"code": "NOT_FOUND", "field": ["role"]}]}


async def test_managers_and_admins_have_limits_where_a_rule_says_so(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    for role in (Role.MANAGER, Role.ADMIN):
        await done(api, ADJUST, adjusting(carol, "5000.00"), role=role)
        assert await put(api, role.name, perAdjustment="1000.0050") == rule(role.name, None, "1000.005", None, None)
        (error,) = await refused(api, tenant, ADJUST, adjusting(carol, "1000.01"), role=role)
        assert error["code"] == "LIMIT_EXCEEDED"
        await done(api, ADJUST, adjusting(carol, "1000.00"), role=role)
        await done(api, ADJUST, adjusting(carol, "-2000.00"), role=role)  # removing has no limit
    more = adjusting(carol, "1000.01", reason="GOODWILL", requestApproval=True)
    assert (await ask(api, ADJUST, more, role=Role.MANAGER))["transaction"] is None


async def test_nothing_and_no_bounds(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    assert await put(api, "STAFF", perAdjustment="0") == rule("STAFF", None, "0", None, None)
    (error,) = await refused(api, tenant, ADJUST, adjusting(carol, "0.01", reason="GOODWILL"), **SAM)
    assert error["remaining"] == [{"scope": "PER_ADJUSTMENT", "asset": "GBP", "remaining": "0.00"}]
    assert await put(api, "STAFF") == rule("STAFF", None, None, None, None)
    await done(api, ADJUST, adjusting(carol, "1000000.00", reason="GOODWILL"), **SAM)


async def test_each_is_in_the_audit_with_who_and_from_where(api: Api) -> None:
    await put(api, "MANAGER", asset="POINTS", perActorDay="10")
    await put(api, "MANAGER", asset="POINTS", perActorDay="20")
    records = [edge["node"] for edge in (await api(AUDIT, role=Role.MANAGER))["auditTrail"]["edges"]]
    name = {"role": "MANAGER", "asset": "POINTS", "holder": ""}
    assert [record.pop("details") for record in records] == [
        name | {"perAdjustment": None, "perActorDay": "10", "perCustomerDay": None},
        name | {"perActorDay": ["10", "20"]},
    ]
    assert all(record.pop("requestId") for record in records)
    expected = {"action": "limit.set", "subjectId": None, "actor": {"subject": "admin@test", "role": "ADMIN"}}
    assert records == [expected, expected]


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"asset": "GBP", "perAdjustment": "0.001"}, "AMOUNT_PRECISION", "perAdjustment"),
        ({"asset": "POINTS", "perActorDay": "1.5"}, "AMOUNT_PRECISION", "perActorDay"),
        ({"asset": "JPY", "perCustomerDay": "0.5"}, "AMOUNT_PRECISION", "perCustomerDay"),
        ({"perAdjustment": "9999999999999999"}, "AMOUNT_OUT_OF_RANGE", "perAdjustment"),
        ({"asset": "GBP", "perActorDay": "9999999999999999"}, "AMOUNT_OUT_OF_RANGE", "perActorDay"),
        ({"perActorDay": "-1"}, "INVALID", "perActorDay"),
        ({"asset": "XXX"}, "INVALID", "asset"),
        ({"asset": "MONEY"}, "INVALID", "asset"),
        ({"holder": " "}, "INVALID", "holder"),
        ({"holder": "x" * 256}, "INVALID", "holder"),
        ({"holder": "a\x00"}, "INVALID", "holder"),
    ],
    ids=str,
)
async def test_what_cannot_be_moves_nothing(
    api: Api, tenant: Tenant, given: dict[str, str], code: str, field: str
) -> None:
    async with tenant.nothing_moves():
        payload = (await api(SET, {"input": {"role": "STAFF", **given}}))["setLimit"]
    assert payload == {"rule": None, "userErrors": [{"code": code, "field": [field]}]}


async def test_what_always_has_a_limit_keeps_it(api: Api, tenant: Tenant) -> None:
    async with tenant.nothing_moves():
        for role in ("STAFF", "PARTNER"):
            for asset in (None, "SERVICE_CREDITS", "POINTS"):
                payload = (await api(REMOVE, {"input": {"role": role, "asset": asset}}))["removeLimit"]
                assert payload == {"userErrors": [{"code": "INVALID", "field": ["role"]}]}


async def test_there_are_no_limits_for_customers_or_for_scrip_itself(api: Api, tenant: Tenant) -> None:
    async with tenant.nothing_moves():
        for role in ("CUSTOMER", "SYSTEM"):
            assert (await api(SET, {"input": {"role": role}})).codes == ["BAD_USER_INPUT"]
            assert (await api(RULES, {"role": role})).codes == ["BAD_USER_INPUT"]
    assert (await api(RULES, {"holder": "a\x00"})).codes == ["BAD_USER_INPUT"]


async def test_another_tenants_rules_are_out_of_reach(
    api: Api, tenant: Tenant, other_tenant: Tenant, client: Any, clock: Any
) -> None:
    theirs = Api(client, other_tenant, clock)
    await put(theirs, "STAFF", asset="GBP", holder="sam", perAdjustment="1")
    async with other_tenant.nothing_moves():
        await put(api, "STAFF", asset="GBP", perAdjustment="2")
        payload = (await api(REMOVE, {"input": {"role": "STAFF", "asset": "GBP", "holder": "sam"}}))["removeLimit"]
        assert payload["userErrors"][0]["code"] == "NOT_FOUND"
        assert await listed(api, holder="sam") == []
        carol = await tenant.customer()
        await done(api, ADJUST, adjusting(carol, "2.00", reason="GOODWILL"), **SAM)


def test_who_is_limited_is_who_may_add_within_limits() -> None:
    """The ledger and the table of rights each say so, and know nothing of each other."""
    limited = {role.name for right in RIGHTS.values() for role, far in right.access.items() if far is Access.LIMITED}
    assert limited == set(LIMITED_ROLES)


async def test_the_list_has_no_pages_and_costs_what_a_long_one_does(api: Api) -> None:
    answer = await api("{ limitRules { role } }", role=Role.MANAGER)
    assert answer.response.json()["extensions"]["cost"]["requested"] == 5 * 100
