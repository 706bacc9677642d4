"""startMembership, cancelMembership, reinstateMembership, and Customer.membership."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auth.roles import Role
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.tenants import Tenant

MEMBERSHIP = "membership { status startedAt cancelledAt graceEndsAt }"


def mutation(field: str) -> str:
    kind = field[0].upper() + field[1:]
    return f"""mutation($input: {kind}Input!) {{ {field}(input: $input) {{
      changed userErrors {{ code field }} customer {{ externalId {MEMBERSHIP} }} }} }}"""


async def ask(api: Api, field: str, given: dict[str, Any], **token: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await api(mutation(field), {"input": given}, **token))[field]
    return payload


async def test_a_membership_from_start_to_end(api: Api, tenant: Tenant, clock: Clock) -> None:
    given = {"customerId": gid("Customer", await tenant.customer("carol"))}
    who = f'{{ customer(by: {{externalId: "carol"}}) {{ {MEMBERSHIP} }} }}'
    assert (await api(who))["customer"] == {"membership": None}

    started = await ask(api, "startMembership", given, role=Role.STAFF)
    assert (started["changed"], started["userErrors"]) == (True, [])
    membership = started["customer"]["membership"]
    assert (membership["status"], membership["cancelledAt"], membership["graceEndsAt"]) == ("ACTIVE", None, None)

    cancelled = (await ask(api, "cancelMembership", {**given, "at": membership["startedAt"]}))["customer"]["membership"]
    assert (cancelled["status"], cancelled["cancelledAt"]) == ("CANCELLED", membership["startedAt"])
    ends_at = datetime.fromisoformat(cancelled["graceEndsAt"])
    assert timedelta(days=60) < ends_at - clock() < timedelta(days=61, hours=1)
    again = await ask(api, "cancelMembership", given)
    assert (again["changed"], again["userErrors"], again["customer"]["membership"]) == (False, [], cancelled)

    clock.advance(ends_at - datetime.now(UTC))
    shown = (await api.as_customer("carol", who))["customer"]["membership"]  # their own: theirs to see
    assert shown == {**cancelled, "status": "ENDED"}
    reinstated = await ask(api, "reinstateMembership", {**given, "note": "Back again"})
    assert reinstated["customer"]["membership"] == membership


@pytest.mark.parametrize("field", ["startMembership", "cancelMembership", "reinstateMembership"])
async def test_what_cannot_be_moves_nothing(api: Api, tenant: Tenant, field: str, other_tenant: Tenant) -> None:
    carol = gid("Customer", await tenant.customer())
    dave = gid("Customer", await other_tenant.customer())
    bad: list[tuple[dict[str, Any], list[str]]] = [
        ({"customerId": "x"}, ["NOT_FOUND", "customerId"]),
        ({"customerId": dave}, ["NOT_FOUND", "customerId"]),
        ({"customerId": gid("Tenant", tenant.id)}, ["NOT_FOUND", "customerId"]),
        ({"customerId": carol, "note": "a\x00b"}, ["INVALID", "note"]),
    ]
    if field == "startMembership":
        bad.append(({"customerId": carol, "at": "2199-01-01T00:00:00Z"}, ["INVALID", "at"]))
    else:
        bad.append(({"customerId": carol}, ["NO_MEMBERSHIP", "customerId"]))
    async with tenant.nothing_moves(), other_tenant.nothing_moves():
        for given, expected in bad:
            payload = await ask(api, field, given)
            assert [[error["code"], *error["field"]] for error in payload["userErrors"]] == [expected]
            assert (payload["changed"], payload["customer"]) == (False, None)
