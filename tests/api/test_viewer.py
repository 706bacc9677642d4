"""viewer."""

from datetime import UTC, datetime
from typing import Any

import httpx

from auth.roles import Role, Scope
from models.commands import Actor, GiveReward
from models.ledger import Ledger
from models.operations.give_reward import give_reward
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.headline import ADJUST, adjusting, done
from tests.support.tenants import Tenant, make_tenant

SCOPES = (Scope.CREDITS_ADD, Scope.LEDGER_READ, Scope.CUSTOMERS_READ)
VIEWER = """{ viewer { subject role scopes tenant { id name timeZone graceDays } customer { externalId }
  limits { scope asset kind remaining } } }"""
SET_LIMIT = "mutation($input: SetLimitInput!) { setLimit(input: $input) { userErrors { code } } }"


async def test_says_who_asks_for_which_tenant(api: Api) -> None:
    viewer = (await api(VIEWER, role=Role.MANAGER))["viewer"]

    assert (viewer["subject"], viewer["role"], viewer["customer"]) == ("manager@test", "MANAGER", None)
    assert (viewer["tenant"]["name"], viewer["tenant"]["timeZone"], viewer["tenant"]["graceDays"]) == (
        "Test & Co",
        "Europe/London",
        60,
    )
    assert "credits:add" in viewer["scopes"]
    assert viewer["limits"] == []


