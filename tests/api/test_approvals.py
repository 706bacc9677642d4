"""approvalRequests, approveRequest, rejectRequest, withdrawRequest; and giveReward that asks for approval."""

import asyncio
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from auth.roles import Role, Scope
from models.commands import Actor
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.headline import ADJUST, GIVE, adjusting, ask, document, done
from tests.support.tenants import Tenant

STAFF: Final[dict[str, Any]] = {"role": Role.STAFF, "subject": "sam"}
MANAGER: Final[dict[str, Any]] = {"role": Role.MANAGER, "subject": "maria"}
OTHER_MANAGER: Final[dict[str, Any]] = {"role": Role.MANAGER, "subject": "mike"}
REQUEST: Final = """id status operation asset amount reason note expiresInDays creditExpiresAt effectiveOn
    requestedBy { subject role client } createdAt expiresAt decidedBy { subject role } decidedAt decisionNote
    customer { externalId } reward { name } services { name } transaction { id }"""
APPROVE: Final = document(
    "approveRequest",
    f"""replayed userErrors {{ code message field }} approvalRequest {{ {REQUEST} }} account {{ available }}
    credit {{ id amount expiresAt }} coupon {{ code pointsSpent }}
    transaction {{ id kind note actor {{ subject role }} approvedBy {{ subject role }} }}""",
)
REJECT: Final = document("rejectRequest", f"userErrors {{ code message field }} approvalRequest {{ {REQUEST} }}")
WITHDRAW: Final = document("withdrawRequest", f"userErrors {{ code message field }} approvalRequest {{ {REQUEST} }}")
LIST: Final = f"""query($status: [ApprovalStatus!], $customer: ID, $by: String, $first: Int, $after: String) {{
  approvalRequests(status: $status, customerId: $customer, requestedBy: $by, first: $first, after: $after) {{
    edges {{ node {{ {REQUEST} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
NODE: Final = "query($id: ID!) { node(id: $id) { id ... on ApprovalRequest { status } } }"
RIGHTS: Final = "query($id: ID!) { node(id: $id) { ... on ApprovalRequest { %s } } }"


@pytest.fixture
async def carol(tenant: Tenant) -> UUID:
    return await tenant.customer("carol")


async def asked(api: Api, customer: UUID, amount: str = "100.01", **more: Any) -> str:
    """The id of a new request, of Sam's unless told."""
    token = more.pop("token", STAFF)
    given = adjusting(customer, amount, reason="GOODWILL", requestApproval=True, **more)
    payload = await done(api, ADJUST, given, **token)
    request_id: str = payload["approvalRequest"]["id"]
    return request_id


async def decide(api: Api, query: str, request: str, **token: Any) -> dict[str, Any]:
    """The payload of one of the three mutations. token: with `key` and `note`, which go into the input."""
    given = {"requestId": request, "note": token.pop("note", None)}
    if query is APPROVE:
        given["idempotencyKey"] = token.pop("key", uuid4().hex)
    answer = await api(query, {"input": given}, **(token or MANAGER))
    (payload,) = (answer.data or {}).values()
    assert answer.errors == []
    assert isinstance(payload, dict)
    return payload


async def refused(api: Api, tenant: Tenant, query: str, request: str, **token: Any) -> str:
    """The one userError's code; nothing has moved."""
    async with tenant.nothing_moves():
        payload = await decide(api, query, request, **token)
    (error,) = payload["userErrors"]
    assert payload["approvalRequest"] is None
    assert error["field"] == ["requestId"]
    code: str = error["code"]
    return code


async def forbidden(api: Api, tenant: Tenant, query: str, request: str, **token: Any) -> None:
    given = {"requestId": request} | ({"idempotencyKey": uuid4().hex} if query is APPROVE else {})
    async with tenant.nothing_moves():
        answer = await api(query, {"input": given}, **token)
    assert (answer.codes, list((answer.data or {}).values())) == (["FORBIDDEN"], [None]), token


