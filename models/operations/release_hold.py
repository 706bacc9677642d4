"""Let go what is held, or hold it for longer (domain: spending and holding)."""

from uuid import UUID

from models.commands import Actor, Outcome
from models.errors import NotFound
from models.ledger import Ledger
from models.operations.account_lookups import accounts_of_holds
from models.operations.replays import replay_of_hold
from models.planning.holding import ExtendHold, ReleaseHold, needs_of_hold


async def release_hold(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: ReleaseHold, idempotency_key: str
) -> Outcome:
    """Post the release, once for the key. Raises the LedgerErrors of models/planning/holding.py."""
    return await _post(ledger, tenant_id, actor, "releaseHold", command, idempotency_key)


async def extend_hold(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: ExtendHold, idempotency_key: str
) -> Outcome:
    """Post the later expiry, once for the key. Raises the LedgerErrors of models/planning/holding.py."""
    return await _post(ledger, tenant_id, actor, "extendHold", command, idempotency_key)


async def _post(
    ledger: Ledger, tenant_id: UUID, actor: Actor, operation: str, command: ReleaseHold | ExtendHold, key: str
) -> Outcome:
    found = await accounts_of_holds(tenant_id, (command.hold_id,))
    if command.hold_id not in found:
        raise NotFound("There is no such hold.", field=("holdId",))
    account, _ = found[command.hold_id]
    done = await ledger.submit(tenant_id, actor, operation, command, needs_of_hold(command.hold_id, account), key)
    return done if isinstance(done, Outcome) else await replay_of_hold(tenant_id, done)
