"""Lines of invoices and orders with fractions, discounts and tax: what is stored of them, and what is due."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from models.commands import CreateOrder, OrderItem
from models.configuration_commands import UpdateProduct
from models.idempotency import input_hash
from models.operations.create_order import create_order
from models.operations.products import update_product
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.reads.verify import verify
from tests.support.tenants import ADMIN, MANAGER, STAFF, Tenant

DETAILS = """SELECT d.quantity, d.unit_price_minor, d.discount_percent, d.discount_minor, d.tax_minor, d.amount_minor,
        l.quantity, l.unit_price_minor
    FROM invoice_lines l JOIN invoice_line_details d ON d.tenant_id = $1 AND d.id = l.id
    WHERE l.tenant_id = $1 ORDER BY l.position"""


def line(quantity: int, price: str, **more: str) -> InvoiceLineItem:
    return InvoiceLineItem("Tea", quantity, Decimal(price), **{name: Decimal(value) for name, value in more.items()})


async def sums(tenant: Tenant, invoice: UUID) -> tuple[Any, ...]:
    (row,) = await tenant.rows(
        "SELECT total_minor, tax_minor, creditable_minor FROM invoices WHERE tenant_id = $1 AND id = $2", invoice
    )
    return tuple(row)


async def test_plain_lines_are_stored_as_they_were(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 0, lines=(line(3, "1.10"), line(0, "2.00", quantity_decimal="2.0")))
    assert await sums(tenant, invoice) == (730, 0, 730)
    assert await tenant.count("invoice_line_details") == 0
    sql = "SELECT quantity, unit_price_minor FROM invoice_lines WHERE tenant_id = $1 ORDER BY position"
    assert await tenant.rows(sql) == [(3, 110), (2, 200)]


async def test_the_others_count_as_one_unit_and_say_what_it_is_made_of(tenant: Tenant, anna: UUID) -> None:
    lines = (
        line(0, "0.333", quantity_decimal="2.5"),
        line(2, "19.99", discount_percent="12.5", discount_amount="1.00", tax_amount="6.80"),
    )
    invoice = await tenant.invoice(anna, 0, lines=lines)
    assert await tenant.rows(DETAILS) == [
        (Decimal("2.5"), Decimal("33.3"), 0, 0, 0, 83, 1, 83),
        (2, 1999, Decimal("12.5"), 100, 680, 3398, 1, 3398),
    ]
    assert await sums(tenant, invoice) == (83 + 3398 + 680, 680, 83 + 3398 + 680)
    assert (await verify(tenant.id)).holds


async def test_tax_is_paid_like_the_rest(tenant: Tenant, anna: UUID) -> None:
    await tenant.credit(anna, 5, auto_apply=True)
    invoice = await tenant.invoice(anna, 0, lines=(line(1, "4.00", tax_amount="0.80"),))
    assert await tenant.invoice_state(invoice) == ("PAID", 0, 480)
    assert (await verify(tenant.id)).holds


async def test_all_of_it_taken_off_is_paid(tenant: Tenant, anna: UUID) -> None:
    invoice = await tenant.invoice(anna, 0, lines=(line(3, "9.99", discount_percent="100"),))
    assert await tenant.invoice_state(invoice) == ("PAID", 0, 0)


async def test_a_bad_line_is_named(tenant: Tenant, anna: UUID) -> None:
    async with tenant.refused("INVALID") as caught:
        await tenant.invoice(anna, 0, lines=(line(1, "1"), line(1, "1", discount_amount="1.01")))
    assert caught.value.field == ("lines", "1", "discountAmount")
    async with tenant.refused("AMOUNT_OUT_OF_RANGE"):
        await tenant.invoice(anna, 0, lines=(line(1, "10000000000000", tax_amount="0.01"),))
    assert await tenant.count("invoices") == await tenant.count("invoice_line_details") == 0


async def test_the_database_refuses_what_does_not_come_to_the_total(
    tenant: Tenant, owner_connection: "asyncpg.Connection[Any]", anna: UUID
) -> None:
    """Whoever writes, to the same rounding: half a penny is one."""
    await tenant.invoice(anna, 0, lines=(line(0, "0.01", quantity_decimal="0.5"),))
    ((line_id, amount),) = await tenant.rows("SELECT id, amount_minor FROM invoice_line_details WHERE tenant_id = $1")
    assert amount == 1
    async with owner_connection.transaction():
        await owner_connection.execute(f"SET LOCAL scrip.tenant = '{tenant.id}'")
        sql = "INSERT INTO invoice_line_details VALUES ($1, $2, 0.5, 1, 0, 0, 0, 0)"
        with pytest.raises(asyncpg.CheckViolationError, match="invoice_line_details_amount"):
            await owner_connection.execute(sql, line_id, tenant.id)


# Orders


async def ordered(tenant: Tenant, customer: UUID, *items: OrderItem, **more: Any) -> UUID:
    command = CreateOrder(customer, more.pop("number", tenant.key()), "GBP", items, **more)
    outcome = await create_order(tenant.ledger, tenant.id, MANAGER, command, tenant.key())
    assert outcome.invoice_id is not None
    return outcome.invoice_id


async def test_products_may_be_priced_finer(tenant: Tenant, anna: UUID) -> None:
    grain, gift = await tenant.product("0.0125"), await tenant.product("0.05", "CREDIT")
    order = await ordered(tenant, anna, OrderItem(grain, 0, None, Decimal("100.5")), OrderItem(gift, 20))
    assert await sums(tenant, order) == (226, 0, 126)  # 1.25625 and 1.00
    await tenant.pay(order, "2.26")
    assert await tenant.available(anna) == 100
    assert (await verify(tenant.id)).holds


async def test_credit_priced_finer_is_granted_and_taken_back(tenant: Tenant, anna: UUID) -> None:
    gift = await tenant.product("0.0125", "CREDIT")
    async with tenant.refused("AMOUNT_PRECISION") as caught:
        await ordered(tenant, anna, OrderItem(gift, 3))
    assert caught.value.field == ("items", "0", "unitPrice")
    order = await ordered(tenant, anna, OrderItem(gift, 80))
    payment = await tenant.pay(order, 1)
    assert await tenant.available(anna) == 100
    await tenant.void_payment(payment.payment_id)
    assert await tenant.available(anna) == 0
    assert (await verify(tenant.id)).holds


async def test_selling_is_limited_by_what_the_lines_come_to(tenant: Tenant, anna: UUID) -> None:
    await tenant.limit("STAFF", "GBP", kind="SELLING_CREDIT", adjustment=1)
    gift = await tenant.product("0.0125", "CREDIT")
    command = CreateOrder(anna, "A", "GBP", (OrderItem(gift, 0, None, Decimal(80)),))
    await create_order(tenant.ledger, tenant.id, STAFF, command, "a")
    async with tenant.refused("LIMIT_EXCEEDED"):
        more = CreateOrder(anna, "B", "GBP", (OrderItem(gift, 88),))
        await create_order(tenant.ledger, tenant.id, STAFF, more, "b")


async def test_a_price_that_changes_is_told_as_it_was(tenant: Tenant) -> None:
    product = await tenant.product("5.00")
    for price in ("0.0125", "6"):
        await update_product(tenant.ledger, tenant.id, ADMIN, UpdateProduct(product, price=Decimal(price)))
    assert not await update_product(tenant.ledger, tenant.id, ADMIN, UpdateProduct(product, price=Decimal("6.00")))
    sql = """SELECT details->>'priceMinor' FROM audit_events WHERE tenant_id = $1 AND action = 'product.updated'
        ORDER BY created_at, id"""
    assert [row[0] for row in await tenant.rows(sql)] == ['[500, "1.25"]', '["1.25", 600]']
    assert (await verify(tenant.id)).holds


# Keys and files


def test_a_request_from_before_is_known_again() -> None:
    """Its hash is as it was while lines had none of these figures."""
    customer = UUID(int=1)
    plain = CreateInvoice(customer, "A", "GBP", (line(2, "1.50"),))
    assert input_hash(plain).hex() == "ec10bff9ee7657ee1074293ebb30ab507dc5cefd27e4c230e9e70e060d4dee2b"
    order = CreateOrder(customer, "A", "GBP", (OrderItem(UUID(int=2), 3),))
    assert input_hash(order).hex() == "b9ae01cb9413ed6659a4432aca514e6b9353256c1694784e1eb488997d09cf48"
    for more in ("quantity_decimal", "discount_percent", "discount_amount", "tax_amount"):
        assert input_hash(CreateInvoice(customer, "A", "GBP", (line(2, "1.50", **{more: "1"}),))) != input_hash(plain)
