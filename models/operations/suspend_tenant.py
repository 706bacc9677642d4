"""Suspend a tenant, and let it in again: acts of the operator, which the tenant's own trail tells of.

Suspended, its requests are refused and its jobs rest; what is in its books stays as it is, and time goes on in them.
"""

from datetime import datetime
from uuid import UUID

from models.commands import Actor
from models.errors import Invalid, NotFound
from models.ledger import Ledger
from models.operations.configuring import configuring
from models.patience import patiently


@patiently
async def suspend_tenant(ledger: Ledger, tenant_id: UUID, actor: Actor) -> bool:
    """Suspend it from now on; False if it was already. Servers go by it within seconds. Raises NotFound, Unavailable."""
    async with configuring(ledger, tenant_id, actor) as change:
        row = await change.fetchrow("SELECT id, suspended_at FROM tenants WHERE id = $1")
        if row is None:
            raise NotFound("There is no such tenant.")
        if row["suspended_at"] is not None:
            return False
        now: datetime = await ledger.stamp(change.connection)
        return await change.update("tenants", "tenant.suspended", row, {"suspended_at": now})


@patiently
async def resume_tenant(ledger: Ledger, tenant_id: UUID, actor: Actor) -> bool:
    """Let it in again; False if it was not suspended. Raises NotFound, Invalid if it is being deleted, Unavailable."""
    async with configuring(ledger, tenant_id, actor) as change:
        row = await change.fetchrow("SELECT id, suspended_at, deletion_began_at FROM tenants WHERE id = $1")
        if row is None:
            raise NotFound("There is no such tenant.")
        if row["deletion_began_at"] is not None:
            raise Invalid(
                "The tenant is being deleted, and some of its rows are gone: finish it with scrip tenant delete."
            )
        return await change.update("tenants", "tenant.resumed", row, {}, cleared=("suspended_at",))
