"""The same server with the ledger call left out: adjustCredit answers, without a database, with an outcome made up.

All else is as it is: HTTP, token, parsing, permission, resolver, payload. The cost of that is the bound of any ledger
behind this server.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import resolvers.adjust
from models.commands import Actor, AdjustCredit, Outcome
from models.views import AccountView, ActorView, CreditView, TransactionView

_NOW = datetime.now(UTC)
_TRANSACTION, _ACCOUNT, _CREDIT = UUID(int=1), UUID(int=2), UUID(int=3)
_AMOUNT_MINOR = 150


async def adjust_nothing(_: Any, __: UUID, actor: Actor, command: AdjustCredit, ___: str) -> Outcome:
    """An outcome in the shape of models.operations.adjust's."""
    who = ActorView(subject=actor.subject, name=actor.name, role=actor.role, client=actor.client)
    transaction = TransactionView(
        id=_TRANSACTION,
        customer_id=command.customer_id,
        kind="ADJUSTMENT",
        reason=command.reason,
        note=command.note,
        reference=None,
        metadata=None,
        actor=who,
        approved_by=None,
        created_at=_NOW,
    )
    account = AccountView(
        id=_ACCOUNT,
        customer_id=command.customer_id,
        asset=command.asset,
        balance_minor=_AMOUNT_MINOR,
        available_minor=_AMOUNT_MINOR,
        scheduled_minor=0,
        held_minor=0,
        lifetime_minor=_AMOUNT_MINOR,
    )
    credit = CreditView(
        id=_CREDIT,
        account_id=_ACCOUNT,
        asset=command.asset,
        transaction_id=_TRANSACTION,
        amount_minor=_AMOUNT_MINOR,
        remaining_minor=_AMOUNT_MINOR,
        effective_on=_NOW.date(),
        starts_at=_NOW,
        expires_at=None,
        service_ids=(),
        auto_apply=True,
        swept_at=None,
        voided_at=None,
    )
    return Outcome(
        transaction_id=_TRANSACTION, account_id=_ACCOUNT, credit_id=_CREDIT, views=(transaction, account, credit)
    )


def apply() -> None:
    """Put it in the operation's place. The resolver looks its operation up when it is called."""
    if not hasattr(resolvers.adjust, "adjust_credit"):
        raise RuntimeError("resolvers.adjust calls its operation by another name now")
    resolvers.adjust.adjust_credit = adjust_nothing
