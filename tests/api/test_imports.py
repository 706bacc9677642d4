"""POST /imports/credits and cancelBulkOperation, as a client meets them."""

from typing import Any

import httpx
import pytest

from auth.roles import Role
from models.errors import Busy
from models.operations.run_bulks import run_bulk
from tests.api.conftest import MAX_FILE_BYTES, Api, bearer, gid
from tests.support.tenants import Tenant

FILE = """customer,amount,asset,expires,reason,note
carol,25,,30,,
dave,2.50,GBP,2099-12-31,GOODWILL,"Sorry, Dave"
"""
REPORT = """query($id: ID!) { bulkOperation(id: $id) { status total processed succeeded failed
  rows { edges { node { row amount customer { externalId } transaction { reason note }
    error { code field message } } } }
} }"""
CANCEL = """mutation($input: CancelBulkOperationInput!) { cancelBulkOperation(input: $input) {
  changed operation { status } userErrors { code field } } }"""


async def post(
    api: Api,
    body: str | bytes = FILE,
    query: str = "asset=POINTS&reason=CORRECTION",
    *,
    role: Role | None = Role.MANAGER,
    headers: dict[str, str] | None = None,
    key: str | None = "k",
    **token: Any,
) -> httpx.Response:
    sent = {"content-type": "text/csv; charset=utf-8", **(headers or {})}
    if role is not None:
        sent["authorization"] = bearer(api.tenant.slug, role, **token)
    if key is not None:
        sent["idempotency-key"] = key
    content = body.encode() if isinstance(body, str) else body
    return await api.client.post(f"/imports/credits?{query}", content=content, headers=sent)


async def work(tenant: Tenant) -> None:
    while await run_bulk(tenant.ledger, tenant.id):
        pass


