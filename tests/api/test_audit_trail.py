"""auditTrail: everything that anybody did, with and without value, for those who may see it all."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from auth.roles import Role, Scope
from models.commands import Actor, MembershipChange
from models.event_kinds import AuditAction
from models.feed import NO_NEWS, OF_ACTIONS
from models.operations.memberships import start_membership
from tests.api.conftest import Answer, Api, bearer, gid
from tests.support.clock import Clock
from tests.support.root_fields import Case, what_it_names
from tests.support.root_mutations import MUTATIONS
from tests.support.tenants import Tenant

TRAIL = """query($actor: String, $customerId: ID, $reason: String, $kind: [TransactionKind!], $action: String,
    $actionKind: AuditAction, $minAmount: Decimal, $maxAmount: Decimal, $asset: AssetCode, $from: DateTime, $to: DateTime,
    $first: Int, $after: String, $last: Int, $before: String) {
  auditTrail(actor: $actor, customerId: $customerId, reason: $reason, kind: $kind, action: $action,
    filter: {actionKind: $actionKind}, minAmount: $minAmount, maxAmount: $maxAmount, asset: $asset, from: $from, to: $to,
    first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { at kind action actor { subject name role } approvedBy { subject } customer { externalId }
      reason note asset amount subjectId details transaction { id entries { edges { node { amount } } } } } }
    pageInfo { hasNextPage hasPreviousPage } } }"""
MARIA = Actor("maria", "MANAGER", name="Maria")
SAM = Actor("sam", "STAFF", name="Sam")
OUTBOX_ALONE: Final = {
    *("invoice.paid", "coupon.issued", "tier.changed", "approval.requested", "approval.expired"),
    *("bulk.completed", "bulk.failed", "checkpoint.made"),
}
"""What is news and not in the audit."""
CONFIGURES: Final = {
    "createReason": "reason",
    "updateReason": "reason",
    "createService": "service",
    "updateService": "service",
    "createTier": "tier",
    "updateTier": "tier",
    "deleteTier": "tier",
    "createReward": "reward",
    "updateReward": "reward",
    "createProduct": "product",
    "updateProduct": "product",
    "updateTenant": "tenant",
    "setLimit": "limit",
    "removeLimit": "limit",
    "issueToken": "token",
    "rotateToken": "token",
    "revokeToken": "token",
    "upsertCustomer": "customer",
    "mergeCustomers": "customer",
    "eraseCustomer": "customer",
    "startMembership": "membership",
    "cancelMembership": "membership",
}
"""What these leave is an event of this kind, and just one."""
Trail = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
async def opening(tenant: Tenant, clock: Clock) -> dict[str, Any]:
    """Two customers, and when the day begins: what was done to have them is over by then."""
    people = {name: await tenant.customer(name) for name in ("carol", "dave")}
    clock.advance(timedelta(minutes=1))
    return {**people, "at": clock().isoformat()}


@pytest.fixture
def trail(api: Api, opening: dict[str, Any]) -> Trail:
    """The records of the day that a manager finds."""

    async def find(**filters: object) -> list[dict[str, Any]]:
        filters.setdefault("from", opening["at"])
        answer = (await api(TRAIL, filters, role=Role.MANAGER))["auditTrail"]
        return [edge["node"] for edge in answer["edges"]]

    return find


@pytest.fixture
async def day(api: Api, tenant: Tenant, clock: Clock, opening: dict[str, Any]) -> dict[str, Any]:
    """A day's work: a minute passes between one thing and the next."""
    carol, dave, cut = opening["carol"], opening["dave"], await tenant.service("Cut")

    async def minute() -> None:
        clock.advance(timedelta(minutes=1))

    await tenant.adjust(carol, "5", "SERVICE_CREDITS", actor=SAM, reason="SERVICE_RECOVERY", note="Late start")
    await minute()
    await tenant.adjust(carol, "25.00", actor=MARIA, reason="GOODWILL")
    await minute()
    await tenant.adjust(carol, "-2", "SERVICE_CREDITS", actor=MARIA, reason="POLICY", service_ids=(cut,))
    await minute()
    await start_membership(tenant.ledger, tenant.id, SAM, MembershipChange(dave, note="Signed at the desk"))
    await minute()
    await tenant.adjust(dave, "100", "POINTS", actor=MARIA, reason="PROMOTION")
    await minute()
    query = 'mutation { updateReason(input: {code: "OTHER", label: "Else"}) { userErrors { code } } }'
    await api(query)
    return {"carol": gid("Customer", carol), "dave": gid("Customer", dave)}


