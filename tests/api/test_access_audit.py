"""What is refused is written down: who wanted what, through which client, from where, and which right was missing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import pytest

from auth.roles import Role, Scope
from models.ledger import MAX_DENIALS_A_MINUTE
from models.operations.access_audit import MAX_PER_REQUEST
from tests.api.conftest import Answer, Api, bearer, gid
from tests.support.clock import Clock
from tests.support.tenants import Tenant

DENIED: Final = """query($actor: String, $client: String, $requestId: String, $address: String, $customerId: ID) {
  auditTrail(action: "access.denied", actor: $actor, client: $client, requestId: $requestId, address: $address,
    customerId: $customerId, first: 100) { edges { node { action kind at actor { subject name role client }
      customer { externalId } subjectId details requestId address transaction { id } } } } }"""
BALANCE: Final = "query Sums { trialBalance { asset } }"
RENAME: Final = 'mutation Rename { updateTenant(input: {name: "Mine"}) { userErrors { code } } }'
PARTNER: Final[dict[str, Any]] = {"role": Role.PARTNER, "client_id": "shop", "scopes": [Scope.CUSTOMERS_READ]}
SAM: Final[dict[str, Any]] = {"role": Role.STAFF, "subject": "sam"}
HERE: Final = "127.0.0.1"

Denied = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def denied(api: Api) -> Denied:
    """The denials that a manager finds."""

    async def find(**filters: object) -> list[dict[str, Any]]:
        answer = (await api(DENIED, filters, role=Role.MANAGER, subject="maria"))["auditTrail"]
        return [edge["node"] for edge in answer["edges"]]

    return find


async def refused(api: Api, query: str, variables: dict[str, Any] | None = None, **token: Any) -> Answer:
    """Something that is FORBIDDEN, and of which nothing but the denial is left."""
    async with api.tenant.nothing_moves():
        answer = await api(query, variables, **token)
    assert set(answer.codes) == {"FORBIDDEN"}
    return answer


async def test_a_manager_sees_who_wanted_what_and_which_right_was_missing(api: Api, denied: Denied) -> None:
    answer = await refused(api, BALANCE, **PARTNER | {"subject": "till-1"})
    (record,) = await denied()
    assert (record["action"], record["kind"], record["transaction"]) == ("access.denied", None, None)
    assert record["actor"] == {"subject": "till-1", "name": "Partner of the test", "role": "PARTNER", "client": "shop"}
    assert record["details"] == {
        "field": "trialBalance",
        "operation": "Sums",
        "code": "FORBIDDEN",
        "missing": ["READ_REPORTS"],
        "role": "PARTNER",
        "scopes": ["customers:read"],
    }
    assert record["requestId"] == answer.response.headers["x-request-id"]
    assert (record["address"], record["customer"], record["subjectId"]) == (HERE, None, None)


async def test_it_can_be_asked_for_by_actor_client_request_and_address(api: Api, denied: Denied) -> None:
    await refused(api, RENAME, **SAM)
    await refused(api, BALANCE, **PARTNER)
    by_sam, by_shop = await denied()
    for filters, expected in (
        ({"actor": "sam"}, [by_sam]),
        ({"client": "shop"}, [by_shop]),
        ({"actor": "sam", "client": "shop"}, []),
        ({"requestId": by_sam["requestId"]}, [by_sam]),
        ({"requestId": "nobody's"}, []),
        ({"client": ""}, []),
        ({"address": HERE}, [by_sam, by_shop]),
        ({"address": "203.0.113.9"}, []),
        ({"address": "::1"}, []),
    ):
        assert await denied(**filters) == expected, filters
    assert (await api(DENIED, {"address": "home"}, role=Role.MANAGER)).codes == ["BAD_USER_INPUT"]


async def test_staff_may_not_ask_for_it_and_that_is_in_it(api: Api, denied: Denied) -> None:
    await refused(api, DENIED, **SAM)
    (record,) = await denied()
    assert (record["details"]["field"], record["details"]["missing"]) == ("auditTrail", ["READ_AUDIT"])
    await refused(api, DENIED, **PARTNER)
    assert [record["actor"]["role"] for record in await denied()] == ["STAFF", "PARTNER"]
    answer = await api(DENIED, **PARTNER | {"scopes": [Scope.REPORTS_READ]})
    assert set(answer.codes) == {"FORBIDDEN"}  # of the transactions, not of the trail
    assert answer.data is not None
    assert len(answer.data["auditTrail"]["edges"]) == 2


async def test_rights_that_depend_on_what_is_asked(api: Api, tenant: Tenant, denied: Denied) -> None:
    """Staff may add and not remove: the operation says so, not the field's declaration."""
    customer = await tenant.customer()
    query = "mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) { userErrors { code } } }"
    given = {"customerId": gid("Customer", customer), "asset": "GBP", "amount": "-1", "reason": "CORRECTION"}
    await refused(api, query, {"input": {**given, "idempotencyKey": "k"}}, **SAM)
    (record,) = await denied()
    assert record["details"] == {
        "field": "adjustCredit",
        "code": "FORBIDDEN",
        "missing": ["REMOVE_CREDIT"],
        "role": "STAFF",
    }


