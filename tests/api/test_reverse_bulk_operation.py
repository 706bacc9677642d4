"""reverseBulkOperation, and what BulkOperation and its rows tell of it."""

from typing import Any, Final

from auth.roles import Role, Scope
from models.commands import Outcome
from models.operations import reverse_bulk
from models.operations.run_bulks import run_bulk
from tests.api.conftest import Api, gid
from tests.support.tenants import PARTNER, Tenant

REVERSE: Final = """mutation($input: ReverseBulkOperationInput!) { reverseBulkOperation(input: $input) {
    operation { id kind dryRun status total processed succeeded failed reverses { id }
      rows { edges { node { row amount taken used tierBefore tierAfter customer { externalId }
        transaction { kind note reference } error { code } } } } }
    replayed userErrors { code field } } }"""
ORIGINAL: Final = """query($id: ID!) { bulkOperation(id: $id) { kind reverses { id }
    reversals { edges { node { id kind dryRun } } }
    rows { edges { node { taken used reversal { kind } } } } } }"""


async def posted(tenant: Tenant, **more: Any) -> tuple[str, Outcome]:
    """A bulk for carol and dave, of which carol has spent some."""
    carol, dave = await tenant.customer("carol"), await tenant.customer("dave")
    bulk = await tenant.bulk((carol, 40), (dave, 30), **more)
    await tenant.spend(carol, 15, "POINTS")
    return gid("BulkOperation", bulk.bulk_operation_id), bulk


async def ask(api: Api, operation: str, *, key: str = "k", **given: Any) -> Any:
    token = {name: given.pop(name) for name in ("role", "scopes", "client_id") if name in given}
    answer = await api(REVERSE, {"input": {"operationId": operation, "idempotencyKey": key, **given}}, **token)
    return answer["reverseBulkOperation"]


async def test_it_tells_of_every_row(api: Api, tenant: Tenant) -> None:
    operation, _ = await posted(tenant)
    back = await ask(api, operation, note="The wrong list", reference="R-1", role=Role.MANAGER)

    assert (back["userErrors"], back["replayed"]) == ([], False)
    told = back["operation"]
    assert (told["kind"], told["dryRun"], told["status"], told["reverses"]) == (
        "REVERSAL",
        False,
        "COMPLETED",
        {"id": operation},
    )
    assert [told[name] for name in ("total", "processed", "succeeded", "failed")] == [2, 2, 2, 0]
    undone = {"kind": "REVERSAL", "note": "The wrong list", "reference": "R-1"}
    common = {"tierBefore": None, "tierAfter": None, "transaction": undone, "error": None}
    assert [edge["node"] for edge in told["rows"]["edges"]] == [
        {"row": 0, "amount": "40", "taken": "25", "used": "15", "customer": {"externalId": "carol"}, **common},
        {"row": 1, "amount": "30", "taken": "30", "used": "0", "customer": {"externalId": "dave"}, **common},
    ]
    original = (await api(ORIGINAL, {"id": operation}))["bulkOperation"]
    assert (original["kind"], original["reverses"]) == ("ADJUSTMENT", None)
    assert [edge["node"]["id"] for edge in original["reversals"]["edges"]] == [told["id"]]
    row = {"taken": None, "used": None, "reversal": {"kind": "REVERSAL"}}
    assert [edge["node"] for edge in original["rows"]["edges"]] == [row, row]

    async with tenant.nothing_moves():
        again = await ask(api, operation, note="The wrong list", reference="R-1", role=Role.MANAGER)
    assert again == {**back, "replayed": True}


async def test_a_dry_run_posts_nothing_and_keeps_no_key(api: Api, tenant: Tenant) -> None:
    operation, _ = await posted(tenant)
    dry = (await ask(api, operation, dryRun=True))["operation"]
    assert (dry["dryRun"], dry["status"], dry["succeeded"]) == (True, "COMPLETED", 2)
    assert [(e["node"]["taken"], e["node"]["used"], e["node"]["transaction"]) for e in dry["rows"]["edges"]] == [
        ("25", "15", None),
        ("30", "0", None),
    ]
    assert (await ask(api, operation))["operation"]["dryRun"] is False


async def test_a_large_one_is_a_worker_s(api: Api, tenant: Tenant, monkeypatch: Any) -> None:
    monkeypatch.setattr(reverse_bulk, "AT_ONCE", 1)
    operation, _ = await posted(tenant)
    back = (await ask(api, operation))["operation"]
    assert (back["status"], back["processed"], back["rows"]["edges"]) == ("QUEUED", 0, [])
    while await run_bulk(tenant.ledger, tenant.id):
        pass
    found = await api("query($id: ID!) { bulkOperation(id: $id) { status processed } }", {"id": back["id"]})
    assert found["bulkOperation"] == {"status": "COMPLETED", "processed": 2}