def told(records: list[dict[str, Any]]) -> list[str]:
    return [record["action"] or f"{record['kind']} {record['amount']} {record['asset']}" for record in records]


EVERYTHING = [
    "ADJUSTMENT 5 SERVICE_CREDITS",
    "ADJUSTMENT 25.00 GBP",
    "ADJUSTMENT -2 SERVICE_CREDITS",
    "membership.started",
    "ADJUSTMENT 100 POINTS",
    "reason.updated",
]


async def test_every_adjustment_says_who_when_why_and_how_much(day: dict[str, Any], trail: Trail) -> None:
    records = await trail()
    assert told(records) == EVERYTHING
    first = records[0]
    assert first["actor"] == {"subject": "sam", "name": "Sam", "role": "STAFF"}
    assert (first["reason"], first["note"], first["approvedBy"]) == ("SERVICE_RECOVERY", "Late start", None)
    assert (first["customer"], first["action"], first["details"]) == ({"externalId": "carol"}, None, None)
    assert first["transaction"]["entries"]["edges"] == [{"node": {"amount": "5"}}]
    times = [datetime.fromisoformat(record["at"]) for record in records]
    assert times == sorted(times)


async def test_what_moves_no_value_is_there_too(day: dict[str, Any], trail: Trail) -> None:
    started, updated = [record for record in await trail() if record["action"]]
    assert (started["note"], started["subjectId"]) == ("Signed at the desk", day["dave"])
    assert (started["customer"], started["kind"], started["transaction"]) == ({"externalId": "dave"}, None, None)
    assert (started["asset"], started["amount"], started["reason"]) == (None, None, None)
    assert list(started["details"]) == ["startedAt"]
    assert updated["details"] == {"label": ["Other", "Else"]}
    assert (updated["actor"]["subject"], updated["customer"], updated["subjectId"]) == ("admin@test", None, None)


RENAME = 'mutation { updateCustomer(input: { customerId: "WHO", name: "Else" }) { userErrors { code } } }'
CHANGED = """query($kind: AuditAction) { auditTrail(filter: {actionKind: $kind}) { edges { node {
  action actionKind changes { field before after } } } } }"""


async def changed(api: Api, kind: str | None = None) -> list[tuple[Any, Any]]:
    found = (await api(CHANGED, {"kind": kind}))["auditTrail"]["edges"]
    return [(edge["node"]["actionKind"], edge["node"]["changes"]) for edge in found]


def change(field: str, before: str | None, after: str | None) -> dict[str, str | None]:
    return {"field": field, "before": before, "after": after}


async def test_actions_have_kinds_and_changes(api: Api, day: dict[str, Any]) -> None:
    """Of a transaction there are none; of an action they say field by field what it was."""
    (label,) = await changed(api, "REASON_UPDATED")
    assert label == ("REASON_UPDATED", [change("label", "Other", "Else")])
    (started,) = await changed(api, "MEMBERSHIP_STARTED")
    assert [(each["field"], each["before"]) for each in started[1]] == [("startedAt", None)]
    kinds = [kind for kind, _ in await changed(api)]
    assert kinds[-6:] == [None, None, None, "MEMBERSHIP_STARTED", None, "REASON_UPDATED"]
    assert await changed(api, "TIER_DELETED") == []


