"""Reviving: what has expired of a credit is put back on it (domain: spending and holding). Pure.

The lifetime total is left alone, and what was voided stays voided.
"""

from dataclasses import replace

from models.commands import Actor, LimitVerdict, Outcome, ReviveCredit
from models.errors import CreditNotOpen, ExceedsRemaining, LedgerError, NotFound
from models.kinds import CreditStatus, TransactionKind
from models.money import to_decimal
from models.planning import answering, credits, plan_of, requesting
from models.planning.adjust import check_membership, check_reason
from models.planning.allowances import allowance_of
from models.planning.needs import Needs
from models.planning.renewing import is_unswept, new_expiry, put_back
from models.planning.spending import positive_minor
from models.planning.state import AccountKey, AccountState, Books, CreditState, PostingContext
from turns.steps import Steps


def needs(command: ReviveCredit, account: AccountKey) -> Needs:
    """The account that the credit belongs to, found by an unlocked read; opened if a merge left nothing."""
    return Needs(
        accounts=(account,), opens_accounts=True, credits=(command.credit_id,), limited=(account,), revives=True
    )


@plan_of(ReviveCredit)
def plan(books: Books, context: PostingContext, command: ReviveCredit) -> Steps[Outcome]:
    """Plan the return of what has expired of a credit, or of a part, to that credit.

    It counts as an addition under the actor's limits, and can wait for a second person. Raises NotFound, Invalid,
    CreditNotOpen, ExceedsRemaining, ExpiryConflict, ExpiryInPast, MembershipGraceEnded, the errors of a reason,
    LimitExceeded, CurrencyNotAllowed, AmountOutOfRange.
    """
    reason = check_reason(books, command, adding=True)
    credit, account = _credit_and_account(books, command)
    amount_minor = amount_to_revive(books, command)
    credits.check_open(books, account.customer_id, "creditId")
    check_membership(books, account.customer_id, account.asset, "creditId")
    expires_at = new_expiry(books, command.new_expiry, credit.starts_at)
    credits.check_room(account, amount_minor - (credit.free_minor if is_unswept(books, credit) else 0))
    limited = None
    if context.approved_by is None:
        allowance = allowance_of(books, context.actor, account.customer_id, account.asset)
        amount = to_decimal(amount_minor, account.asset)
        asked = replace(command, amount=amount, customer_id=account.customer_id, asset=account.asset)
        waiting = requesting.waits(books, context, "reviveCredit", asked, allowance.refusal(amount_minor, "creditId"))
        if waiting is not None:
            return waiting
        limited = allowance.use(books, amount_minor)
    # Must succeed from here on (and using a limit does).
    if is_unswept(books, credit):
        beside = replace(context.beside(books.source.new_id()), texts=context.texts)
        swept = credits.begin(books, TransactionKind.EXPIRY, account.customer_id, beside)
        credits.expire(books, swept, account, credit)
    transaction = credits.begin(
        books,
        TransactionKind.REVIVAL,
        account.customer_id,
        context,
        reason=reason.code,
        note=command.note,
        limited=limited,
    )
    credit = put_back(books, transaction, credit, amount_minor, expires_at)
    yield
    return Outcome(
        transaction_id=transaction.id,
        account_id=account.id,
        credit_id=credit.id,
        views=(
            answering.transaction_view(transaction),
            answering.account_view(account),
            answering.credit_view(credit, account.asset),
        ),
    )


def amount_to_revive(books: Books, command: ReviveCredit) -> int:
    """In minor units: all that has expired unless an amount is named. Raises NotFound, CreditNotOpen, ExceedsRemaining,
    and the errors of an amount."""
    credit, account = _credit_and_account(books, command)
    lapsed = books.lapsed[credit.lot_id]
    if credit.voided_at is not None or lapsed.revoked:
        raise CreditNotOpen(CreditStatus.VOIDED)
    left_minor = lapsed.left_minor + (credit.free_minor if is_unswept(books, credit) else 0)
    amount_minor = left_minor if command.amount is None else positive_minor(command.amount, account.asset)
    if amount_minor > left_minor or not left_minor:
        left = to_decimal(left_minor, account.asset)
        raise ExceedsRemaining(left, account.asset, what="of the credit has expired and was not put back")
    return amount_minor


def verdict_of(books: Books, actor: Actor, command: ReviveCredit, key: AccountKey) -> LimitVerdict:
    """The limits' verdict, regardless of other errors."""
    allowance = allowance_of(books, actor, *key)
    try:
        amount_minor = amount_to_revive(books, command)
    except LedgerError:
        amount_minor = 0
    allowed = allowance.refusal(amount_minor) is None
    return LimitVerdict(allowed, not allowed or command.propose_only, allowance.verdict(amount_minor).remaining)


def _credit_and_account(books: Books, command: ReviveCredit) -> tuple[CreditState, AccountState]:
    credit = books.credits_by_id.get(command.credit_id)
    if credit is None or not credits.is_locked(books, credit):
        raise NotFound("There is no such credit.", field=("creditId",))
    return credit, credits.account_of_lot(books, credit)
