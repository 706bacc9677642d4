"""Spend value on a purpose (domain: spending and holding)."""

from uuid import UUID

from models.commands import Actor, LimitVerdict, Outcome, Preview
from models.errors import LedgerError
from models.ledger import Ledger
from models.operations.previewing import preview_of_refusal, previewed
from models.operations.replays import replay_of_transaction
from models.planning.allowances import spending_allowance_of
from models.planning.spending import SpendCredit, needs_to_spend, positive_minor
from models.planning.state import AccountKey, Books


async def spend_credit(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: SpendCredit, idempotency_key: str
) -> Outcome:
    """Post the spend, once for the key. Raises the LedgerErrors of models/planning/spending.py."""
    amount_minor = positive_minor(command.amount, command.asset)
    needs = needs_to_spend((command.customer_id, command.asset), amount_minor, command.service_ids)
    done = await ledger.submit(tenant_id, actor, "spendCredit", command, needs, idempotency_key)
    return done if isinstance(done, Outcome) else await replay_of_transaction(tenant_id, done)


async def preview_spend(ledger: Ledger, tenant_id: UUID, actor: Actor, command: SpendCredit) -> Preview:
    """Preview the spend as if posted now, refusals included. Writes nothing, locks nothing."""
    try:
        amount_minor = positive_minor(command.amount, command.asset)
    except LedgerError as error:
        return preview_of_refusal(command.asset, error)

    def verdict(books: Books, key: AccountKey) -> LimitVerdict:
        allowance = spending_allowance_of(books, actor, *key)
        said = allowance.verdict(amount_minor)
        return LimitVerdict(said.allowed, approval_required=False, remaining=said.remaining)

    key = command.customer_id, command.asset
    needs = needs_to_spend(key, amount_minor, command.service_ids)
    return await previewed(ledger, tenant_id, actor, command, key, needs, verdict)
