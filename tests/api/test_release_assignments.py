"""releaseAssignments, as a client meets it."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.headline import RELEASE, denied, done, refusal, replayed
from tests.support.tenants import Tenant


def releasing(*assignments: UUID, **more: Any) -> dict[str, Any]:
    named = [gid("Assignment", assignment) for assignment in assignments]
    return {"assignmentIds": named, "idempotencyKey": uuid4().hex, **more}


async def test_the_credit_and_the_invoice_are_open_again(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    credit = await tenant.adjust(carol, "30.00")
    invoice = await tenant.invoice(carol, "20.00", auto_apply=False)
    part = (await tenant.assign(credit.credit_id, (invoice, None))).assignment_ids[0]
    given = releasing(part, note="Not this one")
    payload = await done(api, RELEASE, given)

    (released,) = payload["assignments"]
    assert released["releasedAt"] is not None
    assert released["credit"] == {"id": gid("Credit", credit.credit_id), "remaining": "30.00", "status": "OPEN"}
    assert released["invoice"] == {"id": gid("Invoice", invoice), "status": "OPEN", "credited": "0.00", "due": "20.00"}
    transaction = payload["transaction"]
    assert (transaction["kind"], transaction["note"]) == ("RELEASE", "Not this one")
    assert [edge["node"]["amount"] for edge in transaction["entries"]["edges"]] == ["20.00"]
    await replayed(api, tenant, RELEASE, given, payload)
    assert await refusal(api, tenant, RELEASE, {**given, "note": None}) == ["IDEMPOTENCY_KEY_REUSED", "idempotencyKey"]


async def test_a_released_one_stays_with_the_invoice_for_all_to_see(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    credit, invoice = await tenant.adjust(carol, "30.00"), await tenant.invoice(carol, "20.00", auto_apply=False)
    part = (await tenant.assign(credit.credit_id, (invoice, "5.00"))).assignment_ids[0]
    await tenant.assign(credit.credit_id, (invoice, "6.00"))
    await done(api, RELEASE, releasing(part, note="The staff's business"))
    query = """query($id: ID!) { invoice(id: $id) { credited assignments { edges { node { amount releasedAt
      credit { entries { edges { node { amount counter transaction { kind note actor { subject } } } } } } } } } } }"""
    found = (await api.as_customer("carol", query, {"id": gid("Invoice", invoice)}))["invoice"]

    assert found["credited"] == "6.00"
    nodes = [edge["node"] for edge in found["assignments"]["edges"]]
    assert [(node["amount"], node["releasedAt"] is None) for node in nodes] == [("5.00", False), ("6.00", True)]
    entries = [edge["node"] for edge in nodes[0]["credit"]["entries"]["edges"]]
    assert [(e["amount"], e["counter"], e["transaction"]["kind"]) for e in entries] == [
        ("30.00", "ISSUED", "ADJUSTMENT"),
        ("-5.00", "INVOICES", "ASSIGNMENT"),
        ("-6.00", "INVOICES", "ASSIGNMENT"),
        ("5.00", "INVOICES", "RELEASE"),
    ]
    assert {(e["transaction"]["note"], e["transaction"]["actor"]) for e in entries} == {(None, None)}


async def test_what_has_expired_comes_back_and_expires(api: Api, tenant: Tenant, clock: Clock) -> None:
    carol = await tenant.customer()
    credit = await tenant.adjust(carol, "30.00", expires_in_days=1)
    part = (
        await tenant.assign(credit.credit_id, (await tenant.invoice(carol, "30.00", auto_apply=False), None))
    ).assignment_ids[0]
    clock.advance(timedelta(days=3))
    payload = await done(api, RELEASE, releasing(part))

    entries = [edge["node"] for edge in payload["transaction"]["entries"]["edges"]]
    assert [(entry["amount"], entry["balanceAfter"]) for entry in entries] == [("30.00", "30.00"), ("-30.00", "0.00")]
    assert payload["assignments"][0]["credit"]["status"] == "EXPIRED"


async def test_it_is_refused_as_a_whole(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    credit, invoice = await tenant.adjust(carol, "30.00"), await tenant.invoice(carol, "30.00", auto_apply=False)
    one = (await tenant.assign(credit.credit_id, (invoice, "1.00"))).assignment_ids[0]
    gone = (await tenant.assign(credit.credit_id, (invoice, "1.00"))).assignment_ids[0]
    await done(api, RELEASE, releasing(gone))

    assert await refusal(api, tenant, RELEASE, releasing()) == ["INVALID", "assignmentIds"]
    assert await refusal(api, tenant, RELEASE, releasing(one, one)) == ["DUPLICATE", "assignmentIds"]
    assert await refusal(api, tenant, RELEASE, releasing(one, gone)) == ["ALREADY_RELEASED", "assignmentIds", "1"]
    assert await refusal(api, tenant, RELEASE, releasing(one, uuid4())) == ["NOT_FOUND", "assignmentIds", "1"]
    wrong = {**releasing(one), "assignmentIds": [gid("Credit", credit.credit_id)]}
    assert await refusal(api, tenant, RELEASE, wrong) == ["NOT_FOUND", "assignmentIds", "0"]


async def test_staff_may_assign_and_not_release(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    credit, invoice = await tenant.adjust(carol, "30.00"), await tenant.invoice(carol, "30.00", auto_apply=False)
    part = (await tenant.assign(credit.credit_id, (invoice, None))).assignment_ids[0]
    given = releasing(part)
    await denied(api, tenant, RELEASE, given, role=Role.STAFF)
    await denied(api, tenant, RELEASE, given, role=Role.CUSTOMER, customer="carol")
    await denied(api, tenant, RELEASE, given, role=Role.PARTNER, scopes=set(Scope) - {Scope.CREDITS_REMOVE})
    stranger = Api(api.client, other_tenant, api.clock)
    async with tenant.nothing_moves():
        assert await refusal(stranger, other_tenant, RELEASE, given) == ["NOT_FOUND", "assignmentIds", "0"]
    await done(api, RELEASE, given, role=Role.MANAGER)
