"""A person goes, and the books stay (the fixture proves them); and a customer is edited by id."""

import io
from contextlib import closing
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from app.files.importing.credit_rows import credit_rows
from app.files.importing.dialects import Said
from app.files.importing.opened import open_file
from models.commands import MembershipChange, MergeCustomers
from models.customers import UpdateCustomer, UpsertCustomer
from models.operations.approvals import approve_request, reject_request
from models.operations.import_credits import import_credits
from models.operations.import_files import ImportCredits, ImportRow
from models.operations.memberships import start_membership
from models.operations.merge_customers import merge_customers
from models.operations.people import erase_customer, update_customer
from models.operations.retry_bulk import RetryBulk, retry_bulk
from models.operations.run_bulks import run_bulk
from models.operations.upsert_customer import upsert_customer
from models.planning.approving import ApproveRequest
from models.texts import Texts
from tests.support.tenants import MANAGER, STAFF, Tenant

SECRET = "Zanzibar"
EVERYWHERE = (
    "accounts",
    "actors",
    "approval_requests",
    "audit_events",
    "bulk_operations",
    "bulk_rows",
    "coupons",
    "credits",
    "customers",
    "entries",
    "idempotency_keys",
    "invoice_texts",
    "invoices",
    "outbox",
    "tier_changes",
    "transaction_texts",
    "transactions",
)


async def where(tenant: Tenant, text: str) -> set[str]:
    """The tables that say it anywhere."""
    union = " UNION ALL ".join(
        f"SELECT '{table}' FROM {table} t WHERE tenant_id = $1 AND strpos(t::text, $2) > 0" for table in EVERYWHERE
    )
    return {row[0] for row in await tenant.rows(union, text)}


async def test_every_text_goes_and_every_figure_stays(tenant: Tenant) -> None:
    anna, ben = await tenant.customer(name=f"{SECRET} Anna"), await tenant.customer(name="Ben")
    await tenant.adjust(anna, 50, note=f"Of {SECRET}")
    await tenant.adjust(anna, 5_000, actor=STAFF, request_approval=True, note=f"For {SECRET}")
    await start_membership(tenant.ledger, tenant.id, MANAGER, MembershipChange(anna, None, f"As {SECRET}"))
    await tenant.adjust(anna, 1, texts=Texts(SECRET, ((SECRET, SECRET),)))
    own = Texts(f"Also {SECRET}", (("of", SECRET),))
    await tenant.adjust(anna, 5_000, actor=STAFF, request_approval=True, texts=own)
    await tenant.invoice(anna, 5, auto_apply=False, invoice_texts=own)
    external_id = (await tenant.rows("SELECT external_id FROM customers WHERE tenant_id = $1 AND id = $2", anna))[0][0]
    edited = UpsertCustomer(external_id, f"{SECRET} Anna", None, SECRET, ((SECRET, SECRET),))
    await upsert_customer(tenant.ledger, tenant.id, MANAGER, edited, kept=frozenset())
    await tenant.adjust(ben, 50, note="Of Ben")
    rows = [ImportRow(external_id, Decimal(7), note=f"On {SECRET}", texts=own)]
    command = ImportCredits(digest="", asset="POINTS", reason="CORRECTION")
    await import_credits(tenant.ledger, tenant.id, MANAGER, command, rows, "k")
    while await run_bulk(tenant.ledger, tenant.id):
        pass
    found = await where(tenant, SECRET)
    assert found == {
        "approval_requests",
        "audit_events",
        "bulk_rows",
        "customers",
        "invoice_texts",
        "transaction_texts",
    }
    entries = await tenant.rows("SELECT * FROM entries WHERE tenant_id = $1 ORDER BY id")

    assert await erase_customer(tenant.ledger, tenant.id, MANAGER, anna)
    assert await where(tenant, SECRET) == set()
    assert await tenant.rows("SELECT * FROM entries WHERE tenant_id = $1 ORDER BY id") == entries
    assert [await tenant.available(anna), await tenant.available(anna, "POINTS")] == [5100, 7]
    person = (
        "SELECT name, email, external_id LIKE 'erased-%', erased_at FROM customers WHERE tenant_id = $1 AND id = $2"
    )
    assert await tenant.rows(person, anna) == [("Erased", None, True, tenant.clock())]
    notes = "SELECT note FROM transaction_texts WHERE tenant_id = $1 AND note <> ''"
    assert await tenant.rows(notes) == [("Of Ben",)]


async def test_no_file_keeps_the_name_it_was_sent_under(tenant: Tenant) -> None:
    """Neither in a row that was not understood, nor in one whose customer was there only when it was tried again."""
    one = await tenant.customer(f"{SECRET}-1", name="One")
    asked = ImportCredits(digest="", asset="POINTS", reason="CORRECTION", error_policy="SKIP_FAILED")
    file = f"customer,amount\n{SECRET}-1,five\n{SECRET}-2,6\n".encode()
    with closing(open_file(io.BytesIO(file), Said())) as opened:
        outcome = await import_credits(tenant.ledger, tenant.id, MANAGER, asked, credit_rows(opened.rows()), "k")
    assert outcome.bulk_operation_id is not None
    await run_bulk(tenant.ledger, tenant.id)
    two = await tenant.customer(f"{SECRET}-2", name="Two")
    await retry_bulk(tenant.ledger, tenant.id, MANAGER, RetryBulk(outcome.bulk_operation_id), "again")
    await run_bulk(tenant.ledger, tenant.id)
    assert await tenant.available(two, "POINTS") == 6
    for person in (one, two):
        await erase_customer(tenant.ledger, tenant.id, MANAGER, person)
    assert await where(tenant, SECRET) == set()


