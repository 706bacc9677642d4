"""upsertCustomer: found again by the tenant's own id."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from auth.roles import Role, Scope
from tests.api.conftest import Api, gid
from tests.support.headline import UPSERT, denied, document, done, refusal
from tests.support.tenants import Tenant


async def test_a_new_one_and_the_same_again(api: Api, tenant: Tenant) -> None:
    given: dict[str, Any] = {"externalId": "c-1", "name": "Zoë Müller", "email": "zoe@example.com"}
    first = await done(api, UPSERT, given)
    assert first["created"] is True
    assert {name: first["customer"][name] for name in ("externalId", "name", "email", "balances")} == {
        **given,
        "balances": [],
    }
    again = await done(api, UPSERT, given)
    assert again == {**first, "created": False}


async def test_what_is_sent_again_replaces_what_was(api: Api, tenant: Tenant) -> None:
    row = await tenant.customer("c-1", "Old Name", "old@example.com")
    account = (await tenant.adjust(row, "5.00")).account_id
    payload = await done(api, UPSERT, {"externalId": "c-1", "name": "New Name"})
    assert (payload["created"], payload["customer"]["id"]) == (False, gid("Customer", row))
    assert (payload["customer"]["name"], payload["customer"]["email"]) == ("New Name", None)
    assert payload["customer"]["balances"] == [{"id": gid("Account", account)}]


async def test_external_ids_are_told_apart_by_what_one_sees(api: Api, tenant: Tenant) -> None:
    for external_id, created in (("a", True), ("A", True), ("a ", False), ("\u00e1", True), ("a\u0301", False)):
        assert (await done(api, UPSERT, {"externalId": external_id, "name": "X"}))["created"] is created
    assert (await done(api, UPSERT, {"externalId": "x" * 255, "name": "🦊" * 255}))["customer"]["name"] == "🦊" * 255


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"externalId": " \t"}, "externalId"),
        ({"externalId": "x" * 256}, "externalId"),
        ({"externalId": "a\x00b"}, "externalId"),
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"email": ""}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": f"{'x' * 320}@x"}, "email"),
        ({"email": "a@b\x00"}, "email"),
    ],
)
async def test_what_is_no_customer_is_refused(api: Api, tenant: Tenant, change: dict[str, str], field: str) -> None:
    await tenant.customer("c-1")
    given = {"externalId": "c-1", "name": "Carol", **change}
    assert await refusal(api, tenant, UPSERT, given) == ["INVALID", field]


async def test_twenty_at_once_make_one(api: Api, tenant: Tenant) -> None:
    given = {"externalId": "c-1", "name": "Carol"}
    payloads = await asyncio.gather(*(done(api, UPSERT, given) for _ in range(20)))
    assert sorted(payload["created"] for payload in payloads) == [False] * 19 + [True]
    assert len({payload["customer"]["id"] for payload in payloads}) == 1


async def test_another_tenant_s_customer_of_that_name_is_left_alone(
    api: Api, tenant: Tenant, other_tenant: Tenant
) -> None:
    theirs: UUID = await other_tenant.customer("c-1", "Their Carol")
    async with other_tenant.nothing_moves():
        payload = await done(api, UPSERT, {"externalId": "c-1", "name": "Our Carol"})
    assert payload["created"] is True
    assert payload["customer"]["id"] != gid("Customer", theirs)


async def test_who_may(api: Api, tenant: Tenant) -> None:
    await tenant.customer("carol")
    given = {"externalId": "carol", "name": "Carol the Great"}
    await denied(api, tenant, UPSERT, given, role=Role.CUSTOMER, customer="carol")
    await denied(api, tenant, UPSERT, given, role=Role.PARTNER, scopes=set(Scope) - {Scope.CUSTOMERS_WRITE})
    await denied(api, tenant, UPSERT, given, role=Role.STAFF, scopes=[Scope.CUSTOMERS_READ])
    small = document(UPSERT, "created userErrors { code }")
    answer = await api(small, {"input": given}, role=Role.PARTNER, scopes=[Scope.CUSTOMERS_WRITE])
    assert answer[UPSERT] == {"created": False, "userErrors": []}
    assert (await done(api, UPSERT, given, role=Role.STAFF))["created"] is False
