"""viewer."""

from auth.roles import Role
from tests.api.conftest import Api, gid
from tests.factories import Tenant

VIEWER = """{ viewer { subject role scopes tenant { id name timeZone graceDays } customer { externalId }
  limits { scope asset remaining } } }"""


async def test_says_who_asks_for_which_tenant(api: Api) -> None:
    viewer = (await api(VIEWER, role=Role.MANAGER))["viewer"]

    assert (viewer["subject"], viewer["role"], viewer["customer"]) == ("manager@test", "MANAGER", None)
    assert (viewer["tenant"]["name"], viewer["tenant"]["timeZone"], viewer["tenant"]["graceDays"]) == (
        "Test & Co", "Europe/London", 60,
    )  # fmt: skip
    assert "credits:add" in viewer["scopes"]
    assert viewer["limits"] == []


async def test_shows_what_the_limits_leave_today(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    await tenant.adjust(carol, "5", "JPY")
    before = (await api(VIEWER, role=Role.STAFF))["viewer"]["limits"]
    spent = await api(
        """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) { userErrors { code } } }""",
        {"input": {"customerId": gid("Customer", carol), "asset": "GBP", "amount": "30.00", "reason": "GOODWILL",
                   "idempotencyKey": "k"}},
        role=Role.STAFF,
    )  # fmt: skip
    assert spent["adjustCredit"]["userErrors"] == []
    after = (await api(VIEWER, role=Role.STAFF))["viewer"]["limits"]

    assert {"scope": "PER_ACTOR_DAY", "asset": "POINTS", "remaining": "5000"} in before
    assert {"scope": "PER_ADJUSTMENT", "asset": "JPY", "remaining": "100"} in before
    assert {"scope": "PER_ADJUSTMENT", "asset": "GBP", "remaining": "100.00"} in after
    assert {"scope": "PER_ACTOR_DAY", "asset": "GBP", "remaining": "470.00"} in after
    assert not [left for left in after if left["scope"] == "PER_CUSTOMER_DAY"]


async def test_a_customer_sees_themselves(api: Api, tenant: Tenant) -> None:
    await tenant.customer("carol")

    viewer = (await api.as_customer("carol", VIEWER))["viewer"]

    assert viewer["customer"] == {"externalId": "carol"}
    assert viewer["limits"] == []
    assert (await api.as_customer("nobody", VIEWER))["viewer"]["customer"] is None
