"""Spend service credits on a service (source 001)."""

from uuid import UUID

from models.commands import Actor, LimitVerdict, Outcome, Preview
from models.errors import LedgerError
from models.ledger import Ledger
from models.money import SERVICE_CREDITS, to_minor
from models.operations.previewing import preview_of_refusal, previewed
from models.operations.replays import replay_of_transaction
from models.planning.allowances import spending_allowance_of
from models.planning.spending import positive_minor
from models.planning.state import AccountKey, Books
from models.planning.using import UseCredit, use_needs


async def use_credit(
    ledger: Ledger, tenant_id: UUID, actor: Actor, command: UseCredit, idempotency_key: str
) -> Outcome:
    """Post the use, once for the key. Raises the LedgerErrors of models/planning/using.py."""
    needs = use_needs(command, to_minor(command.amount, SERVICE_CREDITS))
    done = await ledger.submit(tenant_id, actor, "useCredit", command, needs, idempotency_key)
    return done if isinstance(done, Outcome) else await replay_of_transaction(tenant_id, done)


async def preview_use(ledger: Ledger, tenant_id: UUID, actor: Actor, command: UseCredit) -> Preview:
    """Preview the use as if posted now, refusals included. Writes nothing, locks nothing."""
    try:
        amount_minor = positive_minor(command.amount, SERVICE_CREDITS)
    except LedgerError as error:
        return preview_of_refusal(SERVICE_CREDITS, error)

    def verdict(books: Books, key: AccountKey) -> LimitVerdict:
        said = spending_allowance_of(books, actor, *key).verdict(amount_minor)
        return LimitVerdict(said.allowed, approval_required=False, remaining=said.remaining)

    key = command.customer_id, SERVICE_CREDITS
    return await previewed(ledger, tenant_id, actor, command, key, use_needs(command, amount_minor), verdict)
