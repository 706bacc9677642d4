"""Cancel a large bulk. Rows posted so far stay posted; the others get no result."""

from uuid import UUID

from models.commands import Actor
from models.errors import NotFound
from models.ledger import Ledger
from models.operations.auditing import doer_of, record_event
from models.patience import patiently
from models.session import tenant_transaction


@patiently
async def cancel_bulk(ledger: Ledger, tenant_id: UUID, actor: Actor, operation_id: UUID) -> bool:
    """Tell the bulk's worker to stop after the current chunk. False if it is over, or was cancelled before.

    Raises NotFound.
    """
    doer = await doer_of(ledger, tenant_id, actor)
    async with tenant_transaction(tenant_id) as connection:
        row = await connection.raw.fetchrow(
            """SELECT status IN ('QUEUED', 'RUNNING') AND NOT cancel_requested AS running FROM bulk_operations
            WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE""",
            tenant_id,
            operation_id,
        )
        if row is None:
            raise NotFound("There is no such bulk operation.", field=("id",))
        if not row["running"]:
            return False
        await connection.raw.execute(
            "UPDATE bulk_operations SET cancel_requested = true WHERE tenant_id = $1 AND id = $2",
            tenant_id,
            operation_id,
        )
        await record_event(connection, ledger, doer, "bulk.cancelled", operation_id)
    return True
