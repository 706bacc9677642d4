"""Put back what has expired of a credit (domain: spending and holding)."""

from uuid import UUID

from models.commands import Actor, LimitVerdict, Outcome, Preview, ReviveCredit
from models.errors import NotFound
from models.ledger import Ledger
from models.operations.account_lookups import accounts_of_credits
from models.operations.previewing import previewed
from models.operations.replays import replay_of_request
from models.planning.needs import Needs
from models.planning.reviving import needs, verdict_of
from models.planning.state import AccountKey, Books


async def revive_credit(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: ReviveCredit, idempotency_key: str
) -> Outcome:
    """Post the revival, once for the key. Raises the LedgerErrors of models/planning/reviving.py.

    With `propose_only`, or over a limit with `request_approval`, nothing moves and the outcome names an approval
    request.
    """
    asked = await needs_of_revival(tenant_id, command)
    done = await ledger.submit(tenant_id, actor, "reviveCredit", command, asked, idempotency_key)
    return done if isinstance(done, Outcome) else await replay_of_request(tenant_id, done)


async def needs_of_revival(tenant_id: UUID, command: ReviveCredit) -> Needs:
    """Raises NotFound for a credit that is not there."""
    return needs(command, await _account(tenant_id, command))


async def preview_revival(ledger: Ledger, tenant_id: UUID, actor: Actor, command: ReviveCredit) -> Preview:
    """Preview the revival as if posted now, refusals included. Writes nothing, locks nothing. Raises NotFound for a
    credit that is not there."""
    key = await _account(tenant_id, command)

    def verdict(books: Books, key: AccountKey) -> LimitVerdict:
        return verdict_of(books, actor, command, key)

    return await previewed(ledger, tenant_id, actor, command, key, needs(command, key), verdict)


async def _account(tenant_id: UUID, command: ReviveCredit) -> AccountKey:
    """The account that the credit belongs to, on its customer's surviving record. Raises NotFound."""
    found = await accounts_of_credits(tenant_id, (command.credit_id,))
    if command.credit_id not in found:
        raise NotFound("There is no such credit.", field=("creditId",))
    return found[command.credit_id]
