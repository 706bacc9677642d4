"""bulkOperation: how far a bulk is, and what became of each row."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from auth.roles import Role
from models.commands import BulkCredit, BulkItem
from models.operations.bulk_credit import bulk_credit
from tests.api.conftest import Api, gid
from tests.factories import ADMIN, Tenant

BULK = """query($id: ID!, $failed: Boolean, $first: Int, $after: String) { bulkOperation(id: $id) {
  id status total processed succeeded failed
  rows(onlyFailed: $failed, first: $first, after: $after) {
    edges { cursor node { row amount customer { externalId } transaction { kind }
      error { code message field row available } } } pageInfo { hasNextPage } } } }"""


async def run(tenant: Tenant, *items: tuple[UUID | None, str], asset: str = "GBP") -> UUID:
    command = BulkCredit(
        items=tuple(BulkItem(customer, Decimal(amount)) for customer, amount in items), asset=asset,
        reason="CORRECTION", error_policy="SKIP_FAILED",
    )  # fmt: skip
    outcome = await bulk_credit(tenant.ledger, tenant.id, ADMIN, command, tenant.key())
    assert outcome.bulk_operation_id is not None
    return outcome.bulk_operation_id


@pytest.fixture
async def bulk(tenant: Tenant) -> UUID:
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    return await run(tenant, (carol, "2.50"), (None, "1.00"), (dave, "-7.00"), (tenant.id, "1.005"))


async def test_reports_every_row(api: Api, bulk: UUID) -> None:
    operation = (await api(BULK, {"id": gid("BulkOperation", bulk)}))["bulkOperation"]

    assert {name: operation[name] for name in ("status", "total", "processed", "succeeded", "failed")} == {
        "status": "COMPLETED", "total": 4, "processed": 4, "succeeded": 1, "failed": 3,
    }  # fmt: skip
    rows: list[dict[str, Any]] = [edge["node"] for edge in operation["rows"]["edges"]]
    assert [(row["row"], row["amount"], row["customer"], row["transaction"]) for row in rows] == [
        (0, "2.50", {"externalId": "carol"}, {"kind": "ADJUSTMENT"}), (1, "1.00", None, None),
        (2, "-7.00", {"externalId": "dave"}, None), (3, "1.005", None, None),
    ]  # fmt: skip
    assert [row["error"] and row["error"]["code"] for row in rows] == [
        None, "NOT_FOUND", "INSUFFICIENT_BALANCE", rows[3]["error"]["code"],
    ]  # fmt: skip
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
