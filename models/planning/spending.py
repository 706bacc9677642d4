"""Spending for a purpose, and giving back what was spent or used (domain: spending and holding). Pure.

What is given back goes to the credits it came from, as the spend's own entries say: of what each of them took, the last
first. How much of a spend has come back is said by its refunds, in rows of their own; so which credits the next part goes
to follows from the entries and one figure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final
from uuid import UUID

from models.commands import LATER, Actor, Command, Outcome, RefundSpend
from models.errors import ExceedsRemaining, InsufficientBalance, Invalid, InvariantViolated, NotFound, PurposeRequired
from models.kinds import Counter, Role, TransactionKind
from models.money import nonzero_minor, to_decimal
from models.planning import answering, credits, plan_of, requesting
from models.planning.adjust import check_services
from models.planning.allowances import Allowance, allowance_of, spending_allowance_of
from models.planning.drafts import RefundDraft
from models.planning.needs import Needs, Spend
from models.planning.notes import check_note
from models.planning.renewing import check_may_renew, new_expiry, put_back_what_came
from models.planning.spend_rows import SpendRecord, SpendState
from models.planning.state import AccountKey, AccountState, Books, CreditState, PostingContext
from models.texts import Texts
from turns.steps import Steps

COUNTER_OF: Final[Mapping[str, Counter]] = {TransactionKind.SPEND: Counter.SPENT, TransactionKind.USE: Counter.REDEEMED}
"""Kinds of transaction that refundSpend gives back, and the counter that each took against."""


@dataclass(frozen=True, slots=True)
class SpendCredit(Command):
    """Spend on the purpose that the note or the reference names. The amount is positive. service_ids: only from credits that
    serve one."""

    customer_id: UUID
    asset: str
    amount: Decimal
    note: str | None = None
    service_ids: tuple[UUID, ...] = ()
    texts: Texts | None = field(default=None, metadata=LATER)


def needs_to_spend(key: AccountKey, amount_minor: int, service_ids: tuple[UUID, ...] = ()) -> Needs:
    """Rows to lock and load, to spend this much of an account."""
    spend = Spend(key, amount_minor, service_ids)
    return Needs(customers=(key[0],), accounts=(key,), spends=(spend,), spending=(key,))


@plan_of(SpendCredit)
def plan_spend(books: Books, context: PostingContext, command: SpendCredit) -> Steps[Outcome]:
    """Plan a spend, in burn order. Raises PurposeRequired, NotFound, InsufficientBalance, LimitExceeded."""
    check_note(command.note)
    if not has_purpose(command.note, command.texts):
        raise PurposeRequired
    amount_minor = positive_minor(command.amount, command.asset)
    if command.customer_id not in books.customers:
        raise NotFound("There is no such customer.", field=("customerId",))
    check_services(books, command.asset, command.service_ids, adding=False)
    key = command.customer_id, command.asset
    return (
        yield from take(
            books, context, key, amount_minor, TransactionKind.SPEND, note=command.note, service_ids=command.service_ids
        )
    )


def has_purpose(note: str | None, texts: Texts | None) -> bool:
    """Whether the note or the reference says what it is for."""
    return bool(note and note.strip()) or (texts is not None and texts.reference is not None)


def positive_minor(amount: Decimal, asset: str) -> int:
    """In minor units. Raises Invalid for one below zero, and the errors of an amount."""
    amount_minor = nonzero_minor(amount, asset)
    if amount_minor < 0:
        raise Invalid("The amount must be positive.", field=("amount",))
    return amount_minor


def take(
    books: Books,
    context: PostingContext,
    key: AccountKey,
    amount_minor: int,
    kind: TransactionKind,
    *,
    note: str | None,
    service_ids: tuple[UUID, ...],
) -> Steps[Outcome]:
    """Take this much of the account as one event, within the actor's limits on spending. The caller has checked the rest."""
    account = books.accounts.get(key)
    if account is None:
        raise InsufficientBalance(to_decimal(0, key[1]), key[1])
    yield from credits.require_spendable(books, account, amount_minor, service_ids)
    allowance = check_may_spend(books, context.actor, account, amount_minor)
    # Must succeed from here on (and using a limit does).
    limited = allowance.use(books, amount_minor)
    transaction = credits.begin(books, kind, account.customer_id, context, note=note, limited=limited)
    yield from credits.spend(books, transaction, account, amount_minor, COUNTER_OF[kind], service_ids=service_ids)
    return Outcome(
        transaction_id=transaction.id,
        account_id=account.id,
        views=(answering.transaction_view(transaction), answering.account_view(account)),
    )


def check_may_spend(books: Books, actor: Actor, account: AccountState, amount_minor: int) -> Allowance:
    """The actor's allowance, which the caller then uses. Raises LimitExceeded: nobody can approve a spend."""
    allowance = spending_allowance_of(books, actor, account.customer_id, account.asset)
    refusal = allowance.refusal(amount_minor)
    if refusal is not None:
        raise refusal
    return allowance


def refund_needs(command: RefundSpend, account: AccountKey) -> Needs:
    """The account that it goes back to, found by an unlocked read; opened if a merge left nothing, and so opened none."""
    return Needs(
        accounts=(account,),
        opens_accounts=True,
        limited=(account,),
        given_back=(command.transaction_id,),
        revives=bool(command.new_expiry.ways),
    )


