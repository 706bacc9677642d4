"""Issue an order: an invoice whose lines are products (source 004)."""

from uuid import UUID

from models.commands import Actor, CreateOrder, LimitVerdict, Outcome
from models.ledger import Ledger
from models.operations.effects import Effects, effects
from models.operations.replays import found_request
from models.planning.allowances import selling_allowance_of
from models.planning.invoices import credit_sold_minor, order_needs
from models.planning.state import Books


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


async def preview_order(ledger: Ledger, tenant_id: UUID, actor: Actor, command: CreateOrder) -> Effects:
    """Preview the order, and the credit that applies itself to it, as if issued now; of credit that it sells, nothing: that
    is granted once it is paid. The verdict is that of the limits on selling credit."""

    def verdict(books: Books) -> LimitVerdict:
        sold_minor = credit_sold_minor(books, command)
        if not sold_minor:
            return LimitVerdict(allowed=True, approval_required=command.propose_only, remaining=())
        allowance = selling_allowance_of(books, actor, command.currency)
        allowed = allowance.refusal(sold_minor) is None
        return LimitVerdict(allowed, not allowed or command.propose_only, allowance.verdict(sold_minor).remaining)

    return await effects(ledger, tenant_id, actor, command, order_needs(command), verdict)
