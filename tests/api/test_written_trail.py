"""The audit trail written as JSON straight from its rows: the same answers as by objects, for records of all kinds."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from auth.roles import Role, Scope
from models.session import GENERIC_PLANS, OWN_PLANS
from schema import written
from schema.types import audit
from schema.types.audit import AuditRecord
from schema.written import PLAIN
from tests.api.conftest import Api, gid
from tests.api.test_written import ODD, PAGE, selection
from tests.support.citus import given_cluster
from tests.support.mutating import statements_sent
from tests.support.tenants import Tenant

RECORDS: Final = f"edges {{ cursor node {{ {selection(AuditRecord)} }} }} {PAGE}"
DONE: Final = {
    "an adjustment": 'kind: [ADJUSTMENT], reason: "GOODWILL"',
    "one that was approved": "kind: [ADJUSTMENT], last: 1",
    "holds": "kind: [HOLD]",
    "several assets": "kind: [MERGE]",
    "refused": 'action: "access.denied"',
    "approved": "filter: { actionKind: APPROVAL_APPROVED }",
    "by amount": 'asset: "GBP", minAmount: "-10"',
    "all": "first: 50",
    "the last": "last: 7, reverse: true",
    "nobody's": 'actor: "nobody"',
}
Do = Callable[..., Awaitable[Any]]


@pytest.fixture
def do(api: Api) -> Do:
    async def done(field: str, given: dict[str, Any], asked: str = "", **token: Any) -> Any:
        kind = field[0].upper() + field[1:]
        query = f"mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {asked} userErrors {{ code }} }} }}"
        payload = (await api(query, {"input": given | {"idempotencyKey": f"{field} {asked}"}}, **token))[field]
        assert payload["userErrors"] == []
        return payload

    return done


@pytest.fixture
async def trail(api: Api, tenant: Tenant, do: Do) -> str:
    """The one to whom most was done."""
    carol, dave = [await tenant.customer(name) for name in ("carol", "dave")]
    await tenant.adjust(carol, "40.00", note=ODD)
    await tenant.adjust(dave, "3", "POINTS")
    await tenant.adjust(dave, "4.00")
    who = {"customerId": gid("Customer", carol), "asset": "GBP"}
    held = await do("holdCredit", {**who, "amount": "2.50", "expiresInMinutes": 9, "note": "Till"}, "hold { id }")
    await do("releaseHold", {"holdId": held["hold"]["id"]})
    await api('mutation { updateReason(input: {code: "OTHER", label: "Else"}) { userErrors { code } } }')
    asked = {**who, "amount": "150", "reason": "GOODWILL", "requestApproval": True}
    made = await do("adjustCredit", asked, "approvalRequest { id }", role=Role.STAFF, subject="sam", client_id="shop")
    decision = {"requestId": made["approvalRequest"]["id"], "note": ODD}
    await do("approveRequest", decision, role=Role.MANAGER, subject="maria", client_id="desk")
    await do("mergeCustomers", {"fromId": gid("Customer", dave), "intoId": gid("Customer", carol)})
    await api("{ auditTrail { nodes { id } } }", role=Role.PARTNER, scopes=[Scope.CUSTOMERS_READ])
    return gid("Customer", carol)


async def both(api: Api, asked: str, given: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """The records as they are written, and as objects show them."""
    await api(asked, given)
    answer = await api(asked, given)
    with monkeypatch.context() as patch:
        patch.setattr(written, "writer_of", lambda _: None)
        expected = await api(asked, given)
    assert (answer.errors, expected.errors) == ([], [])
    return answer["auditTrail"], expected["auditTrail"]


@pytest.mark.parametrize("name", DONE)
async def test_records_are_those_of_objects(
    api: Api, trail: str, name: str, pages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, expected = await both(api, f"{{ auditTrail({DONE[name]}) {{ {RECORDS} }} }}", {}, monkeypatch)
    assert answer == expected
    assert pages
    assert bool(answer["edges"]) is (name != "nobody's")


async def test_a_person_s_records_are_those_of_objects(
    api: Api, trail: str, pages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = f"query($id: ID!) {{ auditTrail(customerId: $id) {{ {RECORDS} }} }}"
    answer, expected = await both(api, asked, {"id": trail}, monkeypatch)
    assert answer == expected
    assert pages
    shown = [edge["node"] for edge in answer["edges"]]
    assert {"HOLD", "MERGE", "ADJUSTMENT"} <= {each["kind"] for each in shown}
    assert {each["held"] for each in shown} == {None, "2.50", "-2.50"}
    assert ODD in {each["note"] for each in shown}
    assert {"subject": "maria", "client": "desk"}.items() <= next(
        each["approvedBy"] for each in shown if each["approvedBy"]
    ).items()


@pytest.mark.parametrize(
    ("asked", "own"),
    [
        ("", False),
        ("(kind: [HOLD])", False),
        ('(asset: "GBP", minAmount: "1")', False),
        ('(action: "access.denied")', False),
        ('(requestId: "one")', False),
        ('(address: "192.0.2.1")', False),
        ('(action: "access.denied", requestId: "one")', True),
        ('(actor: "maria")', True),
        ('(kind: [HOLD], reason: "GOODWILL")', True),
    ],
)
async def test_what_is_found_alike_goes_by_plans_that_are_kept(api: Api, trail: str, asked: str, own: bool) -> None:
    with statements_sent() as sent:
        await api(f"{{ auditTrail{asked} {{ nodes {{ id }} }} }}")
    pages = [place for place, (sql, _) in enumerate(sent) if "goes_below" in sql]
    assert pages
    if given_cluster() is not None:  # where each statement is planned for its values anyway
        return
    for place in pages:
        before = [sql for sql, _ in sent[:place] if "plan_cache_mode" in sql]
        assert (OWN_PLANS if own else GENERIC_PLANS) in before[-1]


async def test_an_action_of_another_version_has_no_kind(
    api: Api, trail: str, pages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(audit._ACTIONS, "reason.updated")
    asked = '{ auditTrail(action: "reason.updated") { nodes { action actionKind } } }'
    answer, expected = await both(api, asked, {}, monkeypatch)
    assert answer == expected == {"nodes": [{"action": "reason.updated", "actionKind": None}]}
    assert pages


def test_every_part_of_a_record_but_what_is_read_elsewhere_is_written() -> None:
    """What is shown of one in a list needs no object for it."""
    definition: Any = AuditRecord
    shown = {field.python_name for field in definition.__strawberry_definition__.fields}
    assert shown - PLAIN[AuditRecord].keys() == {"customer", "transaction", "details", "changes"}
