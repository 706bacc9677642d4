"""Moving available value from one customer to another (domain: spending and holding). Pure.

One posting of two transactions that name each other. Every credit taken from continues as a credit of the receiver's, with
its expiry, services, source and age; that one does not count towards the receiver's lifetime total.
"""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from models.commands import Actor, LimitVerdict, Outcome, TransferCredit
from models.errors import InsufficientBalance, Invalid, InvariantViolated, NotFound
from models.kinds import Counter, TransactionKind
from models.money import to_decimal
from models.planning import answering, credits, plan_of, requesting
from models.planning.adjust import check_membership, named_credit
from models.planning.allowances import allowance_of
from models.planning.drafts import Limited, TransactionDraft, TransferDraft, TransferredCreditDraft
from models.planning.needs import Needs, Spend
from models.planning.notes import check_note, kept_note, kept_texts
from models.planning.spending import positive_minor
from models.planning.state import AccountKey, AccountState, Books, CreditState, PostingContext
from turns.steps import Steps


def needs(command: TransferCredit, amount_minor: int) -> Needs:
    """Both accounts, the receiver's opened if missing, and enough of the giver's credits."""
    key = command.customer_id, command.asset
    return Needs(
        customers=(command.customer_id, command.to_customer_id),
        accounts=(key, (command.to_customer_id, command.asset)),
        opens_accounts=True,
        spends=() if command.credit_id else (Spend(key, amount_minor),),
        credits=(command.credit_id,) if command.credit_id else (),
        limited=((command.to_customer_id, command.asset),),
        transfers=True,
    )


@plan_of(TransferCredit)
def plan(books: Books, context: PostingContext, command: TransferCredit) -> Steps[Outcome]:
    """Plan the move of value that the giver has available, in burn order or off the credit named.

    It counts as an addition to the receiver under the actor's limits, and can wait for a second person. Raises NotFound,
    Invalid, MembershipGraceEnded, InsufficientBalance, CreditNotOpen, AmountOutOfRange, LimitExceeded,
    CurrencyNotAllowed.
    """
    check_note(command.note)
    amount_minor = positive_minor(command.amount, command.asset)
    giver, receiver = _parties(books, command)
    credit = None
    if command.credit_id is not None:
        credit = named_credit(books, giver, command.credit_id, amount_minor)
    else:
        yield from credits.require_spendable(books, giver, amount_minor, ())
    credits.check_room(receiver, amount_minor)
    limited = None
    if context.approved_by is None:
        allowance = allowance_of(books, context.actor, *_key(receiver))
        waiting = requesting.waits(books, context, "transferCredit", command, allowance.refusal(amount_minor))
        if waiting is not None:
            return waiting
        limited = allowance.use(books, amount_minor)
    # Must succeed from here on (and using a limit does).
    note = kept_note(books, giver.customer_id, command.note)
    context = replace(context, texts=kept_texts(books, giver.customer_id, context.texts))
    given, received = _begin(books, context, giver, receiver, note, limited)
    taking: Iterable[tuple[CreditState, int] | None] = (
        credits.to_take(books, giver, amount_minor) if credit is None else [(credit, amount_minor)]
    )
    for part in taking:
        if part is not None:
            _move(books, given, received, giver, receiver, *part)
        yield
    return Outcome(
        transaction_id=given.id,
        account_id=giver.id,
        views=(*map(answering.transaction_view, (given, received)), *map(answering.account_view, (receiver, giver))),
    )


def verdict_of(books: Books, actor: Actor, command: TransferCredit, key: AccountKey, amount_minor: int) -> LimitVerdict:
    """The limits' verdict about the receiver's account, regardless of other errors."""
    allowance = allowance_of(books, actor, *key)
    allowed = allowance.refusal(amount_minor) is None
    remaining = allowance.verdict(amount_minor).remaining
    return LimitVerdict(allowed, not allowed or command.propose_only, remaining)


def _parties(books: Books, command: TransferCredit) -> tuple[AccountState, AccountState]:
    """Both accounts. Raises NotFound, Invalid, InsufficientBalance, MembershipGraceEnded."""
    if command.customer_id not in books.customers:
        raise NotFound("There is no such customer.", field=("fromCustomerId",))
    credits.check_open(books, command.to_customer_id, "toCustomerId")
    if command.customer_id == command.to_customer_id:
        raise Invalid("Both ids name the same person. Name two customers.", field=("toCustomerId",))
    check_membership(books, command.to_customer_id, command.asset, "toCustomerId")
    giver = books.accounts.get((command.customer_id, command.asset))
    if giver is None:
        raise InsufficientBalance(to_decimal(0, command.asset), command.asset)
    return giver, books.accounts[command.to_customer_id, command.asset]


def _key(account: AccountState) -> AccountKey:
    return account.customer_id, account.asset


def _begin(
    books: Books,
    context: PostingContext,
    giver: AccountState,
    receiver: AccountState,
    note: str | None,
    limited: Limited | None,
) -> tuple[TransactionDraft, TransactionDraft]:
    """The giver's transaction, which is the result, and the receiver's, which uses the limits."""
    given = credits.begin(books, TransactionKind.TRANSFER, giver.customer_id, context, note=note)
    beside = replace(context, result_id=books.source.new_id())
    received = credits.begin(books, TransactionKind.TRANSFER, receiver.customer_id, beside, note=note, limited=limited)
    books.writes.transfers.append(TransferDraft(given.id, received.id))
    return given, received


def _move(
    books: Books,
    given: TransactionDraft,
    received: TransactionDraft,
    giver: AccountState,
    receiver: AccountState,
    credit: CreditState,
    amount_minor: int,
) -> None:
    credits.move(books, given, giver, credit, -amount_minor, Counter.TRANSFERRED)
    new = replace(
        credit,
        id=books.source.new_id(),
        account_id=receiver.id,
        transaction_id=received.id,
        amount_minor=amount_minor,
        remaining_minor=0,
        counts=False,
        gone_minor=0,
        opened_sequence=receiver.sequence + 1,
        origin_id=None,
        source_id=_source_of(credit),
        successor_id=None,
        held_minor=0,
    )
    credits.list_new(books, new)
    credits.move(books, received, receiver, new, amount_minor, Counter.TRANSFERRED)
    books.writes.transferred_credits.append(TransferredCreditDraft(new.id, given.id, credit.id, _source_of(new)))


def _source_of(credit: CreditState) -> UUID:
    """The transaction that first gave the credit's value: before all transfers and merges."""
    if credit.source_id is not None:
        return credit.source_id
    if credit.origin_id is not None:
        raise InvariantViolated(f"the source of credit {credit.id} was not loaded")
    return credit.transaction_id  # it was opened by another unit of the batch