async def test_what_is_added_deleted_or_kept_from_the_audit(api: Api, day: dict[str, Any]) -> None:
    for query in (
        'mutation { createTier(input: { name: "Gold", threshold: "100" }) { userErrors { code } } }',
        RENAME.replace("WHO", day["dave"]),
        'mutation { setLimit(input: { role: MANAGER, asset: "GBP", perAdjustment: "5" }) { userErrors { code } } }',
        'mutation { setLimit(input: { role: MANAGER, asset: "GBP", perAdjustment: "6" }) { userErrors { code } } }',
        'mutation { removeLimit(input: { role: MANAGER, asset: "GBP" }) { userErrors { code } } }',
        "mutation { updateTenant(input: { graceDays: 61, limitedCurrencies: [EUR, GBP] }) { userErrors { code } } }",
    ):
        assert [value for value in (await api(query)).data.values() if value["userErrors"]] == []  # type: ignore[union-attr]
    (tier,) = await changed(api, "TIER_CREATED")
    assert change("name", None, "Gold") in tier[1]
    (customer,) = await changed(api, "CUSTOMER_UPDATED")
    assert customer[1] == [change("name", None, None)]
    added, raised = await changed(api, "LIMIT_SET")
    assert change("perAdjustment", None, "5.00") in added[1]
    assert raised[1] == [change("perAdjustment", "5.00", "6.00")]
    (removed,) = await changed(api, "LIMIT_REMOVED")
    assert change("perAdjustment", "6.00", None) in removed[1]
    (tenant,) = await changed(api, "TENANT_UPDATED")
    assert sorted(each["field"] for each in tenant[1]) == ["graceDays", "limitedCurrencies"]
    assert change("graceDays", "60", "61") in tenant[1]


def test_every_action_has_a_kind() -> None:
    """Those that the feed knows, but for what only the outbox tells."""
    assert {action.value for action in AuditAction} == (OF_ACTIONS.keys() | NO_NEWS) - OUTBOX_ALONE


async def test_filters(day: dict[str, Any], trail: Trail) -> None:
    everything = await trail()
    at = [record["at"] for record in everything]
    for filters, expected in (
        ({"actor": "sam"}, [0, 3]),
        ({"actor": "maria"}, [1, 2, 4]),
        ({"actor": "nobody"}, []),
        ({"customerId": day["dave"]}, [3, 4]),
        ({"customerId": day["dave"], "actor": "sam"}, [3]),
        ({"reason": "POLICY"}, [2]),
        ({"reason": "NOPE"}, []),
        ({"kind": ["ADJUSTMENT"]}, [0, 1, 2, 4]),
        ({"kind": ["VOID", "EXPIRY"]}, []),
        ({"kind": []}, []),
        ({"action": "membership.started"}, [3]),
        ({"actionKind": "MEMBERSHIP_STARTED"}, [3]),
        ({"actionKind": "MEMBERSHIP_STARTED", "action": "reason.updated"}, []),
        ({"asset": "SERVICE_CREDITS"}, [0, 2]),
        ({"asset": "USD"}, []),
        ({"minAmount": "5"}, [0, 1, 4]),
        ({"minAmount": "25.01"}, [4]),
        ({"minAmount": "24.9999"}, [1, 4]),
        ({"maxAmount": "0"}, [2]),
        ({"maxAmount": "-2.5"}, []),
        ({"minAmount": "0", "maxAmount": "25"}, [0, 1]),
        ({"minAmount": "0", "maxAmount": "25", "asset": "GBP"}, [1]),
        ({"minAmount": "-9999999999999999"}, [0, 1, 2, 4]),
        ({"minAmount": "9999999999999999.9999"}, []),
        ({"from": at[1]}, [1, 2, 3, 4, 5]),
        ({"to": at[1]}, [0]),
        ({"from": at[1], "to": at[3], "actor": "maria"}, [1, 2]),
    ):
        assert await trail(**filters) == [everything[n] for n in expected], filters


async def test_pages_from_both_ends_neither_skip_nor_repeat(api: Api, day: dict[str, Any]) -> None:
    async def page(**arguments: object) -> tuple[list[str], list[str], dict[str, bool]]:
        found = (await api(TRAIL, arguments))["auditTrail"]
        return (
            told([edge["node"] for edge in found["edges"]]),
            [edge["cursor"] for edge in found["edges"]],
            found["pageInfo"],
        )

    newest, cursors, bounds = await page(last=2)
    assert (newest, bounds) == (EVERYTHING[4:], {"hasNextPage": False, "hasPreviousPage": True})
    older, cursors, bounds = await page(last=3, before=cursors[0])
    assert (older, bounds) == (EVERYTHING[1:4], {"hasNextPage": True, "hasPreviousPage": True})
    onwards, _, bounds = await page(first=50, after=cursors[-1])
    assert (onwards, bounds) == (EVERYTHING[4:], {"hasNextPage": False, "hasPreviousPage": True})


