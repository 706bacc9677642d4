"""Move available value from one customer to another (domain: spending and holding)."""

from uuid import UUID

from models.commands import Actor, LimitVerdict, Outcome, Preview, TransferCredit
from models.errors import LedgerError
from models.ledger import Ledger
from models.operations.previewing import preview_of_refusal, previewed
from models.operations.replays import replay_of_request
from models.planning.spending import positive_minor
from models.planning.state import AccountKey, Books
from models.planning.transferring import needs, verdict_of


async def transfer_credit(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: TransferCredit, idempotency_key: str
) -> Outcome:
    """Post the transfer, once for the key. Raises the LedgerErrors of models/planning/transferring.py.

    The outcome's transaction and account are the giver's. With `propose_only`, or over a limit with `request_approval`,
    nothing moves and it names an approval request.
    """
    amount_minor = positive_minor(command.amount, command.asset)
    asked = needs(command, amount_minor)
    done = await ledger.submit(tenant_id, actor, "transferCredit", command, asked, idempotency_key)
    return done if isinstance(done, Outcome) else await replay_of_request(tenant_id, done)


async def preview_transfer(ledger: Ledger, tenant_id: UUID, actor: Actor, command: TransferCredit) -> Preview:
    """Preview the transfer as if posted now, refusals included. Writes nothing, locks nothing."""
    try:
        amount_minor = positive_minor(command.amount, command.asset)
    except LedgerError as error:
        return preview_of_refusal(command.asset, error)

    def verdict(books: Books, key: AccountKey) -> LimitVerdict:
        return verdict_of(books, actor, command, key, amount_minor)

    key = command.customer_id, command.asset
    return await previewed(ledger, tenant_id, actor, command, key, needs(command, amount_minor), verdict)
