"""Issue an order: an invoice whose lines are products (source 004)."""

from uuid import UUID

from models.commands import Actor, CreateOrder, Outcome
from models.ledger import Ledger
from models.planning.invoices import order_needs


async def create_order(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: CreateOrder, idempotency_key: str
) -> Outcome:
    """Post the order, once for the key. Raises the LedgerErrors of models/planning/invoices.py."""
    done = await ledger.submit(tenant_id, actor, "createOrder", command, order_needs(command), idempotency_key)
    return done if isinstance(done, Outcome) else Outcome(invoice_id=done, replayed=True)