async def test_a_field_below_is_named_by_its_path_and_once_for_all_rows(
    api: Api, tenant: Tenant, denied: Denied
) -> None:
    for _ in range(3):
        await tenant.customer()
    await refused(api, "{ customers { edges { node { name account(asset: GBP) { available } } } } }", **PARTNER)
    (record,) = await denied()
    assert (record["details"]["field"], record["details"]["path"]) == ("customers", "customers.edges.node.account")
    assert (record["details"]["times"], record["details"]["missing"]) == (3, ["READ_LEDGER"])


async def test_root_fields_side_by_side_are_told_apart_and_by_their_own_names(api: Api, denied: Denied) -> None:
    await refused(
        api, "{ viewer: trialBalance { asset } liability { asset } auditTrail { edges { cursor } } }", **PARTNER
    )
    fields = {record["details"]["field"]: record["details"]["missing"] for record in await denied()}
    assert fields == {"trialBalance": ["READ_REPORTS"], "liability": ["READ_REPORTS"], "auditTrail": ["READ_AUDIT"]}


async def test_what_is_posted_beside_a_denial_stays_posted(api: Api, tenant: Tenant, denied: Denied) -> None:
    query = """mutation { upsertCustomer(input: {externalId: "carol", name: "Carol"}) { userErrors { code } }
      updateTenant(input: {name: "Mine"}) { userErrors { code } } }"""
    answer = await api(query, **SAM)
    assert answer.codes == ["FORBIDDEN"]
    assert answer.data == {"upsertCustomer": {"userErrors": []}, "updateTenant": None}
    assert [record["details"]["field"] for record in await denied()] == ["updateTenant"]


async def test_a_customer_who_reaches_for_anothers_is_told_nothing_and_noted(
    api: Api, tenant: Tenant, other_tenant: Tenant, denied: Denied
) -> None:
    await tenant.customer("carol")
    dave, elsewhere = await tenant.customer("dave"), await other_tenant.customer("dave")
    query = "query($id: ID!) { customer(by: {id: $id}) { name } }"
    async with tenant.nothing_moves():
        answers = [
            await api.as_customer("carol", query, {"id": gid("Customer", asked)})
            for asked in (dave, elsewhere, uuid4())
        ]
    assert [(answer.data, answer.errors) for answer in answers] == [({"customer": None}, [])] * 3
    records = await denied()
    assert [record["customer"] for record in records] == [{"externalId": "dave"}, None, None]
    for record in records:
        assert record["details"] == {"field": "customer", "code": "NOT_FOUND", "role": "CUSTOMER"}
        assert record["actor"]["role"] == "CUSTOMER"
    assert [record["customer"] for record in await denied(customerId=gid("Customer", dave))] == [{"externalId": "dave"}]
    own = await api.as_customer("dave", query, {"id": gid("Customer", dave)})
    assert own["customer"] is not None
    assert len(await denied()) == 3


