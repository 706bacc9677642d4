"""Set a money credit against invoices (source 002)."""

from uuid import UUID

from models.commands import Actor, AssignCredit, Outcome
from models.errors import NotFound
from models.ledger import Ledger
from models.operations.replays import replay_of_transaction
from models.planning.assign import needs
from models.session import tenant_transaction


async def assign_credit(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: AssignCredit, idempotency_key: str
) -> Outcome:
    """Post the assignments, all or nothing, once for the key. Raises the LedgerErrors of models/planning/assign.py."""
    async with tenant_transaction(tenant_id, read_only=True) as connection:
        # A credit never changes its account, nor an account its customer: this needs no lock to stay true.
        row = await connection.raw.fetchrow(
            """SELECT a.customer_id, a.asset FROM credits c JOIN accounts a ON a.tenant_id = $1 AND a.id = c.account_id
            WHERE c.tenant_id = $1 AND c.id = $2""",
            tenant_id, command.credit_id,
        )  # fmt: skip
    if row is None:
        raise NotFound("There is no such credit.", field=("creditId",))
    wanted = needs(command, (row["customer_id"], row["asset"]))
    done = await ledger.submit(tenant_id, actor, "assignCredit", command, wanted, idempotency_key)
    return done if isinstance(done, Outcome) else await replay_of_transaction(tenant_id, done)
