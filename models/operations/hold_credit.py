"""Set value aside for a purpose or an invoice (domain: spending and holding)."""

from uuid import UUID

from models.commands import Actor, LimitVerdict, Outcome, Preview
from models.errors import LedgerError
from models.ledger import Ledger
from models.operations.previewing import preview_of_refusal, previewed
from models.operations.replays import replay_of_hold
from models.planning.allowances import spending_allowance_of
from models.planning.holding import HoldCredit, hold_needs
from models.planning.spending import positive_minor
from models.planning.state import AccountKey, Books


async def hold_credit(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: HoldCredit, idempotency_key: str
) -> Outcome:
    """Post the hold, once for the key. Raises the LedgerErrors of models/planning/holding.py."""
    needs = hold_needs(command, positive_minor(command.amount, command.asset))
    done = await ledger.submit(tenant_id, actor, "holdCredit", command, needs, idempotency_key)
    return done if isinstance(done, Outcome) else await replay_of_hold(tenant_id, done)


async def preview_hold(ledger: Ledger, tenant_id: UUID, actor: Actor, command: HoldCredit) -> Preview:
    """Preview the hold as if posted now, refusals included. Writes nothing, locks nothing."""
    try:
        amount_minor = positive_minor(command.amount, command.asset)
    except LedgerError as error:
        return preview_of_refusal(command.asset, error)

    def verdict(books: Books, key: AccountKey) -> LimitVerdict:
        said = spending_allowance_of(books, actor, *key).verdict(amount_minor)
        return LimitVerdict(said.allowed, approval_required=False, remaining=said.remaining)

    key = command.customer_id, command.asset
    return await previewed(ledger, tenant_id, actor, command, key, hold_needs(command, amount_minor), verdict)