async def test_once_and_nothing_is_added_any_more(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 50)
    assert await erase_customer(tenant.ledger, tenant.id, MANAGER, anna)
    before = await tenant.fingerprint()
    assert not await erase_customer(tenant.ledger, tenant.id, MANAGER, anna)
    assert await tenant.fingerprint() == before
    async with tenant.refused("INVALID"):
        await tenant.adjust(anna, 5)
    async with tenant.refused("INVALID"):
        await update_customer(tenant.ledger, tenant.id, MANAGER, UpdateCustomer(anna, name="Anna"))
    async with tenant.refused("NOT_FOUND"):
        await erase_customer(tenant.ledger, tenant.id, MANAGER, uuid4())
    await tenant.adjust(anna, -50)
    assert await tenant.available(anna) == 0


async def test_nobody_is_written_onto_what_is_left_of_them(tenant: Tenant, anna: UUID) -> None:
    """By the external ids that the erasure gave to their records."""
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(await tenant.customer(), anna), "k")
    assert await erase_customer(tenant.ledger, tenant.id, MANAGER, anna)
    for (external_id,) in await tenant.rows("SELECT external_id FROM customers WHERE tenant_id = $1"):
        again = UpsertCustomer(external_id, SECRET, f"{SECRET}@example.org")
        async with tenant.refused("INVALID"):
            await upsert_customer(tenant.ledger, tenant.id, MANAGER, again)


async def test_records_that_were_merged_go_along(tenant: Tenant, anna: UUID) -> None:
    other = await tenant.customer(name=SECRET)
    await tenant.adjust(other, 5, note=SECRET)
    await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(other, anna, SECRET), "k")
    assert await erase_customer(tenant.ledger, tenant.id, MANAGER, anna)
    assert await where(tenant, SECRET) == set()


@pytest.mark.parametrize("approves", [True, False])
async def test_what_was_said_of_a_transfer_to_them_goes_too(tenant: Tenant, anna: UUID, approves: bool) -> None:
    """Also what the approver or rejecter said, after the giver and they were merged into others."""
    ben = await tenant.customer(name="Ben")
    await tenant.credit(ben, 5)
    request = (await tenant.transfer(ben, anna, 5, actor=STAFF, propose_only=True, note=SECRET)).approval_request_id
    assert request is not None
    for number in range(2):
        giver = await tenant.customer(name="Ben")
        await merge_customers(tenant.ledger, tenant.id, MANAGER, MergeCustomers(ben, giver), f"{number}")
        if number == 0 and approves:
            asked = ApproveRequest(request, SECRET)
            await approve_request(tenant.ledger, tenant.id, MANAGER, asked, "k")
        elif number == 0:
            await reject_request(tenant.ledger, tenant.id, MANAGER, request, SECRET)
    assert "audit_events" in await where(tenant, SECRET)
    assert await erase_customer(tenant.ledger, tenant.id, MANAGER, anna)
    assert await where(tenant, SECRET) == set()


async def test_what_is_said_after_they_were_erased_is_not_kept(tenant: Tenant, anna: UUID) -> None:
    ben = await tenant.customer(name="Ben")
    await tenant.credit(ben, 5)
    request = (await tenant.transfer(ben, anna, 5, actor=STAFF, propose_only=True)).approval_request_id
    assert request is not None
    assert await erase_customer(tenant.ledger, tenant.id, MANAGER, anna)
    await reject_request(tenant.ledger, tenant.id, MANAGER, request, SECRET)
    assert await where(tenant, SECRET) == set()


async def test_editing_changes_what_is_named_alone(tenant: Tenant, anna: UUID) -> None:
    ben = await tenant.customer(name="Ben")
    person = "SELECT external_id, name, email FROM customers WHERE tenant_id = $1 AND id = $2"

    async def edit(**values: object) -> bool:
        return await update_customer(tenant.ledger, tenant.id, STAFF, UpdateCustomer(anna, **values))  # type: ignore[arg-type]

    assert await edit(external_id="a-1", email="anna@example.org")
    assert await edit(name="Anna B")
    assert await tenant.rows(person, anna) == [("a-1", "Anna B", "anna@example.org")]
    assert not await edit(name="Anna B")
    assert await edit(removed=frozenset({"email"}))
    assert await tenant.rows(person, anna) == [("a-1", "Anna B", None)]
    events = await tenant.rows(
        "SELECT details->'changed' FROM audit_events WHERE tenant_id = $1 AND action <> 'customer.created' ORDER BY id"
    )
    assert [row[0] for row in events] == ['["external_id", "email"]', '["name"]', '["email"]']
    taken = (await tenant.rows(person, ben))[0][0]
    async with tenant.refused("DUPLICATE"):
        await edit(external_id=taken)
    both = {"email": "a@b", "removed": frozenset({"email"})}
    for wrong in ({"name": " "}, {"email": "nobody"}, {"external_id": "x" * 256}, both):
        async with tenant.refused("INVALID"):
            await edit(**wrong)
