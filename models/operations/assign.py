"""Set a money credit against invoices (source 002)."""

from uuid import UUID

from models.commands import Actor, Outcome
from models.errors import NotFound
from models.ledger import Ledger
from models.operations.account_lookups import accounts_of_credits
from models.operations.effects import Effects, effects
from models.operations.replays import replay_of_transaction
from models.planning.assign import AssignCredit, needs
from models.planning.needs import Needs


async def assign_credit(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: AssignCredit, idempotency_key: str
) -> Outcome:
    """Post the assignments, all or nothing, once for the key. Raises the LedgerErrors of models/planning/assign.py."""
    wanted = await _needs(tenant_id, command)
    done = await ledger.submit(tenant_id, actor, "assignCredit", command, wanted, idempotency_key)
    return done if isinstance(done, Outcome) else await replay_of_transaction(tenant_id, done)


async def preview_assignment(ledger: Ledger, tenant_id: UUID, actor: Actor, command: AssignCredit) -> Effects:
    """Preview the assignments as if posted now. Raises NotFound for a credit that is not there."""
    return await effects(ledger, tenant_id, actor, command, await _needs(tenant_id, command))


async def _needs(tenant_id: UUID, command: AssignCredit) -> Needs:
    accounts = await accounts_of_credits(tenant_id, (command.credit_id,))
    if command.credit_id not in accounts:
        raise NotFound("There is no such credit.", field=("creditId",))
    return needs(command, accounts[command.credit_id])
