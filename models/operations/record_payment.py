"""Record money that came in for an invoice (sources 002, 004)."""

from uuid import UUID

from models.commands import Actor, Outcome, RecordPayment
from models.ledger import Ledger
from models.planning.invoices import payment_needs


async def record_payment(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: RecordPayment, idempotency_key: str
) -> Outcome:
    """Post the payment, once for the key. Raises the LedgerErrors of models/planning/invoices.py."""
    done = await ledger.submit(tenant_id, actor, "recordPayment", command, payment_needs(command), idempotency_key)
    if isinstance(done, Outcome):
        return done
    return Outcome(payment_id=done, invoice_id=command.invoice_id, replayed=True)
