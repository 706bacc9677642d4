"""Issue an invoice, and set the customer's open credit against it (source 002)."""

from uuid import UUID

from models.commands import Actor, Outcome
from models.ledger import Ledger
from models.operations.effects import Effects, effects
from models.planning.invoices import CreateInvoice, create_needs


async def create_invoice(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: CreateInvoice, idempotency_key: str
) -> Outcome:
    """Post the invoice, once for the key. Raises the LedgerErrors of models/planning/invoices.py."""
    done = await ledger.submit(tenant_id, actor, "createInvoice", command, create_needs(command), idempotency_key)
    return done if isinstance(done, Outcome) else Outcome(invoice_id=done, replayed=True)


async def preview_invoice(ledger: Ledger, tenant_id: UUID, actor: Actor, command: CreateInvoice) -> Effects:
    """Preview the invoice, and the credit that applies itself to it, as if issued now."""
    return await effects(ledger, tenant_id, actor, command, create_needs(command))
