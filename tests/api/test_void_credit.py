"""voidCredit, the sources' delete, as a client meets it."""

from typing import Any
from uuid import UUID, uuid4

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.headline import VOID_CREDIT, denied, done, refusal, replayed
from tests.support.tenants import Tenant


def voiding(credit: UUID | None, **more: Any) -> dict[str, Any]:
    return {"creditId": gid("Credit", credit), "idempotencyKey": uuid4().hex, **more}


async def test_what_is_left_of_it_goes(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    credit = (await tenant.adjust(carol, "30.00")).credit_id
    await tenant.adjust(carol, "-10.00")
    given = voiding(credit, note="Entered twice")
    payload = await done(api, VOID_CREDIT, given)

    assert (payload["credit"]["status"], payload["credit"]["remaining"]) == ("VOIDED", "0.00")
    assert (payload["account"]["available"], payload["account"]["lifetime"]) == ("0.00", "0.00")
    assert (payload["transaction"]["kind"], payload["transaction"]["note"]) == ("VOID", "Entered twice")
    assert [edge["node"]["amount"] for edge in payload["transaction"]["entries"]["edges"]] == ["-20.00"]
    await replayed(api, tenant, VOID_CREDIT, given, payload)
    assert await refusal(api, tenant, VOID_CREDIT, voiding(credit)) == ["CREDIT_NOT_OPEN", "creditId"]
    again = {**given, "releaseAssignments": True}
    assert await refusal(api, tenant, VOID_CREDIT, again) == ["IDEMPOTENCY_KEY_REUSED", "idempotencyKey"]


async def test_assigned_it_is_voided_on_request_alone(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    credit = (await tenant.adjust(carol, "30.00")).credit_id
    first = await tenant.invoice(carol, "10.00", auto_apply=False)
    second = await tenant.invoice(carol, "40.00", auto_apply=False)
    await tenant.assign(credit, (first, None))
    await tenant.assign(credit, (second, "15.00"))
    (code, *_) = await refusal(api, tenant, VOID_CREDIT, voiding(credit))
    assert code == "CREDIT_ASSIGNED"
    given = voiding(credit, releaseAssignments=True)
    payload = await done(api, VOID_CREDIT, given)

    assert [(part["amount"], part["invoice"]["status"]) for part in payload["assignments"]] == [
        ("10.00", "OPEN"),
        ("15.00", "OPEN"),
    ]
    assert [edge["node"]["amount"] for edge in payload["transaction"]["entries"]["edges"]] == [
        "15.00",
        "10.00",
        "-30.00",
    ]
    assert (payload["credit"]["status"], payload["account"]["available"]) == ("VOIDED", "0.00")
    await replayed(api, tenant, VOID_CREDIT, given, payload)


async def test_managers_may(api: Api, tenant: Tenant, other_tenant: Tenant) -> None:
    carol = await tenant.customer("carol")
    credit = (await tenant.adjust(carol, "30.00")).credit_id
    given = voiding(credit)
    await denied(api, tenant, VOID_CREDIT, given, role=Role.STAFF)
    await denied(api, tenant, VOID_CREDIT, given, role=Role.CUSTOMER, customer="carol")
    await denied(api, tenant, VOID_CREDIT, given, role=Role.PARTNER, scopes=set(Scope) - {Scope.CREDITS_REMOVE})
    stranger = Api(api.client, other_tenant, api.clock)
    async with tenant.nothing_moves():
        assert await refusal(stranger, other_tenant, VOID_CREDIT, given) == ["NOT_FOUND", "creditId"]
    await done(api, VOID_CREDIT, given, role=Role.MANAGER)
