"""Merge one record of a person into another (domain: merging two records of one person)."""

from uuid import UUID

from models.commands import Actor, MergeCustomers, Outcome
from models.ledger import Ledger
from models.operations.effects import Effects, effects
from models.planning.merging import needs


async def merge_customers(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: MergeCustomers, idempotency_key: str
) -> Outcome:
    """Move everything from `from_id` to `into_id`, once for the key: from then on every id of either names the second.

    Does nothing if both are one person already. Raises the errors of models/planning/merging.py.
    """
    done = await ledger.submit(tenant_id, actor, "mergeCustomers", command, needs(command), idempotency_key)
    return done if isinstance(done, Outcome) else Outcome(replayed=True)


async def preview_merge(ledger: Ledger, tenant_id: UUID, actor: Actor, command: MergeCustomers) -> Effects:
    """Preview the merge as if done now: both records' accounts, credit by credit."""
    return await effects(ledger, tenant_id, actor, command, needs(command))
