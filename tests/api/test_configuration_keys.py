"""What creates configuration takes a key: sent again, it answers with what was made."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import asyncpg
import pytest

from jobs.worker import work_once
from models.reads.verify import verify
from tests.api.conftest import Api
from tests.support.clock import Clock
from tests.support.tampering import Tampering
from tests.support.tenants import Tenant

GIVEN: Final[dict[str, dict[str, Any]]] = {
    "Reason": {"code": "TREAT", "label": "Treat", "directions": ["ADD"]},
    "Service": {"name": "Cut"},
    "Tier": {"name": "Silver", "threshold": "50"},
    "Reward": {"name": "Cup", "kind": "FREE_PRODUCT", "product": "Cup", "pointsCost": "10", "validityDays": 30},
    "Product": {
        "name": "Lamp",
        "kind": "GOODS",
        "currency": "GBP",
        "price": "9.00",
        "reference": "L-1",
        "metadata": [{"key": "shelf", "value": "7"}],
    },
}
ANOTHER: Final[dict[str, dict[str, Any]]] = {
    "Reason": {"code": "GIFT"},
    "Service": {"name": "Colour"},
    "Tier": {"threshold": "60"},
    "Reward": {"validityDays": 31},
    "Product": {"metadata": [{"key": "shelf", "value": "8"}]},
}
REUSED: Final = [{"code": "IDEMPOTENCY_KEY_REUSED", "field": ["idempotencyKey"]}]
KEYED: Final = {"idempotencyKey": "k"}

each_kind = pytest.mark.parametrize("kind", GIVEN)


async def create(api: Api, kind: str, **other: Any) -> Any:
    query = f"""mutation($input: Create{kind}Input!) {{ create{kind}(input: $input) {{
        replayed {kind.lower()} {{ {"code" if kind == "Reason" else "id"} }} userErrors {{ code field }} }} }}"""
    return (await api(query, {"input": GIVEN[kind] | other}))[f"create{kind}"]


async def rows(tenant: Tenant, kind: str) -> int:
    return await tenant.count(f"{kind.lower()}s")


@each_kind
async def test_the_same_key_and_input_answer_with_what_was_made(api: Api, tenant: Tenant, kind: str) -> None:
    first = await create(api, kind, **KEYED)
    assert (first["replayed"], first[kind.lower()] is None, first["userErrors"]) == (False, False, [])
    async with tenant.nothing_moves():
        assert await create(api, kind, **KEYED) == first | {"replayed": True}
    assert (await verify(tenant.id)).holds


@each_kind
async def test_another_input_under_the_key_is_refused(api: Api, tenant: Tenant, kind: str) -> None:
    await create(api, kind, **KEYED)
    async with tenant.nothing_moves():
        refused = await create(api, kind, **KEYED, **ANOTHER[kind])
        other = await create(api, "Service" if kind != "Service" else "Tier", **KEYED)
    assert (refused["replayed"], refused[kind.lower()], refused["userErrors"]) == (False, None, REUSED)
    assert other["userErrors"] == REUSED


@each_kind
async def test_two_at_once_make_one(api: Api, tenant: Tenant, kind: str) -> None:
    before = await rows(tenant, kind)
    one, other = await asyncio.gather(*(create(api, kind, **KEYED) for _ in range(2)))
    assert sorted((one["replayed"], other["replayed"])) == [False, True]
    assert one | {"replayed": None} == other | {"replayed": None}
    assert await rows(tenant, kind) == before + 1


@each_kind
async def test_a_refusal_leaves_the_key_free(api: Api, tenant: Tenant, kind: str) -> None:
    await create(api, kind, idempotencyKey="other")
    async with tenant.nothing_moves():
        refused = await create(api, kind, **KEYED)
    assert [error["code"] for error in refused["userErrors"]] == ["DUPLICATE"]
    free = {"Tier": {"name": "Gold", "threshold": "60"}, "Reason": {"code": "GIFT"}}.get(kind, {"name": "Free"})
    made = await create(api, kind, **KEYED, **free)
    assert (made["replayed"], made["userErrors"]) == (False, [])


@each_kind
async def test_without_a_key_it_is_as_it_was(api: Api, tenant: Tenant, kind: str) -> None:
    made = await create(api, kind)
    assert (made["replayed"], made["userErrors"]) == (False, [])
    async with tenant.nothing_moves():
        for key in ({}, {"idempotencyKey": None}):
            again = await create(api, kind, **key)
            assert [error["code"] for error in again["userErrors"]] == ["DUPLICATE"]


async def test_what_is_no_key_is_refused(api: Api, tenant: Tenant) -> None:
    async with tenant.nothing_moves():
        for key in ("", " ", "x" * 256, "bulk:1"):
            refused = await create(api, "Service", idempotencyKey=key)
            assert refused["userErrors"] == [{"code": "INVALID", "field": ["idempotencyKey"]}], key


async def test_a_key_is_pruned_like_others(api: Api, tenant: Tenant, clock: Clock) -> None:
    await create(api, "Service", **KEYED)
    clock.advance(timedelta(days=91))
    await work_once(tenant.ledger, tenant.slug)
    again = await create(api, "Service", **KEYED)
    assert [error["code"] for error in again["userErrors"]] == ["DUPLICATE"]
    assert (await verify(tenant.id)).holds


@pytest.mark.parametrize("kind", sorted(GIVEN.keys() - {"Tier"}))
async def test_a_key_whose_row_is_gone_is_found(
    api: Api, tenant: Tenant, owner_connection: "asyncpg.Connection[Any]", kind: str
) -> None:
    """Even with its seal. Tiers can be deleted."""
    await create(api, kind, **KEYED)
    tamper, table = Tampering(owner_connection, tenant.id), f"{kind.lower()}s"
    [(row_id,)] = await tenant.rows("SELECT result_id FROM idempotency_keys WHERE tenant_id = $1")
    await tamper("seals", f"DELETE FROM seals WHERE of_table = '{table}' AND id = '{row_id}'")
    await tamper(table, f"DELETE FROM {table} WHERE id = '{row_id}'")
    assert "key result" in (await verify(tenant.id)).found


async def test_a_tier_answers_with_itself_as_it_is_now(api: Api, tenant: Tenant) -> None:
    """It moved nobody this time; and one that is deleted by then is gone."""
    await tenant.adjust(await tenant.customer(), 50, "POINTS")
    query = """mutation($input: CreateTierInput!) { createTier(input: $input) {
        replayed customersMoved tier { id name } userErrors { code } } }"""
    given = {"input": GIVEN["Tier"] | KEYED}
    first = (await api(query, given))["createTier"]
    assert (first["replayed"], first["customersMoved"]) == (False, 1)
    assert (await api(query, given))["createTier"] == first | {"replayed": True, "customersMoved": 0}
    delete = "mutation($input: DeleteTierInput!) { deleteTier(input: $input) { userErrors { code } } }"
    await api(delete, {"input": {"tierId": first["tier"]["id"]}})
    gone: dict[str, Any] = {"replayed": True, "customersMoved": 0, "tier": None, "userErrors": []}
    assert (await api(query, given))["createTier"] == gone
    assert (await verify(tenant.id)).holds
