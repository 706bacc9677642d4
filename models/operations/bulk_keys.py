"""Idempotency keys of requests that are queued as bulk operations."""

from typing import Any, Final
from uuid import UUID

from models.commands import Actor
from models.errors import Busy
from models.idempotency import Use, answer, claim, client_of, input_hashes, is_kept
from models.ledger import Ledger
from models.session import TenantConnection

MAX_CLAIMS: Final = 5


async def claim_for(
    connection: TenantConnection,
    ledger: Ledger,
    actor: Actor,
    operation: str,
    command: Any,
    key: str,
    operation_id: UUID,
) -> UUID | None:
    """Claim the key: None if this request has it now; else the bulk operation that the same request was queued as before.

    Raises IdempotencyKeyReused, and Busy if others keep claiming and freeing the key.
    """
    place = (key, client_of(actor))
    hashes = input_hashes(command)
    use = Use(operation, hashes[0], operation_id, is_kept(key, operation, actor))
    for _ in range(MAX_CLAIMS):
        claimed, used = await claim(connection, {place: use}, await ledger.stamp(connection))
        if claimed:
            return None
        if place in used:
            return answer(used[place], operation, hashes)
    raise Busy