async def test_shows_what_the_limits_leave_today(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    await tenant.adjust(carol, "5", "JPY")
    before = (await api(VIEWER, role=Role.STAFF))["viewer"]["limits"]
    spent = await api(
        """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) { userErrors { code } } }""",
        {
            "input": {
                "customerId": gid("Customer", carol),
                "asset": "GBP",
                "amount": "30.00",
                "reason": "GOODWILL",
                "idempotencyKey": "k",
            }
        },
        role=Role.STAFF,
    )
    assert spent["adjustCredit"]["userErrors"] == []
    after = (await api(VIEWER, role=Role.STAFF))["viewer"]["limits"]

    assert {"scope": "PER_ACTOR_DAY", "asset": "POINTS", "kind": "ADDING", "remaining": "5000"} in before
    assert {"scope": "PER_ADJUSTMENT", "asset": "JPY", "kind": "ADDING", "remaining": "100"} in before
    assert {"scope": "PER_ADJUSTMENT", "asset": "GBP", "kind": "ADDING", "remaining": "100.00"} in after
    assert {"scope": "PER_ACTOR_DAY", "asset": "GBP", "kind": "ADDING", "remaining": "470.00"} in after
    assert not [left for left in after if left["scope"] == "PER_CUSTOMER_DAY"]


async def test_a_customer_sees_themselves(api: Api, tenant: Tenant) -> None:
    await tenant.customer("carol")

    viewer = (await api.as_customer("carol", VIEWER))["viewer"]

    assert viewer["customer"] == {"externalId": "carol"}
    assert viewer["limits"] == []
    assert (await api.as_customer("nobody", VIEWER))["viewer"]["customer"] is None


async def left(api: Api, asset: str = "GBP", **token: Any) -> dict[str, str]:
    """What the viewer is told is left in this asset, by scope."""
    told = (await api(VIEWER, **token))["viewer"]["limits"]
    return {one["scope"]: one["remaining"] for one in told if (one["asset"], one["kind"]) == (asset, "ADDING")}


async def test_tells_a_holder_of_their_own_rule_and_the_others_of_the_roles(api: Api, tenant: Tenant) -> None:
    carol, sam = await tenant.customer(), {"role": Role.STAFF, "subject": "sam"}
    await tenant.adjust(carol, "1")
    await api(SET_LIMIT, {"input": {"role": "STAFF", "holder": "sam", "perAdjustment": "7", "perActorDay": "10"}})
    await done(api, ADJUST, adjusting(carol, "4.00", reason="GOODWILL"), **sam)
    assert await left(api, **sam) == {"PER_ADJUSTMENT": "7.00", "PER_ACTOR_DAY": "6.00"}
    assert await left(api, "POINTS", **sam) == {"PER_ADJUSTMENT": "1000", "PER_ACTOR_DAY": "5000"}
    assert await left(api, role=Role.STAFF) == {"PER_ADJUSTMENT": "100.00", "PER_ACTOR_DAY": "500.00"}
    await api(SET_LIMIT, {"input": {"role": "STAFF", "holder": "sam", "perActorDay": "3"}})
    assert await left(api, **sam) == {"PER_ACTOR_DAY": "0.00"}  # lowered below what was used


async def test_tells_managers_where_there_is_a_rule(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    await tenant.adjust(carol, "1")
    await api(SET_LIMIT, {"input": {"role": "MANAGER", "asset": "GBP", "perActorDay": "1000"}})
    await done(api, ADJUST, adjusting(carol, "250.00"), role=Role.MANAGER)
    await tenant.adjust(carol, "1", "EUR")
    assert (await api(VIEWER, role=Role.MANAGER))["viewer"]["limits"] == [
        {"scope": "PER_ACTOR_DAY", "asset": "GBP", "kind": "ADDING", "remaining": "750.00"}
    ]
    assert (await api(VIEWER, role=Role.ADMIN))["viewer"]["limits"] == []


async def test_tells_partners_what_their_clients_tokens_leave_together(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    partner: dict[str, Any] = {"role": Role.PARTNER, "client_id": "shop", "scopes": SCOPES}
    one, two = ({**partner, "subject": subject} for subject in ("a", "b"))
    await done(api, ADJUST, adjusting(carol, "30.00", reason="GOODWILL"), **one)
    assert await left(api, **one) == await left(api, **two) == {"PER_ADJUSTMENT": "100.00", "PER_ACTOR_DAY": "470.00"}
    other = {**one, "client_id": "another"}
    assert (await left(api, **other))["PER_ACTOR_DAY"] == "500.00"


async def test_begins_anew_with_the_tenants_day(client: httpx.AsyncClient, ledger: Ledger, clock: Clock) -> None:
    tenant = await make_tenant(ledger, time_zone="America/Sao_Paulo")  # where the 4th of November 2018 began at one
    api, carol = Api(client, tenant, clock), await tenant.customer()
    clock.stand_still(datetime(2018, 11, 4, 2, 59, 59, tzinfo=UTC))
    await done(api, ADJUST, adjusting(carol, "30.00", reason="GOODWILL"), role=Role.STAFF)
    assert (await left(api, role=Role.STAFF))["PER_ACTOR_DAY"] == "470.00"
    clock.stand_still(datetime(2018, 11, 4, 3, tzinfo=UTC))
    assert (await left(api, role=Role.STAFF))["PER_ACTOR_DAY"] == "500.00"


WAITING = "{ viewer { name approvalsToDecide approvalsAsked } }"


async def ask(tenant: Tenant, customer: Any, subject: str, amount: str = "500.00", **more: Any) -> None:
    await tenant.adjust(customer, amount, actor=Actor(subject, "STAFF"), request_approval=True, **more)


async def waiting(api: Api, **token: Any) -> tuple[int, int]:
    viewer = (await api(WAITING, **token))["viewer"]
    return viewer["approvalsToDecide"], viewer["approvalsAsked"]


async def test_has_the_name_in_the_token(api: Api, tenant: Tenant) -> None:
    await tenant.customer("carol")
    assert (await api(WAITING, role=Role.MANAGER))["viewer"]["name"] == "Manager of the test"
    assert (await api.as_customer("carol", WAITING))["viewer"]["name"] == "Customer of the test"


async def test_counts_what_waits_for_whom(api: Api, tenant: Tenant) -> None:
    carol, reward = await tenant.customer("carol"), await tenant.reward(5_000, name="Trip")
    await ask(tenant, carol, "sam")
    await ask(tenant, carol, "sam")
    await ask(tenant, carol, "maria")
    free = GiveReward(carol, reward, deduct_points=False, request_approval=True)
    await give_reward(tenant.ledger, tenant.id, Actor("sam", "STAFF"), free, tenant.key())

    assert await waiting(api, role=Role.MANAGER, subject="maria") == (3, 1)
    assert await waiting(api, role=Role.ADMIN, subject="ada") == (4, 0)
    assert await waiting(api, role=Role.STAFF, subject="sam") == (0, 3)
    assert await waiting(api, role=Role.MANAGER, subject="sam") == (1, 3)
    token = {"subject": "sam", "client_id": "sam", "scopes": [Scope.CREDITS_ADD]}
    assert await waiting(api, role=Role.PARTNER, **token) == (0, 0)
    assert (await api.as_customer("carol", WAITING))["viewer"]["approvalsToDecide"] == 0


async def test_counts_only_what_a_narrowed_token_may_decide(api: Api, tenant: Tenant) -> None:
    carol, reward = await tenant.customer(), await tenant.reward(5_000, name="Trip")
    await ask(tenant, carol, "sam")
    free = GiveReward(carol, reward, deduct_points=False, request_approval=True)
    await give_reward(tenant.ledger, tenant.id, Actor("sam", "STAFF"), free, tenant.key())
    await tenant.adjust(carol, "10.00")
    removal = Actor("ada", "ADMIN")
    await tenant.adjust(carol, "-1.00", actor=removal, propose_only=True)

    for scopes, expected in (
        ([Scope.CREDITS_ADD], 1),
        ([Scope.CREDITS_REMOVE], 1),
        ([Scope.REWARDS_GIVE], 1),
        ([Scope.CREDITS_ADD, Scope.REWARDS_GIVE], 2),
        ([Scope.INVOICES_WRITE], 0),
        ([Scope.LEDGER_READ], 0),
    ):
        assert (await waiting(api, role=Role.MANAGER, subject="maria", scopes=scopes))[0] == expected, scopes


async def test_counts_nothing_that_waits_no_more(api: Api, tenant: Tenant, clock: Clock) -> None:
    await ask(tenant, await tenant.customer(), "sam")
    assert await waiting(api, role=Role.MANAGER) == (1, 0)
    clock.advance(days=8)
    assert await waiting(api, role=Role.MANAGER) == (0, 0)
    assert await waiting(api, role=Role.STAFF, subject="sam") == (0, 0)
