"""Spend service credits on a service (source 001)."""

from uuid import UUID

from models.commands import Actor, Outcome
from models.ledger import Ledger
from models.money import SERVICE_CREDITS, to_minor
from models.operations.replays import replay_of_transaction
from models.planning.using import UseCredit, use_needs


async def use_credit(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: UseCredit, idempotency_key: str
) -> Outcome:
    """Post the use, once for the key. Raises the LedgerErrors of models/planning/using.py."""
    needs = use_needs(command, to_minor(command.amount, SERVICE_CREDITS))
    done = await ledger.submit(tenant_id, actor, "useCredit", command, needs, idempotency_key)
    return done if isinstance(done, Outcome) else await replay_of_transaction(tenant_id, done)