async def test_what_is_refused(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    operation, _ = await posted(tenant)
    theirs, _ = await posted(other_tenant)
    back = (await ask(api, operation))["operation"]["id"]
    for given, code, field in (
        ({"operationId": "x"}, "NOT_FOUND", "operationId"),
        ({"operationId": theirs}, "NOT_FOUND", "operationId"),
        ({"operationId": operation}, "BULK_NOT_REVERSIBLE", "operationId"),
        ({"operationId": back}, "BULK_NOT_REVERSIBLE", "operationId"),
        ({"operationId": operation, "note": "\x00"}, "INVALID", "note"),
        ({"operationId": operation, "idempotencyKey": "bulk:1"}, "INVALID", "idempotencyKey"),
    ):
        async with tenant.nothing_moves(), other_tenant.nothing_moves():
            answer = await api(REVERSE, {"input": {"idempotencyKey": "other", **given}})
        payload = answer["reverseBulkOperation"]
        assert payload["operation"] is None
        assert payload["userErrors"] == [{"code": code, "field": [field]}]


async def test_who_may(api: Api, tenant: Tenant) -> None:
    """A partner's program what its own client sent, with both scopes; managers everything."""
    operation, _ = await posted(tenant, actor=PARTNER)
    both = [Scope.CREDITS_BULK, Scope.CREDITS_REMOVE]
    asked = {"input": {"operationId": operation, "idempotencyKey": "k"}}
    for token in (
        {"role": Role.STAFF},
        {"role": Role.CUSTOMER, "customer": "carol"},
        {"role": Role.PARTNER, "scopes": [Scope.CREDITS_BULK], "client_id": "app"},
        {"role": Role.PARTNER, "scopes": [Scope.CREDITS_REMOVE], "client_id": "app"},
    ):
        async with tenant.nothing_moves():
            assert (await api(REVERSE, asked, **token)).codes == ["FORBIDDEN"]
    others = await ask(api, operation, role=Role.PARTNER, scopes=both, client_id="other")
    assert others["userErrors"] == [{"code": "NOT_FOUND", "field": ["operationId"]}]
    short = """mutation($input: ReverseBulkOperationInput!) { reverseBulkOperation(input: $input) {
        operation { status succeeded } userErrors { code } } }"""
    own = await api(short, asked, role=Role.PARTNER, scopes=both, client_id="app")
    assert own["reverseBulkOperation"] == {"operation": {"status": "COMPLETED", "succeeded": 2}, "userErrors": []}


async def test_figures_take_the_right_to_read_the_ledger(api: Api, tenant: Tenant) -> None:
    operation, _ = await posted(tenant, actor=PARTNER)
    both = [Scope.CREDITS_BULK, Scope.CREDITS_REMOVE]
    told = """mutation($input: ReverseBulkOperationInput!) { reverseBulkOperation(input: $input) {
        operation { rows { edges { node { amount taken used tierBefore transaction { id } } } } } userErrors { code } } }"""
    asked = {"input": {"operationId": operation, "idempotencyKey": "k"}}
    answer = await api(told, asked, role=Role.PARTNER, scopes=both, client_id="app")
    assert set(answer.codes) == {"FORBIDDEN"}
    nothing = {"taken": None, "used": None, "tierBefore": None, "transaction": None}
    assert answer.data is not None
    assert [e["node"] for e in answer.data["reverseBulkOperation"]["operation"]["rows"]["edges"]] == [
        {"amount": "40", **nothing},
        {"amount": "30", **nothing},
    ]


async def test_a_partner_sees_reversals_that_its_own_client_sent(api: Api, tenant: Tenant) -> None:
    """Who else takes its bulk back, and how far that is, is told to those who may read the ledger."""
    operation, _ = await posted(tenant, actor=PARTNER)
    token: dict[str, Any] = {"role": Role.PARTNER, "client_id": PARTNER.client, "scopes": [Scope.CREDITS_BULK]}
    every: dict[str, Any] = {**token, "scopes": list(Scope)}
    own = (await ask(api, operation, dryRun=True, **every))["operation"]["id"]
    other = (await ask(api, operation, key="other", role=Role.MANAGER))["operation"]["id"]

    async def seen(*scopes: Scope) -> list[str]:
        asked = "query($id: ID!) { bulkOperation(id: $id) { reversals { nodes { id } } } }"
        answer = await api(asked, {"id": operation}, **{**token, "scopes": [Scope.CREDITS_BULK, *scopes]})
        return [each["id"] for each in answer["bulkOperation"]["reversals"]["nodes"]]

    assert await seen() == [own]
    assert await seen(Scope.LEDGER_READ) == [own, other]
