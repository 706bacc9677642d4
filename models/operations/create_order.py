"""Issue an order: an invoice whose lines are products (source 004)."""

from uuid import UUID

from models.commands import Actor, CreateOrder, Outcome
from models.ledger import Ledger
from models.operations.replays import found_request
from models.planning.invoices import order_needs


async def create_order(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: CreateOrder, idempotency_key: str
) -> Outcome:
    """Post the order, once for the key. Raises the LedgerErrors of models/planning/invoices.py.

    Over a limit on selling credit with `request_approval`, no order is made and the outcome names an approval request.
    """
    done = await ledger.submit(tenant_id, actor, "createOrder", command, order_needs(command), idempotency_key)
    if isinstance(done, Outcome):
        return done
    return await found_request(tenant_id, done) or Outcome(invoice_id=done, replayed=True)