async def listed(api: Api, *, token: dict[str, Any] | None = None, **variables: Any) -> list[dict[str, Any]]:
    found = (await api(LIST, variables, **(token or MANAGER)))["approvalRequests"]
    return [edge["node"] for edge in found["edges"]]


async def test_a_request_from_asking_to_the_posting(api: Api, tenant: Tenant, carol: UUID, noon: object) -> None:
    request = await asked(api, carol, note="Broken kettle", expiresInDays=30)
    (waiting,) = await listed(api, status=["PENDING"])
    assert waiting | {"createdAt": 0, "expiresAt": 0} == {
        "id": request,
        "status": "PENDING",
        "operation": "ADJUST_CREDIT",
        "asset": "GBP",
        "amount": "100.01",
        "reason": "GOODWILL",
        "note": "Broken kettle",
        "expiresInDays": 30,
        "creditExpiresAt": None,
        "effectiveOn": None,
        "requestedBy": {"subject": "sam", "role": "STAFF", "client": None},
        "createdAt": 0,
        "expiresAt": 0,
        "decidedBy": None,
        "decidedAt": None,
        "decisionNote": None,
        "customer": {"externalId": "carol"},
        "reward": None,
        "services": [],
        "transaction": None,
    }

    first = await decide(api, APPROVE, request, **MANAGER, note="Yes", key="click")
    assert (first["userErrors"], first["replayed"], first["coupon"]) == ([], False, None)
    assert (first["account"]["available"], first["credit"]["amount"]) == ("100.01", "100.01")
    assert first["transaction"] == {
        "id": first["transaction"]["id"],
        "kind": "ADJUSTMENT",
        "note": "Broken kettle",
        "actor": {"subject": "sam", "role": "STAFF"},
        "approvedBy": {"subject": "maria", "role": "MANAGER"},
    }
    shown = first["approvalRequest"]
    assert (shown["status"], shown["decidedBy"], shown["decisionNote"], shown["transaction"]["id"]) == (
        "APPROVED",
        {"subject": "maria", "role": "MANAGER"},
        "Yes",
        first["transaction"]["id"],
    )
    assert await listed(api) == [shown]

    same_key = await decide(api, APPROVE, request, **MANAGER, note="Yes", key="click")
    other_key, other_manager = await decide(api, APPROVE, request), await decide(api, APPROVE, request, **OTHER_MANAGER)
    assert same_key == other_key == other_manager == {**first, "replayed": True}
    (posted,) = await tenant.fetch("select count(*) from transactions where tenant_id = $1")
    assert posted[0] == 1


async def test_a_hundred_clicks_post_once(api: Api, tenant: Tenant, carol: UUID) -> None:
    request = await asked(api, carol)
    payloads = await asyncio.gather(
        *(decide(api, APPROVE, request, **(MANAGER, OTHER_MANAGER)[n % 2]) for n in range(100))
    )
    assert sorted(payload["replayed"] for payload in payloads) == [False] + [True] * 99
    assert len({payload["transaction"]["id"] for payload in payloads}) == 1
    (balance,) = await tenant.fetch("select balance_minor from accounts where tenant_id = $1")
    assert balance[0] == 10_001


async def test_nobody_decides_their_own(api: Api, tenant: Tenant, carol: UUID) -> None:
    """Not with another role or client of the same person either; not as an admin."""
    request = await asked(api, carol)
    for token in (
        {"role": Role.MANAGER, "subject": "sam"},
        {"role": Role.ADMIN, "subject": "sam", "client_id": "console"},
    ):
        await forbidden(api, tenant, APPROVE, request, **token)
        await forbidden(api, tenant, REJECT, request, **token)
    await decide(api, APPROVE, request)
    # What somebody else has approved is not theirs to approve again.
    await forbidden(api, tenant, APPROVE, request, role=Role.MANAGER, subject="sam")


