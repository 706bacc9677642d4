"""Customers, found again by the tenant's own id for them."""

import asyncio
from typing import Any

import pytest

from models.customers import CustomerView, UpsertCustomer
from models.operations.upsert_customer import upsert_customer
from tests.support.clock import Clock
from tests.support.tenants import MANAGER, Tenant


async def upsert(
    tenant: Tenant, external_id: str = "c-1", name: str = "Anna", **more: Any
) -> tuple[CustomerView, bool]:
    return await upsert_customer(tenant.ledger, tenant.id, MANAGER, UpsertCustomer(external_id, name, **more))


async def test_the_first_time_makes_and_the_second_edits(tenant: Tenant, clock: Clock) -> None:
    first, made = await upsert(tenant, email="a@x.example")
    clock.advance(days=1)
    second, made_again = await upsert(tenant, name="Anna Maria")

    assert (made, made_again) == (True, False)
    assert second.id == first.id
    assert (second.name, second.email, second.created_at) == ("Anna Maria", None, first.created_at)
    assert await tenant.count("customers") == 1


async def test_sent_many_times_at_once_it_makes_one(tenant: Tenant) -> None:
    results = await asyncio.gather(*(upsert(tenant) for _ in range(16)))
    assert len({view.id for view, _ in results}) == 1
    assert sum(made for _, made in results) == 1


async def test_ids_tell_case_and_accents_apart(tenant: Tenant) -> None:
    ids = [
        (await upsert(tenant, external_id))[0].id for external_id in ("a", "A", "a ", "\u2003a\n", "\u00e1", "a\u0301")
    ]
    assert (len(set(ids)), ids[0] == ids[2] == ids[3], ids[4] == ids[5]) == (3, True, True)


@pytest.mark.parametrize(
    "facts",
    [
        {"external_id": ""},
        {"external_id": " "},
        {"external_id": "x" * 256},
        {"name": ""},
        {"name": "x" * 256},
        {"email": ""},
        {"email": "nobody"},
        {"email": "x" * 312 + "@x.example"},
    ],
)
async def test_what_no_customer_has(tenant: Tenant, facts: dict[str, str]) -> None:
    async with tenant.refused("INVALID"):
        await upsert(tenant, **facts)
    assert await tenant.count("customers") == 0


async def test_each_change_is_written_down_once_and_in_no_words_of_the_person_s(tenant: Tenant) -> None:
    await upsert(tenant, email="a@x.example")
    await upsert(tenant, email="a@x.example")
    await upsert(tenant, name="Anna Maria", email="a@x.example")
    events = await tenant.rows(
        "SELECT action, details::text FROM audit_events WHERE tenant_id = $1 ORDER BY created_at, id"
    )
    assert [tuple(event) for event in events] == [
        ("customer.created", None),
        ("customer.updated", '{"changed": ["name"]}'),
    ]
