"""What a test asks for around invoices and orders: issued, paid, noted, and credit set against them."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from models.commands import Actor, CreateCreditNote, CreateOrder, NotedLine, OrderItem, Outcome, RecordPayment
from models.configuration_commands import CreateProduct, UpdateProduct
from models.ledger import Ledger
from models.operations.assign import assign_credit
from models.operations.create_credit_note import create_credit_note, void_credit_note
from models.operations.create_invoice import create_invoice
from models.operations.create_order import create_order
from models.operations.products import create_product, update_product
from models.operations.record_payment import record_payment, void_payment
from models.operations.releasing import reassign_credit, release_assignments, void_invoice
from models.planning.assign import AssignCredit, InvoiceAmount
from models.planning.invoices import CreateInvoice, InvoiceLineItem
from models.planning.payments import VoidPayment
from models.planning.releasing import ReassignCredit, ReleaseAssignments, VoidInvoice
from models.planning.voiding_notes import VoidCreditNote
from tests.support.asking import ADMIN, Asking, known


class Billing(Asking):
    async def invoice(
        self,
        customer_id: UUID,
        total: str | int,
        currency: str = "GBP",
        *,
        number: str | None = None,
        key: str | None = None,
        **more: Any,
    ) -> UUID:
        lines = more.pop("lines", (InvoiceLineItem("Tea", 1, Decimal(total)),))
        command = CreateInvoice(customer_id, number or uuid4().hex, currency, lines, **more)
        outcome = await create_invoice(self.ledger, self.id, self.actor, command, key or self.key())
        return known(outcome.invoice_id)

    async def invoice_with_line(self, customer_id: UUID, total: str | int, quantity: int = 1) -> tuple[UUID, UUID]:
        """The id of a new invoice that takes no credit, of one line, and that line's."""
        line = InvoiceLineItem("Tea", quantity, Decimal(total) / quantity)
        invoice = await self.invoice(customer_id, total, lines=(line,), auto_apply=False)
        return invoice, (await self.lines_of(invoice))[0]

    async def lines_of(self, invoice_id: UUID) -> list[UUID]:
        """The ids of its lines, in their order."""
        sql = "SELECT id FROM invoice_lines WHERE tenant_id = $1 AND invoice_id = $2 ORDER BY position"
        return [row[0] for row in await self.rows(sql, invoice_id)]

    async def assign(
        self, credit_id: UUID | None, *amounts: tuple[UUID, str | int | None], key: str | None = None
    ) -> Outcome:
        """Of no amount, as much as there is room for."""
        command = AssignCredit(known(credit_id), _amounts(amounts))
        return await assign_credit(self.ledger, self.id, self.actor, command, key or self.key())

    async def release(self, *assignment_ids: UUID, key: str | None = None, note: str | None = None) -> Outcome:
        command = ReleaseAssignments(assignment_ids, note)
        return await release_assignments(self.ledger, self.id, self.actor, command, key or self.key())

    async def reassign(
        self, assignment_id: UUID, *amounts: tuple[UUID, str | int | None], key: str | None = None
    ) -> Outcome:
        command = ReassignCredit(assignment_id, _amounts(amounts))
        return await reassign_credit(self.ledger, self.id, self.actor, command, key or self.key())

    async def void_invoice(self, invoice_id: UUID, *, key: str | None = None, note: str | None = None) -> Outcome:
        command = VoidInvoice(invoice_id, note)
        return await void_invoice(self.ledger, self.id, self.actor, command, key or self.key())

    async def pay(
        self,
        invoice_id: UUID | None,
        amount: str | int,
        method: str = "CARD",
        *,
        key: str | None = None,
        actor: Actor | None = None,
        ledger: Ledger | None = None,
        **more: Any,
    ) -> Outcome:
        command = RecordPayment(known(invoice_id), Decimal(amount), method, **more)
        return await record_payment(ledger or self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def overpay(self, invoice_id: UUID | None, amount: str | int, **more: Any) -> Outcome:
        """What is too much is kept."""
        return await self.pay(invoice_id, amount, keep_excess=True, **more)

    async def void_payment(
        self, payment_id: UUID | None, *, note: str | None = None, key: str | None = None
    ) -> Outcome:
        command = VoidPayment(known(payment_id), note)
        return await void_payment(self.ledger, self.id, self.actor, command, key or self.key())

    async def order(
        self, customer_id: UUID, *items: tuple[UUID, int], currency: str = "GBP", key: str | None = None, **more: Any
    ) -> UUID:
        """The id of a new order of so many of these products."""
        return known((await self.issue(customer_id, *items, currency=currency, key=key, **more)).invoice_id)

    async def issue(
        self,
        customer_id: UUID,
        *items: tuple[UUID, int],
        currency: str = "GBP",
        key: str | None = None,
        actor: Actor | None = None,
        ledger: Ledger | None = None,
        **more: Any,
    ) -> Outcome:
        """What becomes of such an order: it may have to wait."""
        lines = tuple(OrderItem(product_id, quantity) for product_id, quantity in items)
        command = CreateOrder(customer_id, more.pop("number", uuid4().hex), currency, lines, **more)
        return await create_order(ledger or self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def product(
        self,
        price: str | int,
        kind: str = "GOODS",
        currency: str = "GBP",
        *,
        name: str | None = None,
        active: bool = True,
    ) -> UUID:
        command = CreateProduct(name or f"{kind} {uuid4()}", kind, currency, Decimal(price))
        product_id = (await create_product(self.ledger, self.id, ADMIN, command)).row_id
        if not active:
            await update_product(self.ledger, self.id, ADMIN, UpdateProduct(product_id, active=False))
        return product_id

    async def note(
        self,
        invoice_id: UUID,
        amount: str | int | Decimal | None = None,
        *lines: NotedLine,
        key: str | None = None,
        actor: Actor | None = None,
        ledger: Ledger | None = None,
        **more: Any,
    ) -> Outcome:
        """A credit note. Of no amount, what the lines come to, or all that can still be noted."""
        command = CreateCreditNote(invoice_id, None if amount is None else Decimal(amount), lines, **more)
        return await create_credit_note(ledger or self.ledger, self.id, actor or self.actor, command, key or self.key())

    async def void_note(
        self, note: Outcome, *, text: str | None = None, key: str | None = None, ledger: Ledger | None = None
    ) -> Outcome:
        command = VoidCreditNote(known(note.credit_note_id), text)
        return await void_credit_note(ledger or self.ledger, self.id, self.actor, command, key or self.key())


def _amounts(amounts: tuple[tuple[UUID, str | int | None], ...]) -> tuple[InvoiceAmount, ...]:
    return tuple(InvoiceAmount(i, None if amount is None else Decimal(amount)) for i, amount in amounts)
