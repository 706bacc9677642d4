"""Keys by client, as clients meet them; and for how long they are kept."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from auth.partner_tokens import PartnerSecret
from auth.roles import Role, Scope
from jobs.worker import work_once
from models.configuration_commands import SetLimit
from models.operations.limits import set_limit
from models.reads.verify import verify
from tests.api.conftest import Answer, Api, gid
from tests.api.test_imports import FILE
from tests.support.clock import Clock
from tests.support.tenants import ADMIN, Tenant

ADJUST = """mutation($input: AdjustCreditInput!) { adjustCredit(input: $input) {
  replayed transaction { id } userErrors { code field } } }"""
UPDATE = """mutation($input: UpdateTenantInput!) { updateTenant(input: $input) {
  tenant { idempotencyKeyDays } userErrors { code field } } }"""
THIRD: dict[str, Any] = {"role": Role.PARTNER, "client_id": "third", "scopes": (Scope.CREDITS_ADD, Scope.LEDGER_READ)}
"""Whose tokens are signed, and not issued here."""
SEEN = "{ viewer { tenant { idempotencyKeyDays } } }"


@pytest.fixture
async def carol(tenant: Tenant) -> UUID:
    for asset in (None, "POINTS"):
        await set_limit(tenant.ledger, tenant.id, ADMIN, SetLimit("PARTNER", asset))
    return await tenant.customer("carol")


def adding(carol: UUID, amount: str = "5") -> dict[str, Any]:
    return {
        "customerId": gid("Customer", carol),
        "asset": "GBP",
        "amount": amount,
        "reason": "GOODWILL",
        "idempotencyKey": "k",
    }


async def by(api: Api, token: PartnerSecret, asked: dict[str, Any]) -> Any:
    headers = {"authorization": f"Bearer {token.text}"}
    body = {"query": ADJUST, "variables": {"input": asked}}
    return Answer(await api.client.post("/graphql", json=body, headers=headers))["adjustCredit"]


async def test_two_partners_with_the_same_key_and_input(api: Api, tenant: Tenant, carol: UUID) -> None:
    shop, till = [await tenant.partner_token("credits:add", "ledger:read", client=name) for name in ("shop", "till")]
    asked = adding(carol)
    made = [
        await by(api, shop, asked),
        await by(api, till, asked),
        (await api(ADJUST, {"input": asked}))["adjustCredit"],
    ]
    signed = (await api(ADJUST, {"input": asked}, **THIRD))["adjustCredit"]

    assert [answer["replayed"] for answer in (*made, signed)] == [False] * 4
    assert len({answer["transaction"]["id"] for answer in (*made, signed)}) == 4
    rotated = await tenant.partner_token("credits:add", "ledger:read", client="shop")
    again = [
        await by(api, rotated, asked),
        await by(api, till, asked),
        (await api(ADJUST, {"input": asked}, role=Role.MANAGER))["adjustCredit"],
        (await api(ADJUST, {"input": asked}, **THIRD))["adjustCredit"],
    ]
    assert again == [answer | {"replayed": True} for answer in (*made, signed)]
    assert (await by(api, till, adding(carol, "6")))["userErrors"] == [
        {"code": "IDEMPOTENCY_KEY_REUSED", "field": ["idempotencyKey"]}
    ]
    assert (await tenant.fetch("select count(*) from transactions where tenant_id = $1"))[0][0] == 4


async def test_two_partners_send_the_same_file(api: Api, tenant: Tenant, carol: UUID) -> None:
    tokens = [await tenant.partner_token("credits:bulk", "credits:add", client=name) for name in ("shop", "till")]

    async def post(token: PartnerSecret) -> httpx.Response:
        headers = {"authorization": f"Bearer {token.text}", "idempotency-key": "k", "content-type": "text/csv"}
        return await api.client.post("/imports/credits?asset=POINTS&reason=CORRECTION", content=FILE, headers=headers)

    first, second = [(await post(token)).json() for token in tokens]
    assert (first["replayed"], second["replayed"]) == (False, False)
    assert first["operation"] != second["operation"]
    assert [(await post(token)).json() for token in tokens] == [each | {"replayed": True} for each in (first, second)]


async def test_a_tenant_says_for_how_long_keys_are_kept(api: Api, tenant: Tenant) -> None:
    assert (await api(SEEN))["viewer"]["tenant"] == {"idempotencyKeyDays": 90}
    async with tenant.nothing_moves():
        for days in (29, 0, -1, 36_501):
            payload = (await api(UPDATE, {"input": {"idempotencyKeyDays": days}}))["updateTenant"]
            assert payload == {"tenant": None, "userErrors": [{"code": "INVALID", "field": ["idempotencyKeyDays"]}]}
    payload = (await api(UPDATE, {"input": {"idempotencyKeyDays": 30}}))["updateTenant"]
    assert payload == {"tenant": {"idempotencyKeyDays": 30}, "userErrors": []}
    assert (await api(SEEN))["viewer"]["tenant"] == {"idempotencyKeyDays": 30}


@pytest.mark.parametrize(
    ("days", "after", "replayed"), [(90, 89, True), (90, 91, False), (30, 31, False), (400, 399, True)]
)
async def test_a_request_that_is_sent_again_late(
    api: Api, tenant: Tenant, clock: Clock, carol: UUID, days: int, after: int, replayed: bool
) -> None:
    await api(UPDATE, {"input": {"idempotencyKeyDays": days}})
    first = (await api(ADJUST, {"input": adding(carol)}))["adjustCredit"]
    clock.advance(timedelta(days=after))
    await work_once(tenant.ledger, tenant.slug)
    again = (await api(ADJUST, {"input": adding(carol)}))["adjustCredit"]

    assert (again["replayed"], again["transaction"] == first["transaction"]) == (replayed, replayed)
    assert (await verify(tenant.id)).holds
