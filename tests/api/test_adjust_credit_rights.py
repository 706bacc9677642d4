"""adjustCredit: who may, within which limits, and on whose approval."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import pytest

from auth.roles import Role, Scope
from models.ledger import Ledger
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.headline import ADJUST, adjusting, ask, denied, document, done, refusal, refused
from tests.support.tenants import Tenant, make_tenant

STAFF: Final[dict[str, Any]] = {"role": Role.STAFF, "subject": "sam"}


@pytest.fixture
async def carol(tenant: Tenant) -> UUID:
    return await tenant.customer("carol")


async def test_permission_is_checked_again_on_a_replay(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.adjust(carol, "9.00")
    given = adjusting(carol, "-2.50")
    await done(api, ADJUST, given, role=Role.MANAGER, subject="kim")
    await denied(api, tenant, ADJUST, given, role=Role.STAFF, subject="kim")
    await denied(api, tenant, ADJUST, given, role=Role.MANAGER, subject="kim", scopes=[Scope.CREDITS_ADD])
    await denied(api, tenant, ADJUST, given, role=Role.CUSTOMER, customer="carol")


# Limits


def left(asset: str, per_adjustment: str, per_actor_day: str, per_customer_day: str) -> list[dict[str, str]]:
    """What `remaining` says."""
    scopes = {"PER_ADJUSTMENT": per_adjustment, "PER_ACTOR_DAY": per_actor_day, "PER_CUSTOMER_DAY": per_customer_day}
    return [{"scope": scope, "asset": asset, "remaining": remaining} for scope, remaining in scopes.items()]


async def over_limit(api: Api, tenant: Tenant, given: dict[str, Any], **token: Any) -> list[dict[str, str]]:
    """What is left, said by the LIMIT_EXCEEDED that has to be the answer."""
    (error,) = await refused(api, tenant, ADJUST, given, **token)
    assert (error["code"], error["field"]) == ("LIMIT_EXCEEDED", ["amount"])
    remaining: list[dict[str, str]] = error["remaining"]
    return remaining


@pytest.mark.parametrize(
    ("asset", "most", "over", "day", "customer_day"),
    [
        ("GBP", "100.00", "100.01", "500.00", "200.00"),
        ("JPY", "100", "101", "500", "200"),
        ("KWD", "100.000", "100.001", "500.000", "200.000"),
        ("POINTS", "1000", "1001", "5000", "2000"),
        ("SERVICE_CREDITS", "10", "11", "50", "20"),
    ],
)
async def test_staff_may_add_up_to_the_limit_and_not_past_it(
    api: Api, tenant: Tenant, carol: UUID, noon: datetime, asset: str, most: str, over: str, day: str, customer_day: str
) -> None:
    remaining = await over_limit(api, tenant, adjusting(carol, over, asset), **STAFF)
    assert remaining == left(asset, most, day, customer_day)
    assert (await done(api, ADJUST, adjusting(carol, most, asset), **STAFF))["account"]["available"] == most
    await done(api, ADJUST, adjusting(carol, over, asset), role=Role.MANAGER)


async def test_a_days_limits_count_by_customer_and_by_actor(
    api: Api, tenant: Tenant, clock: Clock, noon: datetime
) -> None:
    customers = [await tenant.customer() for _ in range(4)]
    first = customers[0]
    await done(api, ADJUST, adjusting(first, "100.00"), **STAFF)
    await done(api, ADJUST, adjusting(first, "99.99"), **STAFF)
    remaining = await over_limit(api, tenant, adjusting(first, "0.02"), **STAFF)
    assert remaining == left("GBP", "100.00", "300.01", "0.01")
    await done(api, ADJUST, adjusting(first, "0.01"), **STAFF)
    # The customer's day is the role's, whoever acts; each currency counts by itself.
    other = {**STAFF, "subject": "sue"}
    assert await over_limit(api, tenant, adjusting(first, "0.01"), **other) == left("GBP", "100.00", "500.00", "0.00")
    await done(api, ADJUST, adjusting(first, "100.00", "EUR"), **STAFF)
    for customer, amount in ((1, "100.00"), (1, "100.00"), (2, "100.00")):
        await done(api, ADJUST, adjusting(customers[customer], amount), **STAFF)
    remaining = await over_limit(api, tenant, adjusting(customers[3], "0.01"), **STAFF)
    assert remaining == left("GBP", "100.00", "0.00", "200.00")
    # What a manager adds or takes away makes no difference.
    await done(api, ADJUST, adjusting(first, "-100.00"), role=Role.MANAGER)
    await over_limit(api, tenant, adjusting(first, "0.01"), **STAFF)
    clock.advance(timedelta(days=1))
    await done(api, ADJUST, adjusting(first, "100.00"), **STAFF)


async def test_a_hundred_at_once_pass_no_limit_together(api: Api, tenant: Tenant, noon: datetime) -> None:
    customers = [await tenant.customer() for _ in range(10)]
    payloads = await asyncio.gather(
        *(ask(api, ADJUST, adjusting(customer, "30.00"), **STAFF) for customer in customers for _ in range(10))
    )
    posted = [payload for payload in payloads if not payload["userErrors"]]
    assert {e["code"] for payload in payloads for e in payload["userErrors"]} == {"LIMIT_EXCEEDED"}
    assert len(posted) == 16  # 480 of 500, and at most 6 for each customer
    (total,) = await tenant.fetch("select sum(balance_minor), max(balance_minor) from accounts where tenant_id = $1")
    assert total[0] == 48_000
    assert total[1] <= 20_000


async def test_the_day_of_a_limit_is_the_tenants(
    ledger: Ledger, client: httpx.AsyncClient, clock: Clock, noon: datetime
) -> None:
    tenant = await make_tenant(ledger, time_zone="Pacific/Kiritimati")  # 14 hours ahead: it is 2 in the morning
    api = Api(client, tenant, clock)
    carol = await tenant.customer()
    for _ in range(2):
        await done(api, ADJUST, adjusting(carol, "100.00"), **STAFF)
    clock.advance(timedelta(hours=21))  # 9 in the morning here, 11 in the evening there
    await over_limit(api, tenant, adjusting(carol, "0.01"), **STAFF)
    clock.advance(timedelta(hours=2))
    await done(api, ADJUST, adjusting(carol, "100.00"), **STAFF)


async def test_a_rule_for_one_person_goes_before_the_roles(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.execute(
        """insert into limit_rules (tenant_id, id, role, asset, holder, per_adjustment, per_actor_day, per_customer_day)
        values ($1, $2, 'STAFF', 'GBP', 'sam', 5, null, null)""",
        uuid4(),
    )
    await tenant.execute("update tenants set config_version = config_version + 1 where id = $1")
    remaining = await over_limit(api, tenant, adjusting(carol, "5.01"), **STAFF)
    assert remaining == [{"scope": "PER_ADJUSTMENT", "asset": "GBP", "remaining": "5.00"}]
    for _ in range(60):
        await done(api, ADJUST, adjusting(carol, "5.00"), **STAFF)
    dave = await tenant.customer()  # carol has had more today than everybody else's rule allows
    await done(api, ADJUST, adjusting(dave, "100.00"), role=Role.STAFF, subject="sue")
    await over_limit(api, tenant, adjusting(carol, "0.01"), role=Role.STAFF, subject="sue")


async def test_staff_may_not_remove(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.adjust(carol, "9.00")
    await denied(api, tenant, ADJUST, adjusting(carol, "-0.01"), **STAFF)


# Approval


async def test_over_a_limit_a_manager_can_be_asked(api: Api, tenant: Tenant, carol: UUID, clock: Clock) -> None:
    given = adjusting(carol, "100.01", reason="GOODWILL", requestApproval=True)
    before = await tenant.fingerprint()
    payload = await done(api, ADJUST, given, **STAFF)
    after = await tenant.fingerprint()

    request = payload.pop("approvalRequest")
    assert payload == {"transaction": None, "account": None, "credit": None, "replayed": False}
    expires_at = datetime.fromisoformat(request.pop("expiresAt"))
    assert clock() < expires_at
    assert request == {
        "id": request["id"],
        "status": "PENDING",
        "requestedBy": {"subject": "sam", "role": "STAFF"},
        "decidedBy": None,
    }
    moved = {table for table in before if before[table] != after[table]}
    assert {"approval_requests", "idempotency_keys"} <= moved
    assert moved <= {"approval_requests", "currencies", "idempotency_keys", "outbox"}
    async with tenant.nothing_moves():
        again = await done(api, ADJUST, given, **STAFF)
    assert (again["replayed"], again["approvalRequest"]["id"]) == (True, request["id"])
    assert again["transaction"] is None
    other = {**given, "amount": "100.02"}
    assert await refusal(api, tenant, ADJUST, other, **STAFF) == ["IDEMPOTENCY_KEY_REUSED", "idempotencyKey"]


async def test_within_the_limit_nobody_is_asked(api: Api, tenant: Tenant, carol: UUID) -> None:
    payload = await done(api, ADJUST, adjusting(carol, "100.00", requestApproval=True), **STAFF)
    assert (payload["approvalRequest"], payload["account"]["available"]) == (None, "100.00")


async def test_what_could_not_be_approved_is_not_asked_for(api: Api, tenant: Tenant, carol: UUID) -> None:
    given = adjusting(carol, "100.01", reason="NOPE", requestApproval=True)
    assert await refusal(api, tenant, ADJUST, given, **STAFF) == ["REASON_UNKNOWN", "reason"]
    both = adjusting(carol, "100.01", requestApproval=True, expiresInDays=1, expiresAt="2150-01-01T00:00:00Z")
    assert await refusal(api, tenant, ADJUST, both, **STAFF) == ["EXPIRY_CONFLICT", "expiresAt"]


# Partners


def partner(*scopes: Scope, client_id: str = "shop", subject: str = "bot") -> dict[str, Any]:
    return {"role": Role.PARTNER, "scopes": scopes, "client_id": client_id, "subject": subject}


async def test_a_partner_has_its_scopes_and_no_more(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.adjust(carol, "9.00")
    await denied(api, tenant, ADJUST, adjusting(carol, "1.00"), **partner())
    await denied(api, tenant, ADJUST, adjusting(carol, "1.00"), **partner(Scope.CREDITS_REMOVE))
    await denied(api, tenant, ADJUST, adjusting(carol, "-1.00"), **partner(Scope.CREDITS_ADD))
    all_but = [scope for scope in Scope if scope is not Scope.CREDITS_ADD]
    await denied(api, tenant, ADJUST, adjusting(carol, "1.00"), **partner(*all_but))
    small = document(ADJUST, "account { id } transaction { actor { subject role client } }")
    actor = {"subject": "bot", "role": "PARTNER", "client": "shop"}
    for amount, scope, available in (("1.00", Scope.CREDITS_ADD, "10.00"), ("-2.00", Scope.CREDITS_REMOVE, "8.00")):
        answer = await api(small, {"input": adjusting(carol, amount)}, **partner(scope))
        account = answer[ADJUST].pop("account")
        assert answer[ADJUST] == {"transaction": {"actor": actor}}
        found = await api("query($id: ID!) { node(id: $id) { ... on Account { available } } }", account)
        assert found["node"] == {"available": available}


async def test_what_a_partner_may_not_read_does_not_hide_what_it_posted(api: Api, tenant: Tenant, carol: UUID) -> None:
    query = document(ADJUST, "userErrors { code } transaction { id } account { customer { name } }")
    answer = await api(query, {"input": adjusting(carol, "1.00")}, **partner(Scope.CREDITS_ADD))
    assert answer.codes == ["FORBIDDEN"]
    assert answer.data is not None
    payload = answer.data[ADJUST]
    assert (payload["userErrors"], payload["account"]) == ([], {"customer": None})
    (row,) = await tenant.fetch("select id from transactions where tenant_id = $1")
    assert payload["transaction"]["id"] == gid("Transaction", row[0])


async def test_the_limits_of_a_partner_are_its_clients(api: Api, tenant: Tenant, noon: datetime) -> None:
    customers = [await tenant.customer() for _ in range(5)]
    everything = tuple(Scope)
    for customer in customers:
        await done(api, ADJUST, adjusting(customer, "100.00"), **partner(*everything, subject=uuid4().hex))
    given = adjusting(customers[0], "0.01")
    remaining = await over_limit(api, tenant, given, **partner(*everything, subject="new"))
    assert remaining == left("GBP", "100.00", "0.00", "100.00")
    await done(api, ADJUST, given, **partner(*everything, client_id="another"))
