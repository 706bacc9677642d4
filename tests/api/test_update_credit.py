"""updateCredit, as a client meets it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.clock import Clock
from tests.support.headline import UPDATE, denied, done, refusal, replayed
from tests.support.tenants import Tenant

CHANGES = """query($id: ID!) { node(id: $id) { ... on Credit { changes(first: 5) { edges { node {
  oldExpiresAt newExpiresAt oldAutoApply newAutoApply oldServices { name } newServices { name }
  transaction { kind note actor { subject } } } } } } } }"""


def updating(credit: UUID | None, **more: Any) -> dict[str, Any]:
    return {"creditId": gid("Credit", credit), "idempotencyKey": uuid4().hex, **more}


async def changes(api: Api, credit: UUID | None, **as_customer: str) -> list[dict[str, Any]]:
    variables = {"id": gid("Credit", credit)}
    answer = await (api.as_customer("carol", CHANGES, variables) if as_customer else api(CHANGES, variables))
    return [edge["node"] for edge in answer["node"]["changes"]["edges"]]


async def test_each_change_is_written_down(api: Api, tenant: Tenant, clock: Clock) -> None:
    clock.stand_still(datetime(2026, 3, 20, 12, tzinfo=UTC))
    carol = await tenant.customer("carol")
    credit = (await tenant.adjust(carol, "30.00")).credit_id
    # Ten days on it is summer in London.
    given = updating(credit, expiresInDays=10, autoApply=False, note="As agreed")
    payload = await done(api, UPDATE, given)

    assert (payload["credit"]["expiresAt"], payload["credit"]["autoApply"]) == ("2026-03-30T23:00:00Z", False)
    assert (payload["transaction"]["kind"], payload["transaction"]["entries"]["edges"]) == ("UPDATE", [])
    await replayed(api, tenant, UPDATE, given, payload)
    await done(api, UPDATE, updating(credit, neverExpires=True))
    first, second = await changes(api, credit)
    assert first == {
        "oldExpiresAt": None,
        "newExpiresAt": "2026-03-30T23:00:00Z",
        "oldAutoApply": True,
        "newAutoApply": False,
        "oldServices": [],
        "newServices": [],
        "transaction": {"kind": "UPDATE", "note": "As agreed", "actor": {"subject": "admin@test"}},
    }
    assert (second["oldExpiresAt"], second["newExpiresAt"]) == ("2026-03-30T23:00:00Z", None)
    seen = await changes(api, credit, customer="carol")
    assert [node["transaction"] for node in seen] == [{"kind": "UPDATE", "note": None, "actor": None}] * 2


async def test_services_change_by_name(api: Api, tenant: Tenant) -> None:
    cut, massage = await tenant.service("Cut"), await tenant.service("Massage")
    credit = (await tenant.adjust(await tenant.customer(), "3", "SERVICE_CREDITS", service_ids=(cut,))).credit_id
    both = [gid("Service", service) for service in (massage, cut)]
    payload = await done(api, UPDATE, updating(credit, serviceIds=both))
    assert payload["credit"]["services"] == [{"name": "Cut"}, {"name": "Massage"}]
    payload = await done(api, UPDATE, updating(credit, serviceIds=[]))
    assert payload["credit"]["services"] == []
    assert [(c["oldServices"], c["newServices"]) for c in await changes(api, credit)] == [
        ([{"name": "Cut"}], [{"name": "Cut"}, {"name": "Massage"}]),
        ([{"name": "Cut"}, {"name": "Massage"}], []),
    ]


async def test_a_credit_can_be_paused_from_the_start(api: Api, tenant: Tenant) -> None:
    carol = await tenant.customer()
    add = "mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) { credit { id autoApply } } }"
    for auto, shown in ((False, False), (True, True), (None, True)):
        given = {
            "customerId": gid("Customer", carol),
            "asset": "GBP",
            "amount": "5.00",
            "reason": "GOODWILL",
            "autoApply": auto,
            "idempotencyKey": uuid4().hex,
        }
        assert (await api(add, {"input": given}))["adjustCredit"]["credit"]["autoApply"] is shown
    await tenant.invoice(carol, "40.00", auto_apply=True)
    accounts = await tenant.fetch("select balance_minor from accounts where tenant_id = $1")
    assert [row["balance_minor"] for row in accounts] == [500]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ["INVALID", "creditId"]),
        ({"expiresInDays": 3, "neverExpires": True}, ["EXPIRY_CONFLICT", "expiresAt"]),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, ["EXPIRY_IN_PAST", "expiresAt"]),
        ({"expiresInDays": -1}, ["INVALID", "expiresInDays"]),
        ({"serviceIds": ["x"]}, ["NOT_FOUND", "serviceIds", "0"]),
        ({"note": "x" * 10_001}, ["INVALID", "note"]),
        ({"idempotencyKey": " "}, ["INVALID", "idempotencyKey"]),
        ({"creditId": "x"}, ["NOT_FOUND", "creditId"]),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_makes_no_sense_changes_nothing(
    api: Api, tenant: Tenant, change: dict[str, Any], expected: list[str]
) -> None:
    credit = (await tenant.adjust(await tenant.customer(), "3.00")).credit_id
    assert await refusal(api, tenant, UPDATE, {**updating(credit), **change}) == expected


async def test_managers_may(api: Api, tenant: Tenant) -> None:
    credit = (await tenant.adjust(await tenant.customer("carol"), "30.00")).credit_id
    given = updating(credit, expiresInDays=5)
    await denied(api, tenant, UPDATE, given, role=Role.STAFF)
    await denied(api, tenant, UPDATE, given, role=Role.CUSTOMER, customer="carol")
    await denied(api, tenant, UPDATE, given, role=Role.PARTNER, scopes=set(Scope) - {Scope.CREDITS_REMOVE})
    await done(api, UPDATE, given, role=Role.MANAGER)