@plan_of(RefundSpend)
def plan_refund(books: Books, context: PostingContext, command: RefundSpend) -> Steps[Outcome]:
    """Plan the return of a spend or use, or of a part, to the credits that it came from, last first.

    With its whole amount it counts as an addition under the actor's limits, and can wait for a second person. Neither a
    membership that has ended nor a retired service is in the way. Under a new expiry, what comes back and expires at once
    is put back again. Raises NotFound, Invalid, ExceedsRemaining, ExpiryConflict, ExpiryInPast, LimitExceeded,
    CurrencyNotAllowed, AmountOutOfRange.
    """
    check_note(command.note)
    check_may_renew(context.actor, command.new_expiry)
    expires_at = new_expiry(books, command.new_expiry, books.now) if command.new_expiry.ways else None
    spend, records = _own_spend(books, context.actor, command.transaction_id), _records(books, command)
    amount_minor = _amount_of(books, command, spend, records)
    account = _account_of(books, records)
    limited = None
    if context.approved_by is None:
        allowance = allowance_of(books, context.actor, account.customer_id, account.asset)
        amount = to_decimal(amount_minor, account.asset)
        asked = replace(command, amount=amount, customer_id=account.customer_id, asset=account.asset)
        refusal = allowance.refusal(amount_minor, "transactionId")
        waiting = requesting.waits(books, context, "refundSpend", asked, refusal)
        if waiting is not None:
            return waiting
        limited = allowance.use(books, amount_minor)
    # Must succeed from here on, but for the room on the account.
    lifetime_before = account.lifetime_minor
    transaction = credits.begin(
        books, TransactionKind.REFUND, account.customer_id, context, note=command.note, limited=limited
    )
    back: list[tuple[CreditState, int]] = []
    for record, back_minor in _to_give_back(records, spend.given_minor, amount_minor):
        credit = books.credits_by_id[record.credit_id]
        back.append((credits.restore(books, transaction, credit, back_minor, COUNTER_OF[spend.kind]), back_minor))
        yield
    if command.new_expiry.ways:
        yield from put_back_what_came(books, context, account, back, expires_at)
    credits.follow_tier(books, transaction, account, lifetime_before)
    books.writes.refunds.append(
        RefundDraft(transaction.id, spend.id, amount_minor, _taken_minor(records), before_minor=spend.given_minor)
    )
    books.change(spend, given_minor=spend.given_minor + amount_minor)
    return Outcome(
        transaction_id=transaction.id,
        account_id=account.id,
        views=(answering.transaction_view(transaction), answering.account_view(account)),
    )


def _own_spend(books: Books, actor: Actor, transaction_id: UUID) -> SpendState:
    """The spend or use. Raises NotFound if it is not there, or, of a partner, was neither made by its client nor captured of
    what that held; Invalid for another kind of transaction."""
    spend = books.given_back.get(transaction_id)
    if spend is None or (actor.role == Role.PARTNER and not _is_of_client(spend, actor)):
        raise NotFound("There is no such spend.", field=("transactionId",))
    if spend.kind not in COUNTER_OF:
        raise Invalid(
            "Only what was spent or used can be given back like this. Undo an adjustment by another one, and what paid an"
            " invoice or for a coupon through that.",
            field=("transactionId",),
        )
    return spend


def _is_of_client(spend: SpendState, actor: Actor) -> bool:
    """Whether the partner's client has spent it, or held what was then captured by whomever."""
    own = (spend.spent_by, spend.held_by or spend.spent_by)
    return any(each.role == Role.PARTNER and each.holder == actor.holder for each in own)


def amount_to_give_back(books: Books, actor: Actor, command: RefundSpend) -> int:
    """In minor units. Raises NotFound, Invalid, ExceedsRemaining, and the errors of an amount."""
    spend = _own_spend(books, actor, command.transaction_id)
    return _amount_of(books, command, spend, _records(books, command))


def _amount_of(books: Books, command: RefundSpend, spend: SpendState, records: list[SpendRecord]) -> int:
    asset, left_minor = _account_of(books, records).asset, _taken_minor(records) - spend.given_minor
    amount_minor = left_minor if command.amount is None else positive_minor(command.amount, asset)
    if amount_minor > left_minor or not left_minor:
        raise ExceedsRemaining(to_decimal(left_minor, asset), asset, what="of the spend has not been given back yet")
    return amount_minor


def _records(books: Books, command: RefundSpend) -> list[SpendRecord]:
    return [record for record in books.spend_records if record.transaction_id == command.transaction_id]


def _account_of(books: Books, records: list[SpendRecord]) -> AccountState:
    """The account that the spend's credits belong to now: all of them to the same."""
    return credits.account_of_lot(books, books.credits_by_id[records[0].credit_id])


def _taken_minor(records: list[SpendRecord]) -> int:
    return sum([record.taken_minor for record in records])


def _to_give_back(records: list[SpendRecord], given_minor: int, amount_minor: int) -> Iterator[tuple[SpendRecord, int]]:
    """The amounts that go back to each credit: of all that was taken, last first, the part after `given_minor`."""
    passed, left = given_minor, amount_minor
    for record in sorted(records, key=lambda record: record.sequence, reverse=True):
        here = min(max(record.taken_minor - passed, 0), left)
        passed = max(passed - record.taken_minor, 0)
        if here:
            left -= here
            yield record, here
    if left:
        raise InvariantViolated(f"{left} of {amount_minor} to give back is not in the entries")
