"""Using service credits for a service (source 001), and writing off expired remainders. Pure."""

from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from models.commands import LATER, Command, Outcome
from models.errors import NotFound
from models.kinds import TransactionKind
from models.money import SERVICE_CREDITS
from models.planning import credits, plan_of
from models.planning.burn_order import burn_key
from models.planning.needs import Needs
from models.planning.notes import check_note
from models.planning.spending import needs_to_spend, positive_minor, take
from models.planning.state import Books, PostingContext
from models.texts import Texts
from turns.steps import Steps, in_order


@dataclass(frozen=True, slots=True)
class UseCredit(Command):
    """Spend service credits on one service. The amount is positive."""

    customer_id: UUID
    service_id: UUID
    amount: Decimal
    note: str | None = None
    texts: Texts | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class ExpireCredits(Command):
    """Write off expired remainders on one account. Does nothing if there are none."""

    customer_id: UUID
    asset: str


def use_needs(command: UseCredit, amount_minor: int) -> Needs:
    return needs_to_spend((command.customer_id, SERVICE_CREDITS), amount_minor, (command.service_id,))


@plan_of(UseCredit)
def plan_use(books: Books, context: PostingContext, command: UseCredit) -> Steps[Outcome]:
    """Plan a spend on a service, from credits that name it or no service, in burn order. Raises NotFound,
    InsufficientBalance, LimitExceeded."""
    check_note(command.note)
    amount_minor = positive_minor(command.amount, SERVICE_CREDITS)
    if command.customer_id not in books.customers:
        raise NotFound("There is no such customer.", field=("customerId",))
    if command.service_id not in books.config.services:
        raise NotFound("There is no such service.", field=("serviceId",))
    key, services = (command.customer_id, SERVICE_CREDITS), (command.service_id,)
    return (
        yield from take(books, context, key, amount_minor, TransactionKind.USE, note=command.note, service_ids=services)
    )


def expire_needs(command: ExpireCredits, credit_ids: tuple[UUID, ...]) -> Needs:
    """The account and the credits that an unlocked read found expired; checked again under the lock."""
    return Needs(accounts=((command.customer_id, command.asset),), credits=credit_ids)


@plan_of(ExpireCredits)
def plan_expire(books: Books, context: PostingContext, command: ExpireCredits) -> Steps[Outcome]:
    """Plan the write-off of everything on the account that has expired; nothing if nothing has."""
    account = books.accounts.get((command.customer_id, command.asset))
    if account is None:
        return Outcome()
    expired = {  # one that was merged may stand there under its old id as well
        id(credit): credit
        for credit in books.credits_by_id.values()
        if credit.account_id == account.id
        and credit.free_minor
        and credit.expires_at is not None
        and credit.expires_at <= books.now
    }
    if not expired:
        return Outcome()
    ordered = yield from in_order(list(expired.values()), burn_key)
    transaction = credits.begin(books, TransactionKind.EXPIRY, command.customer_id, context)
    for credit in ordered:
        credits.expire(books, transaction, account, credit)
        yield
    return Outcome(transaction_id=transaction.id, account_id=account.id)
