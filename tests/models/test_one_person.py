"""What is asked of any of a person's records is asked of the one that they are now (domain: merging)."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from models.commands import MembershipChange, MergeCustomers
from models.customers import UpdateCustomer, UpsertCustomer
from models.errors import Busy, NotFound
from models.loading import people as loading
from models.loading.people import locked_person
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits, ImportRow
from models.operations.memberships import cancel_membership, reinstate_membership, start_membership
from models.operations.merge_customers import merge_customers
from models.operations.people import erase_customer, update_customer
from models.operations.run_bulks import run_bulk
from models.operations.upsert_customer import upsert_customer
from models.session import tenant_transaction
from tests.models.test_erasing import SECRET, where
from tests.support.clock import Clock
from tests.support.tenants import MANAGER, Tenant

PERSON = "SELECT id, external_id, name, email FROM customers WHERE tenant_id = $1 AND merged_into_id IS NULL"


async def record(tenant: Tenant, external_id: str, name: str = "Anna") -> UUID:
    return (await upsert_customer(tenant.ledger, tenant.id, MANAGER, UpsertCustomer(external_id, name)))[0].id


async def merge(tenant: Tenant, from_id: UUID, into_id: UUID) -> None:
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(from_id, into_id), uuid4().hex)


@pytest.fixture
async def chain(tenant: Tenant) -> tuple[UUID, UUID, UUID]:
    """A, merged into B, which was merged into C."""
    first, second, third = [await record(tenant, name) for name in "ABC"]
    await merge(tenant, first, second)
    await merge(tenant, second, third)
    return first, second, third


Chain = tuple[UUID, UUID, UUID]


async def test_edited_by_any_id(tenant: Tenant, chain: Chain) -> None:
    first, _, third = chain
    for record_id, name in zip(chain, ("Ann", "Anne", "Anna B"), strict=True):
        command = UpdateCustomer(record_id, name=name)
        assert await update_customer(tenant.ledger, tenant.id, MANAGER, command)
        assert await tenant.rows(PERSON) == [(third, "C", name, None)]
    assert not await update_customer(tenant.ledger, tenant.id, MANAGER, UpdateCustomer(first, name="Anna B"))
    names = "SELECT DISTINCT name FROM customers WHERE tenant_id = $1 AND id <> $2"
    assert await tenant.rows(names, third) == [("Anna",)]
    events = "SELECT DISTINCT customer_id FROM audit_events WHERE tenant_id = $1 AND action = 'customer.updated'"
    assert await tenant.rows(events) == [(third,)]


async def test_found_by_any_external_id_and_edited_by_their_own_alone(tenant: Tenant, chain: Chain) -> None:
    for external_id in ("A", "B", " B"):
        command = UpsertCustomer(external_id, "Somebody else", "else@example.org")
        before = await tenant.fingerprint()
        view, created = await upsert_customer(tenant.ledger, tenant.id, MANAGER, command)
        assert (view.id, view.external_id, view.name, view.email, created) == (chain[2], "C", "Anna", None, False)
        assert await tenant.fingerprint() == before
    view, created = await upsert_customer(tenant.ledger, tenant.id, MANAGER, UpsertCustomer("C", "Ann"))
    assert (view.name, created) == ("Ann", False)


async def test_no_external_id_of_theirs_is_free(tenant: Tenant, chain: Chain) -> None:
    other = await record(tenant, "D", "Dora")
    for record_id, taken, told in (
        (other, "A", "Another"),
        (other, "C", "Another"),
        (chain[0], "A", "merged into"),
        (chain[2], "B", "merged into"),
        (chain[1], "D", "Another"),
    ):
        async with tenant.refused("DUPLICATE") as refused:
            await update_customer(tenant.ledger, tenant.id, MANAGER, UpdateCustomer(record_id, external_id=taken))
        assert told in refused.value.message
    assert await update_customer(tenant.ledger, tenant.id, MANAGER, UpdateCustomer(chain[0], external_id="E"))
    assert (chain[2], "E", "Anna", None) in await tenant.rows(PERSON)


async def test_two_who_want_one_external_id_at_once(tenant: Tenant) -> None:
    ids = [await record(tenant, f"c-{n}") for n in range(8)]
    wanted = [
        update_customer(tenant.ledger, tenant.id, MANAGER, UpdateCustomer(each, external_id="new")) for each in ids
    ]
    results = await asyncio.gather(*wanted, return_exceptions=True)
    assert [result for result in results if result is True] == [True]
    assert {getattr(result, "code", None) for result in results if result is not True} == {"DUPLICATE"}


@pytest.mark.parametrize("which", [0, 1, 2])
async def test_erased_by_any_id_with_all_records(tenant: Tenant, chain: Chain, which: int) -> None:
    later = await record(tenant, f"{SECRET}-4", SECRET)
    await tenant.adjust(later, 5, note=f"Of {SECRET}")
    await tenant.adjust(chain[0], 5, note=f"For {SECRET}")
    await merge(tenant, later, chain[0])
    assert await erase_customer(tenant.ledger, tenant.id, MANAGER, chain[which])
    assert await where(tenant, SECRET) == set()
    sql = "SELECT name, external_id LIKE 'erased-%', erased_at IS NULL FROM customers WHERE tenant_id = $1"
    assert set(await tenant.rows(sql)) == {("Erased", True, False)}
    for record_id in chain:
        assert not await erase_customer(tenant.ledger, tenant.id, MANAGER, record_id)
        async with tenant.refused("INVALID"):
            await update_customer(tenant.ledger, tenant.id, MANAGER, UpdateCustomer(record_id, name="Back"))


async def test_a_membership_by_any_id(tenant: Tenant, clock: Clock, chain: Chain) -> None:
    first, second, third = chain
    dates = "SELECT membership_started_at, membership_cancelled_at FROM customers WHERE tenant_id = $1 AND id = $2"
    at = clock()
    assert await start_membership(tenant.ledger, tenant.id, MANAGER, MembershipChange(first))
    assert not await start_membership(tenant.ledger, tenant.id, MANAGER, MembershipChange(third))
    ended = clock.advance(days=1)
    assert await cancel_membership(tenant.ledger, tenant.id, MANAGER, MembershipChange(second))
    assert await tenant.rows(dates, third) == [(at, ended)]
    assert await reinstate_membership(tenant.ledger, tenant.id, MANAGER, MembershipChange(first))
    assert await tenant.rows(dates, third) == [(at, None)]
    assert await tenant.rows(dates, first) == await tenant.rows(dates, second) == [(None, None)]


async def test_a_file_names_them_by_any_external_id_once(tenant: Tenant, chain: Chain) -> None:
    rows = [ImportRow(name, Decimal(5), note="Sorry") for name in "ABC"]
    command = ImportCredits(digest="", asset="POINTS", reason="CORRECTION", error_policy="SKIP_FAILED")
    await import_credits(tenant.ledger, tenant.id, MANAGER, command, rows, "k")
    while await run_bulk(tenant.ledger, tenant.id):
        pass
    found = await tenant.rows("SELECT customer_id, error->>'code' FROM bulk_rows WHERE tenant_id = $1 ORDER BY row")
    assert found == [(chain[2], None), (chain[2], "DUPLICATE"), (chain[2], "DUPLICATE")]
    assert await tenant.available(chain[2], "POINTS") == 5


async def test_merged_while_it_is_waited_for(tenant: Tenant) -> None:
    """The lock on what is no longer the person is let go."""
    first, second = await record(tenant, "A"), await record(tenant, "B")
    async with tenant_transaction(tenant.id) as merging:
        await merging.raw.execute("SELECT FROM customers WHERE tenant_id = $1 FOR UPDATE", tenant.id)
        command = UpdateCustomer(first, name="New")
        editing = asyncio.create_task(update_customer(tenant.ledger, tenant.id, MANAGER, command))
        await asyncio.sleep(0.2)
        assert not editing.done()
        await merging.raw.execute(
            "UPDATE customers SET merged_into_id = $3, merged_at = $4 WHERE tenant_id = $1 AND id = $2",
            tenant.id,
            first,
            second,
            tenant.clock(),
        )
    assert await editing
    assert await tenant.rows(PERSON) == [(second, "B", "New", None)]
    async with tenant_transaction(tenant.id) as one, tenant_transaction(tenant.id) as other:
        await tenant.execute("UPDATE customers SET merged_into_id = NULL, merged_at = NULL WHERE tenant_id = $1")
        assert (await locked_person(one, second, "name"))["id"] == second
        locked = "SELECT id FROM customers WHERE tenant_id = $1 ORDER BY id FOR UPDATE SKIP LOCKED"
        assert [row["id"] for row in await other.raw.fetch(locked, tenant.id)] == [first]


async def test_merges_that_go_on_for_ever_are_given_up_on(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "MAX_MERGES_FOLLOWED", 0)
    anna = await record(tenant, "A")
    async with tenant_transaction(tenant.id) as connection:
        with pytest.raises(Busy):
            await locked_person(connection, anna, "name")
    monkeypatch.undo()
    async with tenant_transaction(tenant.id) as connection:
        with pytest.raises(NotFound):
            await locked_person(connection, uuid4(), "name")


SINCE = "SELECT external_id_since, external_id_reused FROM customers WHERE tenant_id = $1 AND id = $2"


async def test_since_when_an_external_id_is_theirs_and_whether_it_was_somebody_s(tenant: Tenant, clock: Clock) -> None:
    began = clock()
    first = await record(tenant, "A")
    assert await tenant.rows(SINCE, first) == [(began, False)]
    renamed = clock.advance(seconds=1)
    await update_customer(tenant.ledger, tenant.id, MANAGER, UpdateCustomer(first, external_id="A2"))
    assert await tenant.rows(SINCE, first) == [(renamed, False)]
    given = clock.advance(seconds=1)
    second = await record(tenant, "A ")
    assert await tenant.rows(SINCE, second) == [(given, True)]
    clock.advance(seconds=1)
    await upsert_customer(tenant.ledger, tenant.id, MANAGER, UpsertCustomer("A", "Another name"))
    await update_customer(tenant.ledger, tenant.id, MANAGER, UpdateCustomer(second, external_id="A", name="Third"))
    assert await tenant.rows(SINCE, second) == [(given, True)]
    await merge(tenant, second, first)
    assert await tenant.rows(SINCE, second) == [(given, True)]
    back = clock.advance(seconds=1)
    await erase_customer(tenant.ledger, tenant.id, MANAGER, first)
    third, fourth = await record(tenant, "A"), await record(tenant, "A2")
    assert await tenant.rows(SINCE, third) == await tenant.rows(SINCE, fourth) == [(back, True)]


async def test_a_name_that_was_left_cannot_be_read_again(tenant: Tenant) -> None:
    anna = await record(tenant, SECRET)
    await erase_customer(tenant.ledger, tenant.id, MANAGER, anna)
    left = await tenant.rows("SELECT x::text FROM external_ids_left x WHERE tenant_id = $1")
    assert len(left) == 1
    assert SECRET not in left[0][0]
    assert str(anna) not in left[0][0]
    assert anna.hex not in left[0][0].replace("-", "")


async def test_an_id_that_is_given_up_and_taken_at_the_same_moment_was_somebody_s(tenant: Tenant, clock: Clock) -> None:
    """Whoever takes it waits for the row that has it, and looks for what was left only after that."""
    first = await record(tenant, "A")
    async with tenant_transaction(tenant.id) as renaming:
        await renaming.raw.execute(
            "UPDATE customers SET external_id = 'A2' WHERE tenant_id = $1 AND id = $2", tenant.id, first
        )
        command = UpsertCustomer("A", "Ben")
        taking = asyncio.create_task(upsert_customer(tenant.ledger, tenant.id, MANAGER, command))
        await asyncio.sleep(0.2)
        assert not taking.done()
        later = clock() + timedelta(seconds=5)
        await loading.leave_external_ids(renaming, ["A"], later)
    view, created = await taking
    assert created
    assert await tenant.rows(SINCE, view.id) == [(later, True)]
    assert view.created_at == clock() == later - timedelta(seconds=5)
