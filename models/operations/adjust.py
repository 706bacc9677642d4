"""Add or remove value on one account (sources 000, 001, 003)."""

from uuid import UUID

from models.commands import Actor, AdjustCredit, LimitVerdict, Outcome, Preview
from models.errors import LedgerError
from models.ledger import Ledger
from models.money import nonzero_minor
from models.operations.previewing import preview_of_refusal, previewed
from models.operations.replays import replay_of_request
from models.planning import limits
from models.planning.adjust import needs
from models.planning.allowances import allowance_of
from models.planning.state import AccountKey, Books


async def adjust_credit(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: AdjustCredit, idempotency_key: str
) -> Outcome:
    """Post the adjustment, once for the key. Raises the LedgerErrors of models/planning/adjust.py.

    With `propose_only`, or over a limit with `request_approval`, nothing moves and the outcome names an approval
    request.
    """
    amount_minor = nonzero_minor(command.amount, command.asset)
    done = await ledger.submit(tenant_id, actor, "adjustCredit", command, needs(command, amount_minor), idempotency_key)
    return done if isinstance(done, Outcome) else await replay_of_request(tenant_id, done)


async def preview_adjustment(ledger: Ledger, tenant_id: UUID, actor: Actor, command: AdjustCredit) -> Preview:
    """Preview the adjustment as if posted now, refusals included. Writes nothing, locks nothing."""
    try:
        amount_minor = nonzero_minor(command.amount, command.asset)
    except LedgerError as error:
        return preview_of_refusal(command.asset, error)

    def verdict(books: Books, key: AccountKey) -> LimitVerdict:
        return _verdict(books, actor, command, key, amount_minor)

    key = command.customer_id, command.asset
    return await previewed(ledger, tenant_id, actor, command, key, needs(command, amount_minor), verdict)


def _verdict(books: Books, actor: Actor, command: AdjustCredit, key: AccountKey, amount_minor: int) -> LimitVerdict:
    """The limits' verdict, regardless of other errors in the adjustment. Removals have no limit."""
    if amount_minor < 0 or limits.rule_for(books.config, actor, command.asset) is None:
        return LimitVerdict(allowed=True, approval_required=command.propose_only, remaining=())
    allowance = allowance_of(books, actor, *key)
    allowed = allowance.refusal(amount_minor) is None
    remaining = allowance.verdict(amount_minor).remaining
    return LimitVerdict(allowed, not allowed or command.propose_only, remaining)
