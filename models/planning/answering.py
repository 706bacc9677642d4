"""Views of what a posting leaves behind, which it answers with, as reads show them. Pure."""

from models.commands import Actor
from models.planning.drafts import TransactionDraft
from models.planning.state import AccountState, CreditState
from models.views import AccountView, ActorView, CreditView, TransactionView


def account_view(account: AccountState) -> AccountView:
    return AccountView(
        id=account.id,
        customer_id=account.customer_id,
        asset=account.asset,
        balance_minor=account.balance_minor,
        available_minor=account.available_minor,
        scheduled_minor=account.scheduled_minor,
        held_minor=account.held_minor,
        lifetime_minor=account.lifetime_minor,
    )


def credit_view(credit: CreditState, asset: str) -> CreditView:
    return CreditView(
        id=credit.id,
        account_id=credit.account_id,
        asset=asset,
        transaction_id=credit.transaction_id,
        amount_minor=credit.amount_minor,
        remaining_minor=credit.remaining_minor,
        effective_on=credit.effective_on,
        starts_at=credit.starts_at,
        expires_at=credit.expires_at,
        service_ids=credit.service_ids,
        auto_apply=credit.auto_apply,
        swept_at=credit.swept_at,
        voided_at=credit.voided_at,
    )


def actor_view(actor: Actor) -> ActorView:
    return ActorView(subject=actor.subject, name=actor.name, role=actor.role, client=actor.client)


def transaction_view(transaction: TransactionDraft) -> TransactionView:
    return TransactionView(
        id=transaction.id,
        customer_id=transaction.customer_id,
        kind=transaction.kind,
        reason=transaction.reason,
        note=transaction.note,
        reference=transaction.texts.reference if transaction.texts else None,
        metadata=transaction.texts.stored_metadata if transaction.texts else None,
        actor=actor_view(transaction.actor),
        approved_by=actor_view(transaction.approved_by) if transaction.approved_by else None,
        created_at=transaction.created_at,
    )
