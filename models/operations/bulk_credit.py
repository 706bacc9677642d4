"""Adjust many customers at once (sources 000, 002, 003)."""

from uuid import UUID

from models.commands import Actor, BulkCredit, Outcome
from models.ledger import Ledger
from models.planning.bulk import needs
from turns.slices import in_slices


async def bulk_credit(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: BulkCredit, idempotency_key: str
) -> Outcome:
    """Post all rows as one unit, once for the key. Raises LedgerErrors with every bad row under REJECT_ALL."""
    needed = await in_slices(needs(command))
    done = await ledger.submit(tenant_id, actor, "bulkCredit", command, needed, idempotency_key)
    return done if isinstance(done, Outcome) else Outcome(bulk_operation_id=done, replayed=True)
