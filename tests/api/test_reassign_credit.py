"""reassignCredit, as a client meets it."""

from typing import Any
from uuid import UUID, uuid4

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.headline import REASSIGN, denied, done, refusal, replayed
from tests.support.tenants import Tenant


def reassigning(assignment: UUID, *parts: tuple[UUID | None, str | None], **more: Any) -> dict[str, Any]:
    return {
        "assignmentId": gid("Assignment", assignment),
        "idempotencyKey": uuid4().hex,
        "assignments": [{"invoiceId": gid("Invoice", invoice), "amount": amount} for invoice, amount in parts],
        **more,
    }


async def test_the_credit_goes_to_other_invoices(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    credit = await tenant.adjust(carol, "50.00")
    first, second, third = [await tenant.invoice(carol, "40.00", auto_apply=False) for _ in range(3)]
    part = (await tenant.assign(credit.credit_id, (first, None))).assignment_ids[0]
    given = reassigning(part, (second, "15.00"), (third, None), note="Meant for the others")
    payload = await done(api, REASSIGN, given)

    assert [(p["amount"], p["invoice"]["status"], p["releasedAt"]) for p in payload["assignments"]] == [
        ("15.00", "PART_PAID", None),
        ("35.00", "PART_PAID", None),
    ]
    assert (payload["transaction"]["kind"], payload["credit"]["remaining"]) == ("ASSIGNMENT", "0.00")
    query = "query($id: ID!) { invoice(id: $id) { status due } }"
    assert (await api(query, {"id": gid("Invoice", first)}))["invoice"] == {"status": "OPEN", "due": "40.00"}
    notes = await tenant.fetch(
        """select t.kind from transactions t join transaction_texts x on x.tenant_id = $1 and x.id = t.id
        where t.tenant_id = $1"""
    )
    assert [row["kind"] for row in notes] == ["RELEASE"]
    await replayed(api, tenant, REASSIGN, given, payload)
    changed = {**given, "assignments": given["assignments"][:1]}
    assert await refusal(api, tenant, REASSIGN, changed) == ["IDEMPOTENCY_KEY_REUSED", "idempotencyKey"]


async def test_where_it_cannot_go_it_stays(api: Api, tenant: Tenant) -> None:
    carol, dave = await tenant.customer(), await tenant.customer()
    credit = await tenant.adjust(carol, "10.00")
    invoice = await tenant.invoice(carol, "10.00", auto_apply=False)
    other = await tenant.invoice(carol, "10.00", auto_apply=False)
    daves = await tenant.invoice(dave, "10.00", auto_apply=False)
    part = (await tenant.assign(credit.credit_id, (invoice, None))).assignment_ids[0]

    for parts, expected in (
        ([], ["INVALID", "assignments"]),
        ([(other, "10.01")], ["EXCEEDS_DUE", "assignments", "0", "amount"]),
        ([(other, "9.00"), (invoice, "2.00")], ["EXCEEDS_REMAINING", "assignments", "1", "amount"]),
        ([(daves, "1.00")], ["CUSTOMER_MISMATCH", "assignments", "0", "invoiceId"]),
        ([(uuid4(), "1.00")], ["NOT_FOUND", "assignments", "0", "invoiceId"]),
        ([(other, "0")], ["AMOUNT_ZERO", "assignments", "0", "amount"]),
    ):
        assert await refusal(api, tenant, REASSIGN, reassigning(part, *parts)) == expected
    assert await refusal(api, tenant, REASSIGN, reassigning(uuid4(), (other, None))) == ["NOT_FOUND", "assignmentId"]


async def test_it_takes_the_right_to_release_and_to_assign(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    credit = await tenant.adjust(carol, "10.00")
    invoice = await tenant.invoice(carol, "10.00", auto_apply=False)
    other = await tenant.invoice(carol, "10.00", auto_apply=False)
    given = reassigning((await tenant.assign(credit.credit_id, (invoice, None))).assignment_ids[0], (other, None))
    both = [Scope.CREDITS_REMOVE, Scope.CREDITS_ASSIGN]
    await denied(api, tenant, REASSIGN, given, role=Role.STAFF)
    for one in both:
        await denied(api, tenant, REASSIGN, given, role=Role.PARTNER, scopes=[one])
        await denied(api, tenant, REASSIGN, given, role=Role.ADMIN, scopes=[one])
    small = "mutation($input: ReassignCreditInput!) { reassignCredit(input: $input) { userErrors { code } } }"
    answer = await api(small, {"input": given}, role=Role.PARTNER, scopes=both)
    assert answer[REASSIGN] == {"userErrors": []}