async def test_events_of_one_instant_are_told_apart(api: Api, tenant: Tenant, trail: Trail) -> None:
    """A bulk's rows have one instant: pages of one record go through them all."""
    rows = [{"customerId": gid("Customer", await tenant.customer()), "amount": str(n)} for n in range(1, 6)]
    bulk = {"items": rows, "asset": "POINTS", "reason": "PROMOTION", "idempotencyKey": "b"}
    query = "mutation($input: BulkCreditInput!) { bulkCredit(input: $input) { userErrors { code } } }"
    assert (await api(query, {"input": bulk}))["bulkCredit"] == {"userErrors": []}
    seen: list[str] = []
    after = None
    while True:
        found = (await api(TRAIL, {"first": 1, "after": after, "kind": ["ADJUSTMENT"]}))["auditTrail"]
        seen += [edge["node"]["amount"] for edge in found["edges"]]
        if not found["pageInfo"]["hasNextPage"]:
            break
        after = found["edges"][0]["cursor"]
    assert sorted(seen) == ["1", "2", "3", "4", "5"]


async def test_it_says_no_more_than_the_token_may_read(api: Api, day: dict[str, Any]) -> None:
    query = """{ auditTrail(first: 1, kind: ADJUSTMENT) {
      edges { node { at amount customer { name } transaction { id } } } } }"""
    partner: dict[str, Any] = {"role": Role.PARTNER, "scopes": [Scope.REPORTS_READ], "client_id": "shop"}
    answer = await api(query, **partner)
    assert set(answer.codes) == {"FORBIDDEN"}
    assert answer.data is not None
    node = answer.data["auditTrail"]["edges"][0]["node"]
    assert (node["amount"], node["customer"], node["transaction"]) == ("5", None, None)


async def test_staff_and_customers_see_none_of_it(api: Api, day: dict[str, Any]) -> None:
    for answer in (await api(TRAIL, role=Role.STAFF), await api.as_customer("carol", TRAIL)):
        assert (answer.codes, answer.data) == (["FORBIDDEN"], {"auditTrail": None})


async def test_another_tenants_trail_is_its_own(api: Api, other_tenant: Tenant, trail: Trail) -> None:
    dave = await other_tenant.customer()
    await other_tenant.adjust(dave, "1.00")
    assert await trail() == []
    assert await trail(customerId=gid("Customer", dave)) == []
    assert await trail(customerId=gid("Service", dave)) == []


async def test_bad_filters(api: Api) -> None:
    for filters in (
        {"asset": "XYZ"},
        {"customerId": "x"},
        {"actor": "a\x00"},
        {"reason": "x" * 65},
        {"action": "\x00"},
        {"first": -1},
        {"first": 101},
        {"after": "x"},
        {"minAmount": 1},
        {"kind": ["NOPE"]},
    ):
        assert (await api(TRAIL, filters)).codes == ["BAD_USER_INPUT"], filters


@pytest.mark.parametrize("case", MUTATIONS, ids=lambda case: case.name)
async def test_whatever_a_mutation_leaves_in_the_trail_says_which_request_it_was_and_from_where(
    api: Api, tenant: Tenant, case: Case
) -> None:
    ids = await what_it_names(tenant, case)
    before = await tenant.fetch("select id from audit_events where tenant_id = $1")
    who = case.subject or "admin@test"
    headers = {"authorization": bearer(tenant.slug, subject=who), "x-request-id": "the-request"}
    body = {"query": case.query, "variables": case.variables(ids)}
    answer = Answer(await api.client.post("/graphql", json=body, headers=headers))
    assert answer[case.field]["userErrors"] == []
    left = await tenant.fetch(
        """select e.action, e.request_id, e.address, a.subject
        from audit_events e join actors a on a.tenant_id = $1 and a.id = e.actor_id
        where e.tenant_id = $1 and not e.id = any($2)""",
        [row[0] for row in before],
    )
    assert {(row["request_id"], row["address"], row["subject"]) for row in left} <= {("the-request", "127.0.0.1", who)}
    if case.field in CONFIGURES:
        assert [row["action"].split(".")[0] for row in left] == [CONFIGURES[case.field]]


