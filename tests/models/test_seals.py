"""Seals are worked out anew where something that is under them changes, and nowhere else."""

from typing import Any
from uuid import UUID

from models.reads.verify import verify
from tests.support.tenants import Tenant

VERSIONS = """SELECT s.of_table, s.version, count(*) FROM seals s WHERE s.tenant_id = $1
    AND s.of_table IN ('invoices', 'assignments', 'payments') GROUP BY 1, 2 ORDER BY 1, 2"""


async def versions(tenant: Tenant) -> list[tuple[Any, ...]]:
    """By table: how many seals have been written so often."""
    return [tuple(row) for row in await tenant.rows(VERSIONS)]


async def test_sums_are_under_none(tenant: Tenant, anna: UUID) -> None:
    """What is paid, set against an invoice and noted, and taken back by voiding a note."""
    invoice = await tenant.invoice(anna, 100, auto_apply=False)
    await tenant.assign(await tenant.credit(anna, 40), (invoice, 40))
    await tenant.pay(invoice, 30)
    await tenant.pay(invoice, 20)
    note = await tenant.note(invoice, 50)
    await tenant.void_note(note)
    await tenant.note(invoice)

    assert await versions(tenant) == [("assignments", 1, 1), ("invoices", 1, 1), ("payments", 1, 2)]
    assert (await verify(tenant.id)).holds


async def test_what_is_undone_is_sealed_anew(tenant: Tenant, anna: UUID) -> None:
    """And only that, where other rows of its table change beside it."""
    invoice, other = [await tenant.invoice(anna, 100, auto_apply=False) for _ in range(2)]
    credit = await tenant.credit(anna, 90)
    assigned = [await tenant.assign(credit, (each, 30)) for each in (invoice, invoice, other)]
    paid = [await tenant.pay(each, 10) for each in (invoice, other)]
    await tenant.release(*assigned[0].assignment_ids)
    await tenant.void_payment(paid[0].payment_id)
    assert await versions(tenant) == [
        ("assignments", 1, 2),
        ("assignments", 2, 1),
        ("invoices", 1, 2),
        ("payments", 1, 1),
        ("payments", 2, 1),
    ]

    await tenant.void_invoice(invoice)
    of_invoice = "SELECT version FROM seals WHERE tenant_id = $1 AND of_table = 'invoices' AND id = $2"
    assert [await tenant.rows(of_invoice, each) for each in (invoice, other)] == [[(2,)], [(1,)]]
    released = "SELECT count(*) FROM assignments WHERE tenant_id = $1 AND released_at IS NOT NULL"
    assert await tenant.rows(released) == [(2,)]
    assert (await verify(tenant.id)).holds
