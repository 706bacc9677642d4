"""Restating: older books are adapted to a newer rule, by visible entries. Pure.

Remainders on a merged record move to the survivor, as in a merge of today; a lifetime total becomes the sum of the
credits that count, and the tier follows.
"""

from dataclasses import dataclass
from uuid import UUID

from models.commands import Command, Outcome
from models.kinds import Counter, TransactionKind
from models.planning import credits, merging, plan_of
from models.planning.needs import Needs
from models.planning.state import Books, PostingContext
from turns.steps import Steps


@dataclass(frozen=True, slots=True)
class RestateBooks(Command):
    """Adapt a person's books in one asset to today's rules: remainders on merged records move to the survivor, and the
    lifetime total changes by so many minor units."""

    alone = True

    person_id: UUID
    asset: str
    record_ids: tuple[UUID, ...]
    lifetime_minor: int


def needs(command: RestateBooks) -> Needs:
    """The accounts of all records of the person, each as itself."""
    records = (*command.record_ids, command.person_id)
    return Needs(
        customers=records,
        accounts=tuple((record, command.asset) for record in records),
        opens_accounts=True,
        as_records=True,
    )


@plan_of(RestateBooks)
def plan(books: Books, context: PostingContext, command: RestateBooks) -> Steps[Outcome]:
    """Plan the moves and the correction; nothing if the books are right."""
    target = books.accounts[command.person_id, command.asset]
    left = [books.accounts[record, command.asset] for record in command.record_ids]
    transaction_id = None
    for account in left:
        if account.balance_minor or account.lifetime_minor:
            taken, given = (PostingContext(context.actor, None, books.source.new_id()) for _ in range(2))
            yield from merging.move_account(
                books,
                credits.begin(books, TransactionKind.MERGE, account.customer_id, taken),
                credits.begin(books, TransactionKind.MERGE, target.customer_id, given),
                account,
                target,
            )
            transaction_id = given.result_id
    if command.lifetime_minor:
        before = target.lifetime_minor
        transaction = credits.begin(books, TransactionKind.RESTATEMENT, target.customer_id, context)
        credits.move_lifetime(books, transaction, target, command.lifetime_minor, Counter.RESTATED)
        credits.follow_tier(books, transaction, target, before)
        transaction_id = transaction.id
    return Outcome(transaction_id=transaction_id, account_id=target.id)
