"""Invoices, with their payments, assignments, lines, grants and credit notes."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from models.loading.accounts import in_order
from models.loading.credits import BESIDE, BESIDE_COLUMNS, credit_of, lots_of_same
from models.lookups import each
from models.planning.catalogue import ProductState
from models.planning.columns import maker, selected
from models.planning.needs import Needs
from models.planning.noted import CreditNoteLineDraft, CreditNotePartDraft, CreditNoteState, LineState
from models.planning.state import AssignmentState, CreditState, InvoiceState, PaymentState
from models.session import TenantConnection
from turns.slices import each_in_slices


async def load_invoices(connection: TenantConnection, ids: set[UUID], *, locking: str) -> dict[UUID, InvoiceState]:
    """Read the invoices, under this lock clause; for orders that sell credit also the grant of each such line, and the live
    grants."""
    rows = await connection.raw.fetch(
        f"""SELECT {selected(InvoiceState, "i", customer_id="coalesce(c.merged_into_id, c.id)")}
        FROM {each("id uuid")} k JOIN invoices i ON i.tenant_id = $1 AND i.id = k.id
        JOIN customers c ON c.tenant_id = $1 AND c.id = i.customer_id
        ORDER BY i.id {locking}""",
        connection.tenant_id,
        in_order(ids),
    )
    invoice = maker(InvoiceState, rows)
    invoices = {row["id"]: invoice(row) for row in rows}
    selling = [i.id for i in invoices.values() if i.creditable_minor < i.total_minor]
    if selling:
        await _load_grants(connection, invoices, selling)
    return invoices


async def _load_grants(connection: TenantConnection, invoices: dict[UUID, InvoiceState], selling: list[UUID]) -> None:
    lines = await connection.raw.fetch(
        f"""SELECT l.invoice_id, array_agg(l.quantity * l.unit_price_minor ORDER BY l.position) AS amounts
        FROM {each("id uuid")} k JOIN invoice_lines l ON l.tenant_id = $1 AND l.invoice_id = k.id
        WHERE l.kind = 'CREDIT' AND l.unit_price_minor > 0 GROUP BY l.invoice_id""",
        connection.tenant_id,
        selling,
    )
    for row in lines:
        invoices[row["invoice_id"]].credit_lines = tuple(row["amounts"])
    grants = await connection.raw.fetch(
        f"""SELECT g.invoice_id, array_agg(g.credit_id ORDER BY g.id) AS credits
        FROM {each("id uuid")} k JOIN grants g ON g.tenant_id = $1 AND g.invoice_id = k.id
        WHERE g.revoked_transaction_id IS NULL GROUP BY g.invoice_id""",
        connection.tenant_id,
        selling,
    )
    for row in grants:
        invoices[row["invoice_id"]].grants = tuple(row["credits"])


async def load_assignments(
    connection: TenantConnection, needs: list[Needs]
) -> tuple[dict[UUID, AssignmentState], dict[UUID, CreditState]]:
    """Read the named assignments, and the live ones of the named credits and invoices. Their accounts are locked, so
    no new ones can appear meanwhile. With them the credits that they take from, each by the id that its assignments have;
    but not if they may be many of one credit, or more of it is to be read.

    A credit's assignments are live if they have no `released_at`. The condition is phrased so that the index on live
    ones, which is by invoice, does not match it, and the planner cannot choose it.
    """
    named = [i for n in needs for i in n.assignments]
    of_credits = await lots_of_same(connection, {i for n in needs for i in n.assigned_credits})
    of_invoices = [i for n in needs for i in n.assigned_invoices]
    if not (named or of_credits or of_invoices):
        return {}, {}
    payment = "(SELECT p.id FROM payments p WHERE p.tenant_id = $1 AND p.transaction_id = a.transaction_id)"
    ways = (
        (named, "JOIN assignments a ON a.tenant_id = $1 AND a.id = k.id"),
        (
            of_credits,
            """CROSS JOIN LATERAL (
            SELECT * FROM assignments WHERE tenant_id = $1 AND credit_id = k.id AND num_nonnulls(released_at) = 0
            ORDER BY assigned_at OFFSET 0) AS a""",
        ),
        (
            of_invoices,
            """CROSS JOIN LATERAL (
            SELECT * FROM assignments WHERE tenant_id = $1 AND invoice_id = k.id AND released_at IS NULL
            ORDER BY assigned_at OFFSET 0) AS a""",
        ),
    )
    columns, beside = selected(AssignmentState, "a", payment_id=payment), ""
    if with_credits := not of_credits and not any(n.transfers for n in needs):
        columns, beside = f"{columns}, {BESIDE_COLUMNS}", credit_of("a.credit_id")
    rows = await _by_several_ways(connection, columns, ways, beside)
    assignment = maker(AssignmentState, rows)
    found = dict(await each_in_slices(lambda row: (row["id"], assignment(row)), rows))
    if not with_credits:
        return found, {}
    credit = maker(CreditState, rows, BESIDE)
    return found, dict(await each_in_slices(lambda row: (row["credit_id"], credit(row)), rows))


async def _by_several_ways(
    connection: TenantConnection, columns: str, ways: Iterable[tuple[Collection[UUID], str]], beside: str
) -> list[Any]:
    """The rows that ids lead to, each by a way of its own (SQL after the ids, `k`); only the ways that are wanted are in
    the statement. A row that several lead to is there as often. beside: SQL for what belongs to each row."""
    wanted = [(ids, way) for ids, way in ways if ids]
    if not wanted:
        return []
    sql = " UNION ALL ".join(
        f"SELECT {columns} FROM {each('id uuid', first=place)} k {way} {beside}"
        for place, (_, way) in enumerate(wanted, start=2)
    )
    rows: list[Any] = await connection.raw.fetch(sql, connection.tenant_id, *(ids for ids, _ in wanted))
    return rows


async def load_payments(
    connection: TenantConnection, ids: set[UUID], invoices: Collection[UUID] = ()
) -> dict[UUID, PaymentState]:
    """Read payments, and the live ones in money on these invoices, under the locks of their invoices."""
    columns = selected(PaymentState, "p", kept_minor="coalesce(o.amount_minor, 0)", kept_credit_id="o.credit_id")
    kept = """LEFT JOIN LATERAL (
            SELECT amount_minor, credit_id FROM overpayments WHERE tenant_id = $1 AND id = p.id OFFSET 0) AS o ON true"""
    ways = (
        (in_order(ids), "JOIN payments p ON p.tenant_id = $1 AND p.id = k.id"),
        (
            in_order(invoices),
            """CROSS JOIN LATERAL (
            SELECT * FROM (
                SELECT * FROM payments WHERE tenant_id = $1 AND invoice_id = k.id ORDER BY created_at, id OFFSET 0
            ) AS m WHERE m.voided_at IS NULL AND m.transaction_id IS NULL) AS p""",
        ),
    )
    rows = await _by_several_ways(connection, columns, ways, kept)
    payment = maker(PaymentState, rows)
    return {row["id"]: payment(row) for row in rows}


async def load_lines(connection: TenantConnection, ids: set[UUID]) -> dict[UUID, LineState]:
    """Read invoices' lines, and what credit notes have taken back of them, under the locks of their invoices."""
    rows = await connection.raw.fetch(
        f"""SELECT l.id, l.invoice_id, l.kind, coalesce(d.quantity, l.quantity) AS quantity,
            l.quantity * l.unit_price_minor + coalesce(d.tax_minor, 0) AS total_minor,
            coalesce(n.quantity, 0) AS noted_quantity, coalesce(n.minor, 0)::bigint AS noted_minor
        FROM {each("id uuid")} k JOIN invoice_lines l ON l.tenant_id = $1 AND l.id = k.id
        LEFT JOIN LATERAL (
            SELECT quantity, tax_minor FROM invoice_line_details WHERE tenant_id = $1 AND id = k.id OFFSET 0) AS d ON true
        LEFT JOIN LATERAL (
            SELECT sum(m.quantity) AS quantity, sum(m.amount_minor) AS minor
            FROM (SELECT note_id, quantity, amount_minor FROM credit_note_lines
                WHERE tenant_id = $1 AND line_id = k.id OFFSET 0) AS m
            JOIN credit_notes c ON c.tenant_id = $1 AND c.id = m.note_id AND c.voided_at IS NULL
        ) AS n ON true""",
        connection.tenant_id,
        in_order(ids),
    )
    line = maker(LineState, rows)
    return {row["id"]: line(row) for row in rows}