async def test_a_file_that_is_taken_in_says_which_request_it_was(api: Api, tenant: Tenant) -> None:
    await tenant.customer("carol")
    headers = {
        "authorization": bearer(tenant.slug),
        "x-request-id": "the-file",
        "content-type": "text/csv",
        "idempotency-key": "k",
    }
    to = "/imports/credits?asset=POINTS&reason=CORRECTION"
    assert (await api.client.post(to, headers=headers, content=b"customer,amount\ncarol,5\n")).status_code == 202
    rows = await tenant.fetch(
        "select request_id, address from audit_events where tenant_id = $1 and action like 'bulk.%'"
    )
    assert [tuple(row) for row in rows] == [("the-file", "127.0.0.1")]


async def test_managers_answer_for_the_money(api: Api, tenant: Tenant) -> None:
    """Who approved what, who changed a limit from what to what, who issued which token: one query each."""
    carol = gid("Customer", await tenant.customer("carol"))

    async def do(field: str, given: dict[str, Any], asked: str = "", **token: Any) -> Any:
        kind = field[0].upper() + field[1:]
        query = f"mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {asked} userErrors {{ code }} }} }}"
        payload = (await api(query, {"input": given}, **token))[field]
        assert payload.pop("userErrors") == []
        return payload

    async def asked(**filters: object) -> list[dict[str, Any]]:
        edges = (await api(TRAIL, filters, role=Role.MANAGER))["auditTrail"]["edges"]
        return [edge["node"] for edge in edges]

    # "Who approved Carol's 150 pounds, and who had asked for them?"
    adjustment = {
        "customerId": carol,
        "asset": "GBP",
        "amount": "150",
        "reason": "GOODWILL",
        "requestApproval": True,
        "idempotencyKey": "a",
    }
    made = await do("adjustCredit", adjustment, "approvalRequest { id }", role=Role.STAFF, subject="sam")
    decision = {"requestId": made["approvalRequest"]["id"], "note": "She waited for hours", "idempotencyKey": "b"}
    await do("approveRequest", decision, role=Role.MANAGER, subject="maria")
    (approved,) = await asked(customerId=carol, kind=["ADJUSTMENT"])
    assert (approved["amount"], approved["asset"], approved["reason"]) == ("150.00", "GBP", "GOODWILL")
    assert (approved["actor"]["subject"], approved["approvedBy"]) == ("sam", {"subject": "maria"})
    (event,) = await asked(action="approval.approved")
    assert (event["actor"]["subject"], event["note"]) == ("maria", "She waited for hours")
    assert event["subjectId"] == made["approvalRequest"]["id"]

    # "Who changed what staff may add in points, and from what to what?"
    await do("setLimit", {"role": "STAFF", "asset": "POINTS", "perAdjustment": "1", "perActorDay": "2"}, subject="ada")
    await do("setLimit", {"role": "STAFF", "asset": "POINTS", "perAdjustment": "9", "perActorDay": "2"}, subject="eve")
    first, second = await asked(action="limit.set")
    assert [record["actor"]["subject"] for record in (first, second)] == ["ada", "eve"]
    assert list(map(Decimal, second["details"]["perAdjustment"])) == [1, 9]

    # "Who gave the shop its token, and what for?"
    await do("issueToken", {"client": "shop", "name": "Till", "scopes": ["credits:add"]}, subject="ada")
    (issued,) = await asked(action="token.issued")
    assert issued["actor"]["subject"] == "ada"
    assert (issued["details"]["client"], issued["details"]["name"]) == ("shop", "Till")
    assert "credits:add" in issued["details"]["scope"]


async def test_invoices_and_payments_say_how_much_they_were(
    tenant: Tenant, trail: Trail, opening: dict[str, Any]
) -> None:
    invoice = await tenant.invoice(opening["carol"], "20.00", number="INV-7", auto_apply=False)
    await tenant.pay(invoice, "5.00")
    issued, paid = await trail()
    assert issued["details"] == {"number": "INV-7", "total": "20.00", "currency": "GBP"}
    assert paid["details"] == {"amount": "5.00", "currency": "GBP", "method": "CARD", "invoice": "INV-7"}
