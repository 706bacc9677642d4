"""bulkOperation: how far a bulk is, and what became of each row."""

import asyncio
import hashlib
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from auth.roles import Role, Scope
from models.commands import Actor, BulkCredit, BulkItem
from models.operations.bulk_credit import bulk_credit
from tests.api.conftest import Api, gid
from tests.api.test_imports import CANCEL, post
from tests.api.test_node import NODE
from tests.support.partner_tokens import ask
from tests.support.tenants import ADMIN, Tenant

BULK = """query($id: ID!, $failed: Boolean, $first: Int, $after: String) { bulkOperation(id: $id) {
  id status total processed succeeded failed
  rows(onlyFailed: $failed, first: $first, after: $after) {
    edges { cursor node { row amount customer { externalId } transaction { kind }
      error { code message field row available } } } pageInfo { hasNextPage } } } }"""

UNUSED = "SELECT count(*) FROM partner_tokens WHERE tenant_id = $1 AND last_used_at IS NULL"


async def run(tenant: Tenant, *items: tuple[UUID | None, str], asset: str = "GBP", actor: Actor = ADMIN) -> UUID:
    command = BulkCredit(
        items=tuple(BulkItem(customer, Decimal(amount)) for customer, amount in items),
        asset=asset,
        reason="CORRECTION",
        error_policy="SKIP_FAILED",
    )
    outcome = await bulk_credit(tenant.ledger, tenant.id, actor, command, tenant.key())
    assert outcome.bulk_operation_id is not None
    return outcome.bulk_operation_id


@pytest.fixture
async def bulk(tenant: Tenant) -> UUID:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    return await run(tenant, (carol, "2.50"), (None, "1.00"), (dave, "-7.00"), (tenant.id, "1.005"))


async def test_reports_every_row(api: Api, bulk: UUID) -> None:
    operation = (await api(BULK, {"id": gid("BulkOperation", bulk)}))["bulkOperation"]

    assert {name: operation[name] for name in ("status", "total", "processed", "succeeded", "failed")} == {
        "status": "COMPLETED",
        "total": 4,
        "processed": 4,
        "succeeded": 1,
        "failed": 3,
    }
    rows: list[dict[str, Any]] = [edge["node"] for edge in operation["rows"]["edges"]]
    assert [(row["row"], row["amount"], row["customer"], row["transaction"]) for row in rows] == [
        (0, "2.50", {"externalId": "carol"}, {"kind": "ADJUSTMENT"}),
        (1, "1.00", None, None),
        (2, "-7.00", {"externalId": "dave"}, None),
        (3, "1.005", None, None),
    ]
    assert [row["error"] and row["error"]["code"] for row in rows] == [
        None,
        "NOT_FOUND",
        "INSUFFICIENT_BALANCE",
        rows[3]["error"]["code"],
    ]
    assert rows[3]["error"]["code"] in ("NOT_FOUND", "AMOUNT_PRECISION")
    assert (rows[1]["error"]["field"], rows[1]["error"]["row"]) == (["items", "1", "customerId"], 1)
    assert rows[2]["error"]["available"] == "0.00"


async def test_pages_by_row_and_can_leave_out_what_went_well(api: Api, bulk: UUID) -> None:
    async def rows(**arguments: Any) -> tuple[list[int], bool, str]:
        found = (await api(BULK, {"id": gid("BulkOperation", bulk), **arguments}))["bulkOperation"]["rows"]
        last = found["edges"][-1]["cursor"]
        return [edge["node"]["row"] for edge in found["edges"]], found["pageInfo"]["hasNextPage"], last

    first, more, cursor = await rows(first=3)
    assert (first, more) == ([0, 1, 2], True)
    assert (await rows(first=3, after=cursor))[:2] == ([3], False)
    assert (await rows(failed=True))[:2] == ([1, 2, 3], False)
    assert (await rows(failed=True, first=1, after=cursor))[:2] == ([3], False)


