"""Set a money credit against invoices (source 002)."""

from uuid import UUID

from models.commands import Actor, Outcome
from models.errors import NotFound
from models.ledger import Ledger
from models.operations.account_lookups import accounts_of_credits
from models.operations.replays import replay_of_transaction
from models.planning.assign import AssignCredit, needs


async def assign_credit(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: AssignCredit, idempotency_key: str
) -> Outcome:
    """Post the assignments, all or nothing, once for the key. Raises the LedgerErrors of models/planning/assign.py."""
    accounts = await accounts_of_credits(tenant_id, (command.credit_id,))
    if command.credit_id not in accounts:
        raise NotFound("There is no such credit.", field=("creditId",))
    wanted = needs(command, accounts[command.credit_id])
    done = await ledger.submit(tenant_id, actor, "assignCredit", command, wanted, idempotency_key)
    return done if isinstance(done, Outcome) else await replay_of_transaction(tenant_id, done)
