"""What is asked of any of a person's records is asked of the one that they are now (domain: merging)."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from models.commands import MembershipChange, MergeCustomers, UpsertCustomer
from models.errors import Busy, NotFound
from models.loading import people as loading
from models.loading.people import locked_person
from models.operations.import_credits import ImportCredits, ImportRow, import_credits
from models.operations.memberships import cancel_membership, reinstate_membership, start_membership
from models.operations.merge_customers import merge_customers
from models.operations.people import UpdateCustomer, erase_customer, update_customer
from models.operations.run_bulks import run_bulk
from models.operations.upsert_customer import upsert_customer
from models.session import tenant_transaction
from tests.models.test_erasing import SECRET, where
from tests.support.shop import MANAGER, Clock, Shop

PERSON = "SELECT id, external_id, name, email FROM customers WHERE tenant_id = $1 AND merged_into_id IS NULL"


async def record(shop: Shop, external_id: str, name: str = "Anna") -> UUID:
    return (await upsert_customer(shop.ledger, shop.tenant_id, MANAGER, UpsertCustomer(external_id, name)))[0].id


async def merge(shop: Shop, from_id: UUID, into_id: UUID) -> None:
    await merge_customers(shop.ledger, shop.tenant_id, MANAGER, MergeCustomers(from_id, into_id), uuid4().hex)


@pytest.fixture
async def chain(shop: Shop) -> tuple[UUID, UUID, UUID]:
    """A, merged into B, which was merged into C."""
    first, second, third = [await record(shop, name) for name in "ABC"]
    await merge(shop, first, second)
    await merge(shop, second, third)
    return first, second, third


Chain = tuple[UUID, UUID, UUID]


async def test_edited_by_any_id(shop: Shop, chain: Chain) -> None:
    first, _, third = chain
    for record_id, name in zip(chain, ("Ann", "Anne", "Anna B"), strict=True):
        command = UpdateCustomer(record_id, name=name)
        assert await update_customer(shop.ledger, shop.tenant_id, MANAGER, command)
        assert await shop.rows(PERSON) == [(third, "C", name, None)]
    assert not await update_customer(shop.ledger, shop.tenant_id, MANAGER, UpdateCustomer(first, name="Anna B"))
    names = "SELECT DISTINCT name FROM customers WHERE tenant_id = $1 AND id <> $2"
    assert await shop.rows(names, third) == [("Anna",)]
    events = "SELECT DISTINCT customer_id FROM audit_events WHERE tenant_id = $1 AND action = 'customer.updated'"
    assert await shop.rows(events) == [(third,)]


async def test_found_by_any_external_id_and_edited_by_their_own_alone(shop: Shop, chain: Chain) -> None:
    for external_id in ("A", "B", " B"):
        command = UpsertCustomer(external_id, "Somebody else", "else@example.org")
        before = await shop.fingerprint()
        view, created = await upsert_customer(shop.ledger, shop.tenant_id, MANAGER, command)
        assert (view.id, view.external_id, view.name, view.email, created) == (chain[2], "C", "Anna", None, False)
        assert await shop.fingerprint() == before
    view, created = await upsert_customer(shop.ledger, shop.tenant_id, MANAGER, UpsertCustomer("C", "Ann"))
    assert (view.name, created) == ("Ann", False)


async def test_no_external_id_of_theirs_is_free(shop: Shop, chain: Chain) -> None:
    other = await record(shop, "D", "Dora")
    for record_id, taken, told in (
        (other, "A", "Another"),
        (other, "C", "Another"),
        (chain[0], "A", "merged into"),
        (chain[2], "B", "merged into"),
        (chain[1], "D", "Another"),
    ):
        async with shop.refused("DUPLICATE") as refused:
            await update_customer(shop.ledger, shop.tenant_id, MANAGER, UpdateCustomer(record_id, external_id=taken))
        assert told in refused.value.message
    assert await update_customer(shop.ledger, shop.tenant_id, MANAGER, UpdateCustomer(chain[0], external_id="E"))
    assert (chain[2], "E", "Anna", None) in await shop.rows(PERSON)


async def test_two_who_want_one_external_id_at_once(shop: Shop) -> None:
    ids = [await record(shop, f"c-{n}") for n in range(8)]
    wanted = [
        update_customer(shop.ledger, shop.tenant_id, MANAGER, UpdateCustomer(each, external_id="new")) for each in ids
    ]
    results = await asyncio.gather(*wanted, return_exceptions=True)
    assert [result for result in results if result is True] == [True]
    assert {getattr(result, "code", None) for result in results if result is not True} == {"DUPLICATE"}


@pytest.mark.parametrize("which", [0, 1, 2])
async def test_erased_by_any_id_with_all_records(shop: Shop, chain: Chain, which: int) -> None:
    later = await record(shop, f"{SECRET}-4", SECRET)
    await shop.adjust(later, 5, note=f"Of {SECRET}")
    await shop.adjust(chain[0], 5, note=f"For {SECRET}")
    await merge(shop, later, chain[0])
    assert await erase_customer(shop.ledger, shop.tenant_id, MANAGER, chain[which])
    assert await where(shop, SECRET) == set()
    sql = "SELECT name, external_id LIKE 'erased-%', erased_at IS NULL FROM customers WHERE tenant_id = $1"
    assert set(await shop.rows(sql)) == {("Erased", True, False)}
    for record_id in chain:
        assert not await erase_customer(shop.ledger, shop.tenant_id, MANAGER, record_id)
        async with shop.refused("INVALID"):
            await update_customer(shop.ledger, shop.tenant_id, MANAGER, UpdateCustomer(record_id, name="Back"))


async def test_a_membership_by_any_id(shop: Shop, clock: Clock, chain: Chain) -> None:
    first, second, third = chain
    dates = "SELECT membership_started_at, membership_cancelled_at FROM customers WHERE tenant_id = $1 AND id = $2"
    at = clock()
    assert await start_membership(shop.ledger, shop.tenant_id, MANAGER, MembershipChange(first))
    assert not await start_membership(shop.ledger, shop.tenant_id, MANAGER, MembershipChange(third))
    ended = clock.advance(days=1)
    assert await cancel_membership(shop.ledger, shop.tenant_id, MANAGER, MembershipChange(second))
    assert await shop.rows(dates, third) == [(at, ended)]
    assert await reinstate_membership(shop.ledger, shop.tenant_id, MANAGER, MembershipChange(first))
    assert await shop.rows(dates, third) == [(at, None)]
    assert await shop.rows(dates, first) == await shop.rows(dates, second) == [(None, None)]


async def test_a_file_names_them_by_any_external_id_once(shop: Shop, chain: Chain) -> None:
    rows = [ImportRow(name, Decimal(5), note="Sorry") for name in "ABC"]
    command = ImportCredits(digest="", asset="POINTS", reason="CORRECTION", error_policy="SKIP_FAILED")
    await import_credits(shop.ledger, shop.tenant_id, MANAGER, command, rows, "k")
    while await run_bulk(shop.ledger, shop.tenant_id):
        pass
    found = await shop.rows("SELECT customer_id, error->>'code' FROM bulk_rows WHERE tenant_id = $1 ORDER BY row")
    assert found == [(chain[2], None), (chain[2], "DUPLICATE"), (chain[2], "DUPLICATE")]
    assert await shop.available(chain[2], "POINTS") == 5


async def test_merged_while_it_is_waited_for(shop: Shop) -> None:
    """The lock on what is no longer the person is let go."""
    first, second = await record(shop, "A"), await record(shop, "B")
    async with tenant_transaction(shop.tenant_id) as merging:
        await merging.raw.execute("SELECT FROM customers WHERE tenant_id = $1 FOR UPDATE", shop.tenant_id)
        command = UpdateCustomer(first, name="New")
        editing = asyncio.create_task(update_customer(shop.ledger, shop.tenant_id, MANAGER, command))
        await asyncio.sleep(0.2)
        assert not editing.done()
        await merging.raw.execute(
            "UPDATE customers SET merged_into_id = $3, merged_at = $4 WHERE tenant_id = $1 AND id = $2",
            shop.tenant_id,
            first,
            second,
            shop.clock(),
        )
    assert await editing
    assert await shop.rows(PERSON) == [(second, "B", "New", None)]
    async with tenant_transaction(shop.tenant_id) as one, tenant_transaction(shop.tenant_id) as other:
        await shop.run("UPDATE customers SET merged_into_id = NULL, merged_at = NULL WHERE tenant_id = $1")
        assert (await locked_person(one, second, "name"))["id"] == second
        locked = "SELECT id FROM customers WHERE tenant_id = $1 ORDER BY id FOR UPDATE SKIP LOCKED"
        assert [row["id"] for row in await other.raw.fetch(locked, shop.tenant_id)] == [first]


async def test_merges_that_go_on_for_ever_are_given_up_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "MAX_MERGES_FOLLOWED", 0)
    anna = await record(shop, "A")
    async with tenant_transaction(shop.tenant_id) as connection:
        with pytest.raises(Busy):
            await locked_person(connection, anna, "name")
    monkeypatch.undo()
    async with tenant_transaction(shop.tenant_id) as connection:
        with pytest.raises(NotFound):
            await locked_person(connection, uuid4(), "name")


SINCE = "SELECT external_id_since, external_id_reused FROM customers WHERE tenant_id = $1 AND id = $2"


async def test_since_when_an_external_id_is_theirs_and_whether_it_was_somebody_s(shop: Shop, clock: Clock) -> None:
    began = clock()
    first = await record(shop, "A")
    assert await shop.rows(SINCE, first) == [(began, False)]
    renamed = clock.advance(seconds=1)
    await update_customer(shop.ledger, shop.tenant_id, MANAGER, UpdateCustomer(first, external_id="A2"))
    assert await shop.rows(SINCE, first) == [(renamed, False)]
    given = clock.advance(seconds=1)
    second = await record(shop, "A ")
    assert await shop.rows(SINCE, second) == [(given, True)]
    clock.advance(seconds=1)
    await upsert_customer(shop.ledger, shop.tenant_id, MANAGER, UpsertCustomer("A", "Another name"))
    await update_customer(shop.ledger, shop.tenant_id, MANAGER, UpdateCustomer(second, external_id="A", name="Third"))
    assert await shop.rows(SINCE, second) == [(given, True)]
    await merge(shop, second, first)
    assert await shop.rows(SINCE, second) == [(given, True)]
    back = clock.advance(seconds=1)
    await erase_customer(shop.ledger, shop.tenant_id, MANAGER, first)
    third, fourth = await record(shop, "A"), await record(shop, "A2")
    assert await shop.rows(SINCE, third) == await shop.rows(SINCE, fourth) == [(back, True)]


async def test_a_name_that_was_left_cannot_be_read_again(shop: Shop) -> None:
    anna = await record(shop, SECRET)
    await erase_customer(shop.ledger, shop.tenant_id, MANAGER, anna)
    left = await shop.rows("SELECT x::text FROM external_ids_left x WHERE tenant_id = $1")
    assert len(left) == 1
    assert SECRET not in left[0][0]
    assert str(anna) not in left[0][0]
    assert anna.hex not in left[0][0].replace("-", "")


async def test_an_id_that_is_given_up_and_taken_at_the_same_moment_was_somebody_s(shop: Shop, clock: Clock) -> None:
    """Whoever takes it waits for the row that has it, and looks for what was left only after that."""
    first = await record(shop, "A")
    async with tenant_transaction(shop.tenant_id) as renaming:
        await renaming.raw.execute(
            "UPDATE customers SET external_id = 'A2' WHERE tenant_id = $1 AND id = $2", shop.tenant_id, first
        )
        command = UpsertCustomer("A", "Ben")
        taking = asyncio.create_task(upsert_customer(shop.ledger, shop.tenant_id, MANAGER, command))
        await asyncio.sleep(0.2)
        assert not taking.done()
        later = clock() + timedelta(seconds=5)
        await loading.leave_external_ids(renaming, ["A"], later)
    view, created = await taking
    assert created
    assert await shop.rows(SINCE, view.id) == [(later, True)]
    assert view.created_at == clock() == later - timedelta(seconds=5)