@pytest.mark.parametrize(
    ("field", "query"),
    [
        ("customer", "query($name: String!) { customer(by: {externalId: $name}) { name } }"),
        ("coupon", "query($name: String!) { coupon(by: {code: $name}) { id } }"),
    ],
)
async def test_reaching_for_a_name_that_nobody_has_is_no_different(
    api: Api, tenant: Tenant, denied: Denied, field: str, query: str
) -> None:
    """Noting it takes time: only for names that exist, it would tell a customer which of their guesses do."""
    await tenant.customer("carol")
    given = await tenant.give(await tenant.customer("dave"), await tenant.reward(0, name="Tea"))
    named = "query($id: ID!) { coupon(by: {id: $id}) { code } }"
    code = (await api(named, {"id": gid("Coupon", given.coupon_id)}))["coupon"]["code"]
    for name in (code if field == "coupon" else "dave", "nobody"):
        assert (await api.as_customer("carol", query, {"name": name})).data == {field: None}
    records = await denied()
    assert [record["details"]["field"] for record in records] == [field, field]
    assert [record["customer"] for record in records] == [{"externalId": "dave"}, None]


async def test_erasing_a_customer_wipes_no_trace_of_who_reached_for_them(
    api: Api, tenant: Tenant, denied: Denied
) -> None:
    await tenant.customer("carol")
    dave = gid("Customer", await tenant.customer("dave"))
    await api.as_customer("carol", "query($id: ID!) { customer(by: {id: $id}) { name } }", {"id": dave})
    (before,) = await denied()
    erase = "mutation($id: ID!) { eraseCustomer(input: {customerId: $id}) { userErrors { code } } }"
    assert (await api(erase, {"id": dave}))["eraseCustomer"] == {"userErrors": []}
    (after,) = await denied()
    assert after["details"] == before["details"]
    assert after["customer"]["externalId"].startswith("erased-")


async def test_the_name_in_a_customers_own_token_is_not_kept(api: Api, tenant: Tenant, denied: Denied) -> None:
    carol = gid("Customer", await tenant.customer("carol"))
    await refused(api, BALANCE, role=Role.CUSTOMER, customer="carol", subject="c-1")
    erase = "mutation($id: ID!) { eraseCustomer(input: {customerId: $id}) { userErrors { code } } }"
    assert (await api(erase, {"id": carol}))["eraseCustomer"] == {"userErrors": []}
    (record,) = await denied()
    assert record["actor"] == {"subject": "c-1", "name": None, "role": "CUSTOMER", "client": None}


async def test_downloads_and_imports_are_endpoints_too(
    api: Api, client: httpx.AsyncClient, tenant: Tenant, denied: Denied
) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    to = f"/statements/{gid('Customer', dave)}.csv"
    async with tenant.nothing_moves():
        headers = {"authorization": bearer(tenant.slug, **PARTNER), "content-type": "text/csv", "idempotency-key": "k"}
        assert (await client.get(to, headers=headers)).status_code == 403
        assert (await client.post("/imports/credits", headers=headers, content=b"")).status_code == 403
        headers = {"authorization": bearer(tenant.slug, Role.CUSTOMER, customer="carol")}
        assert (await client.get(to, headers=headers)).status_code == 404
        assert (await client.get(to.replace(gid("Customer", dave), gid("Customer", carol)), headers=headers)).is_success
    found = [
        (record["details"]["field"], record["details"].get("missing"), record["customer"]) for record in await denied()
    ]
    assert found == [
        ("/statements/{customer}.csv", ["READ_LEDGER"], None),
        ("/imports/credits", ["BULK"], None),
        ("/statements/{customer}.csv", None, {"externalId": "dave"}),
    ]