async def test_who_decides_needs_the_right_to_do_it_too(api: Api, tenant: Tenant, carol: UUID) -> None:
    request = await asked(api, carol)
    reward = await tenant.reward(1_001, name="Mug")
    given = {
        "customerId": gid("Customer", carol),
        "rewardId": gid("Reward", reward),
        "deductPoints": False,
        "requestApproval": True,
        "idempotencyKey": "k",
    }
    field = document(GIVE, "userErrors { code } coupon { id } approvalRequest { id }")
    payload = (await api(field, {"input": given}, **STAFF))[GIVE]
    coupon = payload.pop("approvalRequest")["id"]
    assert payload == {"userErrors": [], "coupon": None}
    async with tenant.nothing_moves():
        again = (await api(field, {"input": given}, **STAFF))[GIVE]
    assert again["approvalRequest"] == {"id": coupon}

    only_adds = {**MANAGER, "scopes": [Scope.CREDITS_ADD, Scope.CUSTOMERS_READ, Scope.LEDGER_READ, Scope.REWARDS_READ]}
    only_gives = {
        **only_adds,
        "scopes": [Scope.REWARDS_GIVE, Scope.CUSTOMERS_READ, Scope.LEDGER_READ, Scope.REWARDS_READ],
    }
    for query in (APPROVE, REJECT):
        await forbidden(api, tenant, query, coupon, **only_adds)
        await forbidden(api, tenant, query, request, **only_gives)
        for token in (STAFF, {"role": Role.PARTNER, "client_id": "shop", "scopes": list(Scope)}):
            await forbidden(api, tenant, query, request, **token)
        await forbidden(api, tenant, query, request, role=Role.CUSTOMER, customer="carol")

    posted = await decide(api, APPROVE, coupon, **MANAGER)
    assert (posted["coupon"]["pointsSpent"], posted["approvalRequest"]["operation"]) == ("0", "GIVE_REWARD")
    assert posted["approvalRequest"]["reward"] == {"name": "Mug"}
    assert (posted["approvalRequest"]["asset"], posted["approvalRequest"]["amount"]) == (None, None)


async def test_staff_see_their_own_and_managers_all(api: Api, tenant: Tenant, carol: UUID) -> None:
    sams = await asked(api, carol)
    sues = await asked(api, carol, token={"role": Role.STAFF, "subject": "sue"})
    bots = await asked(
        api, carol, token={"role": Role.PARTNER, "subject": "bot", "client_id": "shop", "scopes": list(Scope)}
    )
    seen = {
        "maria": (MANAGER, {sams, sues, bots}),
        "ada": ({"role": Role.ADMIN, "subject": "ada"}, {sams, sues, bots}),
        "sam": (STAFF, {sams}),
        "sue": ({"role": Role.STAFF, "subject": "sue"}, {sues}),
        "bot": ({"role": Role.PARTNER, "subject": "bot", "client_id": "shop", "scopes": list(Scope)}, {bots}),
        "else": ({"role": Role.PARTNER, "subject": "bot", "client_id": "else", "scopes": list(Scope)}, set()),
        "eve": ({"role": Role.STAFF, "subject": "eve"}, set()),
    }
    for token, own in seen.values():
        assert {one["id"] for one in await listed(api, token=token)} == own, token
        for one in (sams, sues, bots):
            node = (await api(NODE, {"id": one}, **token))["node"]
            assert node == ({"id": one, "status": "PENDING"} if one in own else None), token
    assert await listed(api, by="sam", token=seen["sue"][0]) == []
    for query in (LIST, NODE):
        answer = await api(query, {"id": sams} if query is NODE else {}, role=Role.CUSTOMER, customer="carol")
        assert answer.codes == ["FORBIDDEN"]


async def test_a_used_key_tells_nobody_of_anothers_request(api: Api, tenant: Tenant, carol: UUID) -> None:
    given = adjusting(carol, "100.01", reason="GOODWILL", requestApproval=True)
    own = await done(api, ADJUST, given, **STAFF)
    for token, told in (({"role": Role.STAFF, "subject": "sue"}, None), (MANAGER, own["approvalRequest"])):
        again = await done(api, ADJUST, given, **token)
        assert (again["replayed"], again["approvalRequest"]) == (True, told)