async def test_unknown_ones_are_none(api: Api, other_tenant: Tenant, bulk: UUID) -> None:
    theirs = await run(other_tenant, (await other_tenant.customer(), "1.00"))
    query = "query($id: ID!) { bulkOperation(id: $id) { id } }"
    assert (await api(query, {"id": gid("BulkOperation", theirs)}))["bulkOperation"] is None
    assert (await api(query, {"id": gid("Customer", bulk)}))["bulkOperation"] is None
    assert (await api(query, {"id": "?"})).codes == ["BAD_USER_INPUT"]
    assert (await api(query, {"id": gid("BulkOperation", bulk)}, role=Role.STAFF)).codes == ["FORBIDDEN"]


SEEN = "query($id: ID!) { bulkOperation(id: $id) { status } }"


@pytest.mark.parametrize(
    "sent_by",
    [
        ADMIN,
        Actor("rival", "PARTNER", client="rival"),
        Actor("bot", "PARTNER"),
        Actor("shop", "MANAGER", client="shop"),
    ],
    ids=["admin", "another client", "a client of no name", "a person of its name"],
)
async def test_a_partner_sees_what_its_own_client_sent(api: Api, tenant: Tenant, sent_by: Actor) -> None:
    """Of others' there is nothing, by whichever door, unless it may read the ledger; and they are not its to cancel."""
    carol = await tenant.customer("carol")
    own = gid("BulkOperation", await run(tenant, (carol, "1"), actor=Actor("a program", "PARTNER", client="shop")))
    other = gid("BulkOperation", await run(tenant, (carol, "1"), actor=sent_by))
    secret = (await tenant.partner_token("credits:bulk")).text
    signed: dict[str, Any] = {"role": Role.PARTNER, "client_id": "shop", "scopes": [Scope.CREDITS_BULK]}
    for query, field in ((SEEN, "bulkOperation"), (NODE, "node")):
        for answer in (await ask(api, secret, query, {"id": own}), await api(query, {"id": own}, **signed)):
            assert answer[field] is not None
        for answer in (await ask(api, secret, query, {"id": other}), await api(query, {"id": other}, **signed)):
            assert answer[field] is None
    reader = (await tenant.partner_token("credits:bulk", "ledger:read")).text
    assert (await ask(api, reader, SEEN, {"id": other}))["bulkOperation"] == {"status": "COMPLETED"}

    async with asyncio.timeout(30):  # that the tokens were used is noted beside the answers
        while await tenant.rows(UNUSED) != [(0,)]:  # noqa: ASYNC110 - another task is waited for
            await asyncio.sleep(0.01)
    async with tenant.nothing_moves():
        for token in (secret, reader):
            refused = (await ask(api, token, CANCEL, {"input": {"id": other}}))["cancelBulkOperation"]
            assert refused == {
                "changed": False,
                "operation": None,
                "userErrors": [{"code": "NOT_FOUND", "field": ["id"]}],
            }


async def test_a_partner_cancels_what_its_own_client_queued(api: Api, tenant: Tenant) -> None:
    await tenant.customer("carol")
    secret = (await tenant.partner_token("credits:bulk")).text
    file = "customer,amount\ncarol,25\n"
    own = (await post(api, file, role=None, headers={"authorization": f"Bearer {secret}"})).json()["operation"]
    staffs = (await post(api, file, role=Role.MANAGER)).json()["operation"]
    refused = (await ask(api, secret, CANCEL, {"input": {"id": staffs}}))["cancelBulkOperation"]
    assert refused["userErrors"] == [{"code": "NOT_FOUND", "field": ["id"]}]
    done = (await ask(api, secret, CANCEL, {"input": {"id": own}}))["cancelBulkOperation"]
    assert done == {"changed": True, "operation": {"status": "QUEUED"}, "userErrors": []}
    cancelled = "SELECT id FROM bulk_operations WHERE tenant_id = $1 AND cancel_requested"
    assert [gid("BulkOperation", row["id"]) for row in await tenant.fetch(cancelled)] == [own]


LIST = """query($status: [BulkStatus!], $by: String, $first: Int, $after: String, $last: Int, $before: String) {
  bulkOperations(status: $status, sentBy: $by, first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { id status kind dryRun total sentBy { subject name role client } createdAt finishedAt fileDigest
      sums { asset amount } reverses { id } reversals { edges { node { id } } } } } pageInfo { hasNextPage } } }"""