async def load_credit_notes(connection: TenantConnection, ids: set[UUID]) -> dict[UUID, CreditNoteState]:
    """Read credit notes with what they gave back and the lines that they name, under the locks of their invoices."""
    arguments = connection.tenant_id, in_order(ids)
    rows = await connection.raw.fetch(
        f"""SELECT {selected(CreditNoteState, "n")}
        FROM {each("id uuid")} k JOIN credit_notes n ON n.tenant_id = $1 AND n.id = k.id""",
        *arguments,
    )
    note = maker(CreditNoteState, rows)
    notes = {row["id"]: note(row) for row in rows}
    rows = await connection.raw.fetch(
        f"""SELECT {selected(CreditNotePartDraft, "p")} FROM {each("id uuid")} k
        JOIN credit_note_parts p ON p.tenant_id = $1 AND p.note_id = k.id ORDER BY p.id""",
        *arguments,
    )
    part = maker(CreditNotePartDraft, rows)
    for row in rows:
        notes[row["note_id"]].parts += (part(row),)
    rows = await connection.raw.fetch(
        f"""SELECT {selected(CreditNoteLineDraft, "l")} FROM {each("id uuid")} k
        JOIN credit_note_lines l ON l.tenant_id = $1 AND l.note_id = k.id ORDER BY l.id""",
        *arguments,
    )
    line = maker(CreditNoteLineDraft, rows)
    for row in rows:
        notes[row["note_id"]].lines += (line(row),)
    return notes


async def load_products(connection: TenantConnection, ids: set[UUID]) -> dict[UUID, ProductState]:
    rows = await connection.raw.fetch(
        f"SELECT {selected(ProductState)} FROM products WHERE tenant_id = $1 AND id = ANY($2)",
        connection.tenant_id,
        in_order(ids),
    )
    product = maker(ProductState, rows)
    return {row["id"]: product(row) for row in rows}


async def taken_numbers(connection: TenantConnection, numbers: set[str]) -> set[str]:
    """Return the invoice numbers that are in use. Queried as the next in order, so that the index on numbers is used:
    if all tenants count from 1, a planner may expect every tenant to have each number."""
    rows = await connection.raw.fetch(
        f"""SELECT i.number FROM {each("number text")} k CROSS JOIN LATERAL (
            SELECT number FROM invoices WHERE tenant_id = $1 AND number >= k.number ORDER BY number LIMIT 1) AS i
        WHERE i.number = k.number""",
        connection.tenant_id,
        sorted(numbers),
    )
    return {row["number"] for row in rows}