async def test_withdrawing(api: Api, tenant: Tenant, carol: UUID) -> None:
    request = await asked(api, carol)
    assert await refused(api, tenant, WITHDRAW, request, role=Role.STAFF, subject="sue") == "NOT_FOUND"
    await forbidden(api, tenant, WITHDRAW, request, **MANAGER)
    payload = await decide(api, WITHDRAW, request, **STAFF, note="Never mind")
    shown = payload["approvalRequest"]
    assert (payload["userErrors"], shown["status"], shown["decisionNote"]) == ([], "WITHDRAWN", "Never mind")
    assert shown["decidedBy"] == {"subject": "sam", "role": "STAFF"}
    async with tenant.nothing_moves():
        assert await decide(api, WITHDRAW, request, role=Role.MANAGER, subject="sam") == payload
    for query in (APPROVE, REJECT):
        assert await refused(api, tenant, query, request, **MANAGER) == "REQUEST_NOT_PENDING"


async def test_rejecting(api: Api, tenant: Tenant, carol: UUID) -> None:
    request = await asked(api, carol)
    payload = await decide(api, REJECT, request, **MANAGER, note="Too much")
    shown = payload["approvalRequest"]
    assert (payload["userErrors"], shown["status"], shown["decisionNote"]) == ([], "REJECTED", "Too much")
    async with tenant.nothing_moves():
        assert await decide(api, REJECT, request, **MANAGER) == payload
    assert await refused(api, tenant, APPROVE, request, **OTHER_MANAGER) == "REQUEST_NOT_PENDING"
    assert await refused(api, tenant, REJECT, request, **OTHER_MANAGER) == "REQUEST_NOT_PENDING"
    (answer,) = await listed(api, token=STAFF)
    assert (answer["status"], answer["decisionNote"]) == ("REJECTED", "Too much")
    trail = """{ auditTrail(action: "approval.rejected") {
        edges { node { actor { subject } note subjectId customer { externalId } } } } }"""
    (edge,) = (await api(trail, **MANAGER))["auditTrail"]["edges"]
    assert edge["node"] == {
        "actor": {"subject": "maria"},
        "note": "Too much",
        "subjectId": request,
        "customer": {"externalId": "carol"},
    }


async def test_status_is_judged_as_of_now(api: Api, tenant: Tenant, carol: UUID, clock: Clock) -> None:
    late, rejected = await asked(api, carol), await asked(api, carol)
    await decide(api, REJECT, rejected)
    clock.advance(timedelta(days=7))
    new = await asked(api, carol)
    for statuses, ids in (
        (["PENDING"], [new]),
        (["EXPIRED"], [late]),
        (["REJECTED", "EXPIRED"], [late, rejected]),
        (["APPROVED"], []),
        (["PENDING", "EXPIRED"], [late, new]),
        ([], []),
        (None, [late, rejected, new]),
    ):
        found = await listed(api, status=statuses)
        assert [one["id"] for one in found] == ids, statuses
        assert all(one["status"] in statuses for one in found if statuses)
    assert (await api(NODE, {"id": late}, **STAFF))["node"]["status"] == "EXPIRED"
    assert await refused(api, tenant, APPROVE, late, **MANAGER) == "REQUEST_NOT_PENDING"