async def listed(api: Api, **asked: Any) -> list[dict[str, Any]]:
    token = asked.pop("token", {})
    return [edge["node"] for edge in (await api(LIST, asked, **token))["bulkOperations"]["edges"]]


async def test_all_are_listed_who_when_which_file_and_what_sum(api: Api, tenant: Tenant) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    first = await run(tenant, (carol, "2.50"), (dave, "-1.00"), (None, "3"))
    tenant.clock.advance(minutes=1)
    file = "customer,amount,asset\ncarol,25,\ndave,2.50,GBP\nnobody,2,\ncarol,x,\ncarol,1.505,GBP\n"
    posted = await post(
        api, file, "asset=POINTS&reason=CORRECTION&errorPolicy=SKIP_FAILED&allowDuplicateCustomers=true"
    )
    queued = posted.json()["operation"]
    tenant.clock.advance(minutes=1)
    back = await tenant.reverse(first)

    one, two, three = await listed(api)
    assert (one["id"], two["id"], three["id"]) == (
        gid("BulkOperation", first),
        queued,
        gid("BulkOperation", back.bulk_operation_id),
    )
    assert one["sentBy"] == {"subject": ADMIN.subject, "name": ADMIN.name, "role": "ADMIN", "client": None}
    assert one["createdAt"] == one["finishedAt"] < two["createdAt"] < three["createdAt"] <= three["finishedAt"]
    assert one["fileDigest"] is None
    assert one["sums"] == [{"asset": "GBP", "amount": "4.50"}]
    assert (one["kind"], one["reversals"]["edges"]) == ("ADJUSTMENT", [{"node": {"id": three["id"]}}])
    assert (two["status"], two["finishedAt"], two["total"]) == ("QUEUED", None, 5)
    assert two["fileDigest"] == hashlib.sha256(file.encode()).hexdigest()
    assert two["sums"] == [{"asset": "GBP", "amount": "4.005"}, {"asset": "POINTS", "amount": "27"}]
    assert (three["kind"], three["sums"], three["reverses"]) == ("REVERSAL", None, {"id": one["id"]})

    assert [each["id"] for each in await listed(api, status=["QUEUED", "RUNNING"])] == [queued]
    assert [each["id"] for each in await listed(api, by=ADMIN.subject)] == [one["id"], three["id"]]
    assert await listed(api, status=[]) == await listed(api, by="nobody") == []
    assert [each["id"] for each in await listed(api, last=1)] == [three["id"]]
    page = (await api(LIST, {"first": 1}))["bulkOperations"]
    assert page["pageInfo"] == {"hasNextPage": True}
    assert await listed(api, first=1, after=page["edges"][0]["cursor"]) == [two]


async def test_sums_of_many_rows_that_were_not_added_up_when_they_came(
    api: Api, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    await run(tenant, (carol, "2.50"), (dave, "1"))
    monkeypatch.setattr("models.reads.requests.MOST_ADDED_UP", 1)
    assert [each["sums"] for each in await listed(api)] == [None]


async def test_a_partner_lists_what_its_own_client_sent(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    await run(other_tenant, (await other_tenant.customer("carol"), "1"))
    carol = await tenant.customer("carol")
    senders = [
        ADMIN,
        Actor("a program", "PARTNER", client="shop"),
        Actor("rival", "PARTNER", client="rival"),
        Actor("shop", "PARTNER"),
        Actor("shop", "MANAGER", client="shop"),
    ]
    sent = [gid("BulkOperation", await run(tenant, (carol, "1"), actor=actor)) for actor in senders]
    token: dict[str, Any] = {"role": Role.PARTNER, "client_id": "shop", "scopes": [Scope.CREDITS_BULK]}
    assert [each["id"] for each in await listed(api, token=token)] == [sent[1], sent[3]]
    assert await listed(api, token=token, by="rival") == []
    token["scopes"] = [Scope.CREDITS_BULK, Scope.LEDGER_READ]
    assert [each["id"] for each in await listed(api, token=token)] == sent
    for asking in ({"role": Role.STAFF}, {"role": Role.CUSTOMER, "customer": "carol"}):
        assert (await api(LIST, **asking)).codes == ["FORBIDDEN"]
