"""A person goes, and the books stay (the fixture proves them); and a customer is edited by id."""

from decimal import Decimal
from uuid import UUID, uuid4

from models.commands import MembershipChange, MergeCustomers
from models.operations.import_credits import ImportCredits, ImportRow, import_credits
from models.operations.memberships import start_membership
from models.operations.merge_customers import merge_customers
from models.operations.people import UpdateCustomer, erase_customer, update_customer
from models.operations.run_bulks import run_bulk
from tests.support.shop import MANAGER, STAFF, Shop

SECRET = "Zanzibar"
EVERYWHERE = (
    "accounts",
    "approval_requests",
    "audit_events",
    "bulk_operations",
    "bulk_rows",
    "coupons",
    "credits",
    "customers",
    "entries",
    "idempotency_keys",
    "invoices",
    "outbox",
    "tier_changes",
    "transaction_texts",
    "transactions",
)


async def where(shop: Shop, text: str) -> set[str]:
    """The tables that say it anywhere."""
    union = " UNION ALL ".join(
        f"SELECT '{table}' FROM {table} t WHERE tenant_id = $1 AND strpos(t::text, $2) > 0" for table in EVERYWHERE
    )
    return {row[0] for row in await shop.rows(union, text)}


async def test_every_text_goes_and_every_figure_stays(shop: Shop) -> None:
    anna, ben = await shop.customer(f"{SECRET} Anna"), await shop.customer("Ben")
    await shop.adjust(anna, 50, note=f"Of {SECRET}")
    await shop.adjust(anna, 5_000, actor=STAFF, request_approval=True, note=f"For {SECRET}")
    await start_membership(shop.ledger, shop.tenant_id, MANAGER, MembershipChange(anna, None, f"As {SECRET}"))
    await shop.adjust(ben, 50, note="Of Ben")
    external_id = (await shop.rows("SELECT external_id FROM customers WHERE tenant_id = $1 AND id = $2", anna))[0][0]
    rows = [ImportRow(external_id, Decimal(7), note=f"On {SECRET}")]
    command = ImportCredits(digest="", asset="POINTS", reason="CORRECTION")
    await import_credits(shop.ledger, shop.tenant_id, MANAGER, command, rows, "k")
    while await run_bulk(shop.ledger, shop.tenant_id):
        pass
    found = await where(shop, SECRET)
    assert found == {"approval_requests", "audit_events", "bulk_rows", "customers", "transaction_texts"}
    entries = await shop.rows("SELECT * FROM entries WHERE tenant_id = $1 ORDER BY id")

    assert await erase_customer(shop.ledger, shop.tenant_id, MANAGER, anna)
    assert await where(shop, SECRET) == set()
    assert await shop.rows("SELECT * FROM entries WHERE tenant_id = $1 ORDER BY id") == entries
    assert [await shop.available(anna), await shop.available(anna, "POINTS")] == [5000, 7]
    person = (
        "SELECT name, email, external_id LIKE 'erased-%', erased_at FROM customers WHERE tenant_id = $1 AND id = $2"
    )
    assert await shop.rows(person, anna) == [("Erased", None, True, shop.clock())]
    notes = "SELECT note FROM transaction_texts WHERE tenant_id = $1 AND note <> ''"
    assert await shop.rows(notes) == [("Of Ben",)]


async def test_once_and_nothing_is_added_any_more(shop: Shop, anna: UUID) -> None:
    await shop.credit(anna, 50)
    assert await erase_customer(shop.ledger, shop.tenant_id, MANAGER, anna)
    before = await shop.fingerprint()
    assert not await erase_customer(shop.ledger, shop.tenant_id, MANAGER, anna)
    assert await shop.fingerprint() == before
    async with shop.refused("INVALID"):
        await shop.adjust(anna, 5)
    async with shop.refused("INVALID"):
        await update_customer(shop.ledger, shop.tenant_id, MANAGER, UpdateCustomer(anna, name="Anna"))
    async with shop.refused("NOT_FOUND"):
        await erase_customer(shop.ledger, shop.tenant_id, MANAGER, uuid4())
    await shop.adjust(anna, -50)
    assert await shop.available(anna) == 0


async def test_records_that_were_merged_go_along(shop: Shop, anna: UUID) -> None:
    other = await shop.customer(SECRET)
    await shop.adjust(other, 5, note=SECRET)
    await merge_customers(shop.ledger, shop.tenant_id, MANAGER, MergeCustomers(other, anna, SECRET), "k")
    assert await erase_customer(shop.ledger, shop.tenant_id, MANAGER, anna)
    assert await where(shop, SECRET) == set()


async def test_editing_changes_what_is_named_alone(shop: Shop, anna: UUID) -> None:
    ben = await shop.customer("Ben")
    person = "SELECT external_id, name, email FROM customers WHERE tenant_id = $1 AND id = $2"

    async def edit(**values: object) -> bool:
        return await update_customer(shop.ledger, shop.tenant_id, STAFF, UpdateCustomer(anna, **values))  # type: ignore[arg-type]

    assert await edit(external_id="a-1", email="anna@example.org")
    assert await edit(name="Anna B")
    assert await shop.rows(person, anna) == [("a-1", "Anna B", "anna@example.org")]
    assert not await edit(name="Anna B")
    assert await edit(no_email=True)
    assert await shop.rows(person, anna) == [("a-1", "Anna B", None)]
    events = await shop.rows(
        "SELECT details->'changed' FROM audit_events WHERE tenant_id = $1 AND action <> 'customer.created' ORDER BY id"
    )
    assert [row[0] for row in events] == ['["external_id", "email"]', '["name"]', '["email"]']
    taken = (await shop.rows(person, ben))[0][0]
    async with shop.refused("DUPLICATE"):
        await edit(external_id=taken)
    for wrong in ({"name": " "}, {"email": "nobody"}, {"external_id": "x" * 256}, {"email": "a@b", "no_email": True}):
        async with shop.refused("INVALID"):
            await edit(**wrong)