async def test_filters_and_pages(api: Api, tenant: Tenant, carol: UUID) -> None:
    dave = await tenant.customer("dave")
    ids = [await asked(api, customer) for customer in (carol, dave, carol)]
    await asked(api, dave, token={"role": Role.STAFF, "subject": "sue"})
    assert [one["id"] for one in await listed(api, customer=gid("Customer", carol), by="sam")] == [ids[0], ids[2]]
    assert await listed(api, customer=gid("Invoice", carol)) == []
    page = (await api(LIST, {"by": "sam", "first": 2}, **MANAGER))["approvalRequests"]
    assert [edge["node"]["id"] for edge in page["edges"]] == ids[:2]
    rest = {"by": "sam", "first": 2, "after": page["pageInfo"]["endCursor"]}
    page = (await api(LIST, rest, **MANAGER))["approvalRequests"]
    assert [edge["node"]["id"] for edge in page["edges"]] == ids[2:]
    assert page["pageInfo"]["hasNextPage"] is False


@pytest.mark.parametrize("field", ["customer { id }", "transaction { id }", "services { id }", "reward { id }"])
async def test_what_a_request_leads_to_takes_the_right_to_it(api: Api, tenant: Tenant, carol: UUID, field: str) -> None:
    service, reward = await tenant.service("Cut"), await tenant.reward(1_001, name="Mug")
    credit = await asked(api, carol, "11", asset="SERVICE_CREDITS", serviceIds=[gid("Service", service)])
    given = {
        "customerId": gid("Customer", carol),
        "rewardId": gid("Reward", reward),
        "deductPoints": False,
        "requestApproval": True,
        "idempotencyKey": "k",
    }
    answer = await api(document(GIVE, "approvalRequest { id }"), {"input": given}, **STAFF)
    request = answer[GIVE]["approvalRequest"]["id"] if field.startswith("reward") else credit
    everything = await api(RIGHTS % field, {"id": request}, **STAFF)
    assert everything.errors == []
    bare = await api(RIGHTS % field, {"id": request}, **STAFF, scopes=[Scope.REWARDS_GIVE])
    assert bare.codes == ["FORBIDDEN"]


async def test_another_tenants_request_is_not_there(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    otto = await other_tenant.customer("otto")
    asked_there = await other_tenant.adjust(
        otto, "101.00", actor=Actor("sam", "STAFF"), reason="GOODWILL", request_approval=True
    )
    request = gid("ApprovalRequest", asked_there.approval_request_id)
    async with other_tenant.nothing_moves():
        for query, token in ((APPROVE, MANAGER), (REJECT, MANAGER), (WITHDRAW, STAFF)):
            for wrong in (request, gid("Customer", otto), "x"):
                assert await refused(api, tenant, query, wrong, **token) == "NOT_FOUND"
        assert (await api(NODE, {"id": request}, **STAFF))["node"] is None
        assert await listed(api) == []


async def test_the_key_is_needed_and_its_own(api: Api, tenant: Tenant, carol: UUID) -> None:
    first, second = await asked(api, carol), await asked(api, carol)
    payload = await decide(api, APPROVE, first, key=" ", **MANAGER)
    assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [("INVALID", ["idempotencyKey"])]
    await decide(api, APPROVE, first, key="k", **MANAGER)
    async with tenant.nothing_moves():
        payload = await decide(api, APPROVE, second, key="k", **MANAGER)
    assert [e["code"] for e in payload["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]


async def test_a_manager_over_a_threshold_needs_another(api: Api, tenant: Tenant, carol: UUID) -> None:
    await tenant.execute(
        """insert into limit_rules (tenant_id, id, role, asset, holder, per_adjustment, per_actor_day, per_customer_day)
        values ($1, $2, 'MANAGER', 'MONEY', '', 1000, null, null)""",
        uuid4(),
    )
    await tenant.execute("update tenants set config_version = config_version + 1 where id = $1")
    payload = await ask(api, ADJUST, adjusting(carol, "1000.01"), **MANAGER)
    assert [error["code"] for error in payload["userErrors"]] == ["LIMIT_EXCEEDED"]
    request = await asked(api, carol, "1000.01", token=MANAGER)
    await forbidden(api, tenant, APPROVE, request, **MANAGER)
    assert (await decide(api, APPROVE, request, **OTHER_MANAGER))["account"] == {"available": "1000.01"}