async def report(api: Api, operation: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    found = (await api(REPORT, {"id": operation}))["bulkOperation"]
    return found, [edge["node"] for edge in found.pop("rows")["edges"]]


@pytest.fixture
async def people(tenant: Tenant) -> None:
    for name in ("carol", "dave"):
        await tenant.customer(name)


@pytest.mark.usefixtures("people")
async def test_a_file_is_taken_in_worked_off_and_reported(api: Api, tenant: Tenant) -> None:
    answer = await post(api)
    assert (answer.status_code, answer.json()["replayed"]) == (202, False)
    operation = answer.json()["operation"]
    queued, rows = await report(api, operation)
    assert queued == {"status": "QUEUED", "total": 2, "processed": 0, "succeeded": 0, "failed": 0}
    await work(tenant)

    done, rows = await report(api, operation)
    assert done == {"status": "COMPLETED", "total": 2, "processed": 2, "succeeded": 2, "failed": 0}
    assert [(row["amount"], row["customer"]["externalId"], row["transaction"]) for row in rows] == [
        ("25", "carol", {"reason": "CORRECTION", "note": None}),
        ("2.50", "dave", {"reason": "GOODWILL", "note": "Sorry, Dave"}),
    ]
    again = await post(api)
    assert (again.status_code, again.json()) == (202, {**answer.json(), "replayed": True})
    other = await post(api, FILE + "erin,1,,,,\n")
    assert (other.status_code, other.json()["userErrors"][0]["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.usefixtures("people")
async def test_where_others_hold_what_it_needs_it_is_to_be_sent_again(
    api: Api, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def held(*_: Any, **__: Any) -> Any:
        raise Busy

    with monkeypatch.context() as patch:
        patch.setattr("app.files.imports.import_credits", held)
        answer = await post(api)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert [error["code"] for error in answer.json()["userErrors"]] == ["BUSY"]
    assert (await post(api)).status_code == 202


@pytest.mark.usefixtures("people")
async def test_rows_have_texts_of_their_own(api: Api, tenant: Tenant) -> None:
    file = """customer,amount,Reference,metadata.till,METADATA.Shop
carol,1,PO-7,2,
dave,2,,,Lisboa
"""
    operation = (await post(api, file, "asset=POINTS&reason=CORRECTION&reference=file")).json()["operation"]
    await work(tenant)
    query = """query($id: ID!) { bulkOperation(id: $id) { rows { edges { node {
      transaction { reference metadata { key value } } } } } } }"""
    rows = (await api(query, {"id": operation}))["bulkOperation"]["rows"]["edges"]
    assert [row["node"]["transaction"] for row in rows] == [
        {"reference": "PO-7", "metadata": [{"key": "till", "value": "2"}]},
        {"reference": "file", "metadata": [{"key": "Shop", "value": "Lisboa"}]},
    ]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ("metadata.a,metadata.A,metadata. a", "metadata.a is there twice"),
        (",".join(f"metadata.{n}" for n in range(21)), "there are more than 20 columns metadata.KEY"),
    ],
)
async def test_columns_of_metadata_that_are_refused(api: Api, columns: str, problem: str) -> None:
    (error,) = (await post(api, f"customer,amount,{columns}\n")).json()["userErrors"]
    assert error["field"] == ["file"]
    assert problem in error["message"]


@pytest.mark.usefixtures("people")
async def test_bad_texts_make_bad_rows(api: Api, tenant: Tenant) -> None:
    file = f"""customer,amount,reference,metadata.{"k" * 41}
carol,1,{"x" * 256},
dave,2,,1
"""
    operation = (await post(api, file, "asset=POINTS&reason=CORRECTION&errorPolicy=SKIP_FAILED")).json()["operation"]
    await work(tenant)
    _, rows = await report(api, operation)
    assert [row["error"]["code"] for row in rows] == ["INVALID", "INVALID"]
    assert [row["error"]["field"] for row in rows] == [["reference"], ["metadata"]]


@pytest.mark.usefixtures("people")
async def test_bad_rows_are_named_and_nothing_is_posted(api: Api, tenant: Tenant) -> None:
    file = "amount,customer,expires\n5,carol,\n,dave,\n1e3,dave,soon\n5,nobody,\n5\n5,dave,soon\n0,dave,\n"
    operation = (await post(api, "\ufeff" + file)).json()["operation"]
    await work(tenant)
    done, rows = await report(api, operation)
    assert (done["status"], done["succeeded"], done["failed"]) == ("FAILED", 0, 6)
    assert [(row["row"], row["error"]["code"], row["error"]["field"]) for row in rows if row["error"]] == [
        (1, "INVALID", ["amount"]),
        (2, "INVALID", ["amount"]),
        (3, "NOT_FOUND", ["customer"]),
        (4, "INVALID", ["customer"]),
        (5, "INVALID", ["expires"]),
        (6, "DUPLICATE", ["customer"]),
    ]
    assert "nobody" in rows[3]["error"]["message"]
    assert (rows[2]["amount"], rows[4]["amount"]) == (None, "5")
    assert await tenant.fetch("SELECT 1 FROM entries WHERE tenant_id = $1") == []
    assert (await post(api)).status_code == 202  # the key is free again


@pytest.mark.usefixtures("people")
async def test_what_is_refused_before_anything_is_kept(api: Api, tenant: Tenant) -> None:
    before = await tenant.fingerprint()
    good = "asset=POINTS&reason=CORRECTION"
    refused = [
        (await post(api, "a,b\n1,2\n"), 422),
        (await post(api, ""), 422),
        (await post(api, "customer,amount\n"), 422),
        (await post(api, "customer,amount,amount\n"), 422),
        (await post(api, 'customer,amount\n"a"b,1\n'), 422),
        (await post(api, b"customer,amount\n\xff,1\n"), 422),
        (await post(api, query=f"{good}&asset=XAU"), 400),
        (await post(api, query="asset=XAU&reason=POLICY"), 422),
        (await post(api, query=f"{good}&speed=high"), 400),
        (await post(api, query=f"{good}&dryRun=yes"), 400),
        (await post(api, query=f"{good}&errorPolicy=HOPE"), 400),
        (await post(api, query=f"{good}&expiresInDays=-1"), 400),
        (await post(api, key=None), 400),
        (await post(api, key=" "), 422),
        (await post(api, headers={"content-type": "text/plain"}), 415),
        (await post(api, headers={"content-encoding": "gzip"}), 415),
        (await post(api, role=None), 401),
        (await post(api, "x" * (MAX_FILE_BYTES + 1)), 413),
        (await post(api, role=Role.STAFF), 403),
        (await post(api, role=Role.PARTNER, scopes=()), 403),
        (await post(api, role=Role.CUSTOMER, customer="carol"), 403),
    ]
    assert [answer.status_code for answer, _ in refused] == [status for _, status in refused]
    assert await tenant.fingerprint() == before


@pytest.mark.usefixtures("people")
async def test_a_dry_run(api: Api, tenant: Tenant) -> None:
    operation = (await post(api, query="asset=POINTS&reason=CORRECTION&dryRun=true")).json()["operation"]
    await work(tenant)
    done, _ = await report(api, operation)
    assert done == {"status": "COMPLETED", "total": 2, "processed": 2, "succeeded": 2, "failed": 0}
    assert await tenant.fetch("SELECT 1 FROM entries WHERE tenant_id = $1") == []


@pytest.mark.usefixtures("people")
async def test_cancelled_before_anybody_began(api: Api, tenant: Tenant) -> None:
    operation = (await post(api)).json()["operation"]
    first = (await api(CANCEL, {"input": {"id": operation}}, role=Role.MANAGER))["cancelBulkOperation"]
    assert first == {"changed": True, "operation": {"status": "QUEUED"}, "userErrors": []}
    await work(tenant)
    assert (await report(api, operation))[0]["status"] == "CANCELLED"
    again = (await api(CANCEL, {"input": {"id": operation}}, role=Role.MANAGER))["cancelBulkOperation"]
    assert again == {"changed": False, "operation": {"status": "CANCELLED"}, "userErrors": []}
    assert await tenant.fetch("SELECT 1 FROM entries WHERE tenant_id = $1") == []


async def test_only_what_is_ones_own_can_be_cancelled(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    await other_tenant.customer("carol")
    before = await tenant.fingerprint()
    unknown = (await api(CANCEL, {"input": {"id": gid("BulkOperation", other_tenant.id)}}))["cancelBulkOperation"]
    assert unknown["userErrors"] == [{"code": "NOT_FOUND", "field": ["id"]}]
    assert (await api(CANCEL, {"input": {"id": "x"}}, role=Role.STAFF)).codes == ["FORBIDDEN"]
    assert await tenant.fingerprint() == before


@pytest.mark.usefixtures("people")
async def test_customers_in_a_file_are_named_as_everywhere(api: Api, tenant: Tenant) -> None:
    file = 'customer,amount\n"carol ",5\n\u00a0dave\u3000,6\n\u200b,7\n'
    operation = (await post(api, file, "asset=POINTS&reason=CORRECTION%C2%A0&errorPolicy=SKIP_FAILED")).json()[
        "operation"
    ]
    await work(tenant)
    done, rows = await report(api, operation)
    assert (done["succeeded"], done["failed"]) == (2, 1)
    assert [row["customer"] and row["customer"]["externalId"] for row in rows] == ["carol", "dave", None]
    assert (rows[2]["error"]["code"], rows[2]["error"]["field"]) == ("INVALID", ["customer"])
