"""Give back what was spent or used, or a part of it (domain: spending and holding)."""

from uuid import UUID

from models.commands import Actor, LimitVerdict, Outcome, Preview, RefundSpend
from models.errors import LedgerError, NotFound
from models.ledger import Ledger
from models.operations.account_lookups import accounts_of_transactions
from models.operations.previewing import previewed
from models.operations.replays import replay_of_request
from models.planning.allowances import allowance_of
from models.planning.needs import Needs
from models.planning.spending import amount_to_give_back, refund_needs
from models.planning.state import AccountKey, Books


async def refund_spend(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: RefundSpend, idempotency_key: str
) -> Outcome:
    """Post the refund, once for the key. Raises the LedgerErrors of models/planning/spending.py.

    With `propose_only`, or over a limit with `request_approval`, nothing moves and the outcome names an approval
    request.
    """
    needs = await needs_of_refund(tenant_id, command)
    done = await ledger.submit(tenant_id, actor, "refundSpend", command, needs, idempotency_key)
    return done if isinstance(done, Outcome) else await replay_of_request(tenant_id, done)


async def needs_of_refund(tenant_id: UUID, command: RefundSpend) -> Needs:
    """Raises NotFound for a transaction that is not there, or moved nothing."""
    return refund_needs(command, await _account(tenant_id, command))


async def preview_refund(ledger: Ledger, tenant_id: UUID, actor: Actor, command: RefundSpend) -> Preview:
    """Preview the refund as if posted now, refusals included. Writes nothing, locks nothing. Raises NotFound for a
    transaction that is not there, moved nothing, or is another client's."""
    key = await _account(tenant_id, command)

    def verdict(books: Books, key: AccountKey) -> LimitVerdict:
        allowance = allowance_of(books, actor, *key)
        try:
            amount_minor = amount_to_give_back(books, actor, command)
        except LedgerError:
            amount_minor = 0
        allowed = allowance.refusal(amount_minor) is None
        remaining = allowance.verdict(amount_minor).remaining
        return LimitVerdict(allowed, not allowed or command.propose_only, remaining)

    preview = await previewed(ledger, tenant_id, actor, command, key, refund_needs(command, key), verdict)
    for error in preview.errors:
        if isinstance(error, NotFound):  # not even its asset is told
            raise error
    return preview


async def _account(tenant_id: UUID, command: RefundSpend) -> AccountKey:
    """The account that the spend took from, on its customer's surviving record. Raises NotFound."""
    found = await accounts_of_transactions(tenant_id, (command.transaction_id,))
    if command.transaction_id not in found:
        raise NotFound("There is no such spend.", field=("transactionId",))
    return found[command.transaction_id]