async def test_it_is_bounded_by_actor_and_minute_and_says_what_it_left_out(
    api: Api, clock: Clock, denied: Denied
) -> None:
    clock.stand_still(clock())
    for _ in range(MAX_DENIALS_A_MINUTE + 7):
        await refused(api, BALANCE, **PARTNER)
    await refused(api, BALANCE, **SAM | {"scopes": []})
    records = await denied(client="shop")
    assert len(records) == MAX_DENIALS_A_MINUTE
    assert not any("unrecorded" in record["details"] for record in records)
    assert len(await denied(actor="sam")) == 1  # another's is not lost among them
    clock.stand_still(clock() + timedelta(minutes=1))
    await refused(api, BALANCE, **PARTNER)
    assert (await denied(client="shop"))[-1]["details"]["unrecorded"] == 7
    await refused(api, BALANCE, **PARTNER)
    assert "unrecorded" not in (await denied(client="shop"))[-1]["details"]


async def test_one_request_does_not_use_up_the_minute(api: Api, denied: Denied) -> None:
    names = [f'a{n}: node(id: "{gid("Invoice", UUID(int=n))}") {{ id }}' for n in range(8)]
    fields = ["trialBalance { asset }", "liability { asset }", "auditTrail { edges { cursor } }", *names]
    await refused(api, f"{{ {' '.join(fields)} }}", **PARTNER)
    found = await denied()
    # node is one field, however often it is asked for.
    assert len(found) == 4 <= MAX_PER_REQUEST
    assert {record["details"]["field"]: record["details"].get("times") for record in found} == {
        "trialBalance": None,
        "liability": None,
        "auditTrail": None,
        "node": 8,
    }


async def test_many_at_once_leave_each_their_row(api: Api, denied: Denied) -> None:
    await asyncio.gather(*(refused_quietly(api, f"p{n}") for n in range(20)))
    assert {record["actor"]["subject"] for record in await denied()} == {f"p{n}" for n in range(20)}


async def refused_quietly(api: Api, subject: str) -> None:
    assert (await api(BALANCE, **PARTNER | {"subject": subject})).codes == ["FORBIDDEN"]


async def test_another_tenants_trail_tells_nothing_of_it(api: Api, other_tenant: Tenant, clock: Clock) -> None:
    other = Api(api.client, other_tenant, clock)
    await refused(api, BALANCE, **PARTNER)
    answer = (await other(DENIED, {"client": "shop"}, role=Role.MANAGER))["auditTrail"]
    assert answer == {"edges": []}
    answer = (await other(DENIED, role=Role.MANAGER))["auditTrail"]
    assert answer == {"edges": []}


async def test_a_denial_is_answered_even_where_it_cannot_be_written_down(
    api: Api, tenant: Tenant, denied: Denied, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR):
        broken.setattr("models.operations.access_audit._insert", fails)
        answer = await refused(api, BALANCE, **PARTNER)
    assert answer.data == {"trialBalance": None}
    assert "1 denials of access could not be recorded" in caplog.text
    assert await denied() == []
    await refused(api, RENAME, **PARTNER)
    (record,) = await denied()
    assert (record["details"]["field"], record["details"]["unrecorded"]) == ("updateTenant", 1)
    assert tenant.ledger.metrics.denials == {"recorded": 1, "unrecorded": 1}


async def test_who_has_no_good_token_is_in_no_tenants_audit(
    api: Api, client: httpx.AsyncClient, tenant: Tenant
) -> None:
    async with tenant.nothing_moves():
        assert (await api(BALANCE, role=None)).codes == ["UNAUTHENTICATED"]
        headers = {"authorization": bearer("nobody's", Role.ADMIN)}
        answer = Answer(await client.post("/graphql", json={"query": BALANCE}, headers=headers))
        assert answer.codes == ["UNAUTHENTICATED"]
    rows = await tenant.fetch("select count(*) from audit_events where tenant_id = $1 and action = 'access.denied'")
    assert rows[0][0] == 0
